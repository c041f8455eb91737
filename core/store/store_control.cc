// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_control.h"

#include <algorithm>
#include <utility>

#include "core/rpc/protocol_version.h"

namespace vasto::store {
namespace {

bool SameContent(const KeyspaceDescriptor& a, const KeyspaceDescriptor& b) {
  // Incarnations are filled in after the shards were made, without a new epoch.
  const auto plain = [](KeyspaceDescriptor d) {
    for (ShardReplicas& shard : d.shards) {
      for (Replica& replica : shard.replicas) replica.incarnation = 0;
    }
    return d;
  };
  return plain(a) == plain(b);
}

Status CheckDescriptor(const KeyspaceDescriptor& d) {
  if (d.uuid.nil()) return Status::InvalidArgument("the descriptor has no uuid");
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(d.name));
  if (d.deleted()) return {};
  if (d.epoch == 0) return Status::InvalidArgument("keyspace " + d.name + ": epoch 0");
  if (d.shards.empty() || d.shard_count() > kMaxShards) {
    return Status::InvalidArgument("keyspace " + d.name + ": " + std::to_string(d.shard_count()) +
                                   " shards; 1 to " + std::to_string(kMaxShards) + " are allowed");
  }
  const auto sound = [](size_t replicas) { return replicas >= 1 && replicas <= kMaxReplicas; };
  const bool all_sound =
      std::all_of(d.shards.begin(), d.shards.end(),
                  [&](const ShardReplicas& shard) { return sound(shard.replicas.size()); });
  if (!all_sound || !sound(static_cast<size_t>(d.replica_count))) {
    return Status::InvalidArgument("keyspace " + d.name + ": 1 to " + std::to_string(kMaxReplicas) +
                                   " replicas of each shard are allowed");
  }
  return {};
}

}  // namespace

StoreControl::StoreControl(StoreIdentity identity, std::vector<KeyspaceDescriptor> descriptors,
                           std::vector<std::string> masters, Random* random)
    : identity_(identity), registration_(masters, random), has_masters_(!masters.empty()) {
  for (KeyspaceDescriptor& descriptor : descriptors) {
    const Uuid uuid = descriptor.uuid;
    keyspaces_[uuid].installed = std::move(descriptor);
  }
}

std::vector<Action> StoreControl::Step(const Event& event, int64_t now_us) {
  now_us_ = now_us;
  actions_.clear();
  std::visit([this](const auto& e) { On(e); }, event);
  return std::exchange(actions_, {});
}

int64_t StoreControl::next_wake_us() const {
  return std::min(registration_.next_wake_us(), next_sweep_us_);
}

std::vector<KeyspaceDescriptor> StoreControl::Descriptors() const {
  std::vector<KeyspaceDescriptor> all;
  for (const auto& [uuid, keyspace] : keyspaces_) {
    if (keyspace.installed) all.push_back(*keyspace.installed);
  }
  return all;
}

// ---- Start and time

void StoreControl::On(const StartEvent& event) {
  SweepTombstones(event.wall_us);
  for (auto& [uuid, keyspace] : keyspaces_) {
    const KeyspaceDescriptor& descriptor = *keyspace.installed;
    Do(PublishAction{descriptor});
    if (descriptor.deleted()) {
      Do(DropShardsAction{uuid, {}});
      continue;
    }
    std::vector<int32_t> shards = descriptor.ShardsOn(identity_.store);
    if (shards.empty()) continue;
    for (const int32_t shard : shards) keyspace.shards[shard];
    keyspace.opening_at_start = true;
    ++opening_at_start_;
    Do(OpenShardsAction{descriptor, std::move(shards), true});
  }
  if (opening_at_start_ == 0) Do(ReadyToServeAction{});
}

void StoreControl::On(const ServingEvent& event) {
  info_ = event.info;
  // Those that it had left, and not given back, when it stopped.
  for (const auto& [uuid, keyspace] : keyspaces_) {
    if (keyspace.installed && !keyspace.installed->deleted()) {
      Do(LeaveShardsAction{*keyspace.installed, {}});
    }
  }
  if (has_masters_) Follow(registration_.Start(now_us_));
}

void StoreControl::On(const TickEvent& event) {
  if (now_us_ >= next_sweep_us_) SweepTombstones(event.wall_us);
  Follow(registration_.Tick(now_us_));
}

