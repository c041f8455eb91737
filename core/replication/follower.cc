// SPDX-License-Identifier: Apache-2.0
#include "core/replication/follower.h"

#include <algorithm>
#include <utility>

namespace vasto::replication {

Follower::Actions Follower::Configure(const std::vector<Uuid>& peers, size_t ahead,
                                      const VersionVector& have, int64_t now_us) {
  if (!std::exchange(configured_, true)) looked_us_ = now_us;
  now_us_ = now_us;
  std::erase_if(peers_, [&](const auto& entry) {
    return std::find(peers.begin(), peers.end(), entry.first) == peers.end();
  });
  Actions actions;
  for (size_t i = 0; i < peers.size(); ++i) {
    const Uuid& uuid = peers[i];
    const auto [it, added] = peers_.try_emplace(uuid);
    it->second.ahead = i < ahead;
    if (!added) continue;
    it->second.since_us = it->second.level_us = now_us;
    Ask(uuid, &it->second, have, &actions);
  }
  UpdateServing(have, now_us, &actions);
  return actions;
}

// ---- Whom to ask for what

bool Follower::CanBeAskedOf(LogId log, const Uuid& besides) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const auto& [uuid, peer] = entry;
    if (uuid == besides || !peer.answers || peer.out_of_log) return false;
    const bool relays = peer.phase == Phase::kPulling &&
                        std::find(peer.relay.begin(), peer.relay.end(), log) != peer.relay.end();
    return peer.log == log || relays;
  });
}

std::vector<LogId> Follower::RelayFrom(const Uuid& uuid, const Peer& peer,
                                       const VersionVector& have) const {
  std::vector<LogId> logs;
  const auto add = [&](LogId log) {
    const bool known = std::find(logs.begin(), logs.end(), log) != logs.end();
    if (log == 0 || log == own_log_ || log == peer.log || known) return;
    if (!CanBeAskedOf(log, uuid)) logs.push_back(log);
  };
  for (const Position& position : peer.has.positions()) {
    if (!have.Covers(position)) add(position.log);
  }
  // Of those that went away, more may have come to this peer than it told.
  for (const auto& [other, state] : peers_) {
    if (other != uuid && (!state.answers || state.out_of_log)) add(state.log);
  }
  return logs;
}

void Follower::Ask(const Uuid& uuid, Peer* peer, const VersionVector& have, Actions* actions) {
  if (WaitedForUntil(*peer) <= now_us_) peer->waits = false;
  // The answer to the last question comes first, and may be long in coming.
  if (peer->phase == Phase::kPulling) peer->ask_bytes = kMinAskBytes;
  peer->phase = Phase::kPulling;
  peer->asked_us = now_us_;
  peer->attempt = ++last_attempt_;
  peer->relay = RelayFrom(uuid, *peer, have);
  // Who was away says at once how it stands, and who is to wait that it does.
  const bool ready = ready_ && !peer->ahead;
  const bool wait = peer->answers && (!ready || peer->waits);
  actions->push_back(PullAction{uuid, peer->attempt, peer->relay, wait, ready, peer->ask_bytes});
}

void Follower::Pause(Peer* peer, int64_t now_us) {
  peer->phase = Phase::kPausing;
  peer->pause_us = std::clamp(2 * peer->pause_us, kMinPauseUs, kMaxPauseUs);
  peer->due_us = now_us + peer->pause_us;
}

void Follower::Lost(const Uuid& uuid, const VersionVector& have, Actions* actions) {
  Peer& peer = peers_[uuid];
  peer.sure_us = SureOf(peer, have, now_us_, 0);
  if (!std::exchange(peer.answers, false)) return;
  peer.asks_us = 0;
  peer.least_us = INT64_MAX;  // the way may be another one when it is back
  peer.out_of_log = peer.waits = peer.counts = false;
  if (fresh_ && peer.refused_us == 0) {
    peer.since_us = now_us_ - kPatienceUs;
  } else if (!have.Covers(peer.has)) {
    // It may only have been slow to answer, and what it has is known to be missing here.
    peer.since_us = now_us_;
  }
  // What another replica was given by that one since it was looked at, it may have told clients of.
  if (!serving_ || peer.ahead) return Restart(have, actions);
  AskElsewhere(uuid, have, actions);
}

