// SPDX-License-Identifier: Apache-2.0
// Turns writes into one RocksDB WriteBatch: gives event times, checks conditions, and decides by
// last write wins against what is stored and against what comes earlier in the same batch.
//
// A batch goes through Prepare, Fetch (perhaps twice), Resolve, then Committed when it was written.
// Between the steps another thread may take over, with the queue's hand-over as the barrier.
//
// Most writes need no read: their event time is above everything stored under their slot of the
// sketch. The others, and those with a condition, are read together in Fetch. What finds nothing
// stored must then be above what compactions may have dropped there (gc_floors.h).
//
// Merges (core/codec/merge.h) always need what is stored. What several replicas merged into makes
// one record of the two instead of one winning.
//
// Changes of another replica (kApply) have a batch of their own. They won or lost their conditions
// elsewhere; here only the order of records counts, so that all replicas come to store the same.
//
// Invariants
//  1. A record enters the batch only if it is more than the stored one and those before it: it wins
//     over them, or was joined with them.
//  2. No event time in a batch is above the clock bound that is stored, or changed in that batch.
//
// Threads: the leader of the shard's sequencer, one at a time. Memory is reused from batch to
// batch.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/storage/feed.h"
#include "core/storage/gc_floors.h"
#include "core/storage/record_cache.h"
#include "core/storage/shard.h"
#include "core/storage/timestamp_sketch.h"

namespace vasto::storage {

class BatchBuilder {
 public:
  // db, floors, feed: borrowed; outlive *this.
  // owner: the database's. bound: what is stored as the clock bound, 0 for nothing. agreed: as of
  // Shard::AllowForgetting; borrowed like db.
  BatchBuilder(rocksdb::DB* db, const RecordCache::Owner& owner, const ShardOptions& options,
               EventTime bound, const GcFloors* floors, Feed* feed,
               const std::atomic<EventTime>* agreed);

  // Begins a batch: checks the writes and gives event times. writes: borrowed until Committed
  // returned. A kApply comes alone.
  void Prepare(Write* const* writes, size_t count);
  // Reads what Resolve will need. False: the disk is needed and may_wait forbids it; call it again
  // where waiting is allowed.
  bool Fetch(bool may_wait);
  // Sets each write's outcome as it will be if the batch is written, and fills batch(). An error
  // means that the batch must not be written.
  Status Resolve();

  rocksdb::WriteBatch* batch() { return &batch_; }
  // The keys that the batch changes. They borrow their bytes from the writes.
  const std::vector<RecordCache::Key>& changed() const { return changed_; }
  // Whether the batch changes nothing and need not be written.
  bool empty() const { return batch_.Count() == 0; }
  // The batch was written, and nothing since by the caller. logged: false when the database holds
  // it though its log failed.
  void Committed(bool logged);

 private:
  // What is known of one key that has to be read: first what is stored, then what this batch makes
  // of it.
  struct KeyState {
    uint64_t hash = 0;
    std::string_view key;
    Status error;          // why it could not be read
    bool present = false;  // a record is stored, visible or not
    Record record;
    uint64_t content_checksum = 0;

    void Becomes(const Record& new_record, uint64_t new_checksum) {
      error = {};
      present = true;
      record = new_record;
      content_checksum = new_checksum;
    }
  };
  struct Item {
    Write* write = nullptr;
    std::string_view key;
    uint64_t hash = 0;
    uint64_t content_checksum = 0;
    EventTime event_time = 0;
    bool refused = false;  // its outcome is final
    bool read = false;     // needs a KeyState
  };

  // Prepare
  Status PrepareApplied(const ChangeBatch& batch);
  Status Check(Item* item, int64_t monotonic_us);
  Status CheckEventTime(EventTime event_time) const;
  bool NeedsRead(const Item& item) const;
  void AddStates(size_t count);
  KeyState* FindState(uint64_t hash, std::string_view key);

