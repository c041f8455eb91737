// SPDX-License-Identifier: Apache-2.0
// The Scanner of client.h: one cursor for each shard, merged by key.
//
// A cursor reads its shard page by page. While a page is consumed the next one is on its way, so a
// scan keeps all shards busy; what the pages of a scan may hold together is bounded (kScanBudget),
// whatever the number of shards. A page is asked for by "from this key on", so it can be asked
// again from any replica, and a scan that met an error goes on when Next is called again. Where a
// page starts is told by the one before: it may have no rows at all, after many deleted ones. A
// call that meets nothing else for options.timeout_us ends with kTimeout; the next goes on from
// there.
//
// Rows come by key; rows of one key in several partitions (their writers gave partition keys) by
// partition hash. When the keyspace changes its number of shards, all cursors start over after the
// last row returned.
//
// Threads: one at a time; pages arrive and are checked on I/O threads.
#pragma once

#include <memory>
#include <string>

#include "core/client/client.h"
#include "core/client/engine.h"

namespace vasto::client {

// Bytes of pages that one scan keeps or has asked for, unless single rows are larger.
constexpr size_t kScanBudget = 32 << 20;

// route: borrowed from the engine. REQUIRES: options.timeout_us > 0.
std::unique_ptr<Scanner> NewScanner(std::shared_ptr<Engine> engine, KeyspaceRoute* route,
                                    std::string start, std::string end, const ScanOptions& options);
// A scan that says why there is none.
std::unique_ptr<Scanner> NewFailedScanner(Status status);

}  // namespace vasto::client
