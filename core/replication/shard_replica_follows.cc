// SPDX-License-Identifier: Apache-2.0
// A replica as one that follows others.
#include <algorithm>

#include "core/replication/shard_replica.h"
#include "core/rpc/channel.h"
#include "core/rpc/protocol_version.h"

namespace vasto::replication {

// Changes of a peer on their way through the shard.
struct ShardReplica::ApplyWrite final : storage::Write {
  ApplyWrite(std::shared_ptr<ShardReplica> of, ApplyAction what)
      : replica(std::move(of)), action(std::move(what)) {
    kind = storage::WriteKind::kApply;
    applied = &action.batch;
  }
  void Done() override {
    const std::unique_ptr<ApplyWrite> self(this);
    replica->ApplyEnded(action.peer, action.attempt, outcome.status);
    replica->shard_gate_.Leave();
  }

  const std::shared_ptr<ShardReplica> replica;
  const ApplyAction action;
};

// What a former replica gives back.
struct ShardReplica::TakeBackWrite final : storage::Write {
  TakeBackWrite(std::shared_ptr<ShardReplica> of, ChangeBatch what,
                rpc::Responder<rpc::GiveBack> to)
      : replica(std::move(of)), batch(std::move(what)), responder(std::move(to)) {
    kind = storage::WriteKind::kApply;
    applied = &batch;
    late = true;
  }
  void Done() override {
    const std::unique_ptr<TakeBackWrite> self(this);
    if (outcome.status.ok() || outcome.status.Is(Code::kAlreadyExists)) {
      responder.Ok(replica->TakenBack());
    } else {
      responder.Fail(outcome.status);
    }
    replica->TookBack();
    replica->shard_gate_.Leave();
  }

  const std::shared_ptr<ShardReplica> replica;
  const ChangeBatch batch;
  rpc::Responder<rpc::GiveBack> responder;
};

// Opens the shard for clients' writes, or shuts it behind those that are under way.
struct ShardReplica::GateWrite final : storage::Write {
  GateWrite(std::shared_ptr<ShardReplica> of, bool opens) : replica(std::move(of)), open(opens) {
    kind = open ? storage::WriteKind::kUnfence : storage::WriteKind::kFence;
  }
  void Done() override {
    const std::unique_ptr<GateWrite> self(this);
    // Refused only when the shard closes.
    if (outcome.status.ok()) replica->GateMoved(open);
    replica->shard_gate_.Leave();
  }

  const std::shared_ptr<ShardReplica> replica;
  const bool open;
};

void ShardReplica::Do(Follower::Actions actions) {
  MoveGate();
  for (FollowerAction& action : actions) {
    std::visit([this](auto& a) { Do(std::move(a)); }, action);
  }
}

void ShardReplica::Do(const PullAction& action) {
  if (!shard_gate_.Enter()) return;
  rpc::PullRequest request;
  request.keyspace = options_.keyspace;
  request.shard = options_.number;
  request.store = options_.store;
  request.incarnation = options_.shard->incarnation();
  request.have = feed_->Positions().positions();
  shard_gate_.Leave();
  request.relay = action.relay;
  request.max_bytes = static_cast<uint32_t>(action.max_bytes);
  request.wait_ms = action.wait ? static_cast<uint32_t>(kPullWaitUs / 1000) : 0;
  request.ready = action.ready;
  request.protocol_version = rpc::kProtocolVersion;
  const int64_t deadline_us = options_.clock->MonotonicMicros() + kPullWaitUs + kPullSpareUs;
  options_.peers->Pull(action.peer, request, deadline_us,
                       [self = shared_from_this(), peer = action.peer,
                        attempt = action.attempt](StatusOr<rpc::PullResponse> result) {
                         self->PullEnded(peer, attempt, std::move(result));
                       });
}

void ShardReplica::Do(ApplyAction action) {
  if (BeginApply()) options_.shard->Submit(new ApplyWrite(shared_from_this(), std::move(action)));
}

bool ShardReplica::BeginApply() {
  MutexLock lock(&mu_);
  if (closed_ || copying_ || !shard_gate_.Enter()) return false;
  ++applying_;
  return true;
}

void ShardReplica::TookBack() {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    --applying_;
    // They ask for a log that they know of, and did not know of this one.
    TellFollowers(&answers);
    if (!closed_) CopyIfBehind();
  }
  Send(&answers);
}

