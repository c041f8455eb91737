// SPDX-License-Identifier: Apache-2.0
// What a shard knows of logs: its own, that followers and watchers read, and how far it has come in
// those of the other replicas, if it has any.
//
// Each opening of the database begins a log (core/codec/positions.h). Of its own logs the database
// remembers where each begins among its sequences, so that a position in them is a place in the
// write-ahead log; changes of other logs are found there by their tags (log_reader.h).
//
// On the disk, in the same WriteBatch as what they speak of:
//   kFeedKey         byte 0 kFeedFormat; varint trimmed, varint own_when_trimmed; varint count,
//                    then for each own log, oldest first: fixed64 id, varint base, varint last
//                    (0: the newest, of which what follows base is its own)
//   kOwnEndKey       fixed64: the sequence of the last batch of clients' writes, as of the last
//                    batch of others' changes; kOwnOpen: there were clients' writes since
//   kPositionPrefix  and the id of a log: the last sequence of it that was applied
// Sequences in kFeedKey are the database's; a position in an own log is a sequence minus its base.
//
// Invariants
//  1. A position is raised only by the batch that holds all changes up to it.
//  2. What a follower is given begins where it stands: there is no gap, or an error.
//  3. Memory is bounded by the budget, the log on the disk by its limits, whatever a follower or
//     watcher does.
//
// Threads: Load and Begin before all others; Committed… from the sequencer's leader; the rest from
// any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hlc.h"
#include "core/base/mutex.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/codec/change.h"
#include "core/codec/positions.h"
#include "core/storage/feed_ring.h"
#include "core/storage/log_holes.h"

