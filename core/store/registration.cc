// SPDX-License-Identifier: Apache-2.0
#include "core/store/registration.h"

#include <algorithm>
#include <utility>

#include "core/base/backoff.h"

namespace vasto::store {

Registration::Registration(std::vector<std::string> masters, Random* random)
    : masters_(std::move(masters)), random_(random) {}

int64_t Registration::next_wake_us() const { return wake_us_; }

std::vector<Registration::Wish> Registration::Start(int64_t now_us) { return TryNext(now_us); }

std::vector<Registration::Wish> Registration::TryNext(int64_t now_us) {
  phase_ = Phase::kRegistering;
  heartbeat_pending_ = false;
  wake_us_ = now_us + kRegisterTimeoutUs;
  look_us_ = INT64_MAX;
  return {{Wish::Kind::kRegister, ++attempt_, masters_[current()]}};
}

std::vector<Registration::Wish> Registration::GiveUp(int64_t now_us, bool refused) {
  std::vector<Wish> wishes{{Wish::Kind::kHangUp, attempt_, {}}};
  ++next_master_;
  ++failed_in_row_;
  if (!refused && failed_in_row_ % masters_.size() != 0) {
    for (Wish& wish : TryNext(now_us)) wishes.push_back(std::move(wish));
    return wishes;
  }
  phase_ = Phase::kPausing;
  wake_us_ = now_us + Jittered(refused ? kRefusedPauseUs : pause_us_, random_);
  pause_us_ = std::min(pause_us_ * 2, kMaxPauseUs);
  return wishes;
}

std::vector<Registration::Wish> Registration::Tick(int64_t now_us) {
  if (now_us < wake_us_) return {};
  switch (phase_) {
    case Phase::kStopped:
      return {};
    case Phase::kPausing:
      return TryNext(now_us);
    case Phase::kRegistering:
      return GiveUp(now_us, false);
    case Phase::kRegistered:
      break;
  }
  if (heartbeat_pending_) return GiveUp(now_us, false);
  heartbeat_pending_ = true;
  heartbeat_sent_us_ = now_us;
  wake_us_ = now_us + kHeartbeatTimeoutUs;
  std::vector<Wish> wishes{{Wish::Kind::kHeartbeat, attempt_, {}}};
  if (now_us >= look_us_) {
    look_us_ = INT64_MAX;
    probed_ = (probed_ + 1) % current();
    wishes.push_back({Wish::Kind::kProbe, attempt_, masters_[probed_]});
  }
  return wishes;
}

std::vector<Registration::Wish> Registration::Registered(uint64_t attempt, const Status& result,
                                                         int64_t now_us) {
  if (attempt != attempt_ || phase_ != Phase::kRegistering) return {};
  if (!result.ok()) {
    const bool unreachable = result.retryable() || result.Is(Code::kCancelled);
    return GiveUp(now_us, !unreachable);
  }
  phase_ = Phase::kRegistered;
  failed_in_row_ = 0;
  pause_us_ = kMinPauseUs;
  if (current() == 0) look_pause_us_ = kMinLookUs;
  if (current() != 0) look_us_ = now_us + look_pause_us_;
  // The first heartbeat brings the replicas' statistics, so it does not wait.
  wake_us_ = now_us;
  return {};
}

std::vector<Registration::Wish> Registration::HeartbeatDone(uint64_t attempt, const Status& result,
                                                            int64_t now_us) {
  if (attempt != attempt_ || phase_ != Phase::kRegistered || !heartbeat_pending_) return {};
  heartbeat_pending_ = false;
  if (result.ok()) {
    wake_us_ = std::max(now_us, heartbeat_sent_us_ + kHeartbeatUs);
    return {};
  }
  if (!result.Is(Code::kNotFound)) return GiveUp(now_us, false);
  std::vector<Wish> wishes{{Wish::Kind::kHangUp, attempt_, {}}};
  for (Wish& wish : TryNext(now_us)) wishes.push_back(std::move(wish));
  return wishes;
}

std::vector<Registration::Wish> Registration::Probed(uint64_t attempt, bool there, int64_t now_us) {
  if (attempt != attempt_ || phase_ != Phase::kRegistered || look_us_ != INT64_MAX) return {};
  if (!there) {
    look_us_ = now_us + look_pause_us_;
    return {};
  }
  look_pause_us_ = std::min(2 * look_pause_us_, kMaxLookUs);
  next_master_ = probed_;
  std::vector<Wish> wishes{{Wish::Kind::kHangUp, attempt_, {}}};
  for (Wish& wish : TryNext(now_us)) wishes.push_back(std::move(wish));
  return wishes;
}

std::vector<Registration::Wish> Registration::Lost(uint64_t attempt, int64_t now_us) {
  if (attempt != attempt_) return {};
  if (phase_ != Phase::kRegistered && phase_ != Phase::kRegistering) return {};
  return GiveUp(now_us, false);
}

}  // namespace vasto::store
