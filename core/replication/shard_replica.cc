// SPDX-License-Identifier: Apache-2.0
#include "core/replication/shard_replica.h"

#include <algorithm>

#include "core/rpc/protocol_version.h"

namespace vasto::replication {
namespace {

Status NoReplica(const Uuid& store) {
  return Status::Permission("store " + store.ToString() + " has no replica of this shard");
}

Status Closing() { return Status::Unavailable("the replica is closing"); }

}  // namespace

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
    replica->EndApply();
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

ShardReplica::ShardReplica(const ShardReplicaOptions& options)
    : options_(options),
      feed_(options.shard->feed()),
      copies_(options.shard, options.pool, options.clock, options.random),
      follower_(feed_->log(), options.anew) {}

ShardReplica::~ShardReplica() { Close(); }

std::shared_ptr<ShardReplica> ShardReplica::Make(const ShardReplicaOptions& options) {
  const std::shared_ptr<ShardReplica> replica(new ShardReplica(options));
  replica->feed_->SetListener([raw = replica.get()] { raw->OnCommit(); });
  return replica;
}

void ShardReplica::Close() {
  // Whoever comes second waits for the first.
  MutexLock closing(&close_mu_);
  {
    MutexLock lock(&mu_);
    if (std::exchange(closed_, true)) return;
  }
  feed_->SetListener(nullptr);
  copies_.Close();
  shard_gate_.Close();
  std::vector<Answer> answers;
  AckTracker::Waiters waiters;
  {
    MutexLock lock(&mu_);
    for (auto& [uuid, state] : followers_) {
      if (state.parked) answers.emplace_back(std::move(state.parked->responder), Closing());
    }
    followers_.clear();
    waiters = acks_.TakeAll();
  }
  Send(&answers);
  End(waiters, false);
}

void ShardReplica::Configure(const std::vector<Uuid>& peers, size_t ahead) {
  Follower::Actions actions;
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    for (auto it = followers_.begin(); it != followers_.end();) {
      if (std::find(peers.begin(), peers.end(), it->first) != peers.end()) {
        ++it;
        continue;
      }
      if (it->second.parked) {
        answers.emplace_back(std::move(it->second.parked->responder), NoReplica(it->first));
      }
      it = followers_.erase(it);
    }
    for (size_t i = 0; i < peers.size(); ++i) {
      FollowerState& state = followers_[peers[i]];
      state.store = peers[i];
      state.ahead = i < ahead;
    }
    acks_.Configure(peers);
    waits_.store(acks_.requires_any(), std::memory_order_release);
    actions =
        follower_.Configure(peers, ahead, feed_->Positions(), options_.clock->MonotonicMicros());
    Stepped();
  }
  Send(&answers);
  Do(std::move(actions));
}

// ---- Following

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
  request.max_bytes = kDefaultPullBytes;
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