void Follower::AskElsewhere(const Uuid& uuid, const VersionVector& have, Actions* actions) {
  for (auto& [other, peer] : peers_) {
    if (other == uuid || peer.phase != Phase::kPulling || !peer.answers) continue;
    if (RelayFrom(other, peer, have) != peer.relay) Ask(other, &peer, have, actions);
  }
}

// ---- What happens

Follower::Actions Follower::PullEnded(const Uuid& uuid, uint64_t attempt,
                                      StatusOr<rpc::PullResponse> result, const VersionVector& have,
                                      int64_t now_us, int64_t heard_us) {
  Actions actions;
  const auto it = peers_.find(uuid);
  if (it == peers_.end() || it->second.attempt != attempt) return actions;
  now_us_ = now_us;
  Peer& peer = it->second;
  peer.sure_us = SureOf(peer, have, now_us, 0);
  peer.tried = true;
  if (result.ok()) {
    // Answers of one connection come in their order.
    peer.has_us = std::max(peer.asked_us, heard_us);
    TakeResponse(uuid, attempt, std::move(result).value(), have, &actions);
  } else {
    Pause(&peer, now_us);
    Lost(uuid, have, &actions);
  }
  UpdateServing(have, now_us, &actions);
  return actions;
}

void Follower::TakeResponse(const Uuid& uuid, uint64_t attempt, rpc::PullResponse response,
                            const VersionVector& have, Actions* actions) {
  Peer& peer = peers_[uuid];
  const bool returned = !std::exchange(peer.answers, true);
  FitPull(response, &peer);
  peer.answered_us = now_us_;
  peer.log = response.log;
  const bool stopped = std::exchange(peer.serving, response.serving) && !peer.serving;
  peer.stuck = response.stuck;
  peer.has = VersionVector(response.has);
  TakeClaim(response, &peer);
  if (!std::exchange(peer.answered, true)) peer.first = peer.has;
  // What it accepted before it waited for this replica.
  if (response.waits && !std::exchange(peer.waits, true)) peer.first = peer.has;
  // It may have lost some of it meanwhile.
  peer.first.Intersect(peer.has);
  peer.follows = peer.has.Of(own_log_) >= std::exchange(peer.own_then, have.Of(own_log_));
  UpdateLevels(have, now_us_);
  // Clients that leave that one come here, and what they were told of there another may have.
  const bool takes_over = peer.ahead && stopped;
  // One that was not heard of answered writes without this replica.
  const bool missed = !peer.ahead && returned && peer.serving && !have.Covers(peer.has);
  if (serving_ && (takes_over || missed)) return Restart(have, actions);
  if (ready_ && response.gave_up && !stalemate_) return Restart(have, actions);
  const bool was_out_of_log = std::exchange(peer.out_of_log, response.out_of_log);
  if (peer.out_of_log) {
    if (!peer.missing_here) peer.missing_here = Gap{peer.has, now_us_};
    Pause(&peer, now_us_);
    if (!was_out_of_log) AskElsewhere(uuid, have, actions);
    return;
  }
  if (response.batch.log == 0) {
    peer.pause_us = 0;
    return Ask(uuid, &peer, have, actions);
  }
  peer.phase = Phase::kApplying;
  actions->push_back(ApplyAction{uuid, attempt, std::move(response.batch)});
}

Follower::Actions Follower::ApplyEnded(const Uuid& uuid, uint64_t attempt, const Status& result,
                                       const VersionVector& have, int64_t now_us) {
  Actions actions;
  now_us_ = now_us;
  UpdateLevels(have, now_us);
  const auto it = peers_.find(uuid);
  if (it != peers_.end() && it->second.attempt == attempt) {
    const bool refused = !result.ok() && !result.Is(Code::kAlreadyExists);
    if (!refused || it->second.refused_us == 0) it->second.refused_us = refused ? now_us : 0;
    // Who serves is to hear soon that a peer waits for it no more.
    if (!refused || (serving_ && !stalemate_)) it->second.pause_us = 0;
    if (serving_ && WaitedForUntil(it->second) <= now_us) {
      Restart(have, &actions);
    } else if (!refused) {
      Ask(uuid, &it->second, have, &actions);
    } else {
      Pause(&it->second, now_us);
    }
  }
  UpdateServing(have, now_us, &actions);
  return actions;
}

