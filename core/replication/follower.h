// SPDX-License-Identifier: Apache-2.0
// How one replica of a shard comes to have what the others have: whom to ask for what, when to ask
// again, and whether it may serve clients. A pure state machine, one step for each thing that
// happens: no threads, no I/O, no clock; ShardReplica (shard_replica.h) does what the actions say,
// and a simulation can do the same.
//
// Each peer is asked all the time for what its own log says beyond what is here; a peer that has
// nothing lets the question wait. Other logs are asked for (relayed) where their owner cannot be
// asked: it does not answer, or its log does not reach back far enough, or it has begun a new log
// and lost the end of the former. So what one replica accepted reaches all as long as any of those
// that have it can be reached, and a replica that lost its end gets it back.
//
// Serving: a replica that starts serves once it has what each peer had when it first answered. A
// peer that does not answer is waited for no longer than kPatienceUs: data that nobody can reach
// must not keep what can be reached from being used. One that asks this replica something is there,
// and its answer is waited for as long: it may be about to serve, and have seen that this one does
// not. One that was made anew, in place of a database that was lost, knows nothing by itself: it
// serves only after it had what a serving peer had.
//
// Clients prefer the replicas in their order. So the last step before serving is that those behind
// this one in the order say that they answer no write any more before this replica has it, too;
// with what each had when it said so, this replica has all that any client was answered. And those
// before it that serve have asked it to do the same for them.
//
// A replica may be stuck: it is given what it cannot apply, as when its disk is full. When all that
// answer are, and each lacks something of the others, nobody can ever have everything. In such a
// stalemate each serves what it has, to be read only. It looks at the others anew when it ends.
//
// It stops serving, and is then as one that has just started, when it stood still; when a client
// comes that has lost one it prefers, which this replica may learn later (Look); when it loses a
// peer that clients prefer, which others may have followed more closely; when a peer answers writes
// without it that it counts on having seen, or will soon, since this replica is too slow; or when
// it cannot follow a serving peer any more that has all it has: it must copy that peer.
//
// Two may have come apart so far that each lacks what is in no log of the other any more. Then one
// of them, that which does not serve or that which clients prefer less, joins a copy of the other
// with what it has itself; the other may copy that then.
//
// Forgetting: a tombstone may go when every replica has it and nothing that any of them accepted
// before it had it is still to come. Each replica says with its positions up to which moment of
// its clock they hold all that it accepted (settled), and all that anybody did (complete): the
// least of what the others and it have settled. What all have complete, and have told, is agreed.
//
// Invariants
//  1. At most one question to a peer counts; answers to earlier ones are ignored.
//  2. Changes are asked for only from where this replica stands; so a gap cannot be applied.
//
// Threads: one at a time per object.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "core/base/hlc.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/codec/change.h"
#include "core/codec/positions.h"
#include "core/rpc/messages.h"

namespace vasto::replication {

// ---- Actions

// Ask the peer; ends in PullEnded with the attempt.
struct PullAction {
  Uuid peer;
  uint64_t attempt = 0;
  std::vector<LogId> relay;
  bool wait = false;     // for changes, when there are none
  bool ready = false;    // the peer's writes are to wait for this replica
  size_t max_bytes = 0;  // of changes in the answer
};
// Apply the changes; ends in ApplyEnded.
struct ApplyAction {
  Uuid peer;
  uint64_t attempt = 0;
  ChangeBatch batch;
};
using FollowerAction = std::variant<PullAction, ApplyAction>;

// Whom to copy; nil: nobody. join: it lacks something that is here, so the copy must be joined with
// that; otherwise it has all.
struct CopyChoice {
  Uuid peer;
  bool join = false;
  bool operator==(const CopyChoice&) const = default;
};

class Follower {
 public:
  static constexpr int64_t kPatienceUs = 1'000'000;
  static constexpr int64_t kMinPauseUs = 10'000;
  static constexpr int64_t kMaxPauseUs = 500'000;
  // That a peer's answers do not come any more is noticed within this time (pings, replicator.h).
  static constexpr int64_t kNoticedUs = 700'000;
  // A peer whose writes wait for this replica gives it up when it does not ask for so long; a
  // little less than ShardReplica::kPreferredUs, so that this side is first.
  static constexpr int64_t kWaitedForUs = 200'000;

  // An answer is as large as comes in this time, the way there and back apart, so that those of
  // other shards, which share the connection, need not wait for long.
  static constexpr int64_t kAnswerUs = 100'000;
  static constexpr size_t kMinAskBytes = 8 << 10;
  static constexpr size_t kMaxAskBytes = 256 << 10;

  using Actions = std::vector<FollowerAction>;