void ShardReplica::TakeBack(rpc::GiveBackRequest request, rpc::Responder<rpc::GiveBack> responder) {
  if (IsPeer(request.store)) {
    return responder.Fail(Status::InvalidArgument("store " + request.store.ToString() +
                                                  " has a replica of this shard: it is followed"));
  }
  if (!serving() || !BeginApply()) {
    return responder.Fail(Status::Unavailable("this replica does not serve now"));
  }
  if (request.batch.log != 0) {
    return options_.shard->Submit(
        new TakeBackWrite(shared_from_this(), std::move(request.batch), std::move(responder)));
  }
  responder.Ok(TakenBack());
  TookBack();
  shard_gate_.Leave();
}

rpc::GiveBackResponse ShardReplica::TakenBack() const {
  rpc::GiveBackResponse response;
  response.has = feed_->Positions().positions();
  response.protocol_version = rpc::kProtocolVersion;
  return response;
}

void ShardReplica::PullEnded(const Uuid& peer, uint64_t attempt,
                             StatusOr<rpc::PullResponse> result) {
  const int64_t heard_us = options_.peers->HeardUs(peer);
  Follower::Actions actions;
  AckTracker::Waiters acknowledged;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_ || copying_) return;
    const auto it = followers_.find(peer);
    if (!result.ok() && it != followers_.end()) {
      GiveUp(&it->second, rpc::IsRefused(result.status()), &answers, &acknowledged);
      Gone(peer, &answers);
    }
    actions = follower_.PullEnded(peer, attempt, std::move(result), feed_->Positions(),
                                  options_.clock->MonotonicMicros(), heard_us);
    Stepped();
  }
  End(acknowledged, true);
  Send(&answers);
  Do(std::move(actions));
}

void ShardReplica::ApplyEnded(const Uuid& peer, uint64_t attempt, const Status& result) {
  Follower::Actions actions;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    --applying_;
    if (closed_) return;
    const bool was_stuck = follower_.stuck();
    const bool was_stuck_with = follower_.StuckWith(peer);
    actions = follower_.ApplyEnded(peer, attempt, result, feed_->Positions(),
                                   options_.clock->MonotonicMicros());
    Stepped();
    if (follower_.stuck() != was_stuck) TellFollowers(&answers);
    if (follower_.StuckWith(peer) != was_stuck_with) LogStuck(peer, result);
  }
  Send(&answers);
  Do(std::move(actions));
}

void ShardReplica::LogStuck(const Uuid& peer, const Status& result) {
  if (result.ok() || result.Is(Code::kAlreadyExists)) {
    VASTO_LOG(options_.logger, kInfo, "changes_applied_again")
        .With("keyspace", options_.keyspace.ToString())
        .With("shard", options_.number)
        .With("from", peer.ToString());
    return;
  }
  VASTO_LOG(options_.logger, kWarning, "changes_not_applied")
      .With("keyspace", options_.keyspace.ToString())
      .With("shard", options_.number)
      .With("from", peer.ToString())
      .With("error", result.ToString());
}

void ShardReplica::Stepped() {
  options_.shard->AllowForgetting(follower_.Agreed(feed_->settled()));
  WakeAt(follower_.next_wake_us());
  CopyIfBehind();
}

void ShardReplica::MoveGate() {
  bool open = false;
  bool moves = false;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    open = follower_.serving() && !retired_ && !copying_;
    if (!open) StopServing(&answers);
    reads_only_.store(open && follower_.stalemate(), std::memory_order_release);
    // It was left and entered in one step, as by a Resume that has nobody to look at.
    if (open && client_gate_ == ClientGate::kOpen) serving_.store(true, std::memory_order_release);
    moves = open ? client_gate_ == ClientGate::kShut : client_gate_ == ClientGate::kOpen;
    moves = moves && shard_gate_.Enter();
    if (moves) client_gate_ = open ? ClientGate::kOpening : ClientGate::kShutting;
  }
  Send(&answers);
  if (!moves) return;
  options_.shard->Submit(new GateWrite(shared_from_this(), open));
}