Follower::Actions Follower::Tick(const VersionVector& have, int64_t now_us) {
  now_us_ = now_us;
  const bool slow = std::any_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
    return WaitedForUntil(entry.second) <= now_us;
  });
  if (serving_ && (slow || MustCopy(have, now_us))) return Restart(have, now_us);
  Actions actions;
  for (auto& [uuid, peer] : peers_) {
    if (peer.phase == Phase::kPausing && peer.due_us <= now_us) Ask(uuid, &peer, have, &actions);
  }
  UpdateServing(have, now_us, &actions);
  return actions;
}

Follower::Actions Follower::Asked(const Uuid& uuid, bool counts, const VersionVector& have,
                                  int64_t now_us) {
  Actions actions;
  now_us_ = now_us;
  const auto it = peers_.find(uuid);
  if (it == peers_.end()) return actions;
  Peer& peer = it->second;
  peer.counts = counts;
  if (!peer.answers && peer.asks_us == 0) peer.asks_us = now_us;
  if (!peer.answers && peer.phase == Phase::kPausing) {
    peer.pause_us = 0;
    Ask(uuid, &peer, have, &actions);
  }
  UpdateServing(have, now_us, &actions);
  return actions;
}

Follower::Actions Follower::Silent(const Uuid& uuid, const VersionVector& have, int64_t now_us) {
  Actions actions;
  now_us_ = now_us;
  if (peers_.contains(uuid)) Lost(uuid, have, &actions);
  UpdateServing(have, now_us, &actions);
  return actions;
}

Follower::Actions Follower::Restart(const VersionVector& have, int64_t now_us) {
  Actions actions;
  now_us_ = now_us;
  Restart(have, &actions);
  fresh_ = false;
  UpdateServing(have, now_us, &actions);
  return actions;
}

Follower::Actions Follower::Look(const VersionVector& have, int64_t now_us) {
  Actions actions;
  now_us_ = now_us;
  Restart(have, &actions);
  UpdateServing(have, now_us, &actions);
  return actions;
}

void Follower::Restart(const VersionVector& have, Actions* actions) {
  const bool served = std::exchange(serving_, false);
  fresh_ = fresh_ || served;
  ready_ = stalemate_ = false;
  looked_us_ = now_us_;
  for (auto& [uuid, peer] : peers_) {
    if (peer.answers) peer.since_us = now_us_;
    // It served without that one, or has just lost it: there is nothing to wait for.
    if (!peer.answers && served) peer.since_us = now_us_ - kPatienceUs;
    peer.answered = peer.waits = false;
    if (!peer.answers && peer.phase == Phase::kPausing) continue;
    peer.pause_us = 0;
    Ask(uuid, &peer, have, actions);
    // The answer that counts is one from now on, soon.
    std::get<PullAction>(actions->back()).wait = false;
  }
}

int64_t Follower::next_wake_us() const {
  int64_t wake_us = INT64_MAX;
  for (const auto& [uuid, peer] : peers_) {
    if (peer.phase == Phase::kPausing) wake_us = std::min(wake_us, peer.due_us);
    if (serving_) wake_us = std::min(wake_us, WaitedForUntil(peer));
    const int64_t patience_ends_us = PatienceEndsUs(peer);
    if (!serving_ && patience_ends_us > now_us_) wake_us = std::min(wake_us, patience_ends_us);
  }
  return wake_us;
}

// ---- How it stands

void Follower::FitPull(const rpc::PullResponse& response, Peer* peer) const {
  const int64_t all_us = std::max<int64_t>(now_us_ - peer->asked_us, 0);
  const int64_t took_us = all_us - std::clamp<int64_t>(response.waited_us, 0, all_us);
  peer->least_us = std::min(peer->least_us, took_us);
  const size_t bytes = response.batch.changes.size();
  const int64_t on_its_way_us = std::max<int64_t>(took_us - peer->least_us, 1);
  const auto fits = static_cast<size_t>(static_cast<int64_t>(bytes) * kAnswerUs / on_its_way_us);
  const size_t before = peer->ask_bytes;
  if (bytes >= before / 2) {
    peer->ask_bytes = std::clamp(fits, kMinAskBytes, std::min(2 * before, kMaxAskBytes));
  } else if (on_its_way_us > kAnswerUs) {
    // It does not show how much would come in time, but that less than this does.
    peer->ask_bytes = std::max(before / 2, kMinAskBytes);
  }
}