  // Resolve
  Status ResolveApplied();
  // Of a change whose key was read. lost: gets it when it makes no difference here.
  Status JoinApplied(const KeyState& state, size_t index, std::string* lost);
  Status ResolveOne(const Item& item);
  // Whether the write goes into the batch; if not its outcome says why.
  bool Decide(const Item& item, const KeyState& state, Record* record, WriteOutcome* outcome);
  // Conditions, and what a touch needs. state: of the item's key.
  static Status CheckCondition(const Write& write, const KeyState& state, bool visible);
  // Makes *record what a replica holds that has seen the stored one, too. False: that is the stored
  // one. An error: one of the two is damaged.
  StatusOr<bool> JoinStored(const Record& stored, Record* record);
  // Whether a write to a key with nothing stored is too old for what compactions may have dropped;
  // then its outcome says so.
  bool TooOld(const Item& item, const Record& record, WriteOutcome* outcome) const;
  // Whether this value, which comes late (Write::late), may have been deleted.
  bool MayBeDeleted(const KeyState& state, size_t index) const;
  // Of a late batch: followers are given this change, too.
  void KeepChange(size_t index);
  // What the write would store. state: of its key, nullptr when it needs none.
  StatusOr<Record> MakeRecord(const Item& item, const KeyState* state);
  Record MakeDelete(const Item& item, Record record) const;
  StatusOr<Record> MakeTouch(const Item& item, const Record& stored);
  StatusOr<Record> MakeMerge(const Item& item, const KeyState& state);
  StatusOr<Record> MakeAppend(const Item& item, const KeyState& state);
  uint64_t ChecksumOf(const Item& item, const KeyState* state, const Record& record) const;
  // For bytes that a record of this batch borrows.
  std::string* NewBuffer() { return &buffers_.emplace_back(); }
  // When the write came here, by the hybrid clock, which never goes back.
  uint64_t ArrivedUs() const;
  // Whether it is never to be seen: it is a deletion then. Its expiry would be kept as that of its
  // arrival by the hybrid clock, which may be ahead of the clock that values expire by.
  bool HasExpired(const Write& write) const;
  uint64_t ExpiryOf(const Write& write) const;
  // Of a value that came now into a keyspace with a time to live.
  uint64_t DefaultExpiry() const;
  Status Append(const Item& item, const Record& record, uint64_t content_checksum);
  Status AppendMerged(const Item& item, const Record& record, uint64_t content_checksum);
  Status AppendBound();

  rocksdb::DB* const db_;                       // borrowed; outlives *this
  const GcFloors* const floors_;                // borrowed; outlives *this
  Feed* const feed_;                            // borrowed; outlives *this
  const std::atomic<EventTime>* const agreed_;  // borrowed; outlives *this
  const RecordCache::Owner owner_;
  const uint64_t origin_;
  const bool replicated_;
  const uint64_t default_ttl_seconds_;
  const int64_t max_clock_skew_us_;
  const Clock* const clock_;  // borrowed; outlives *this
  HybridClock* const hlc_;    // borrowed; outlives *this

  TimestampSketch sketch_;
  EventTime bound_;         // stored
  EventTime next_bound_;    // stored once this batch is written
  EventTime greatest_ = 0;  // of this batch

  int64_t wall_us_ = 0;
  std::vector<Item> items_;
  std::vector<KeyState> states_;
  std::vector<uint32_t> table_;      // open addressing: index into states_, or kFree
  std::deque<std::string> buffers_;  // of records that are neither a write's nor stored as they are
  std::string read_key_;
  std::vector<rocksdb::PinnableSlice> found_;
  rocksdb::WriteBatch batch_;
  std::vector<RecordCache::Key> changed_;
  const Write* applying_ = nullptr;  // the kApply that this batch is, if it is one
  std::vector<Record> applied_;      // of applying_, parallel to items_
  std::string changes_;              // what followers will be given of this batch
};

}  // namespace vasto::storage
