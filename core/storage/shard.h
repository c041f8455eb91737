// SPDX-License-Identifier: Apache-2.0
// One replica of one shard: a RocksDB database, reads, scans, and the sequencer through which every
// write goes.
//
// Invariants
//  1. For each key the stored record is the greatest, in WinsOver order, of all writes accepted: an
//     older event time never replaces a newer one, whatever the order of arrival. Not even one that
//     a compaction has forgotten since: a put that is older than what may have been deleted and
//     forgotten under its key is refused.
//  2. A write is completed only after its RocksDB Write returned (and, with Durability::kAlways,
//     its log was synced).
//  3. The data and the clock bound change in one WriteBatch or not at all.
//  4. Event times given out after a restart are greater than any given out or stored before (meta
//     key "hlc_bound").
//  5. A read returns the payload that was written or an error, never other bytes: each record's
//     checksum is verified on each read.
//
// Threads: all methods from any thread, except Close and the destructor, which come last, after
// every other call returned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/hlc.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/base/uuid.h"
#include "core/codec/change.h"
#include "core/codec/limits.h"
#include "core/codec/merge.h"
#include "core/codec/positions.h"
#include "core/codec/record.h"
#include "core/codec/row_block.h"

namespace vasto::storage {

// What all shards of one store share, so that memory and threads do not grow with their number:
// caches, write-buffer manager, background threads, rate limiter, open-file budget.
struct EngineOptions {
  // For data, index and filter blocks; from 64 MiB on half of it for single records.
  size_t block_cache_bytes = 256 << 20;
  size_t write_buffer_bytes = 128 << 20;  // of all shards together
  size_t feed_bytes = 64 << 20;  // of the latest changes, for the followers of all shards together
  int background_threads = 2;
  int max_open_files = 4096;                // of all shards together
  int64_t background_bytes_per_second = 0;  // of flushes and compactions; 0: no limit
  const Clock* clock = SystemClock();       // of the timers; borrowed; outlives the engine
};
class Checkpoint;
class CheckpointCopy;
class Engine;
class Feed;
// Made once per process part; shards keep it alive.
StatusOr<std::shared_ptr<Engine>> NewEngine(const EngineOptions& options);

// When one shard's write-ahead log is synced to the disk: left to the operating system, within
// ShardOptions::sync_interval_us, or before each write is acknowledged.
enum class Durability { kNone, kInterval, kAlways };

struct ShardOptions {
  std::string dir;  // made when absent; belongs to this shard alone
  Uuid keyspace;
  int32_t shard = 0;
  uint64_t origin = 0;  // this store's, goes into records
  Durability durability = Durability::kNone;
  // kInterval: the longest time an acknowledged write stays un-synced, the disk's own time aside.
  int64_t sync_interval_us = 100'000;
  uint64_t default_ttl_seconds = 0;  // of puts that give none; 0: they never expire
  int64_t max_clock_skew_us = kDefaultMaxClockSkewUs;
  // How long tombstones (after their event time, or their arrival if that was later) and expired
  // values (after their expiry) are kept for replicas that were away and for late older writes.
  int64_t tombstone_grace_us = 86'400'000'000;
  // Whether other replicas follow this one: then its log is kept for them.
  bool replicated = false;
  uint64_t max_log_bytes = 256 << 20;  // of log files that are kept for followers only
  // Of the latest log files, kept for watchers that come back (watch_cursor.h).
  uint64_t min_log_bytes = 0;
  // Bytes of writes waiting in the sequencer before further ones answer kBusy. A list that finds
  // the queue empty is taken whatever its size.
  size_t max_queued_bytes = 64 << 20;
  const Clock* clock = SystemClock();  // borrowed; outlives the shard
  // Of the shard's own files; RocksDB has its env. Borrowed; outlives the shard.
  FileSystem* files = PosixFileSystem();
  Random* random = SystemRandom();        // borrowed; outlives the shard
  HybridClock* hlc = nullptr;             // borrowed; the store's; outlives the shard. REQUIRED
  ThreadPool* pool = nullptr;             // borrowed; for work that blocks; outlives it. REQUIRED
  const Logger* logger = Logger::Null();  // borrowed; outlives the shard
};

// kApply: what another replica's log holds, see Write::applied. kFence: from its turn on, clients'
// writes (the kinds before kApply) are refused with kUnavailable, until the turn of a kUnfence:
// after its Done nothing more of clients comes into the database. Both use no other member.
enum class WriteKind { kPut, kDelete, kTouch, kMerge, kAppend, kApply, kFence, kUnfence };
// kIfAbsent: there is no visible value. kIfVersion: the visible value has event time if_version.
enum class Condition { kNone, kIfAbsent, kIfVersion };

// OK; or kAlreadyExists / kStaleWrite (the condition failed), kStaleWrite (nothing is stored, and
// the event time is so old that a later deletion may have been forgotten; README.md says when),
// kAlreadyExists / kStaleWrite (kApply: it was applied before / changes before it are missing),
// kNotFound (touch of what is not there), kTimeout (its deadline passed in the queue), kBusy (the
// queue is full), kUnavailable (fenced), kTooLarge, kInvalidArgument (also: what is there is none
// to be merged into or appended to, see core/codec/merge.h), kCorruption (checksum of the payload,
// or the stored record is damaged), kClosed, or why the shard takes no writes
// (Shard::Health). A write that ended with kNoSpace or kIoError may be visible, and may or may not
// survive a restart.
struct WriteOutcome {
  Status status;
  EventTime event_time = 0;  // of the write, or of what is stored when it did not apply; 0: nothing
  // OK, but a newer record is stored, or a delete of what is not there is too old to matter:
  // nothing changed.
  bool superseded = false;
  // A replicated shard's: a replica that has this has the write, or what it lost against.
  Position position;
};

// One write on its way through the sequencer. The submitter fills the upper part and derives from
// it to learn the end. Ownership: the submitter keeps it alive and untouched until Done() was
// called; Done() may delete it.
struct Write {
  virtual ~Write() = default;
  // Called exactly once, by the thread that led the batch; must not block nor call into the shard.
  // The shard holds no lock.
  virtual void Done() = 0;

