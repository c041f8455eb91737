// SPDX-License-Identifier: Apache-2.0
#include "core/store/stand_down.h"

#include <algorithm>

#include "core/storage/feed.h"

namespace vasto::store {

StandDown::Need StandDown::Look(const storage::Shard& shard, replication::ShardReplica* replica,
                                int64_t now_us) {
  const bool well = shard.Health().ok();
  switch (phase_) {
    case Phase::kServes:
      if (!well) {
        Ask(shard, replica, now_us);
      } else {
        ill_since_us_ = next_us_ = 0;
        alone_.store(false, std::memory_order_release);
      }
      return Need::kNothing;
    case Phase::kAsks:
      TakeAnswer(replica, now_us);
      return Need::kNothing;
    case Phase::kHandsOver:
      if (!replica->HandedOver() && now_us < next_us_) return Need::kNothing;
      replica->EndHandOver();
      phase_ = Phase::kDetached;
      return Need::kDetach;
    case Phase::kDetached:
      if (!well) return Need::kNothing;
      phase_ = Phase::kReopens;
      return Need::kReopen;
    case Phase::kReopens:
      break;
  }
  return Need::kNothing;
}

void StandDown::Ask(const storage::Shard& shard, replication::ShardReplica* replica,
                    int64_t now_us) {
  if (ill_since_us_ == 0) {
    ill_since_us_ = now_us;
    next_us_ = now_us + static_cast<int64_t>(ahead_) * kTurnUs;
  }
  if (now_us < next_us_) return;
  if (!replica->CheckFollowers(1).ok()) return Stay(now_us);
  phase_ = Phase::kAsks;
  confirmation_.state.store(Confirmation::kOpen, std::memory_order_relaxed);
  replica->WaitForReplicas(shard.feed()->OwnPosition(), 1, now_us + kConfirmUs, &confirmation_);
}

void StandDown::TakeAnswer(replication::ShardReplica* replica, int64_t now_us) {
  const int answer = confirmation_.state.load(std::memory_order_acquire);
  if (answer == Confirmation::kOpen) return;
  if (answer == Confirmation::kNo) return Stay(now_us);
  alone_.store(false, std::memory_order_release);
  replica->Retire();
  phase_ = Phase::kHandsOver;
  next_us_ = now_us + kHandOverUs;
}

void StandDown::Stay(int64_t now_us) {
  alone_.store(true, std::memory_order_release);
  phase_ = Phase::kServes;
  next_us_ = now_us + kAskAgainUs;
}

}  // namespace vasto::store
