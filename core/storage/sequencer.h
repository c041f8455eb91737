// SPDX-License-Identifier: Apache-2.0
// The one way into a shard's database. Threads queue their writes; whoever finds the queue idle
// leads: it takes what waits, batch after batch, each with one WriteBatch and one Write, and
// completes them. So writes of a key are decided one after the other without a lock, and writes
// that arrive together share one log append (and one sync).
//
// A leader that would have to wait (the log must be synced, a stored record is on the disk only,
// RocksDB asks for a pause, the write buffers are full) or that has led for long hands over to a
// pool thread.
//
// Threads: Submit from any thread; Close once, after the last Submit returned.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <vector>

#include "core/base/gate.h"
#include "core/storage/batch_builder.h"
#include "core/storage/engine.h"
#include "core/storage/health.h"
#include "core/storage/record_cache.h"
#include "core/storage/shard.h"
#include "core/storage/timers.h"
#include "core/storage/write_queue.h"

namespace vasto::storage {

class Sequencer {
 public:
  // Of one batch: what bounds how long a write waits for those before it.
  static constexpr size_t kMaxBatchWrites = 1024;
  static constexpr size_t kMaxBatchBytes = 1 << 20;

  // db, floors, feed, health, engine: borrowed; outlive *this. owner: the database's. bound: the
  // clock bound stored in db.
  Sequencer(rocksdb::DB* db, const RecordCache::Owner& owner, const ShardOptions& options,
            EventTime bound, const GcFloors* floors, Feed* feed,
            const std::atomic<EventTime>* agreed, ShardHealth* health, Engine* engine);
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  // As Shard::Submit.
  void Submit(Write* list);
  // Completes what is queued; later writes get kClosed.
  void Close();

 private:
  // Where a leader runs: on the submitter's thread, where it must not wait; on a pool thread,
  // counted in by pool_leaders_; or on any thread to the end, because the pool takes nothing any
  // more.
  enum class Where { kCaller, kPool, kDrain };
  enum class Stage { kTake, kFetch, kWrite };

  void Lead(Where where);
  void HandOver(Where where);
  // Takes the batch one or more stages on. False: where it is it would have to wait.
  bool Step(Where where);
  // Whether a write has its turn by itself: the batch of other replicas' changes is tagged as a
  // whole; a touch stores the value again, of unknown size, and what is logged at once goes to
  // followers in one piece.
  bool IsAlone(const Write& write) const;
  void TakeBatch();
  // Ends a batch that does not go into the database: a fence, or what one keeps out. False: it
  // goes.
  bool CompleteAtFence();
  // False: the write should wait elsewhere. Otherwise *result says how it went.
  bool WriteBatch(Where where, Status* result);
  // Ends all writes of the batch; those still OK get the status when it is not.
  void Complete(const Status& status);
  void ScheduleSync();
  void Sync();
  static void RefuseAll(Write* list, const Status& status);
  static size_t BytesOf(const Write& write);

  rocksdb::DB* const db_;        // borrowed; outlives *this
  RecordCache* const cache_;     // borrowed; outlives *this
  WriteBuffers* const buffers_;  // borrowed; outlives *this
  Feed* const feed_;             // borrowed; outlives *this
  ShardHealth* const health_;    // borrowed; outlives *this
  Timers* const timers_;         // borrowed; outlives *this
  ThreadPool* const pool_;       // borrowed; outlives *this
  const Durability durability_;
  const int64_t sync_interval_us_;
  const size_t max_queued_bytes_;
  const bool replicated_;

  WriteQueue queue_;
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<bool> closing_{false};
  std::atomic<bool> sync_scheduled_{false};
  Gate pool_leaders_;

  // The leader's, whichever thread that is; handed on through queue_ or the pool.
  Stage stage_ = Stage::kTake;
  Write* waiting_ = nullptr;  // taken from the queue, not yet in a batch
  std::vector<Write*> writes_;
  size_t writes_bytes_ = 0;
  bool fenced_ = false;
  BatchBuilder builder_;
};

}  // namespace vasto::storage
