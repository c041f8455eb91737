// SPDX-License-Identifier: Apache-2.0
// Three replicas of one shard in a world that one seed decides: their followers are the real ones
// (core/replication/follower.h), as are positions, records and their order; database, network,
// clocks and clients are made here and fail in every way the seed likes.
//
// The database is a list of batches, as a write-ahead log is, of which a loss of power takes the
// end and a restored backup more; what it holds otherwise follows from the list. The network
// delays, loses and repeats what replicas say, and parts them, also one way only.
//
// Disks fill up, one or all at once. What is on a full one stays, and takes nothing more.
//
// Replicas forget tombstones as soon as they have agreed on them, without any grace time.
//
// A run checks, while it goes on: what a replica applies leaves no gap, and brings nothing back
// that was deleted; and whatever position it claims, it holds every change up to there or a newer
// one of the key. And at the end, when all is well again for a while: all replicas hold the same,
// have each other's positions and serve; and every acknowledged write is there, but those whose
// level does not promise it.
//
// Threads: none; one object, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/codec/positions.h"
#include "core/codec/record.h"
#include "core/replication/ack_tracker.h"
#include "core/replication/follower.h"
#include "core/replication/replicator.h"
#include "core/replication/shard_replica.h"

namespace vasto::replication {

class ReplicationSim {
 public:
  struct Counts {
    uint64_t writes = 0;
    uint64_t acknowledged = 0;  // by the one that accepted it
    uint64_t confirmed = 0;     // by a majority
    uint64_t crashes = 0;
    uint64_t power_losses = 0;  // that took something
    uint64_t restored = 0;      // old copies
    uint64_t partitions = 0;
    uint64_t standstills = 0;
    uint64_t looks = 0;
    uint64_t full_disks = 0;
    uint64_t stalemates = 0;  // of all disks that were full at once, when nobody had everything
    uint64_t relayed = 0;     // batches that came by another replica
    uint64_t excused = 0;     // acknowledged, and lost where the level allows it
    uint64_t forgotten = 0;   // tombstones
    uint64_t given_up = 0;    // replicas that a write had waited for
    uint64_t copies = 0;      // of all that another replica has
    uint64_t joins = 0;       // of such a copy and what the replica has itself
    uint64_t reads = 0;       // of keys with a confirmed write that had to be seen
    uint64_t torn = 0;        // keys that differ, where replicas lost what others built on
  };

  explicit ReplicationSim(uint64_t seed);
  ~ReplicationSim();

  // Empty when all held; else what did not.
  std::string Run();
  const Counts& counts() const { return counts_; }

 private:
  static constexpr size_t kReplicas = 3;
  static constexpr int64_t kPullWaitUs = 500'000;
  static constexpr int64_t kCallTimeoutUs = 1'500'000;
  static constexpr int64_t kSilentUs = Replicator::kSilentUs;
  static constexpr int64_t kPreferredUs = ShardReplica::kPreferredUs;
  static constexpr int64_t kUnawareUs = ShardReplica::kUnawareUs;
  static constexpr int64_t kPingUs = Replicator::kPingBeats * Replicator::kBeatUs;
  // For how long one that took another for silent may not know better.
  static constexpr int64_t kAlarmUs = 80'000;
  // How long a slow disk takes at most.
  static constexpr int64_t kSlowUs = 600'000;

