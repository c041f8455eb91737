// SPDX-License-Identifier: Apache-2.0
#include "core/client/shard_call.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/client/map_listener.h"

namespace vasto::client {
namespace {

// Of the words that say where a failure comes from.
constexpr std::string_view kWhere = "keyspace ";
constexpr std::string_view kStoreNote = ", store ";

uint32_t MillisLeft(int64_t deadline_us, int64_t now_us) {
  return static_cast<uint32_t>(std::clamp<int64_t>((deadline_us - now_us) / 1000, 1, INT32_MAX));
}

}  // namespace

void ShardCall::Start() {
  starting_ = true;
  if (target_.read.from == ReadFrom::kNearest) MeasureDistances();
  Run({});
}

void ShardCall::Wake() { Run({.kind = RouteEvent::Kind::kWake, .status = {}}); }

void ShardCall::Run(RouteEvent event) {
  while (true) {
    if (engine_->stopping()) {
      event = {.kind = RouteEvent::Kind::kCancel,
               .status = Status::Closed("the client was closed")};
    }
    const uint64_t seen = engine_->map_changes();
    const KeyspaceView& view = *target_.route->view();
    const int32_t shard = ShardIn(view);
    if (shard < 0) {
      event = {.kind = RouteEvent::Kind::kCancel,
               .status = Status(Code::kResizing, "the keyspace has another number of shards now")};
    }
    if (shard >= 0 && target_.session != nullptr) {
      if (Status known = target_.session->CheckShards(view.shard_count()); !known.ok()) {
        event = {.kind = RouteEvent::Kind::kCancel, .status = std::move(known)};
      }
    }
    const int64_t now_us = engine_->NowUs();
    const ShardView now = MakeShardView(*target_.route, view, shard, target_.read.from, now_us);
    // NOLINTNEXTLINE(bugprone-use-after-move): a turn that comes back has set it, or it is stopping
    RouteAction action = router_.Step(std::move(event), now, now_us, engine_->options().random);
    if (action.refresh_map) engine_->listener()->Refresh();
    switch (action.kind) {
      case RouteAction::Kind::kSend:
        if (Send(view, shard, action, now_us, &event)) return;
        break;
      case RouteAction::Kind::kWait: {
        const bool starting = std::exchange(starting_, false);
        if (engine_->Park(this, action.until_us, seen)) return;
        starting_ = starting;
        break;  // stopping: the loop cancels
      }
      case RouteAction::Kind::kFinish:
        Finish(action);
        return;
    }
  }
}

bool ShardCall::Send(const KeyspaceView& view, int32_t shard, const RouteAction& action,
                     int64_t now_us, RouteEvent* event) {
  const ShardLinks& replicas = view.shards[static_cast<size_t>(shard)];
  link_ = replicas.links[static_cast<size_t>(action.candidate)];
  behind_until_us_ = &replicas.behind_until_us[static_cast<size_t>(action.candidate)];
  turned_us_ = &replicas.turned_us[static_cast<size_t>(action.candidate)];
  pick_ = link_->PickChannel(now_us);
  if (pick_.channel == nullptr) {
    *event = {.kind = RouteEvent::Kind::kFinished,
              .status = Status::Unavailable("not sent: the address of store " +
                                            link_->uuid().ToString() + " is not known"),
              .store = link_};
    return false;
  }
  rpc::ShardRef ref;
  ref.keyspace = target_.route->uuid();
  ref.epoch = view.epoch;
  ref.shard = shard;
  ref.timeout_ms = MillisLeft(action.until_us, now_us);
  shard_ = shard;
  shard_count_ = view.shard_count();
  std::string body;
  Encode(ref, TermsOf(action, replicas, shard, now_us), &body);
  starting_ = false;
  pick_.channel->CallRaw(method(), std::move(body), action.until_us,
                         [this](StatusOr<std::string_view> reply) { OnReply(reply); });
  return true;
}

ReadChoice ShardCall::ChoiceOf(const ShardTarget& target) {
  ReadChoice choice = target.read;
  choice.in_session = target.session != nullptr;
  return choice;
}

AttemptTerms ShardCall::TermsOf(const RouteAction& action, const ShardLinks& replicas,
                                int32_t shard, int64_t now_us) {
  AttemptTerms terms;
  if (!router_.reads()) {
    sent_us_ = engine_->BootUs();
    terms.not_after = NotAfter(action.until_us - now_us);
    terms.tell_seen = target_.session != nullptr;
    terms.stand_in = action.stand_in;
    terms.clock_floor = clock_floor_;
    return terms;
  }
  if (action.bounded) terms.bound.emplace().max_staleness_ms = target_.read.max_staleness_ms;
  if (target_.session != nullptr) {
    if (!terms.bound) terms.bound.emplace();
    terms.bound->needs = target_.session->Needs(shard);
    terms.bound->tell_seen = true;
  }
  if (action.instead) {
    if (!terms.bound) terms.bound.emplace();
    const int64_t turned_us = replicas.TurnedFrom(action.candidate, now_us);
    terms.bound->turned_us = static_cast<uint64_t>(std::max<int64_t>(0, now_us - turned_us));
  }
  return terms;
}

Status ShardCall::Saw(const rpc::Seen& seen) {
  if (target_.session == nullptr) return {};
  if (!seen) {
    return Status::NotSupported(
        "the store knows nothing of sessions: run the same version of vasto there as here");
  }
  target_.session->Add(shard_, shard_count_, *seen);
  return {};
}

void ShardCall::OnReply(const StatusOr<std::string_view>& reply) {
  CallbackScope scope;
  RouteEvent event;
  event.kind = RouteEvent::Kind::kFinished;
  event.store = link_;
  if (reply.ok()) {
    link_->OnReached();
    event.from_peer = true;
    event.status = Decode(*reply);
    if (event.status.ok()) {
      // Looked at first: a line that all threads read is not written to without need.
      if (turned_us_->load(std::memory_order_relaxed) != 0) {
        turned_us_->store(0, std::memory_order_relaxed);
      }
      return End(Status::Ok());
    }
  } else {
    event.status = reply.status();
  }
  if (event.from_peer && IsBehind(event.status)) {
    behind_until_us_->store(engine_->NowUs() + ShardLinks::kBehindUs, std::memory_order_relaxed);
  }
  const Outcome outcome = ClassifyOutcome(event.status, event.from_peer);
  const bool unreached = outcome == Outcome::kNotSent || outcome == Outcome::kLost;
  if (unreached && !event.from_peer) engine_->OnUnreachable(link_, pick_, event.status);
  if (outcome == Outcome::kLost && !router_.reads()) {
    InDoubt(GivenBy(sent_us_));
    clock_floor_ = std::max(clock_floor_, GivenBy(engine_->BootUs()));
  }
  Run(std::move(event));
}

void ShardCall::MeasureDistances() {
  const KeyspaceView& view = *target_.route->view();
  const int32_t shard = ShardIn(view);
  if (shard < 0) return;
  const int64_t now_us = engine_->NowUs();
  const ShardLinks& replicas = view.shards[static_cast<size_t>(shard)];
  for (int i = 0; i < replicas.count; ++i) {
    StoreLink* const link = replicas.links[static_cast<size_t>(i)];
    if (link->DistanceUs(now_us) != 0 && link->ClaimMeasurement(now_us)) engine_->Measure(link);
  }
}

void ShardCall::Finish(const RouteAction& action) {
  const Status& status = action.status;
  const StoreLink* const store = action.store != nullptr ? action.store : link_;
  std::string where = std::string(kWhere) + target_.route->name();
  const KeyspaceView& view = *target_.route->view();
  const int32_t shard = ShardIn(view);
  if (shard >= 0) where += ", shard " + std::to_string(shard);
  if (store != nullptr) where.append(kStoreNote).append(store->address());
  if (starting_) return engine_->Defer([this, end = status.Prefixed(where)] { End(end); });
  End(status.Prefixed(where));
}

EventTime ShardCall::GivenBy(int64_t boot_us) const {
  EventTime latest = link_->clock()->At(boot_us);
  const KeyspaceView& view = *target_.route->view();
  const int32_t shard = ShardIn(view);
  // What only others show may be behind what this store has given.
  if (latest == 0 || shard < 0) return latest;
  const ShardLinks& replicas = view.shards[static_cast<size_t>(shard)];
  for (int i = 0; i < replicas.count; ++i) {
    latest = std::max(latest, replicas.links[static_cast<size_t>(i)]->clock()->At(boot_us));
  }
  return latest;
}

EventTime ShardCall::NotAfter(int64_t duration_us) const {
  const EventTime now = link_->clock()->At(sent_us_);
  if (now != 0) return now + MakeEventTime(duration_us);
  return MakeEventTime(engine_->WallUs() + StoreClock::kAssumedSkewUs + duration_us);
}

int32_t ShardCall::ShardIn(const KeyspaceView& view) const {
  if (target_.shard < 0) return JumpConsistentHash(target_.hash, view.shard_count());
  return view.shard_count() == target_.shard_count ? target_.shard : -1;
}

std::string_view StoreOf(std::string_view message) {
  // As ShardCall::Finish writes it.
  const size_t note = message.find(kStoreNote);
  if (!message.starts_with(kWhere) || note == std::string_view::npos) return {};
  const std::string_view store = message.substr(note + kStoreNote.size());
  return store.substr(0, store.find(": "));
}

}  // namespace vasto::client
