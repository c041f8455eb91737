// SPDX-License-Identifier: Apache-2.0
// Whom writes wait for, as ShardReplica does it.
#include <algorithm>

#include "tests/unit/replication/replication_sim.h"

namespace vasto::replication {

void ReplicationSim::Ping(size_t i, size_t k) {
  At(kPingUs, [this, i, k, life = replicas_[i].life] {
    if (replicas_[i].up && replicas_[i].life == life) Ping(i, k);
  });
  if (Lost(i, k)) return;
  At(Travel(i, k), [this, i, k] {
    if (replicas_[k].up) replicas_[k].heard[replicas_[i].uuid].pinged_us = now_us_;
  });
}

void ReplicationSim::End(const AckTracker::Waiters& waiters) {
  for (AckWaiter* waiter : waiters) waiter->Ended(true);
}

void ReplicationSim::Acknowledge(size_t i, const Parked& pull) {
  Replica& r = replicas_[i];
  Heard& heard = r.heard[pull.from];
  heard.have = pull.have;
  heard.at_us = heard.asked_us = now_us_;
  End(r.acks->Advance(pull.from, pull.have.Of(r.log)));
  const Position own{r.log, r.next - 1};
  if (!pull.ready || IndexOf(pull.from) > i) {
    End(r.acks->Release(pull.from));
  } else if (!r.acks->GaveUp(pull.from) || pull.have.Covers(own)) {
    r.acks->Require(pull.from);
  }
}

void ReplicationSim::GiveUp(size_t i, const Uuid& follower, bool gone) {
  Replica& r = replicas_[i];
  const bool knew = !r.acks->Requires(follower);
  if (!knew) ++counts_.given_up;
  const Heard& heard = r.heard[follower];
  const int64_t heard_us = std::max({heard.asked_us, heard.told_us, heard.pinged_us});
  const int64_t until_us = gone ? now_us_ : heard_us + kUnawareUs;
  const auto it = r.parked.find(follower);
  const bool parked = it != r.parked.end();
  r.acks->GiveUp(follower, until_us);
  // One that is there after all asks at once.
  if (parked && (!knew || r.follower->Answers(follower))) {
    AnswerEmpty(i, follower, it->second.number);
  }
  End(r.acks->LetGo(now_us_));
  At(std::max<int64_t>(1, until_us - now_us_), [this, i, life = r.life] {
    if (replicas_[i].up && replicas_[i].life == life) End(replicas_[i].acks->LetGo(now_us_));
  });
}

void ReplicationSim::GiveUpSilent(size_t i) {
  Replica& r = replicas_[i];
  if (!r.acks->anybody_waits()) return;
  const Position own{r.log, r.next - 1};
  for (const auto& [uuid, heard] : r.heard) {
    if (!r.acks->Requires(uuid) || heard.have.Covers(own)) continue;
    if (heard.at_us + kPreferredUs <= now_us_) {
      GiveUp(i, uuid, false);
      continue;
    }
    if (std::exchange(r.will_give_up, true)) continue;
    At(heard.at_us + kPreferredUs - now_us_, [this, i, life = r.life] {
      if (!replicas_[i].up || replicas_[i].life != life) return;
      replicas_[i].will_give_up = false;
      GiveUpSilent(i);
    });
  }
}

}  // namespace vasto::replication
