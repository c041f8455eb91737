// SPDX-License-Identifier: Apache-2.0
// The watch of a keyspace: one request at a time to each shard, routed like a read; what they bring
// goes into one queue.
//
// A shard is asked for more when its last answer begins to be taken out, so each has at most one
// answer in the queue or on its way; answers share a budget. Nobody is asked while nobody takes.
#pragma once

#include <memory>

#include "core/client/client.h"
#include "core/client/engine.h"

namespace vasto::client {

// Bytes of changes that one watch keeps or has asked for, unless single batches are larger.
constexpr size_t kWatchBudget = 16 << 20;

// Without a token, returns when every shard has said where it is; those that cannot be reached
// until deadline_us (monotonic) are why it fails. route: borrowed from the engine.
StatusOr<std::unique_ptr<Watcher>> OpenWatcher(std::shared_ptr<Engine> engine, KeyspaceRoute* route,
                                               const WatchOptions& options, int64_t deadline_us);

}  // namespace vasto::client
