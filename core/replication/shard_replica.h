// SPDX-License-Identifier: Apache-2.0
// One replica of a replicated shard at work: follows its peers (follower.h), answers those that
// follow it, and knows which writes other replicas have (ack_tracker.h).
//
// A follower's pull that finds nothing is parked and answered by the write that comes next, on the
// thread that led it. Pulls that need the log on the disk go to the pool. A follower has one pull
// at a time; a further one replaces it, and each costs no more memory than the answer under way.
//
// Threads: any; Close once, after which nothing of this touches the shard. Lock order: the feed's
// listener, mu_, the feed or what Peers::HeardUs and GoneUs take.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/base/uuid.h"
#include "core/replication/ack_tracker.h"
#include "core/replication/copy_server.h"
#include "core/replication/follower.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/rpc/unique_function.h"
#include "core/storage/feed.h"
#include "core/storage/feed_cursor.h"
#include "core/storage/shard.h"

namespace vasto::replication {

// The way to the other stores, and to a later moment. Threads: any.
class Peers {
 public:
  using PullDone = rpc::UniqueFunction<void(StatusOr<rpc::PullResponse>)>;

  virtual ~Peers() = default;
  // done runs once, on any thread, maybe inside.
  virtual void Pull(const Uuid& store, const rpc::PullRequest& request, int64_t deadline_us,
                    PullDone done) = 0;
  // Runs fn once at the monotonic time or soon after; not any more once the store is stopping.
  virtual void RunAt(int64_t monotonic_us, std::function<void()> fn) = 0;
  // When (monotonic) the store was last asked, apart from pulls, what it has answered; 0: never.
  // Called with a lock held; must not block.
  virtual int64_t HeardUs(const Uuid& store) = 0;
  // When (monotonic) the store last asked this one something, apart from pulls, that was answered;
  // 0: never. As HeardUs.
  virtual int64_t AnsweredUs(const Uuid& store) = 0;
  // When (monotonic) the store was last asked something, to learn from its host that it does not
  // run; 0: it was not, or something else was heard since. As HeardUs.
  virtual int64_t GoneUs(const Uuid& store) = 0;
};

struct ShardReplicaOptions {
  Uuid store;  // this one
  Uuid keyspace;
  int32_t number = 0;
  // Replicated. Borrowed, like all pointers here; lives until Close.
  storage::Shard* shard = nullptr;
  bool anew = false;       // see follower.h
  Peers* peers = nullptr;  // outlive the replica
  ThreadPool* pool = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;
  const Logger* logger = nullptr;
  // Up to when (monotonic) this store knows that it has not stood still. Borrowed.
  const std::atomic<int64_t>* fresh_until_us = nullptr;
  // It has begun to serve. Called with a lock held; must not block.
  std::function<void()> on_serving;
  // What this replica lacks is in no log of that peer any more: it has to copy it. Called with a
  // lock held; must not block. Not again before CopyFailed; until then nothing comes into the
  // shard.
  std::function<void(const CopyChoice& choice)> on_behind;
};

// How a replica stands, for people.
struct ReplicaState {
  bool serving = false;
  int64_t lag_us = 0;
  uint32_t unreachable = 0;
  bool out_of_log = false;  // what it lacks is in no log any more
};

class ShardReplica final : public std::enable_shared_from_this<ShardReplica> {
 public:
  static constexpr size_t kDefaultPullBytes = 1 << 20;
  static constexpr size_t kMaxPullBytes = 4 << 20;
  // How long a pull waits at most for changes, and how much longer its answer may take.
  static constexpr int64_t kPullWaitUs = 2'000'000;
  static constexpr int64_t kPullSpareUs = 5'000'000;
  // A follower that has not asked for so long does not follow any more.
  static constexpr int64_t kFollowsUs = 1'000'000;
  // A follower that no write waits for is answered no sooner than this after its last answer: what
  // comes together meanwhile costs both sides little more than one change.
  static constexpr int64_t kGatherUs = 2000;
  // How long a write waits at most for a replica that clients prefer to this one, when it does not
  // ask for more.
  static constexpr int64_t kPreferredUs = 250'000;
  // A replica that was given up may not know it, and still serve clients, for so long after it was
  // last heard of. Longer than it takes to count this one as lost (Replicator::kSilentUs).
  static constexpr int64_t kUnawareUs = 450'000;
  // How long it is known that a store does not run.
  static constexpr int64_t kGoneUs = 500'000;
  // How long clients wait for a replica that looks at the others before it serves on.
  static constexpr int64_t kLookUs = 250'000;
  // Between two tries to copy a peer; twice as long after each.
  static constexpr int64_t kMinCopyPauseUs = 500'000;
  static constexpr int64_t kMaxCopyPauseUs = 60'000'000;