  // own_log: this replica's newest. anew: it was made in place of one that was lost, and has never
  // served.
  Follower(LogId own_log, bool anew) : own_log_(own_log), anew_(anew) {}

  // The other replicas of the shard, in the order in which clients prefer them; `ahead` of them are
  // before this one. have, of all steps: what this replica has now. now_us: monotonic.
  Actions Configure(const std::vector<Uuid>& peers, size_t ahead, const VersionVector& have,
                    int64_t now_us);
  // heard_us: when the peer was last asked something else that it has answered by now; 0: never.
  Actions PullEnded(const Uuid& peer, uint64_t attempt, StatusOr<rpc::PullResponse> result,
                    const VersionVector& have, int64_t now_us, int64_t heard_us = 0);
  // OK, kAlreadyExists when another peer was quicker, or why the changes could not be applied.
  Actions ApplyEnded(const Uuid& peer, uint64_t attempt, const Status& result,
                     const VersionVector& have, int64_t now_us);
  // The time of next_wake_us has come; early or needless ones are harmless.
  Actions Tick(const VersionVector& have, int64_t now_us);
  // The peer asked this replica something, so it is there: one that did not answer is asked at
  // once. counts: it serves, or could, because the writes here wait for it.
  Actions Asked(const Uuid& peer, bool counts, const VersionVector& have, int64_t now_us);
  // The peer was not heard of for so long that it counts as one that does not answer.
  Actions Silent(const Uuid& peer, const VersionVector& have, int64_t now_us);
  // What the peers have was not seen for a while: as after a start, apart from peers that did not
  // answer before either.
  Actions Restart(const VersionVector& have, int64_t now_us);
  // What they have now is to be seen, though nothing was missed. One that does not answer any more
  // is not waited for.
  Actions Look(const VersionVector& have, int64_t now_us);
  // INT64_MAX: only an event brings this on.
  int64_t next_wake_us() const;

  bool serving() const { return serving_; }
  // It serves though it lacks what others have; nothing may be written then.
  bool stalemate() const { return stalemate_; }
  // Whether the last changes of some peer that answers could not be applied here.
  bool stuck() const;
  // Whether those of this peer could not.
  bool StuckWith(const Uuid& peer) const;
  // When it began to find out what the others have, the last time. One that serves has all of it
  // that the others had confirmed to each other before.
  int64_t looked_us() const { return looked_us_; }
  // Whether the peer answered the last question that has ended.
  bool Answers(const Uuid& peer) const;
  // Peers that do not answer.
  uint32_t unreachable() const;
  // How long ago this replica had all that each of the peers that answer has.
  int64_t LagUs(const VersionVector& have, int64_t now_us) const;
  // Up to when it surely had all that each peer had that answers, or that clients prefer to this
  // replica. heard_us: as of PullEnded.
  int64_t SureUs(const VersionVector& have, int64_t now_us,
                 const std::function<int64_t(const Uuid& peer)>& heard_us) const;
  // What any replica accepted before this moment, by the clock of the one that did, is here; and
  // every replica has that, and this one all that any accepted before it had that. settled: what
  // this replica accepted before is here. 0: not known.
  EventTime Complete(EventTime settled) const;
  EventTime Agreed(EventTime settled) const;
  // A peer whose log does not hold any more what is missing here; nil: none.
  Uuid out_of_log() const;
  // The peer was told that what it lacks is in no log here any more.
  void CannotGive(const Uuid& peer, const VersionVector& have, int64_t now_us);
  // The peer to copy, now that this replica does not serve, since no log helps.
  CopyChoice CopyFrom(const VersionVector& have) const;

