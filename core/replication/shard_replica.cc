// SPDX-License-Identifier: Apache-2.0
// A replica's life, and how it stands.
#include "core/replication/shard_replica.h"

#include <algorithm>

namespace vasto::replication {

Status ShardReplica::NoReplica(const Uuid& store) {
  return Status::Permission("store " + store.ToString() + " has no replica of this shard");
}

Status ShardReplica::Closing() { return Status::Unavailable("the replica is closing"); }

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
      LetGo(now_us, &acknowledged);
    }
    AnswerFollowers(&answers);
    GiveUpSilent(now_us, &answers, &acknowledged);
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
