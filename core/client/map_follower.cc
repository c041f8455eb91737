// SPDX-License-Identifier: Apache-2.0
#include "core/client/map_follower.h"

#include <algorithm>

#include "core/base/backoff.h"

namespace vasto::client {
namespace {

constexpr uint32_t kLongPollMs = 30'000;
constexpr int64_t kAnswerSlackUs =
    5'000'000;  // beyond the long poll, before a master counts as away
constexpr int64_t kStoreAnswerUs = 1'000'000;
constexpr int64_t kStoreIntervalUs = 50'000;
constexpr Backoff kMasterBackoff{.first_us = 50'000, .longest_us = 1'000'000};

FollowAction Do(FollowAction::Kind kind) {
  FollowAction action;
  action.kind = kind;
  return action;
}

}  // namespace

std::vector<FollowAction> MapFollower::Step(const FollowEvent& event, int64_t now_us,
                                            Random* random) {
  Actions actions;
  switch (event.kind) {
    case FollowEvent::Kind::kStart:
    case FollowEvent::Kind::kTimer:
      AskMaster(now_us, &actions);
      break;
    case FollowEvent::Kind::kMasterAnswer:
      OnMasterAnswer(event, now_us, random, &actions);
      break;
    case FollowEvent::Kind::kStoreAnswer:
      store_asked_ = false;
      next_store_us_ = now_us + kStoreIntervalUs;
      if (event.ok && event.changed && SameCluster(event.id)) {
        actions.push_back(Do(FollowAction::Kind::kMerge));
      }
      break;
    case FollowEvent::Kind::kRefresh:
      if (!store_asked_ && now_us >= next_store_us_) AskStore(now_us, &actions);
      break;
  }
  return actions;
}

bool MapFollower::Accept(const MapId& id) {
  if (!SameCluster(id) || (has_map_ && !id.NewerThan(known_))) return false;
  has_map_ = true;
  const Uuid cluster = id.cluster.nil() ? known_.cluster : id.cluster;
  known_ = id;
  known_.cluster = cluster;
  return true;
}

void MapFollower::OnMasterAnswer(const FollowEvent& event, int64_t now_us, Random* random,
                                 Actions* actions) {
  master_asked_ = false;
  if (!event.ok) return OnMasterFailed(now_us, random, actions);
  if (event.changed && !SameCluster(event.id)) {
    actions->push_back(Do(FollowAction::Kind::kForeign));
    return OnMasterFailed(now_us, random, actions);
  }
  if (event.changed && !Accept(event.id)) {
    // The master answered at once because its map is older than ours: asking it again would spin.
    return OnMasterFailed(now_us, random, actions);
  }
  failures_ = 0;
  if (event.changed) actions->push_back(Do(FollowAction::Kind::kInstall));
  AskMaster(now_us, actions);
}

void MapFollower::OnMasterFailed(int64_t now_us, Random* random, Actions* actions) {
  master_ = (master_ + 1) % masters_;
  ++failures_;
  const auto rounds = static_cast<int>(static_cast<size_t>(failures_) / masters_);
  if (static_cast<size_t>(failures_) % masters_ != 0) return AskMaster(now_us, actions);
  FollowAction action = Do(FollowAction::Kind::kWakeAt);
  action.at_us = now_us + kMasterBackoff.PauseUs(rounds - 1, random);
  actions->push_back(action);
}

void MapFollower::AskMaster(int64_t now_us, Actions* actions) {
  if (master_asked_) return;
  master_asked_ = true;
  FollowAction action = Do(FollowAction::Kind::kAskMaster);
  action.master = master_;
  action.known = known_;
  action.wait_ms = kLongPollMs;
  action.at_us = now_us + int64_t{kLongPollMs} * 1000 + kAnswerSlackUs;
  actions->push_back(action);
}

void MapFollower::AskStore(int64_t now_us, Actions* actions) {
  store_asked_ = true;
  FollowAction action = Do(FollowAction::Kind::kAskStore);
  action.at_us = now_us + kStoreAnswerUs;
  actions->push_back(action);
}

bool MapFollower::SameCluster(const MapId& id) const {
  return id.cluster.nil() || known_.cluster.nil() || id.cluster == known_.cluster;
}

}  // namespace vasto::client