  static std::shared_ptr<ShardReplica> Make(const ShardReplicaOptions& options);
  ~ShardReplica();
  ShardReplica(const ShardReplica&) = delete;
  ShardReplica& operator=(const ShardReplica&) = delete;

  // The stores of the other replicas, see follower.h. Begins to follow those that are new.
  void Configure(const std::vector<Uuid>& peers, size_t ahead) EXCLUDES(mu_);
  // Answers a follower.
  void Pull(rpc::PullRequest request, rpc::Responder<rpc::Pull> responder) EXCLUDES(mu_);
  // Whether clients may be served whose request came at this (monotonic) time.
  bool Serves(int64_t received_us) const {
    return serving() && received_us < options_.fresh_until_us->load(std::memory_order_acquire);
  }
  // Whether this replica surely has all that those it hears had at this (monotonic) moment, and
  // those that clients prefer to it whether it hears them or not; what was on its way for some
  // milliseconds apart. Without a lock while a moment as late was asked for before.
  bool HadAllAt(int64_t monotonic_us) EXCLUDES(mu_);
  // Whether this replica, which serves, has looked at the others since this (monotonic) moment: it
  // has all then that they had confirmed to each other before. Else it does now, and does not serve
  // meanwhile. Without a lock while a moment as late was asked for before.
  bool LookedSince(int64_t monotonic_us) EXCLUDES(mu_);
  bool serving() const { return serving_.load(std::memory_order_acquire); }
  // Whether it serves though it lacks what others have, since nobody can have everything
  // (follower.h): then nothing is to be written here, even if it could be.
  bool reads_only() const { return reads_only_.load(std::memory_order_acquire); }
  // Not serving, but another replica may not have everything yet, and this one may soon serve
  // again: clients should wait.
  bool handing_over() const { return serving() || handing_over_.load(std::memory_order_acquire); }
  // kUnavailable when fewer other replicas than these follow this one now.
  Status CheckFollowers(int others) const EXCLUDES(mu_);
  // Whether writes wait for replicas that clients prefer to this one, whatever their level.
  bool WaitsForPreferred() const { return waits_.load(std::memory_order_acquire); }
  // Whether this replica may take the place of those before it in the order, for what only one may
  // do: their stores do not run. One that starts again counts on this replica before it serves, or
  // waits for it for longer (Follower::kPatienceUs) than what is known of it lasts here.
  bool StandsIn() const EXCLUDES(mu_);
  // The waiter learns when so many other replicas have this replica's log up to the position, and
  // those that clients prefer to this one and that serve or are about to; maybe inside, on any
  // thread.
  void WaitForReplicas(const Position& position, int others, int64_t deadline_us, AckWaiter* waiter)
      EXCLUDES(mu_);
  ReplicaState State() const EXCLUDES(mu_);
  // The peer's store was not heard of for a while.
  void Silent(const Uuid& peer) EXCLUDES(mu_);
  // This store stood still for a while: what the peers have must be seen before clients are served.
  void Resume() EXCLUDES(mu_);
  // Serves no clients from now on.
  void Retire() EXCLUDES(mu_);
  // Whether every peer that follows this replica has all that it accepted.
  bool HandedOver() const EXCLUDES(mu_);
  // Ends the wait of clients for that.
  void EndHandOver() { handing_over_.store(false, std::memory_order_release); }
  // Takes what a replica accepted that is none any more (give_back.h), and says what is here then.
  void TakeBack(rpc::GiveBackRequest request, rpc::Responder<rpc::GiveBack> responder)
      EXCLUDES(mu_);
  // Lets a peer copy all of this replica.
  CopyServer* copies() { return &copies_; }
  bool IsPeer(const Uuid& store) const EXCLUDES(mu_);
  // For work on the shard that Close waits for: false once it has begun; each true is paired with
  // one LeaveShard.
  [[nodiscard]] bool EnterShard() { return shard_gate_.Enter(); }
  void LeaveShard() { shard_gate_.Leave(); }
  // Close waits for what is under way: it should end soon.
  bool closing() const EXCLUDES(mu_);
  // The copy that on_behind asked for could not be made. Until then nothing else is followed: what
  // a peer is told is here, it may forget.
  void CopyFailed() EXCLUDES(mu_);
  // Deletes log files and checkpoints that nobody needs. Waits for the disk.
  void TidyUp();
  // Ends all of it; parked pulls and waiting writes end. Idempotent.
  void Close() EXCLUDES(close_mu_, mu_);