void StoreControl::SweepTombstones(int64_t wall_us) {
  next_sweep_us_ = now_us_ + kTombstoneSweepUs;
  for (auto it = keyspaces_.begin(); it != keyspaces_.end();) {
    const Keyspace& keyspace = it->second;
    const bool old = keyspace.installed && keyspace.installed->deleted() &&
                     keyspace.installed->deleted_at_us + kTombstoneKeepUs < wall_us;
    if (old && !keyspace.change) {
      Do(DropShardsAction{it->first, {}});
      Do(ForgetDescriptorAction{it->first});
      it = keyspaces_.erase(it);
    } else {
      ++it;
    }
  }
}

// ---- The master

void StoreControl::Follow(const std::vector<Registration::Wish>& wishes) {
  for (const Registration::Wish& wish : wishes) {
    switch (wish.kind) {
      case Registration::Wish::Kind::kRegister:
        Do(RegisterAction{wish.attempt, wish.master, MakeRegisterRequest()});
        break;
      case Registration::Wish::Kind::kHeartbeat:
        Do(HeartbeatAction{wish.attempt, identity_.max_term});
        break;
      case Registration::Wish::Kind::kProbe:
        Do(ProbeAction{wish.attempt, wish.master});
        break;
      case Registration::Wish::Kind::kHangUp:
        Do(HangUpAction{wish.attempt});
        break;
    }
  }
}

rpc::RegisterStoreRequest StoreControl::MakeRegisterRequest() const {
  rpc::RegisterStoreRequest request;
  request.cluster = identity_.cluster;
  request.max_term = identity_.max_term;
  request.store = info_;
  request.descriptors = Descriptors();
  request.protocol_version = rpc::kProtocolVersion;
  return request;
}

bool StoreControl::IdentityIs(const StoreIdentity& wanted, const Event& event) {
  if (wanted == identity_) return true;
  parked_.push_back(event);
  if (!persisting_) {
    persisting_ = wanted;
    Do(PersistIdentityAction{wanted});
  }
  return false;
}

void StoreControl::On(const IdentityPersistedEvent& event) {
  if (!persisting_) return;
  if (event.result.ok()) identity_ = *persisting_;
  persisting_.reset();
  for (Event& parked : std::exchange(parked_, {})) {
    if (event.result.ok()) {
      std::visit([this](const auto& e) { On(e); }, parked);
    } else if (const auto* answer = std::get_if<RegisterAnswerEvent>(&parked)) {
      On(RegisterAnswerEvent{answer->attempt, event.result});
    } else if (const auto* install = std::get_if<InstallEvent>(&parked)) {
      Do(AnswerInstallAction{install->call, event.result});
    } else if (const auto* compact = std::get_if<CompactEvent>(&parked)) {
      Do(CompactAction{compact->call, compact->request.keyspace, event.result});
    }
  }
}

void StoreControl::On(const RegisterAnswerEvent& event) {
  if (event.attempt != registration_.attempt()) return;
  Status result = event.result.ok() ? Status::Ok() : event.result.status();
  if (event.result.ok()) {
    const rpc::RegisterStoreResponse& answer = *event.result;
    StoreIdentity wanted = identity_;
    if (Status speaks = rpc::CheckProtocolVersion("the master", answer.protocol_version);
        !speaks.ok()) {
      result = std::move(speaks);
    } else if (answer.cluster.nil() || answer.term < identity_.max_term) {
      result = Status::Internal("the master's answer has no cluster or an old term");
    } else if (!identity_.cluster.nil() && answer.cluster != identity_.cluster) {
      result =
          Status::Permission("the master serves cluster " + answer.cluster.ToString() +
                             ", this store belongs to cluster " + identity_.cluster.ToString());
    } else {
      wanted.cluster = answer.cluster;
      wanted.max_term = answer.term;
      if (!IdentityIs(wanted, event)) return;
    }
  }
  const auto wishes = registration_.Registered(event.attempt, result, now_us_);
  if (result.ok() || result.code() != told_) Do(RegistrationAction{event.attempt, result});
  told_ = result.code();
  Follow(wishes);
}

void StoreControl::On(const HeartbeatAnswerEvent& event) {
  Follow(registration_.HeartbeatDone(event.attempt, event.result, now_us_));
}

void StoreControl::On(const MasterLostEvent& event) {
  Follow(registration_.Lost(event.attempt, now_us_));
}

void StoreControl::On(const ProbedEvent& event) {
  Follow(registration_.Probed(event.attempt, event.there, now_us_));
}