 private:
  enum class Phase { kPausing, kPulling, kApplying };
  // What one of two has and the other lacks, in part out of the log of the one. It lasts until the
  // other has all of it, whatever else it is given meanwhile.
  struct Gap {
    VersionVector until;
    int64_t since_us = 0;
  };
  // What a peer said of itself once; it counts when this replica has all that the peer had then.
  struct Claim {
    VersionVector has;
    EventTime settled = 0;
    EventTime complete = 0;
  };
  struct Peer {
    Phase phase = Phase::kPausing;
    uint64_t attempt = 0;
    int64_t due_us = 0;    // kPausing: when to ask
    int64_t pause_us = 0;  // the last pause; 0 after a success
    int64_t since_us = 0;  // when it became a peer
    int64_t asks_us = 0;   // when it asked first of all, of one that does not answer; 0: never
    int64_t asked_us = 0;  // kPulling: since when
    size_t ask_bytes = kMaxAskBytes;
    int64_t least_us = INT64_MAX;      // that an answer was on its way, there and back
    bool tried = false;                // some question has ended
    bool answers = false;              // the last one with an answer
    bool out_of_log = false;           // as of its last answer
    std::optional<Gap> missing_here;   // something that the peer has
    std::optional<Gap> missing_there;  // something that this replica has
    uint64_t own_then = 0;             // where this replica's log was at its last answer
    bool follows = false;              // in its last answer it had what there was at the one before
    LogId log = 0;                     // its newest, as far as known
    VersionVector has;                 // as of its last answer
    int64_t has_us = 0;                // it had that not before this
    VersionVector first;               // as of its first, as far as it still has that
    bool answered = false;
    int64_t answered_us = 0;  // when it did last
    bool ahead = false;       // clients prefer it to this replica
    bool waits = false;       // its writes wait for this replica; it said so since the last start
    bool counts = false;      // the writes here wait for it
    bool serving = false;     // as of its last answer
    bool stuck = false;       // as of its last answer
    int64_t refused_us = 0;   // since when what it gives cannot be applied here; 0: it can
    int64_t level_us = 0;     // when this replica last had all that it has
    int64_t sure_us = INT64_MIN;  // up to when it surely had, as of the last change
    std::vector<LogId> relay;     // of the question that is under way
    EventTime settled = 0;        // of its last claim that counts
    EventTime complete = 0;
    std::optional<Claim> claim;  // that does not yet
  };

  void Ask(const Uuid& uuid, Peer* peer, const VersionVector& have, Actions* actions);
  void Pause(Peer* peer, int64_t now_us);
  void TakeResponse(const Uuid& uuid, uint64_t attempt, rpc::PullResponse response,
                    const VersionVector& have, Actions* actions);
  // The peer does not answer any more.
  void Lost(const Uuid& uuid, const VersionVector& have, Actions* actions);
  // Its log cannot be had from it any more: it is asked for elsewhere, at once.
  void AskElsewhere(const Uuid& uuid, const VersionVector& have, Actions* actions);
  void Restart(const VersionVector& have, Actions* actions);
  std::vector<LogId> RelayFrom(const Uuid& uuid, const Peer& peer, const VersionVector& have) const;
  bool CanBeAskedOf(LogId log, const Uuid& besides) const;
  // How much to ask the peer for next time.
  void FitPull(const rpc::PullResponse& response, Peer* peer) const;
  // What is still to come of a claim is on its way, even when the peer has more each time it
  // answers; unless the peer has lost it.
  static void TakeClaim(const rpc::PullResponse& response, Peer* peer);
  // Peer::sure_us as of now. heard_us: as of SureUs.
  static int64_t SureOf(const Peer& peer, const VersionVector& have, int64_t now_us,
                        int64_t heard_us);
  void UpdateLevels(const VersionVector& have, int64_t now_us);
  static void UpdateGaps(const VersionVector& have, Peer* peer);
  // Whether it could serve, but for writes that peers accept meanwhile. lacks: set when it does not
  // have all, and may in spite of that.
  bool MayServe(const VersionVector& have, bool* lacks) const;
  void UpdateServing(const VersionVector& have, int64_t now_us, Actions* actions);
  // Up to when one that does not answer is waited for.
  static int64_t PatienceEndsUs(const Peer& peer) {
    return std::max(peer.since_us, peer.asks_us) + kPatienceUs;
  }
  // Whether all that answer are stuck, and each of the others lacks something that is here.
  bool InStalemate(const VersionVector& have) const;
  // Whether this replica has what the peer had, or need not.
  bool IsLevel(const Peer& peer, const VersionVector& have) const;
  // How long it may serve without asking the peer.
  int64_t WaitedForUntil(const Peer& peer) const;
  // Whether the peer has all that is here and can only be copied.
  bool CanBeCopied(const Peer& peer, const VersionVector& have, int64_t now_us) const;
  // Whether the two can only be joined, and this replica is the one to do it.
  bool MustJoin(const Peer& peer, const VersionVector& have, int64_t now_us) const;
  // Whether it has to stop serving for one of these.
  bool MustCopy(const VersionVector& have, int64_t now_us) const;

  const LogId own_log_;
  bool anew_;
  int64_t now_us_ = 0;  // of the last step
  bool configured_ = false;
  bool serving_ = false;
  bool stalemate_ = false;
  bool ready_ = false;  // it could serve, but for writes that peers accept meanwhile
  bool fresh_ = false;  // it served until it began to look, and has missed nothing
  int64_t looked_us_ = INT64_MIN;
  uint64_t last_attempt_ = 0;
  std::map<Uuid, Peer> peers_;
};

}  // namespace vasto::replication