  struct Change {
    uint64_t write = 0;  // number of the client's write
    std::string key;
    Record record;  // payload: of the write with this number
    EventTime arrived = 0;
  };
  // One batch of a database.
  struct Batch {
    LogId log = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    std::vector<Change> changes;
    std::vector<std::string> forgotten;  // keys of tombstones; then there is nothing else in it
  };
  struct Stored {
    Record record;
    uint64_t write = 0;
    EventTime arrived = 0;
  };
  // Of a database.
  struct Contents {
    std::vector<Batch> disk;
    VersionVector have;
    std::map<std::string, Stored> data;
    std::map<std::string, Stored> gone;
  };
  struct Parked {
    Uuid from;
    std::vector<LogId> relay;
    VersionVector have;
    uint64_t number = 0;
    bool ready = false;
    std::function<void(StatusOr<rpc::PullResponse>, std::optional<Batch>)> answer;
  };
  // Of a follower.
  struct Heard {
    VersionVector have;
    int64_t at_us = 0;      // when it asked or was given changes last
    int64_t asked_us = 0;   // when it asked last
    int64_t told_us = 0;    // when it was answered last
    int64_t pinged_us = 0;  // when a ping of it came last
  };
  struct Replica {
    Uuid uuid;
    bool up = false;
    uint64_t life = 0;       // counts starts; what belongs to an earlier life is dropped
    int64_t stopped_us = 0;  // when it did not serve any more, last
    // On its disk.
    std::vector<Batch> disk;
    size_t synced = 0;   // batches
    size_t trimmed = 0;  // batches whose place in the log is gone
    std::vector<Batch> backup;
    // In its memory.
    std::map<std::string, Stored> data;
    std::map<std::string, Stored> gone;  // the last tombstone that was forgotten
    std::map<size_t, EventTime> floors;  // by slot: the greatest event time of those
    EventTime settled = 0;
    VersionVector have;
    LogId log = 0;
    uint64_t next = 1;
    uint64_t clock = 0;
    int64_t wake_us = INT64_MAX;  // of the next tick
    bool serving = false;         // after the last step
    bool copying = false;         // and then it follows nobody
    int64_t copy_from_us = 0;
    std::unique_ptr<Follower> follower;
    std::unique_ptr<AckTracker> acks;
    std::map<Uuid, Parked> parked;
    std::map<Uuid, Heard> heard;
    int64_t slow_until_us = 0;       // its disk
    int64_t full_until_us = 0;       // its disk
    bool will_give_up = false;       // an event comes that looks whether it is to
    std::map<Uuid, Batch> arriving;  // of the answer that the follower works on
  };
  // An acknowledged write.
  struct Promise {
    size_t replica = 0;
    bool confirmed = false;
    int64_t confirmed_us = 0;
  };
  struct ClientWrite;