// ---- Keyspaces

void StoreControl::On(const InstallEvent& event) {
  const rpc::InstallKeyspaceRequest& request = event.request;
  if (request.term < identity_.max_term) {
    Do(AnswerInstallAction{event.call, Status::Permission("term " + std::to_string(request.term) +
                                                          " is over; this store follows term " +
                                                          std::to_string(identity_.max_term))});
    return;
  }
  if (const Status valid = CheckDescriptor(request.descriptor); !valid.ok()) {
    Do(AnswerInstallAction{event.call, valid});
    return;
  }
  StoreIdentity wanted = identity_;
  wanted.max_term = request.term;
  if (!IdentityIs(wanted, event)) return;

  Keyspace& keyspace = keyspaces_[request.descriptor.uuid];
  if (keyspace.opening_at_start || keyspace.change) {
    if (keyspace.change && SameContent(keyspace.change->descriptor, request.descriptor)) {
      keyspace.change->calls.push_back(event.call);
    } else {
      keyspace.waiting.push_back(event);
    }
    return;
  }
  BeginChange(&keyspace, event);
}

StoreControl::Verdict StoreControl::Compare(const Keyspace& keyspace,
                                            const KeyspaceDescriptor& incoming, Status* why) const {
  if (!keyspace.installed) return Verdict::kNew;
  const KeyspaceDescriptor& mine = *keyspace.installed;
  if (mine.deleted()) {
    if (incoming.deleted()) return Verdict::kSame;
    *why =
        Status::StaleWrite("keyspace " + mine.name + " (" + mine.uuid.ToString() + ") was deleted");
    return Verdict::kRefused;
  }
  // A deletion is final, so it needs no epoch to win.
  if (incoming.deleted() || incoming.epoch > mine.epoch) return Verdict::kNew;
  if (incoming.epoch < mine.epoch) {
    *why =
        Status::StaleWrite("keyspace " + mine.name + ": epoch " + std::to_string(incoming.epoch) +
                           " is older than epoch " + std::to_string(mine.epoch) + " of this store");
    return Verdict::kRefused;
  }
  if (incoming == mine) return Verdict::kSame;
  if (SameContent(incoming, mine)) return Verdict::kNew;
  *why =
      Status::InvalidArgument("keyspace " + mine.name + ": two different descriptors with epoch " +
                              std::to_string(mine.epoch));
  return Verdict::kRefused;
}

void StoreControl::BeginChange(Keyspace* keyspace, const InstallEvent& event) {
  const KeyspaceDescriptor& incoming = event.request.descriptor;
  Status why;
  switch (Compare(*keyspace, incoming, &why)) {
    case Verdict::kRefused:
      Do(AnswerInstallAction{event.call, why});
      return;
    case Verdict::kSame:
      Do(AnswerInstallAction{event.call, MakeInstallResponse(*keyspace)});
      return;
    case Verdict::kNew:
      break;
  }
  Change change;
  change.descriptor = incoming;
  change.calls.push_back(event.call);
  for (const int32_t shard : incoming.ShardsOn(identity_.store)) {
    if (!keyspace->shards.contains(shard)) change.made.push_back(shard);
  }
  keyspace->change = std::move(change);
  const Change& begun = *keyspace->change;
  if (begun.made.empty()) {
    PersistChange(keyspace);
  } else {
    Do(OpenShardsAction{begun.descriptor, begun.made, false});
  }
}

void StoreControl::On(const ShardsOpenedEvent& event) {
  const auto it = keyspaces_.find(event.keyspace);
  if (it == keyspaces_.end()) return;
  Keyspace& keyspace = it->second;
  Status failure;
  for (const ShardOutcome& outcome : event.shards) {
    if (!outcome.status.ok() && failure.ok()) {
      failure = outcome.status.Prefixed("shard " + std::to_string(outcome.shard));
    }
    if (outcome.status.ok()) keyspace.shards[outcome.shard] = {true, outcome.incarnation};
  }
  if (keyspace.opening_at_start) {
    // One shard that cannot be opened is that shard's trouble alone.
    keyspace.opening_at_start = false;
    Do(PublishAction{*keyspace.installed});
    if (--opening_at_start_ == 0) Do(ReadyToServeAction{});
    TakeWaiting(event.keyspace);
    return;
  }
  if (event.reopened) {
    if (keyspace.installed && !keyspace.installed->deleted()) {
      Do(PublishAction{*keyspace.installed});
    }
    return;
  }
  if (!keyspace.change) return;
  failure.ok() ? PersistChange(&keyspace) : FailChange(&keyspace, failure);
}

