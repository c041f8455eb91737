// SPDX-License-Identifier: Apache-2.0
#include "core/replication/ack_tracker.h"

#include <algorithm>
#include <functional>

namespace vasto::replication {

void AckTracker::Configure(const std::vector<Uuid>& followers) {
  std::map<Uuid, uint64_t> kept;
  for (const Uuid& follower : followers) kept[follower] = followers_[follower];
  followers_ = std::move(kept);
  const auto left = [this](const Uuid& uuid) { return !followers_.contains(uuid); };
  std::erase_if(required_, left);
  std::erase_if(given_up_, [&](const auto& entry) { return left(entry.first); });
}

uint64_t AckTracker::ReachedBy(int others) const {
  std::array<uint64_t, kMaxReplicas> reached{};
  size_t count = 0;
  for (const auto& [uuid, sequence] : followers_) reached.at(count++) = sequence;
  if (others < 0 || static_cast<size_t>(others) > count) return 0;
  std::sort(reached.begin(), reached.begin() + static_cast<ptrdiff_t>(count), std::greater<>());
  uint64_t sequence = others == 0 ? UINT64_MAX : reached.at(static_cast<size_t>(others) - 1);
  for (const Uuid& uuid : required_) sequence = std::min(sequence, followers_.at(uuid));
  return sequence;
}

bool AckTracker::Wait(uint64_t sequence, int others, int64_t deadline_us, AckWaiter* waiter) {
  if (ReachedBy(others) >= sequence) return true;
  waiting_.at(static_cast<size_t>(others)).push_back({sequence, deadline_us, waiter});
  return false;
}

AckTracker::Waiters AckTracker::Advance(const Uuid& follower, uint64_t sequence) {
  const auto it = followers_.find(follower);
  if (it == followers_.end() || it->second >= sequence) return {};
  it->second = sequence;
  return TakeReached();
}

void AckTracker::Require(const Uuid& follower) {
  if (!followers_.contains(follower)) return;
  given_up_.erase(follower);
  required_.insert(follower);
}

AckTracker::Waiters AckTracker::Release(const Uuid& follower) {
  given_up_.erase(follower);
  return required_.erase(follower) == 0 ? Waiters() : TakeReached();
}

void AckTracker::GiveUp(const Uuid& follower, int64_t let_go_us) {
  if (!required_.contains(follower)) return;
  int64_t& until_us = given_up_.try_emplace(follower, let_go_us).first->second;
  until_us = std::min(until_us, let_go_us);
}

AckTracker::Waiters AckTracker::LetGo(int64_t now_us) {
  size_t let_go = 0;
  for (const auto& [follower, until_us] : given_up_) {
    if (until_us <= now_us) let_go += required_.erase(follower);
  }
  return let_go == 0 ? Waiters() : TakeReached();
}

AckTracker::Waiters AckTracker::TakeReached() {
  Waiters ended;
  for (size_t others = 0; others < waiting_.size(); ++others) {
    std::deque<Waiting>& queue = waiting_.at(others);
    if (queue.empty()) continue;
    const uint64_t reached = ReachedBy(static_cast<int>(others));
    while (!queue.empty() && queue.front().sequence <= reached) {
      ended.push_back(queue.front().waiter);
      queue.pop_front();
    }
  }
  return ended;
}

AckTracker::Waiters AckTracker::Expire(int64_t now_us) {
  Waiters ended;
  for (std::deque<Waiting>& queue : waiting_) {
    std::erase_if(queue, [&](const Waiting& waiting) {
      if (waiting.deadline_us > now_us) return false;
      ended.push_back(waiting.waiter);
      return true;
    });
  }
  return ended;
}

AckTracker::Waiters AckTracker::TakeAll() { return Expire(INT64_MAX); }

bool AckTracker::anybody_waits() const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [](const auto& queue) { return !queue.empty(); });
}

int AckTracker::most_needed() const {
  for (size_t others = waiting_.size() - 1; others > 0; --others) {
    if (!waiting_.at(others).empty()) return static_cast<int>(others);
  }
  return 0;
}

int64_t AckTracker::next_deadline_us() const {
  int64_t next_us = INT64_MAX;
  for (const std::deque<Waiting>& queue : waiting_) {
    for (const Waiting& waiting : queue) next_us = std::min(next_us, waiting.deadline_us);
  }
  for (const auto& [follower, until_us] : given_up_) {
    if (required_.contains(follower)) next_us = std::min(next_us, until_us);
  }
  return next_us;
}

}  // namespace vasto::replication