  void At(int64_t in_us, std::function<void()> fn);
  // Runs what is due until this much time has passed.
  void Advance(int64_t us);
  uint64_t Below(uint64_t n) { return random_->Below(n); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  void Fail(const std::string& what);

  void Start(size_t i);
  void Stop(size_t i);
  void LosePower(size_t i);
  void Restore(size_t i);
  // The disk was cut to these batches.
  void Cut(size_t i, std::vector<Batch> kept);
  // It looks at the others as one that stood still does.
  void StandStill(size_t i);
  // Its disk is full for so long.
  void Fill(size_t i, int64_t us);
  // All are, nearly at once. Whatever each of them lacks then, some replica must go on serving.
  void FillAll();
  // The store of i pings that of k, and marks it when it does not answer.
  void NoticeSilence(size_t i, size_t k);
  void HearNothingOf(size_t i, size_t k);
  void Fault();
  void Heal();

  // What all but one replica have goes from the log.
  void TrimLog(size_t i);
  void CopyIfBehind(size_t i);
  // The copy arrives, of what was there then; nothing: it could not be made.
  void EndCopy(size_t i, const std::optional<Contents>& copied, bool join);
  std::optional<Contents> Checkpoint(size_t i, size_t of, bool join) const;
  // A disk that leads to what both have.
  std::vector<Batch> Joined(const Contents& own, const Contents& other);

  void ClientWrites();
  void Write(size_t i, uint64_t number);
  // From the first that serves, where all that was confirmed before must be seen.
  void ClientReads();
  void Read(size_t i);
  // Again and again in this life of i.
  void Ping(size_t i, size_t k);
  void Confirmed(uint64_t write);
  // Whether a reader may miss what was confirmed: those that had it were lost together.
  bool MayBeMissed(uint64_t write) const;
  static void Hold(Replica* replica, const Change& change);
  // Forgets all tombstones that may be forgotten.
  void Compact(size_t i);
  void CompactNowAndThen();
  static void Forget(Replica* replica, const std::string& key);
  // What wins for the key, forgotten or not; nullptr: nothing.
  static const Stored* NewestOf(const Replica& replica, const std::string& key);
  // The write whose value a reader sees; 0: none.
  static uint64_t ValueOf(const Replica& replica, const std::string& key);
  // gone: tombstones that the replica, or another one that it joins, has forgotten.
  void CheckNothingComesBack(size_t i, const std::map<std::string, Stored>& gone,
                             const Change& change);
  // Puts the batch on the disk and into memory.
  void Commit(size_t i, Batch batch);
  void Apply(size_t i, const Batch& batch);
  // The replica holds each change of this part of the log, or a newer one of the key.
  void CheckHolds(size_t i, const Batch& range);

  void Do(size_t i, Follower::Actions actions);
  // Tells the others.
  void StopServing(size_t i);
  void SendPull(size_t i, const PullAction& action);
  // How long a message that is sent now is on its way; in a calm world none overtakes another.
  int64_t Travel(size_t from, size_t to);
  // Whether a message that is sent now does not arrive.
  bool Lost(size_t from, size_t to);
  void DeliverPull(size_t i, const Parked& pull, bool wait);
  void TakePull(size_t i, Parked pull);
  // Answers the parked pull of this number, if it is still there.
  void AnswerEmpty(size_t i, const Uuid& to, uint64_t number);
  bool TryAnswer(size_t i, Parked* pull);
  std::optional<Batch> ReadLog(const Replica& replica, LogId log, uint64_t have) const;
  void AnswerParked(size_t i);
  rpc::PullResponse ResponseOf(const Replica& replica, const Uuid& to) const;
  // What the pull says of the writes that its sender has, and is to be waited for with.
  void Acknowledge(size_t i, const Parked& pull);
  static void End(const AckTracker::Waiters& waiters);
  // gone: its host says that it does not run.
  void GiveUp(size_t i, const Uuid& follower, bool gone);
  // Those that have not asked for what they are waited for with.
  void GiveUpSilent(size_t i);

  size_t IndexOf(const Uuid& uuid) const { return uuid.lo - 1; }
  std::string CheckEnd();

  const std::unique_ptr<Random> random_;
  int64_t now_us_ = 1;
  std::multimap<int64_t, std::function<void()>> events_;
  std::vector<Replica> replicas_;
  std::set<std::pair<size_t, size_t>> cut_links_;  // from, to
  uint64_t loss_in_ = 0;                           // of messages, one is lost; 0: none
  bool clients_ = true;
  // In such a world nothing is wrong with the network, so readers miss nothing.
  const bool calm_;
  // In such a world no power is lost, and the logs do not reach back to this replica for long.
  const bool short_logs_;
  // In such a world replicas lose what the others' logs do not hold any more either.
  const bool torn_logs_;
  const size_t straggler_;
  // Up to when a replica may have had nobody else to learn from: at most one was up, or one was not
  // while another one was taken for silent, or two were.
  int64_t alone_us_ = 0;
  int64_t alarm_ends_us_ = 0;  // of the last false alarm
  uint64_t last_pull_ = 0;
  std::map<std::pair<size_t, size_t>, int64_t> arrives_us_;     // the last message of a link
  std::map<uint64_t, std::pair<std::string, Stored>> written_;  // by number of the write
  std::map<LogId, std::vector<Batch>> logs_;                    // all that was ever in each log
  std::map<uint64_t, Promise> promises_;
  std::map<std::string, uint64_t> confirmed_;     // key → the write that wins of those
  std::map<uint64_t, std::set<size_t>> lost_by_;  // write → replicas that lost it from their disk
  std::set<std::string> torn_;                    // keys
  std::vector<std::unique_ptr<ClientWrite>> waiting_;
  std::string failure_;
  Counts counts_;
};

}  // namespace vasto::replication