void ShardReplica::EndApply() {
  MutexLock lock(&mu_);
  --applying_;
  if (!closed_) CopyIfBehind();
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
  EndApply();
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
    if (!result.ok()) {
      GiveUp(peer, &acknowledged);
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
  if (!result.ok() && !result.Is(Code::kAlreadyExists)) {
    VASTO_LOG(options_.logger, kWarning, "changes_not_applied")
        .With("keyspace", options_.keyspace.ToString())
        .With("shard", options_.number)
        .With("from", peer.ToString())
        .With("error", result.ToString());
  }
  Follower::Actions actions;
  {
    MutexLock lock(&mu_);
    --applying_;
    if (closed_) return;
    actions = follower_.ApplyEnded(peer, attempt, result, feed_->Positions(),
                                   options_.clock->MonotonicMicros());
    Stepped();
  }
  Do(std::move(actions));
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
      .With("shard", options_.number);
  if (serving() && options_.on_serving) options_.on_serving();
  CopyIfBehind();
}

void ShardReplica::StopServing(std::vector<Answer>* answers) {
  if (!serving_.exchange(false, std::memory_order_acq_rel)) return;
  handing_over_.store(true, std::memory_order_release);
  if (!retired_) WakeAt(look_ends_us_ = options_.clock->MonotonicMicros() + kLookUs);
  for (auto& [uuid, state] : followers_) {
    if (state.parked) AnswerParked(&state, ChangeBatch{}, answers);
  }
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
    GiveUp(peer, &acknowledged);
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

bool ShardReplica::closing() const {
  MutexLock lock(&mu_);
  return closed_;
}

bool ShardReplica::IsPeer(const Uuid& store) const {
  MutexLock lock(&mu_);
  return followers_.contains(store);
}

void ShardReplica::WakeAt(int64_t monotonic_us) {
  if (monotonic_us == INT64_MAX) return;
  // A timer that comes earlier sets the next one itself.
  if (!timers_.empty() && *timers_.begin() <= monotonic_us) return;
  timers_.insert(monotonic_us);
  options_.peers->RunAt(monotonic_us, [weak = weak_from_this(), monotonic_us] {
    if (const auto self = weak.lock()) self->Tick(monotonic_us);
  });
}

void ShardReplica::Tick(int64_t timer_us) {
  Follower::Actions actions;
  std::vector<Answer> answers;
  AckTracker::Waiters expired;
  AckTracker::Waiters acknowledged;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    timers_.erase(timer_us);
    const int64_t now_us = options_.clock->MonotonicMicros();
    if (now_us >= look_ends_us_) {
      look_ends_us_ = INT64_MAX;
      if (!retired_) handing_over_.store(false, std::memory_order_release);
    }
    if (now_us >= ack_wake_us_) {
      expired = acks_.Expire(now_us);
      ack_wake_us_ = acks_.next_deadline_us();
    }
    AnswerFollowers(&answers);
    GiveUpSilent(now_us, &acknowledged);
    for (auto& [uuid, state] : followers_) {
      if (!state.parked) continue;
      if (state.parked->until_us <= now_us) {
        AnswerParked(&state, ChangeBatch{}, &answers);
      } else {
        WakeAt(state.parked->until_us);
      }
    }
    WakeAt(ack_wake_us_);
    WakeAt(look_ends_us_);
    if (!copying_) {
      actions = follower_.Tick(feed_->Positions(), now_us);
      Stepped();
    }
  }
  End(expired, false);
  End(acknowledged, true);
  Send(&answers);
  Do(std::move(actions));
}

// ---- Being followed

void ShardReplica::Pull(rpc::PullRequest request, rpc::Responder<rpc::Pull> responder) {
  std::vector<Answer> answers;
  AckTracker::Waiters acknowledged;
  Follower::Actions actions;
  {
    MutexLock lock(&mu_);
    const auto it = followers_.find(request.store);
    if (closed_ || it == followers_.end()) {
      return responder.Fail(closed_ ? Closing() : NoReplica(request.store));
    }
    VersionVector have(request.have);
    const Position own = feed_->OwnPosition();
    if (have.Of(own.log) > own.sequence) {
      return responder.Fail(Status::InvalidArgument(
          "the caller claims to have more of this replica's log than there is"));
    }
    FollowerState& state = it->second;
    if (state.parked) AnswerParked(&state, ChangeBatch{}, &answers);
    const bool moved = !state.asked || !(have == state.have);
    state.have = std::move(have);
    state.asked = true;
    state.asked_us = options_.clock->MonotonicMicros();
    state.relay = std::move(request.relay);
    state.max_bytes = request.max_bytes == 0 ? kDefaultPullBytes
                                             : std::min<size_t>(request.max_bytes, kMaxPullBytes);
    if (moved) TrimFeed();
    Acknowledge(state, request.ready, &acknowledged);
    const int64_t wait_us = std::min(int64_t{request.wait_ms} * 1000, kPullWaitUs);
    const int64_t until_us = state.asked_us + wait_us;
    state.parked.emplace(Parked{std::move(responder), until_us});
    if (wait_us == 0 || acks_.GaveUp(request.store)) {
      TryAnswer(request.store, &state, &answers);
      if (state.parked && !state.reading) AnswerParked(&state, ChangeBatch{}, &answers);
    }
    AnswerFollowers(&answers);
    if (state.parked) WakeAt(until_us);
    if (!copying_ && (wait_us == 0 || !follower_.serving())) {
      actions = follower_.Asked(request.store, acks_.Requires(request.store), feed_->Positions(),
                                state.asked_us);
      Stepped();
    }
  }
  End(acknowledged, true);
  Send(&answers);
  Do(std::move(actions));
}

void ShardReplica::OnCommit() {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    AnswerFollowers(&answers);
  }
  Send(&answers);
}

void ShardReplica::AnswerFollowers(std::vector<Answer>* answers) {
  int urgent = acks_.most_needed();
  const int64_t now_us = options_.clock->MonotonicMicros();
  for (auto& [uuid, state] : followers_) {
    if (!state.parked || state.reading) continue;
    const int64_t due_us = state.answered_us + kGatherUs;
    const bool preferred = acks_.Requires(uuid) && acks_.anybody_waits();
    if (preferred || urgent-- > 0 || due_us <= now_us) {
      TryAnswer(uuid, &state, answers);
    } else {
      WakeAt(due_us);
    }
  }
}