 private:
  struct Parked {
    rpc::Responder<rpc::Pull> responder;
    int64_t since_us;
    int64_t until_us;
  };
  // A replica that follows this one.
  struct FollowerState {
    Uuid store;
    VersionVector have;
    bool ahead = false;       // clients prefer it to this replica
    bool asked = false;       // have is its word
    int64_t asked_us = 0;     // when it did so last
    int64_t answered_us = 0;  // when it was given changes last
    int64_t told_us = 0;      // when it was answered at all
    std::vector<LogId> relay;
    size_t max_bytes = 0;
    std::shared_ptr<storage::FeedCursor> cursor;  // made when first needed
    bool reading = false;                         // a pool thread has the cursor
    std::optional<Parked> parked;
  };
  using Answer = std::pair<rpc::Responder<rpc::Pull>, StatusOr<rpc::PullResponse>>;
  struct ApplyWrite;
  struct TakeBackWrite;
  struct GateWrite;
  // Whether clients' writes come into the shard; between open and shut the sequencer is on its way
  // there.
  enum class ClientGate { kShut, kOpening, kOpen, kShutting };

  explicit ShardReplica(const ShardReplicaOptions& options);
  static Status NoReplica(const Uuid& store);
  static Status Closing();

  // As a follower.
  void Do(Follower::Actions actions) EXCLUDES(mu_);
  void Do(const PullAction& action) EXCLUDES(mu_);
  void Do(ApplyAction action) EXCLUDES(mu_);
  void PullEnded(const Uuid& peer, uint64_t attempt, StatusOr<rpc::PullResponse> result)
      EXCLUDES(mu_);
  void ApplyEnded(const Uuid& peer, uint64_t attempt, const Status& result) EXCLUDES(mu_);
  // Changes of the peer could not be applied, or can be again.
  void LogStuck(const Uuid& peer, const Status& result) REQUIRES(mu_);
  // Whether something may come into the shard now; each true is paired with one ApplyEnded or
  // TookBack, and one LeaveShard.
  bool BeginApply() EXCLUDES(mu_);
  void TookBack() EXCLUDES(mu_);
  rpc::GiveBackResponse TakenBack() const;
  void Stepped() REQUIRES(mu_);
  // Opens or shuts the gate for clients when it should be otherwise than it is.
  void MoveGate() EXCLUDES(mu_);
  void GateMoved(bool open) EXCLUDES(mu_);
  // Others are told at once: those that clients go to next look at the others first.
  void StopServing(std::vector<Answer>* answers) REQUIRES(mu_);
  void CopyIfBehind() REQUIRES(mu_);
  // Makes sure that a Tick comes by then.
  void WakeAt(int64_t monotonic_us) REQUIRES(mu_);
  void Tick(int64_t timer_us) EXCLUDES(mu_);

  // Whether the peer asks for changes these days.
  static bool Follows(const FollowerState& state, int64_t now_us);