void ShardReplica::GateMoved(bool open) {
  MutexLock lock(&mu_);
  if (closed_) return;
  client_gate_ = open ? ClientGate::kOpen : ClientGate::kShut;
  const bool wanted = follower_.serving() && !retired_;
  if (open && wanted) handing_over_.store(false, std::memory_order_release);
  // It may have to be otherwise by now.
  if (open != wanted) WakeAt(options_.clock->MonotonicMicros());
  serving_.store(open && wanted, std::memory_order_release);
  VASTO_LOG(options_.logger, kInfo, serving() ? "replica_serves" : "replica_does_not_serve")
      .With("keyspace", options_.keyspace.ToString())
      .With("shard", options_.number)
      .With("reads_only", reads_only());
  if (serving() && options_.on_serving) options_.on_serving();
  CopyIfBehind();
}

void ShardReplica::StopServing(std::vector<Answer>* answers) {
  if (!serving_.exchange(false, std::memory_order_acq_rel)) return;
  handing_over_.store(true, std::memory_order_release);
  if (!retired_) WakeAt(look_ends_us_ = options_.clock->MonotonicMicros() + kLookUs);
  TellFollowers(answers);
}

void ShardReplica::Resume() {
  Follower::Actions actions;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_ || copying_) return;
    StopServing(&answers);
    actions = follower_.Restart(feed_->Positions(), options_.clock->MonotonicMicros());
    Stepped();
  }
  Send(&answers);
  Do(std::move(actions));
}

bool ShardReplica::LookedSince(int64_t monotonic_us) {
  if (monotonic_us <= looked_us_.load(std::memory_order_acquire)) return true;
  Follower::Actions actions;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_ || copying_ || !serving() || !follower_.serving()) return false;
    if (follower_.looked_us() >= monotonic_us) {
      looked_us_.store(follower_.looked_us(), std::memory_order_release);
      return true;
    }
    StopServing(&answers);
    actions = follower_.Look(feed_->Positions(), options_.clock->MonotonicMicros());
    Stepped();
  }
  Send(&answers);
  Do(std::move(actions));
  return false;
}

void ShardReplica::Silent(const Uuid& peer) {
  Follower::Actions actions;
  AckTracker::Waiters acknowledged;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_ || copying_) return;
    if (const auto it = followers_.find(peer); it != followers_.end()) {
      GiveUp(&it->second, false, &answers, &acknowledged);
    }
    Gone(peer, &answers);
    actions = follower_.Silent(peer, feed_->Positions(), options_.clock->MonotonicMicros());
    Stepped();
  }
  End(acknowledged, true);
  Send(&answers);
  Do(std::move(actions));
}

void ShardReplica::CopyIfBehind() {
  const CopyChoice choice = follower_.CopyFrom(feed_->Positions());
  if (choice.peer.nil() || copying_) return;
  // What is still under way must be in what the copy is held against, or joined with.
  if (client_gate_ != ClientGate::kShut || applying_ > 0) return;
  if (options_.clock->MonotonicMicros() < copy_from_us_) return WakeAt(copy_from_us_);
  copying_ = true;
  options_.on_behind(choice);
}

void ShardReplica::CopyFailed() {
  Follower::Actions actions;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    copying_ = false;
    const int64_t now_us = options_.clock->MonotonicMicros();
    copy_pause_us_ = std::clamp(2 * copy_pause_us_, kMinCopyPauseUs, kMaxCopyPauseUs);
    copy_from_us_ = now_us + copy_pause_us_;
    actions = follower_.Restart(feed_->Positions(), now_us);
    Stepped();
  }
  Do(std::move(actions));
}

bool ShardReplica::HadAllAt(int64_t monotonic_us) {
  if (monotonic_us <= sure_us_.load(std::memory_order_acquire)) return true;
  MutexLock lock(&mu_);
  if (closed_) return false;
  const int64_t sure_us =
      follower_.SureUs(feed_->Positions(), options_.clock->MonotonicMicros(),
                       [this](const Uuid& peer) { return options_.peers->HeardUs(peer); });
  if (sure_us > sure_us_.load(std::memory_order_relaxed)) {
    sure_us_.store(sure_us, std::memory_order_release);
  }
  return monotonic_us <= sure_us;
}

}  // namespace vasto::replication