  WriteKind kind = WriteKind::kPut;
  std::string key;
  std::string payload;                    // kPut; kMerge: the operand; kAppend: what to append
  MergeOp merge_op = MergeOp::kAddInt64;  // kMerge only
  std::optional<uint64_t> partition_hash;
  uint32_t value_type = 0;
  uint64_t content_checksum = 0;  // of payload; 0: computed here; else verified (kCorruption)
  EventTime event_time = 0;       // 0: stamped by the sequencer
  // Counts from the moment the sequencer takes the write, whatever its event time. kPut: 0 is the
  // shard's default. kTouch: the new time to live, 0 is "never expires".
  uint64_t ttl_seconds = 0;
  // kPut: absolute expiry in µs since the epoch, instead of ttl_seconds; 0: not given;
  // kNeverExpires (limits.h): never.
  uint64_t expires_at_us = 0;
  Condition condition = Condition::kNone;  // kIfAbsent only with kPut
  EventTime if_version = 0;
  // Replicated: also when the write changes nothing, because what is stored is newer or the same,
  // that is logged here once more; so a replica that has outcome.position has it.
  bool log_anyway = false;
  // kApply, of a replicated shard only; all other members above are unused then. Each change wins
  // or loses as if it had been made here, and the position is stored with them. Borrowed.
  const ChangeBatch* applied = nullptr;
  // kApply: of a replica that was not waited for before deletions were forgotten. A value that may
  // have been deleted is left out.
  bool late = false;
  // Monotonic; 0: none. A write already late when its turn comes is dropped with kTimeout.
  int64_t deadline_us = 0;
  // Without an event time: the last it may get; 0: any. Later it is dropped with kUnavailable, and
  // the outcome's event time is what the clock shows.
  EventTime not_after = 0;
  // What is stamped from now on, this write included, comes after it; 0: nothing is asked.
  // kInvalidArgument if it is farther ahead than an event time may be.
  EventTime clock_floor = 0;

  WriteOutcome outcome;   // set before Done()
  Write* next = nullptr;  // links the list given to Submit; then the sequencer's
};

// A value read. The payload is pinned in the block cache or owned; valid while the object lives,
// which must end before the shard closes.
class ReadValue {
 public:
  ReadValue() noexcept;
  ~ReadValue();
  ReadValue(ReadValue&&) noexcept;
  ReadValue& operator=(ReadValue&&) noexcept;

  Status status;  // OK, kNotFound (absent, deleted or expired), kBusy, kCorruption, kIoError
  Record record;  // when OK
  uint64_t content_checksum = 0;  // when OK: ContentChecksum(key, record.payload)