void Follower::TakeClaim(const rpc::PullResponse& response, Peer* peer) {
  if (peer->claim && peer->has.Covers(peer->claim->has)) return;
  peer->claim = Claim{peer->has, response.settled, response.complete};
}

int64_t Follower::SureOf(const Peer& peer, const VersionVector& have, int64_t now_us,
                         int64_t heard_us) {
  if (!peer.answers || !have.Covers(peer.has)) return peer.sure_us;
  int64_t sure_us = std::max(peer.sure_us, peer.has_us);
  // A question that waits would have been answered by now, had there been something then.
  const int64_t silent_us = std::max(heard_us, now_us - kNoticedUs);
  if (peer.phase == Phase::kPulling && silent_us >= peer.asked_us) {
    sure_us = std::max(sure_us, silent_us);
  }
  return sure_us;
}

void Follower::UpdateLevels(const VersionVector& have, int64_t now_us) {
  for (auto& [uuid, peer] : peers_) {
    if (peer.answers && have.Covers(peer.has)) {
      peer.level_us = now_us;
      peer.refused_us = 0;
    }
    UpdateGaps(have, &peer);
    if (!peer.claim || !have.Covers(peer.claim->has)) continue;
    peer.settled = peer.claim->settled;
    peer.complete = peer.claim->complete;
    peer.claim.reset();
  }
}

void Follower::UpdateGaps(const VersionVector& have, Peer* peer) {
  // What the one has lost itself need not come any more.
  if (peer->missing_here) {
    peer->missing_here->until.Intersect(peer->has);
    if (have.Covers(peer->missing_here->until)) peer->missing_here.reset();
  }
  if (peer->missing_there && peer->has.Covers(peer->missing_there->until))
    peer->missing_there.reset();
}

void Follower::CannotGive(const Uuid& uuid, const VersionVector& have, int64_t now_us) {
  const auto it = peers_.find(uuid);
  if (it != peers_.end() && !it->second.missing_there) it->second.missing_there = Gap{have, now_us};
}

EventTime Follower::Complete(EventTime settled) const {
  if (!configured_) return 0;
  for (const auto& [uuid, peer] : peers_) settled = std::min(settled, peer.settled);
  return settled;
}

EventTime Follower::Agreed(EventTime settled) const {
  EventTime agreed = Complete(settled);
  for (const auto& [uuid, peer] : peers_) agreed = std::min(agreed, peer.complete);
  return agreed;
}

bool Follower::IsLevel(const Peer& peer, const VersionVector& have) const {
  if (peer.answered && have.Covers(peer.first)) return true;
  return !peer.answers && now_us_ >= PatienceEndsUs(peer);
}

bool Follower::MayServe(const VersionVector& have, bool* lacks) const {
  bool known = !anew_;
  for (const auto& [uuid, peer] : peers_) {
    const bool level = IsLevel(peer, have);
    if (!level && !peer.answers) return false;
    *lacks = *lacks || !level;
    known = known || (peer.answered && peer.serving);
  }
  return known && (!*lacks || InStalemate(have));
}

void Follower::UpdateServing(const VersionVector& have, int64_t now_us, Actions* actions) {
  now_us_ = now_us;
  if (stalemate_ && !InStalemate(have)) Restart(have, actions);
  bool lacks = false;
  if (serving_ || !configured_ || !MayServe(have, &lacks)) return;
  const bool was_ready = std::exchange(ready_, true);
  const auto waits = [now_us](const Peer& peer) {
    if (!peer.answers) return true;
    if (!peer.ahead) return peer.waits;
    return !peer.serving || peer.counts || now_us >= peer.since_us + kPatienceUs;
  };
  serving_ = std::all_of(peers_.begin(), peers_.end(),
                         [&](const auto& entry) { return waits(entry.second); });
  stalemate_ = serving_ && lacks;
  if (serving_) anew_ = fresh_ = false;
  if (was_ready) return;
  for (auto& [uuid, peer] : peers_) {
    const bool told = peer.ahead || waits(peer);
    if (peer.phase == Phase::kPulling && !told) Ask(uuid, &peer, have, actions);
  }
}