void ShardReplica::TryAnswer(const Uuid& uuid, FollowerState* state, std::vector<Answer>* answers) {
  if (!state->parked || state->reading || closed_) return;
  if (state->cursor == nullptr) state->cursor = std::make_shared<storage::FeedCursor>(feed_);
  auto batch = state->cursor->Read(state->have, state->relay, state->max_bytes, false);
  if (batch.status().Is(Code::kBusy)) return ReadInPool(uuid, state);
  if (batch.ok() && batch->log == 0) return;
  AnswerParked(state, std::move(batch), answers);
}

void ShardReplica::ReadInPool(const Uuid& uuid, FollowerState* state) {
  if (!shard_gate_.Enter()) return;
  state->reading = options_.pool->Submit([self = shared_from_this(), uuid, cursor = state->cursor,
                                          have = state->have, relay = state->relay,
                                          max_bytes = state->max_bytes] {
    self->EndRead(uuid, cursor, have, cursor->Read(have, relay, max_bytes, true));
    self->shard_gate_.Leave();
  });
  if (!state->reading) shard_gate_.Leave();
}

void ShardReplica::EndRead(const Uuid& uuid, const std::shared_ptr<storage::FeedCursor>& cursor,
                           const VersionVector& have, StatusOr<ChangeBatch> batch) {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    const auto it = followers_.find(uuid);
    if (it == followers_.end() || it->second.cursor != cursor) return;
    FollowerState& state = it->second;
    state.reading = false;
    const bool wanted = state.parked && state.have == have && !(batch.ok() && batch->log == 0);
    if (wanted) {
      AnswerParked(&state, std::move(batch), &answers);
    } else {
      TryAnswer(uuid, &state, &answers);
    }
  }
  Send(&answers);
}

void ShardReplica::AnswerParked(FollowerState* state, StatusOr<ChangeBatch> batch,
                                std::vector<Answer>* answers) {
  StatusOr<rpc::PullResponse> response = batch.status();
  if (batch.ok()) {
    response = MakeResponse(*state, std::move(batch).value());
  } else if (batch.status().Is(Code::kNotFound)) {
    response = MakeResponse(*state, ChangeBatch{});
    response->out_of_log = true;
    follower_.CannotGive(state->store, feed_->Positions(), options_.clock->MonotonicMicros());
  }
  if (response.ok() && response->batch.log != 0) {
    state->answered_us = options_.clock->MonotonicMicros();
  }
  answers->emplace_back(std::move(state->parked->responder), std::move(response));
  state->parked.reset();
}

rpc::PullResponse ShardReplica::MakeResponse(const FollowerState& to, ChangeBatch batch) const {
  rpc::PullResponse response;
  response.settled = feed_->settled();
  response.complete = follower_.Complete(response.settled);
  response.batch = std::move(batch);
  response.has = feed_->Positions().positions();
  response.log = feed_->log();
  response.serving = serving();
  response.waits = acks_.Requires(to.store);
  response.gave_up = acks_.GaveUp(to.store);
  response.protocol_version = rpc::kProtocolVersion;
  return response;
}

void ShardReplica::TrimFeed() {
  std::optional<VersionVector> everyone;
  for (const auto& [uuid, state] : followers_) {
    if (!state.asked) return;
    if (!everyone) {
      everyone = state.have;
      continue;
    }
    everyone->Intersect(state.have);
  }
  if (everyone) feed_->Trim(*everyone);
}

void ShardReplica::Send(std::vector<Answer>* answers) {
  for (auto& [responder, response] : *answers) responder.Finish(response);
}

void ShardReplica::TidyUp() {
  copies_.Expire();
  if (!shard_gate_.Enter()) return;
  if (const Status status = feed_->PurgeLog(); !status.ok()) {
    VASTO_LOG(options_.logger, kWarning, "log_not_purged")
        .With("keyspace", options_.keyspace.ToString())
        .With("shard", options_.number)
        .With("error", status.ToString());
  }
  shard_gate_.Leave();
}

// ---- Handing over

bool ShardReplica::Follows(const FollowerState& state, int64_t now_us) {
  return state.parked || (state.asked && now_us - state.asked_us < kFollowsUs);
}

void ShardReplica::Retire() {
  {
    MutexLock lock(&mu_);
    retired_ = true;
  }
  MoveGate();
}