void StoreControl::On(const ReopenEvent& event) {
  const auto it = keyspaces_.find(event.keyspace);
  // A shard that is about to go, or has gone, needs nothing.
  if (it == keyspaces_.end() || !it->second.installed || it->second.installed->deleted()) return;
  if (!it->second.shards.contains(event.shard)) return;
  Do(ReopenShardAction{*it->second.installed, event.shard});
}

void StoreControl::PersistChange(Keyspace* keyspace) {
  keyspace->change->persisting = true;
  Do(PersistDescriptorAction{keyspace->change->descriptor});
}

void StoreControl::On(const DescriptorPersistedEvent& event) {
  const auto it = keyspaces_.find(event.keyspace);
  if (it == keyspaces_.end() || !it->second.change || !it->second.change->persisting) return;
  event.result.ok() ? FinishChange(&it->second) : FailChange(&it->second, event.result);
}

void StoreControl::FailChange(Keyspace* keyspace, const Status& why) {
  const Change change = std::move(*keyspace->change);
  keyspace->change.reset();
  for (const int32_t shard : change.made) keyspace->shards.erase(shard);
  if (!change.made.empty()) Do(CloseShardsAction{change.descriptor.uuid, change.made});
  for (const uint64_t call : change.calls) {
    Do(AnswerInstallAction{call, why.Prefixed("keyspace " + change.descriptor.name)});
  }
  TakeWaiting(change.descriptor.uuid);
}

void StoreControl::FinishChange(Keyspace* keyspace) {
  Change change = std::move(*keyspace->change);
  keyspace->change.reset();
  keyspace->installed = std::move(change.descriptor);
  const KeyspaceDescriptor& descriptor = *keyspace->installed;
  Do(PublishAction{descriptor});

  std::vector<int32_t> dropped;
  std::erase_if(keyspace->shards, [&](const auto& entry) {
    const bool gone = descriptor.deleted() || !descriptor.Hosts(identity_.store, entry.first);
    if (gone) dropped.push_back(entry.first);
    return gone;
  });
  if (descriptor.deleted()) {
    Do(DropShardsAction{descriptor.uuid, {}});
  } else if (!dropped.empty()) {
    Do(LeaveShardsAction{descriptor, std::move(dropped)});
  }
  for (const uint64_t call : change.calls)
    Do(AnswerInstallAction{call, MakeInstallResponse(*keyspace)});
  TakeWaiting(descriptor.uuid);
}

void StoreControl::TakeWaiting(const Uuid& uuid) {
  const auto it = keyspaces_.find(uuid);
  if (it == keyspaces_.end()) return;
  Keyspace& keyspace = it->second;
  while (!keyspace.change && !keyspace.waiting.empty()) {
    const InstallEvent event = std::move(keyspace.waiting.front());
    keyspace.waiting.pop_front();
    On(event);
  }
  if (!keyspace.installed && !keyspace.change) keyspaces_.erase(it);
}

rpc::InstallKeyspaceResponse StoreControl::MakeInstallResponse(const Keyspace& keyspace) const {
  rpc::InstallKeyspaceResponse response;
  for (const int32_t number : keyspace.installed->ShardsOn(identity_.store)) {
    Replica replica;
    replica.store = identity_.store;
    const auto it = keyspace.shards.find(number);
    if (it != keyspace.shards.end()) replica.incarnation = it->second.incarnation;
    response.replicas.push_back(replica);
  }
  return response;
}

void StoreControl::On(const CompactEvent& event) {
  const rpc::CompactKeyspaceRequest& request = event.request;
  Status result;
  if (request.term < identity_.max_term) {
    result = Status::Permission("term " + std::to_string(request.term) +
                                " is over; this store follows term " +
                                std::to_string(identity_.max_term));
  } else {
    StoreIdentity wanted = identity_;
    wanted.max_term = request.term;
    if (!IdentityIs(wanted, event)) return;
    const auto it = keyspaces_.find(request.keyspace);
    if (it == keyspaces_.end() || !it->second.installed || it->second.installed->deleted()) {
      result = Status::NotFound("unknown keyspace " + request.keyspace.ToString());
    }
  }
  Do(CompactAction{event.call, request.keyspace, result});
}

}  // namespace vasto::store