  // As one that is followed.
  void OnCommit() EXCLUDES(mu_);
  // Answers all parked pulls, with what has changed here besides data.
  void TellFollowers(std::vector<Answer>* answers) REQUIRES(mu_);
  // Answers parked pulls for which there is something to say: of as many followers as a write waits
  // for at once, of the others when it is time.
  void AnswerFollowers(std::vector<Answer>* answers) REQUIRES(mu_);
  // Answers the parked pull of the follower, if there is something to say.
  void TryAnswer(const Uuid& uuid, FollowerState* state, std::vector<Answer>* answers)
      REQUIRES(mu_);
  void ReadInPool(const Uuid& uuid, FollowerState* state) REQUIRES(mu_);
  // have: what the batch was read for.
  void EndRead(const Uuid& uuid, const std::shared_ptr<storage::FeedCursor>& cursor,
               const VersionVector& have, StatusOr<ChangeBatch> batch) EXCLUDES(mu_);
  void AnswerParked(FollowerState* state, StatusOr<ChangeBatch> batch, std::vector<Answer>* answers)
      REQUIRES(mu_);
  rpc::PullResponse MakeResponse(const FollowerState& to, ChangeBatch batch) const REQUIRES(mu_);
  // What a pull says of the writes that the follower has and is to be waited for with.
  void Acknowledge(const FollowerState& state, bool ready, AckTracker::Waiters* acknowledged)
      REQUIRES(mu_);
  // Writes are not to wait for the follower any more, which it is told if it can be. As long as it
  // may serve clients without knowing, they do; unless its host says that it does not run (gone).
  void GiveUp(FollowerState* state, bool gone, std::vector<Answer>* answers,
              AckTracker::Waiters* acknowledged) REQUIRES(mu_);
  // It does not answer any more, so it does not follow either until it asks again. Before the
  // follower's step.
  void Gone(const Uuid& peer, std::vector<Answer>* answers) REQUIRES(mu_);
  // Those that have not asked for changes that are waited for.
  void GiveUpSilent(int64_t now_us, std::vector<Answer>* answers, AckTracker::Waiters* acknowledged)
      REQUIRES(mu_);
  // Those that were given up, and whose time is over.
  void LetGo(int64_t now_us, AckTracker::Waiters* acknowledged) REQUIRES(mu_);
  void TrimFeed() REQUIRES(mu_);
  static void Send(std::vector<Answer>* answers);
  static void End(const AckTracker::Waiters& waiters, bool acknowledged);

  const ShardReplicaOptions options_;
  storage::Feed* const feed_;  // borrowed; lives until Close
  Gate shard_gate_;            // uses of the shard that outlive a call
  CopyServer copies_;
  std::atomic<bool> serving_{false};
  std::atomic<bool> reads_only_{false};
  std::atomic<bool> handing_over_{false};
  std::atomic<bool> waits_{false};             // acks_.requires_any()
  std::atomic<int64_t> sure_us_{INT64_MIN};    // the latest that HadAllAt found
  std::atomic<int64_t> looked_us_{INT64_MIN};  // the latest that LookedSince found

  Mutex close_mu_;  // before mu_
  mutable Mutex mu_;
  bool closed_ GUARDED_BY(mu_) = false;
  Follower follower_ GUARDED_BY(mu_);
  AckTracker acks_ GUARDED_BY(mu_);
  std::map<Uuid, FollowerState> followers_ GUARDED_BY(mu_);
  ClientGate client_gate_ GUARDED_BY(mu_) = ClientGate::kShut;
  bool retired_ GUARDED_BY(mu_) = false;
  int64_t look_ends_us_ GUARDED_BY(mu_) = INT64_MAX;
  int applying_ GUARDED_BY(mu_) = 0;                 // peers' changes on their way into the shard
  bool copying_ GUARDED_BY(mu_) = false;             // on_behind was called
  int64_t copy_from_us_ GUARDED_BY(mu_) = 0;         // when it may be called
  int64_t copy_pause_us_ GUARDED_BY(mu_) = 0;        // the last one
  int64_t ack_wake_us_ GUARDED_BY(mu_) = INT64_MAX;  // no write's deadline is before this
  std::set<int64_t> timers_ GUARDED_BY(mu_);         // when a Tick comes; few
};

}  // namespace vasto::replication
