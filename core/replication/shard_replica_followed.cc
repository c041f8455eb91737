// SPDX-License-Identifier: Apache-2.0
// A replica as one that others follow, and the writes that wait for them.
#include <algorithm>

#include "core/replication/shard_replica.h"
#include "core/rpc/protocol_version.h"

namespace vasto::replication {

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
    state.parked.emplace(Parked{std::move(responder), state.asked_us, until_us});
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

void ShardReplica::TellFollowers(std::vector<Answer>* answers) {
  for (auto& [uuid, state] : followers_) {
    if (state.parked) AnswerParked(&state, ChangeBatch{}, answers);
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
  const int64_t now_us = options_.clock->MonotonicMicros();
  if (response.ok()) {
    response->waited_us = now_us - state->parked->since_us;
    if (response->batch.log != 0) state->answered_us = now_us;
  }
  state->told_us = now_us;
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
  response.stuck = follower_.stuck();
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

bool ShardReplica::Follows(const FollowerState& state, int64_t now_us) {
  return state.parked || (state.asked && now_us - state.asked_us < kFollowsUs);
}

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

void ShardReplica::GiveUp(FollowerState* state, bool gone, std::vector<Answer>* answers,
                          AckTracker::Waiters* acknowledged) {
  const int64_t now_us = options_.clock->MonotonicMicros();
  const int64_t heard_us =
      std::max({state->asked_us, state->told_us, options_.peers->AnsweredUs(state->store)});
  const bool required = acks_.Requires(state->store);
  acks_.GiveUp(state->store, gone ? now_us : heard_us + kUnawareUs);
  if (required && state->parked) AnswerParked(state, ChangeBatch{}, answers);
  LetGo(now_us, acknowledged);
}

void ShardReplica::LetGo(int64_t now_us, AckTracker::Waiters* acknowledged) {
  const AckTracker::Waiters waiters = acks_.LetGo(now_us);
  acknowledged->insert(acknowledged->end(), waiters.begin(), waiters.end());
  waits_.store(acks_.requires_any(), std::memory_order_release);
  WakeAt(ack_wake_us_ = acks_.next_deadline_us());
}

void ShardReplica::Gone(const Uuid& peer, std::vector<Answer>* answers) {
  const auto it = followers_.find(peer);
  if (it == followers_.end() || !follower_.Answers(peer)) return;
  it->second.asked_us = 0;
  // One that is there after all asks at once.
  if (it->second.parked) AnswerParked(&it->second, ChangeBatch{}, answers);
}

void ShardReplica::GiveUpSilent(int64_t now_us, std::vector<Answer>* answers,
                                AckTracker::Waiters* acknowledged) {
  if (!acks_.requires_any() || !acks_.anybody_waits()) return;
  const Position own = feed_->OwnPosition();
  for (auto& [uuid, state] : followers_) {
    if (!acks_.Requires(uuid) || state.have.Covers(own)) continue;
    const int64_t end_us = std::max(state.asked_us, state.answered_us) + kPreferredUs;
    if (end_us > now_us) {
      WakeAt(end_us);
    } else {
      GiveUp(&state, false, answers, acknowledged);
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

}  // namespace vasto::replication
