// SPDX-License-Identifier: Apache-2.0
// One page of a scan. What bounds a page: the rows and bytes asked for, a deadline, and the number
// of deleted or expired rows passed over, so that a stretch of tombstones holds up nobody.
//
// Threads: any; a pure function of the database.
#pragma once

#include <rocksdb/db.h>

#include "core/base/clock.h"
#include "core/storage/shard.h"

namespace vasto::storage {

// A page ends after passing over this many rows that are not visible.
constexpr size_t kMaxSkippedRows = 20'000;

// As Shard::Scan. clock: borrowed for the call.
StatusOr<ScanPage> ScanOnePage(rocksdb::DB* db, const ScanRange& range, const Clock* clock);

}  // namespace vasto::storage