 private:
  friend class Reader;
  static constexpr size_t kPinSize = 112;
  // A rocksdb::PinnableSlice, in place because a request reads hundreds of these.
  alignas(8) unsigned char pin_[kPinSize];
};

struct ScanRange {
  std::string_view start;
  bool start_exclusive = false;
  std::string_view end;  // exclusive; empty: to the last key
  size_t limit = 0;      // rows; 0: no limit
  // Of keys and values; at most kMaxScanPageBytes counts. One larger row goes alone.
  size_t max_bytes = 1 << 20;
  bool keys_only = false;
  // Monotonic; 0: none. A page ends early, with more = true, when it is reached.
  int64_t deadline_us = 0;
};
struct ScanPage {
  std::string rows;  // row block
  size_t row_count = 0;
  bool more = false;  // there may be rows after the last one
  // When more: the first key the next page may hold; its ScanRange::start, not exclusive. A page
  // may end without a single row after many deleted ones, so the last row does not tell.
  std::string resume_key;
};

struct ShardStats {
  uint64_t estimated_keys = 0;  // tombstones and expired values included
  uint64_t disk_bytes = 0;
  uint64_t memory_bytes = 0;  // memtables and index/filter blocks outside the cache
};

class Shard {
 public:
  // Opens or makes the database. kNotSupported for a folder of a newer format (file FORMAT),
  // kInvalidArgument for a folder that holds another shard (file IDENTITY: keyspace uuid, shard,
  // incarnation) or something else, kBusy for one that is open already, kCorruption, kNoSpace, …
  static StatusOr<std::unique_ptr<Shard>> Open(std::shared_ptr<Engine> engine,
                                               const ShardOptions& options);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Random id minted when the database was made.
  uint64_t incarnation() const;
  // What followers and watchers need. Borrowed; ends with Close.
  Feed* feed() const;

  // Reads one group of keys. Without may_wait nothing waits for the disk: a key that is neither in
  // the block cache nor in the operating system's page cache gets status kBusy ("not in memory"),
  // and the caller reads it again on a pool thread. out has count elements; the same key may be
  // there more than once.
  void MultiGet(const std::string_view* keys, size_t count, bool may_wait, ReadValue* out) const;

  // Hands writes to the sequencer, in list order (linked by Write::next, ended by nullptr). The
  // calling thread may become the leader and run Done() of these and other threads' writes before
  // it returns; with kAlways, when a stored record must be read from the disk first, or when
  // RocksDB asks writers to slow down, a pool thread leads instead. Never blocks on the disk beyond
  // log appends. Writes of one thread are applied in the order it submits them.
  void Submit(Write* list);

  // One page of rows that are visible now. May block on the disk. kCorruption when the first row of
  // the page is damaged; damage further on ends the page there with more = true.
  StatusOr<ScanPage> Scan(const ScanRange& range) const;

  // All of the shard as it is now, for another replica (checkpoint.h). Blocks on a flush. It must
  // not outlive the shard's engine.
  StatusOr<std::unique_ptr<Checkpoint>> MakeCheckpoint();
  // A place for another replica's checkpoint; once finished, the next opening takes it. join: with
  // all that is here, so that nothing of it is lost. REQUIRES for that: nothing comes in any more.
  StatusOr<std::unique_ptr<CheckpointCopy>> NewCopy(bool join);

  // Replicated: what was deleted or has expired may be forgotten, after its grace time, only if
  // that was so before this moment of the clock of the store that accepted it; at first nothing
  // may. For every replica must have it (core/replication/follower.h, "Forgetting").
  void AllowForgetting(EventTime before);
  // The whole key range, and all of it that may go; blocks until done. It may take two passes.
  Status Compact();
  // Ends a Compact that runs (kCancelled, within moments) and every later one: the shard is about
  // to close.
  void CancelCompaction();
  Status Flush();  // memtables to disk and log synced; blocks until done
  ShardStats Stats() const;
  // OK while the shard takes writes; after a background error (corruption, I/O, full disk) why it
  // does not. Reads go on. A full disk is left by itself once there is space again; the other
  // states by opening the shard anew.
  Status Health() const;

  // Completes what is queued, syncs, closes. Idempotent.
  Status Close();

  class Impl;

 private:
  explicit Shard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vasto::storage