int64_t Follower::WaitedForUntil(const Peer& peer) const {
  if (!peer.waits || peer.ahead || stalemate_) return INT64_MAX;
  if (peer.refused_us != 0) return peer.refused_us + kWaitedForUs;
  return peer.phase != Phase::kPulling ? peer.answered_us + kWaitedForUs : INT64_MAX;
}

bool Follower::stuck() const {
  return std::any_of(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second.answers && entry.second.refused_us != 0;
  });
}

bool Follower::StuckWith(const Uuid& peer) const {
  const auto it = peers_.find(peer);
  return it != peers_.end() && it->second.refused_us != 0;
}

bool Follower::InStalemate(const VersionVector& have) const {
  if (anew_ || !stuck()) return false;
  return std::all_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const Peer& peer = entry.second;
    return !peer.answers || (peer.answered && peer.stuck && !peer.has.Covers(have));
  });
}

bool Follower::MustCopy(const VersionVector& have, int64_t now_us) const {
  VersionVector others = have;
  // Clients' writes come here until it stops serving; the peer gets the rest of them then.
  others.Forget(own_log_);
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const Peer& peer = entry.second;
    if (peer.follows && CanBeCopied(peer, others, now_us)) return true;
    return peer.serving && MustJoin(peer, have, now_us);
  });
}

bool Follower::CanBeCopied(const Peer& peer, const VersionVector& have, int64_t now_us) const {
  // Another peer may have in its log what this one has not any more.
  const bool for_long =
      peer.missing_here && (anew_ || peer.missing_here->since_us + kPatienceUs <= now_us);
  return peer.answers && for_long && peer.serving && peer.has.Covers(have);
}

bool Follower::MustJoin(const Peer& peer, const VersionVector& have, int64_t now_us) const {
  const auto for_long = [now_us](const std::optional<Gap>& gap) {
    return gap && gap->since_us + kPatienceUs <= now_us;
  };
  if (!peer.answers || !for_long(peer.missing_here) || !for_long(peer.missing_there)) return false;
  // Of two alike that one which clients prefer less.
  const bool this_one = peer.serving == serving_ ? peer.ahead : peer.serving;
  return this_one && !peer.has.Covers(have);
}

bool Follower::Answers(const Uuid& peer) const {
  const auto it = peers_.find(peer);
  return it != peers_.end() && it->second.answers;
}

uint32_t Follower::unreachable() const {
  return static_cast<uint32_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second.tried && !entry.second.answers;
  }));
}

int64_t Follower::LagUs(const VersionVector& have, int64_t now_us) const {
  int64_t lag_us = 0;
  for (const auto& [uuid, peer] : peers_) {
    if (!peer.answers || have.Covers(peer.has)) continue;
    lag_us = std::max(lag_us, now_us - peer.level_us);
  }
  return lag_us;
}

int64_t Follower::SureUs(const VersionVector& have, int64_t now_us,
                         const std::function<int64_t(const Uuid& peer)>& heard_us) const {
  int64_t sure_us = now_us;
  for (const auto& [uuid, peer] : peers_) {
    if (!peer.answers && !peer.ahead) continue;
    sure_us = std::min(sure_us, SureOf(peer, have, now_us, heard_us(uuid)));
  }
  return sure_us;
}

Uuid Follower::out_of_log() const {
  for (const auto& [uuid, peer] : peers_) {
    if (peer.out_of_log) return uuid;
  }
  return {};
}

CopyChoice Follower::CopyFrom(const VersionVector& have) const {
  if (serving_) return {};
  for (const auto& [uuid, peer] : peers_) {
    if (CanBeCopied(peer, have, now_us_)) return {uuid, false};
  }
  for (const auto& [uuid, peer] : peers_) {
    if (MustJoin(peer, have, now_us_)) return {uuid, true};
  }
  return {};
}

}  // namespace vasto::replication