namespace rocksdb {
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace vasto::storage {

class ShardHealth;

constexpr uint8_t kFeedFormat = 1;
constexpr uint64_t kOwnOpen = ~uint64_t{0};

struct FeedOptions {
  bool followed = true;  // else there are no other replicas: nothing is kept in memory for them
  // Of write-ahead log files that are kept for followers only.
  uint64_t max_log_bytes = 256 << 20;
  // Of the latest ones, kept for watchers that come back, whatever the followers have.
  uint64_t min_log_bytes = 0;
};

class Feed {
 public:
  // db, health, budget: borrowed; outlive *this.
  Feed(rocksdb::DB* db, const ShardHealth* health, FeedBudget* budget, const FeedOptions& options);

  // Reads what the database holds and begins this opening's log. now: of the store's clock.
  Status Open(Random* random, EventTime now) EXCLUDES(mu_);

  // What a copy of another replica's database holds of all logs. db: the copy, to which nothing was
  // written. owner_had: the other's positions, of before the copy.
  static StatusOr<VersionVector> PositionsOfCopy(rocksdb::DB* db, const VersionVector& owner_had);
  // Adds to the batch what makes of a copy a replica that has all of this, and whose own logs begin
  // now.
  static Status StartFrom(const VersionVector& positions, rocksdb::DB* db,
                          rocksdb::WriteBatch* batch);

  LogId log() const { return log_; }
  // Of this replica, its own logs included.
  VersionVector Positions() const EXCLUDES(mu_);
  // And of what is visible already, though its position is not raised yet: a replica that has this
  // has all that a read saw which ended before.
  VersionVector Visible() const EXCLUDES(mu_);
  bool Has(const std::vector<Position>& positions) const EXCLUDES(mu_);
  // Where clients' writes that have been completed so far end in this replica's log.
  Position OwnPosition() const EXCLUDES(mu_);
  // Whatever clients write here beyond the positions, asked for after this, arrives later than this
  // moment of the store's clock.
  EventTime settled() const { return settled_.load(std::memory_order_acquire); }

  // Whether the changes follow on what is applied. OK; kAlreadyExists: they are applied already;
  // kStaleWrite: some before them are missing; kInvalidArgument: they are of this very log.
  Status CheckNext(const ChangeBatch& batch) const EXCLUDES(mu_);

  // Adds to a batch, which is written next, what it changes of kOwnEndKey, maybe nothing. applied:
  // the changes that it holds; nullptr: it is of clients' writes.
  Status AppendOwnEnd(const ChangeBatch* applied, rocksdb::WriteBatch* batch) EXCLUDES(mu_);
  // A batch with clients' writes was written and the database stands at this sequence. now: of the
  // store's clock, later than all that it holds of clients' writes. Also when the log failed: the
  // clients were told that it did, but what they see here the followers must come to see. changes:
  // only read when the feed is followed.
  void CommittedOwn(std::string changes, uint64_t database_sequence, EventTime now) EXCLUDES(mu_);
  // The same for one that holds other replicas' changes, with their range.
  void CommittedApplied(ChangeBatch applied, uint64_t database_sequence, EventTime now)
      EXCLUDES(mu_);

  // The same for one that the database holds though its log failed. Its position is not raised,
  // which would acknowledge it: it will come again.
  void AppliedUnlogged(uint64_t database_sequence) EXCLUDES(mu_);
  // The database was flushed and a new log begun. If the one before failed it has a hole, which
  // nobody can be given: it is as if the log began anew. An error: the new one failed as well.
  Status LogResumed() EXCLUDES(purge_mu_, mu_);

  // Called, on the leader's thread, after each of these. Replaces the one before, which is not
  // called any more once this returned; nullptr: none. Must not block nor call into the shard.
  void SetListener(std::function<void()> listener) EXCLUDES(listener_mu_);
  // Another one, called after that.
  void SetWatchListener(std::function<void()> listener) EXCLUDES(listener_mu_);
  void NotifyListener() EXCLUDES(listener_mu_);

  // Every follower has all of this: what was kept for them may go, from memory at once.
  void Trim(const VersionVector& everyone_has) EXCLUDES(mu_);
  // And from the disk: log files that nobody needs, and the oldest beyond the limit. Waits for the
  // disk.
  Status PurgeLog() EXCLUDES(purge_mu_, mu_);

  // Where to find what follows `have` in a log.
  struct Place {
    uint64_t from = 0;  // a sequence of the database
    // Where the log's part without tags ends, behind which only batches with the log's id as their
    // tag are of it; 0: it begins behind that; UINT64_MAX: it goes on, for this is the newest log.
    uint64_t untagged_last = 0;
    uint64_t base = 0;  // of its untagged part
  };
  // From memory. False: what comes next is not there.
  bool ReadRing(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const EXCLUDES(mu_);
  // For the log on the disk. kNotFound: it does not reach back that far.
  StatusOr<Place> Locate(LogId log, uint64_t have) const EXCLUDES(mu_);
  rocksdb::DB* db() const { return db_; }
  LogHoles* holes() { return &holes_; }

  // A log of this database; sequences are the database's.
  struct OwnLog {
    LogId id = 0;
    uint64_t base = 0;
    uint64_t last = 0;  // 0: the newest
  };
  // A moment of the past, so that it can be told later what lies before it.
  struct Mark {
    uint64_t sequence = 0;  // of the database
    VersionVector positions;
  };
  // What a reader of all logs in the order of the database (watch_cursor.h) finds its place by.
  struct Outline {
    Mark now;
    // The latest moment known that `have` covers and behind which the log on the disk goes on;
    // none: it may be there all the same.
    std::optional<Mark> covered;
    uint64_t trimmed = 0;      // the log on the disk goes on behind this
    uint64_t own_trimmed = 0;  // and lacks nothing behind this of the own logs that it goes on with
    std::vector<OwnLog> own;   // oldest first
  };
  Outline OutlineFor(const VersionVector& have) const EXCLUDES(mu_);
  // The database's sequence of the last batch of whatever log.
  uint64_t latest() const EXCLUDES(mu_);

 private:
  // What is stored under kFeedKey.
  struct Stored {
    uint64_t trimmed = 0;
    uint64_t own_trimmed = 0;
    std::vector<OwnLog> own;
  };
  static StatusOr<Stored> Decode(const std::string& bytes);
  // kOwnEndKey as a sequence.
  static StatusOr<uint64_t> ReadOwnEnd(rocksdb::DB* db);
  static std::string Encode(const Stored& stored);
  // As stored; the newest own log is not among them.
  static StatusOr<VersionVector> ReadPositions(rocksdb::DB* db);
  void Committed(ChangeBatch batch, uint64_t database_sequence) REQUIRES(mu_);
  // Notes that the log up to this sequence is not there, or is no use. Returns what is to be stored
  // under kFeedKey then.
  std::string TrimTo(uint64_t sequence) REQUIRES(purge_mu_, mu_);
  Status Store(const std::string& feed_value) REQUIRES(purge_mu_);
  // The latest mark that is covered; nullptr: none.
  const Mark* LastCovered(const VersionVector& have) const REQUIRES(mu_);
  uint64_t base() const REQUIRES(mu_) { return own_.back().base; }

  rocksdb::DB* const db_;  // borrowed; outlives *this
  LogHoles holes_;
  const ShardHealth* const health_;  // borrowed; outlives *this
  const FeedOptions options_;
  LogId log_ = 0;  // set by Open
  std::atomic<EventTime> settled_{0};

  Mutex purge_mu_;                                   // one writer of kFeedKey at a time; before mu_
  uint64_t log_failures_ GUARDED_BY(purge_mu_) = 0;  // of the log, that trimmed_ accounts for
  mutable Mutex mu_;
  std::optional<FeedRing> ring_ GUARDED_BY(mu_);  // of a feed that is followed
  VersionVector positions_ GUARDED_BY(mu_);       // the newest own log included
  // Visible without a position: of a batch that is being written, whose end in the own log stands
  // as 0; and of those that AppliedUnlogged was told of.
  Position coming_ GUARDED_BY(mu_);
  VersionVector unlogged_ GUARDED_BY(mu_);
  std::vector<OwnLog> own_ GUARDED_BY(mu_);
  // Database sequences of the last batch of clients' writes: for the newest log, whose base it is
  // before the first; and of all there were.
  uint64_t own_last_ GUARDED_BY(mu_) = 0;
  uint64_t own_end_ GUARDED_BY(mu_) = 0;
  uint64_t stored_own_end_ GUARDED_BY(mu_) = kOwnOpen;
  // Log files up to this sequence may be gone, or have a hole; whoever had this replica's log up to
  // own_trimmed_ misses nothing by that.
  uint64_t trimmed_ GUARDED_BY(mu_) = 0;
  uint64_t own_trimmed_ GUARDED_BY(mu_) = 0;
  std::deque<Mark> marks_ GUARDED_BY(mu_);  // oldest first, those in the log on the disk
  size_t unmarked_bytes_ GUARDED_BY(mu_) = 0;
  uint64_t latest_ GUARDED_BY(mu_) = 0;  // database sequence of the last batch of whatever log
  std::pair<uint64_t, uint64_t> purged_at_ GUARDED_BY(mu_);  // latest_, needless_ of the last purge
  Mark needless_ GUARDED_BY(mu_);                            // the newest that every follower has

  Mutex listener_mu_;
  std::function<void()> listener_ GUARDED_BY(listener_mu_);
  std::function<void()> watch_listener_ GUARDED_BY(listener_mu_);
};

}  // namespace vasto::storage