bool ShardReplica::HandedOver() const {
  MutexLock lock(&mu_);
  if (closed_) return true;
  if (client_gate_ != ClientGate::kShut) return false;
  const Position own = feed_->OwnPosition();
  const int64_t now_us = options_.clock->MonotonicMicros();
  return std::all_of(followers_.begin(), followers_.end(), [&](const auto& entry) {
    return entry.second.have.Covers(own) || !Follows(entry.second, now_us);
  });
}

// ---- Acknowledgements

void ShardReplica::Acknowledge(const FollowerState& state, bool ready,
                               AckTracker::Waiters* acknowledged) {
  const Position own = feed_->OwnPosition();
  const auto add = [acknowledged](const AckTracker::Waiters& waiters) {
    acknowledged->insert(acknowledged->end(), waiters.begin(), waiters.end());
  };
  add(acks_.Advance(state.store, state.have.Of(own.log)));
  if (!ready || !state.ahead) {
    add(acks_.Release(state.store));
  } else if (!acks_.GaveUp(state.store) || state.have.Covers(own)) {
    acks_.Require(state.store);
  }
  waits_.store(acks_.requires_any(), std::memory_order_release);
}

void ShardReplica::GiveUp(const Uuid& follower, AckTracker::Waiters* acknowledged) {
  const AckTracker::Waiters waiters = acks_.GiveUp(follower);
  acknowledged->insert(acknowledged->end(), waiters.begin(), waiters.end());
  waits_.store(acks_.requires_any(), std::memory_order_release);
}

void ShardReplica::Gone(const Uuid& peer, std::vector<Answer>* answers) {
  const auto it = followers_.find(peer);
  if (it == followers_.end() || !follower_.Answers(peer)) return;
  it->second.asked_us = 0;
  // One that is there after all asks at once.
  if (it->second.parked) AnswerParked(&it->second, ChangeBatch{}, answers);
}

void ShardReplica::GiveUpSilent(int64_t now_us, AckTracker::Waiters* acknowledged) {
  if (!acks_.requires_any() || !acks_.anybody_waits()) return;
  const Position own = feed_->OwnPosition();
  for (const auto& [uuid, state] : followers_) {
    if (!acks_.Requires(uuid) || state.have.Covers(own)) continue;
    const int64_t end_us = std::max(state.asked_us, state.answered_us) + kPreferredUs;
    if (end_us > now_us) {
      WakeAt(end_us);
    } else {
      GiveUp(uuid, acknowledged);
    }
  }
}

Status ShardReplica::CheckFollowers(int others) const {
  MutexLock lock(&mu_);
  const int64_t now_us = options_.clock->MonotonicMicros();
  const auto follow =
      std::count_if(followers_.begin(), followers_.end(),
                    [now_us](const auto& entry) { return Follows(entry.second, now_us); });
  if (follow >= others) return {};
  return Status::Unavailable("the write needs " + std::to_string(others) +
                             " other replicas of the shard, of which " + std::to_string(follow) +
                             " can be reached; nothing was written");
}

bool ShardReplica::StandsIn() const {
  if (!serving()) return false;
  MutexLock lock(&mu_);
  const int64_t since_us = options_.clock->MonotonicMicros() - kGoneUs;
  for (const auto& [uuid, state] : followers_) {
    if (!state.ahead) continue;
    if (options_.peers->GoneUs(uuid) <= since_us || acks_.Requires(uuid)) return false;
  }
  return true;
}

void ShardReplica::WaitForReplicas(const Position& position, int others, int64_t deadline_us,
                                   AckWaiter* waiter) {
  bool acknowledged = others == 0;
  {
    MutexLock lock(&mu_);
    if (!closed_ && position.log == feed_->log()) {
      acknowledged = acks_.Wait(position.sequence, others, deadline_us, waiter);
      if (!acknowledged) {
        ack_wake_us_ = std::min(ack_wake_us_, deadline_us);
        if (acks_.requires_any()) WakeAt(options_.clock->MonotonicMicros() + kPreferredUs);
        return WakeAt(ack_wake_us_);
      }
    }
  }
  waiter->Ended(acknowledged);
}

void ShardReplica::End(const AckTracker::Waiters& waiters, bool acknowledged) {
  for (AckWaiter* waiter : waiters) waiter->Ended(acknowledged);
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

ReplicaState ShardReplica::State() const {
  MutexLock lock(&mu_);
  ReplicaState state;
  state.serving = serving();
  state.unreachable = follower_.unreachable();
  state.out_of_log = !follower_.out_of_log().nil();
  if (!closed_) {
    state.lag_us = follower_.LagUs(feed_->Positions(), options_.clock->MonotonicMicros());
  }
  return state;
}

}  // namespace vasto::replication
