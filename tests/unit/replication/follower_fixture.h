// SPDX-License-Identifier: Apache-2.0
// Drives one Follower with the peers A and B, whose answers the test gives.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "core/replication/follower.h"

namespace vasto::replication {

inline const Uuid kA{0, 1}, kB{0, 2};
inline constexpr LogId kOwn = 100, kLogA = 1, kLogB = 2, kFormer = 3;

inline rpc::PullResponse Answer(LogId log, std::vector<Position> has, ChangeBatch batch = {}) {
  rpc::PullResponse response;
  response.log = log;
  response.has = std::move(has);
  response.batch = std::move(batch);
  return response;
}

class FollowerTest : public testing::Test {
 protected:
  // The one of the last step that counts, by peer.
  const PullAction* Pull(const Uuid& peer) const {
    const PullAction* last = nullptr;
    for (const FollowerAction& action : actions_) {
      const auto* pull = std::get_if<PullAction>(&action);
      if (pull != nullptr && pull->peer == peer) last = pull;
    }
    return last;
  }
  const ApplyAction* Applied() const {
    return actions_.empty() ? nullptr : std::get_if<ApplyAction>(&actions_[0]);
  }
  void Keep(Follower::Actions actions) {
    actions_ = std::move(actions);
    for (const FollowerAction& action : actions_) {
      if (const auto* pull = std::get_if<PullAction>(&action))
        attempts_[pull->peer] = pull->attempt;
    }
  }
  void Start() { Keep(f_.Configure({kA, kB}, ahead_, have_, now_us_)); }
  void End(const Uuid& peer, StatusOr<rpc::PullResponse> result) {
    Keep(f_.PullEnded(peer, attempts_[peer], std::move(result), have_, now_us_));
  }
  void Refuse(const Uuid& peer) {
    const Status full(Code::kNoSpace, "full");
    Keep(f_.ApplyEnded(peer, attempts_[peer], full, have_, now_us_));
  }
  void Fail(const Uuid& peer) { End(peer, Status::Unavailable("gone")); }
  void Tick(int64_t after_us) {
    now_us_ += after_us;
    Keep(f_.Tick(have_, now_us_));
  }

  size_t ahead_ = 2;  // of A and B
  Follower f_{kOwn, false};
  VersionVector have_;
  int64_t now_us_ = 1'000'000;
  Follower::Actions actions_;
  std::map<Uuid, uint64_t> attempts_;
};

}  // namespace vasto::replication
