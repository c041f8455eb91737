// SPDX-License-Identifier: Apache-2.0
// What lets go of deleted and expired values: a compaction drops a tombstone when the grace time
// has passed since its event time, or since its arrival where the deletion came with an older event
// time (Record::expires_at_us), and a value when it has passed since its expiry. It drops only what
// the replicas have agreed on (core/replication/follower.h) and the floors cover (gc_floors.h), so
// that no older write can take the place of what has gone.
//
// Invariants
//  1. Nothing visible is dropped, nothing that a replica could need, and nothing that a late older
//     write could need within the grace time. After it older writes are refused.
//  2. A record that cannot be parsed and every meta key are kept.
//  3. An older version below a dropped one stays hidden: RocksDB turns a drop into its own
//  deletion.
//
// Threads: a factory from any thread; a filter belongs to the thread of one compaction.
#pragma once

#include <rocksdb/compaction_filter.h>

#include <atomic>
#include <memory>

#include "core/base/clock.h"
#include "core/base/hlc.h"
#include "core/storage/gc_floors.h"

namespace vasto::storage {

// agreed: what ended before this may go; kMaxEventTime when there are no other replicas. clock,
// agreed, floors: borrowed; outlive the database. Clock and agreed are read once per compaction.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewRecordFilterFactory(
    const Clock* clock, int64_t grace_us, const std::atomic<EventTime>* agreed, GcFloors* floors);

}  // namespace vasto::storage
