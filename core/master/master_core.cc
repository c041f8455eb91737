// SPDX-License-Identifier: Apache-2.0
#include "core/master/master_core.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/bytes.h"
#include "core/master/name_log.h"
#include "core/master/planning.h"
#include "core/master/replacement.h"
#include "core/rpc/protocol_version.h"

namespace vasto::master {
namespace {

Status Stopping() { return Status::Unavailable("the master is stopping"); }

Status NobodyHere() {
  return Status::Unavailable("no store is with this master any more; another one may know them");
}

rpc::WatchClusterResponse NoNews() { return {.protocol_version = rpc::kProtocolVersion}; }

}  // namespace

MasterCore::MasterCore(const MasterCoreOptions& options, Random* random)
    : options_(options), random_(random), stores_(options.suspect_us, options.dead_us) {}

std::vector<Action> MasterCore::Step(const Event& event, int64_t now_us) {
  now_us_ = now_us;
  actions_.clear();
  std::visit([this](const auto& e) { On(e); }, event);
  if (!cluster_.nil()) AdmitClusterless();
  if (recovering_ && RecoveryIsOver()) EndRecovery();
  if (dirty_ && !recovering_) Publish();
  return std::move(actions_);
}

int64_t MasterCore::next_wake_us() const {
  int64_t wake_us =
      std::min({stores_.next_wake_us(), operations_.next_wake_us(), watchers_.next_wake_us()});
  if (recovering_) {
    const int64_t min_us = started_us_ + options_.recovery_min_us;
    wake_us = std::min(wake_us, now_us_ < min_us ? min_us : started_us_ + options_.recovery_max_us);
  }
  return std::min(wake_us, next_replace_us_);
}

ClusterMap MasterCore::Map() const {
  ClusterMap map;
  map.cluster = cluster_;
  map.term = term_;
  map.version = version_;
  for (const auto& [uuid, store] : stores_.all()) map.stores.emplace(uuid, store.info);
  map.keyspaces = catalog_.Published();
  return map;
}

// ---- Recovery and publication.

void MasterCore::On(const StartEvent&) { started_us_ = now_us_; }

bool MasterCore::RecoveryIsOver() const {
  const int64_t elapsed_us = now_us_ - started_us_;
  if (elapsed_us >= options_.recovery_max_us) return true;
  if (elapsed_us < options_.recovery_min_us) return false;
  if (stores_.empty() && clusterless_.empty()) return false;
  const auto back = [this](const Replica& replica) {
    return stores_.all().contains(replica.store);
  };
  for (const auto& [uuid, descriptor] : catalog_.all()) {
    for (const ShardReplicas& shard : descriptor->shards) {
      if (!std::all_of(shard.replicas.begin(), shard.replicas.end(), back)) return false;
    }
  }
  return true;
}

void MasterCore::EndRecovery() {
  recovering_ = false;
  dirty_ = true;
  if (options_.replace_after_us > 0) next_replace_us_ = now_us_ + kReplaceUs;
  VASTO_LOG(options_.logger, kInfo, "recovered")
      .With("took_ms", (now_us_ - started_us_) / 1000)
      .With("stores", stores_.all().size())
      .With("keyspaces", catalog_.published_count())
      .With("term", term_);
  AdmitClusterless();
  PumpAll();
  for (const Event& event : std::exchange(deferred_, {})) {
    std::visit([this](const auto& e) { On(e); }, event);
  }
}

bool MasterCore::Defer(const Event& event) {
  if (recovering_) deferred_.push_back(event);
  return recovering_;
}

void MasterCore::AdmitClusterless() {
  for (const RegisterEvent& event : std::exchange(clusterless_, {})) On(event);
}

void MasterCore::Publish() {
  dirty_ = false;
  ++version_;
  AnswerAction answer{.calls = watchers_.TakeInterested(term_, version_), .answer = {}};
  if (answer.calls.empty()) return;
  answer.answer = News();
  actions_.push_back(std::move(answer));
}

rpc::WatchClusterResponse MasterCore::News() const {
  return {.changed = true, .map = Map(), .protocol_version = rpc::kProtocolVersion};
}

void MasterCore::On(const WatchEvent& event) {
  const Status speaks = rpc::CheckProtocolVersion("the client", event.request.protocol_version);
  if (!speaks.ok()) return Reply(event.call, speaks);
  // Who does not wait only asks what is known here.
  if (Deserted() && event.request.wait_ms != 0) return Reply(event.call, NobodyHere());
  const bool news = Watchers::IsNews(event.request, term_, version_);
  if (recovering_) return watchers_.Park(event, news && event.request.known_term == 0, now_us_);
  if (news) return Reply(event.call, News());
  if (event.request.wait_ms == 0) return Reply(event.call, NoNews());
  watchers_.Park(event, false, now_us_);
}

bool MasterCore::Deserted() const {
  const auto& stores = stores_.all();
  return !recovering_ && !stores.empty() && std::all_of(stores.begin(), stores.end(), [](auto& s) {
    return s.second.info.state == StoreState::kDown;
  });
}

void MasterCore::On(const TickEvent&) {
  if (stores_.Sweep(now_us_)) dirty_ = true;
  if (Deserted()) {
    AnswerAction watchers{.calls = watchers_.TakeAll(), .answer = NobodyHere()};
    if (!watchers.calls.empty()) actions_.push_back(std::move(watchers));
  }
  if (now_us_ >= next_replace_us_) ReplaceReplicas();
  PumpAll();
  operations_.Tick(now_us_, &actions_);
  AnswerAction expired{.calls = watchers_.TakeExpired(now_us_), .answer = NoNews()};
  if (!expired.calls.empty()) actions_.push_back(std::move(expired));
}

void MasterCore::On(const StopEvent&) {
  for (const RegisterEvent& event : std::exchange(clusterless_, {})) {
    Reply(event.call, Stopping());
  }
  for (const Event& event : std::exchange(deferred_, {})) {
    std::visit(
        [this](const auto& e) {
          if constexpr (requires { e.call; }) Reply(e.call, Stopping());
        },
        event);
  }
  operations_.AnswerAll(&actions_);
  AnswerAction watchers{.calls = watchers_.TakeAll(), .answer = Stopping()};
  if (!watchers.calls.empty()) actions_.push_back(std::move(watchers));
}

// ---- Stores.

void MasterCore::On(const RegisterEvent& event) {
  const rpc::RegisterStoreRequest& request = event.request;
  // First: of a newer store nothing else is sure to mean what it seems to.
  Status valid = rpc::CheckProtocolVersion("store " + Printable(request.store.address),
                                           request.protocol_version);
  if (valid.ok()) valid = CheckRequest(request);
  if (!valid.ok()) return Reply(event.call, valid);
  // Another store that is on its way may know the cluster: wait with making a new one.
  if (recovering_ && cluster_.nil() && request.cluster.nil()) {
    clusterless_.push_back(event);
    return;
  }
  Status joined = JoinCluster(request);
  if (joined.ok()) joined = stores_.Register(event.connection, request.store, now_us_);
  if (!joined.ok()) {
    VASTO_LOG(options_.logger, kWarning, "store_refused").With("reason", joined.message());
    return Reply(event.call, joined);
  }
  RaiseTerm(request.max_term);
  dirty_ = true;
  StoreRecord* store = stores_.Find(request.store.uuid);
  VASTO_LOG(options_.logger, kInfo, "store_registered")
      .With("store", request.store.uuid.ToString())
      .With("address", request.store.address)
      .With("descriptors", request.descriptors.size());
  LearnFrom(store, request.descriptors);
  Reply(event.call,
        rpc::RegisterStoreResponse{
            .cluster = cluster_, .term = term_, .protocol_version = rpc::kProtocolVersion});
  SettleTargets(*store);
  PumpAll();
}

Status MasterCore::JoinCluster(const rpc::RegisterStoreRequest& request) {
  if (cluster_.nil()) {
    cluster_ = request.cluster.nil() ? Uuid::Generate(random_) : request.cluster;
  }
  if (request.cluster.nil() || request.cluster == cluster_) return {};
  return Status::Permission("store " + request.store.uuid.ToString() + " belongs to cluster " +
                            request.cluster.ToString() + ", this master to cluster " +
                            cluster_.ToString());
}

void MasterCore::RaiseTerm(uint64_t seen) {
  // Our own term comes back from stores that registered before: only a higher one is another
  // master's.
  if (term_ != 0 && seen <= term_) return;
  term_ = std::max(term_, seen) + 1;
  dirty_ = true;
  VASTO_LOG(options_.logger, kInfo, "term_raised").With("term", term_);
}

Catalog::Learned MasterCore::Learn(const KeyspaceDescriptor& descriptor) {
  const std::set<Uuid> before = catalog_.hidden();
  const Catalog::Learned learned = catalog_.Learn(descriptor);
  LogNameChanges(catalog_, before, options_.logger);
  return learned;
}

void MasterCore::LearnFrom(StoreRecord* store, const std::vector<KeyspaceDescriptor>& descriptors) {
  std::set<Uuid> has_newest;
  std::vector<Operation*> undone;  // creations whose tombstone this store has
  for (const KeyspaceDescriptor& descriptor : descriptors) {
    const Operation* creating = operations_.FindRunning(descriptor.uuid, OperationKind::kCreate);
    if (creating != nullptr && !creating->undoing && !descriptor.deleted()) continue;
    const Catalog::Learned learned = Learn(descriptor);
    if (learned == Catalog::Learned::kOutdated) continue;
    has_newest.insert(descriptor.uuid);
    if (creating != nullptr) undone.push_back(operations_.Find(creating->id));
    if (learned == Catalog::Learned::kNews) Spread(descriptor, store->info.uuid);
    if (learned == Catalog::Learned::kConflict) {
      VASTO_LOG(options_.logger, kError, "descriptor_conflict")
          .With("keyspace", descriptor.uuid.ToString())
          .With("epoch", descriptor.epoch)
          .With("store", store->info.uuid.ToString());
    }
  }
  for (Operation* operation : undone) TombstoneIsDurable(operation, store->info.uuid);
  std::set<Uuid> reported;
  for (const KeyspaceDescriptor& descriptor : descriptors) reported.insert(descriptor.uuid);
  for (const auto& [uuid, descriptor] : catalog_.all()) {
    if (has_newest.contains(uuid)) continue;
    if (reported.contains(uuid) || IsMeantFor(*descriptor, store->info.uuid)) {
      store->lacking.insert(uuid);
    }
  }
}

void MasterCore::On(const HeartbeatEvent& event) {
  bool changed = false;
  const Status known = stores_.Heartbeat(event.connection, event.request, now_us_, &changed);
  if (!known.ok()) return Reply(event.call, known);
  if (changed) dirty_ = true;
  if (event.request.term > term_) RaiseTerm(event.request.term);
  const StoreRecord& store = *stores_.Find(event.request.store);
  if (now_us_ - store.registered_us >= options_.surprise_us && ReportsUnknown(event.request)) {
    return Reply(event.call, Status::NotFound("store " + store.info.uuid.ToString() +
                                              " has a keyspace that it did not tell of"));
  }
  Reply(event.call, rpc::HeartbeatResponse{});
}

bool MasterCore::ReportsUnknown(const rpc::HeartbeatRequest& request) {
  const Uuid* last = nullptr;
  for (const ReplicaStats& replica : request.replicas) {
    if (last != nullptr && *last == replica.keyspace) continue;
    last = &replica.keyspace;
    if (catalog_.Find(replica.keyspace) == nullptr &&
        operations_.FindRunning(replica.keyspace, OperationKind::kCreate) == nullptr) {
      return true;
    }
  }
  return false;
}

void MasterCore::On(const DisconnectEvent& event) {
  std::erase_if(clusterless_, [&](const RegisterEvent& waiting) {
    if (waiting.connection != event.connection) return false;
    Reply(waiting.call, Status::Unavailable("connection lost"));
    return true;
  });
  const Uuid uuid = stores_.Disconnect(event.connection);
  if (uuid.nil()) return;
  dirty_ = true;
  VASTO_LOG(options_.logger, kWarning, "store_lost").With("store", uuid.ToString());
  SettleTargets(*stores_.Find(uuid));
}

void MasterCore::On(const StatsEvent& event) {
  if (Defer(event)) return;
  rpc::ClusterStatsResponse response;
  for (const auto& [uuid, store] : stores_.all()) {
    response.stores.push_back({.store = uuid, .replicas = store.replicas});
  }
  Reply(event.call, std::move(response));
}

// ---- Bringing descriptors to stores.

void MasterCore::Spread(const KeyspaceDescriptor& descriptor, const Uuid& except) {
  for (auto& [uuid, store] : stores_.all()) {
    if (uuid == except || !store.connected() || !IsMeantFor(descriptor, uuid)) continue;
    store.lacking.insert(descriptor.uuid);
  }
}

void MasterCore::Pump(StoreRecord* store) {
  if (recovering_) return;
  while (const auto keyspace = stores_.NextPush(store, now_us_)) {
    SendInstall(*store, catalog_.FindShared(*keyspace));
  }
}

void MasterCore::PumpAll() {
  for (auto& [uuid, store] : stores_.all()) Pump(&store);
}

void MasterCore::SendInstall(const StoreRecord& store,
                             std::shared_ptr<const KeyspaceDescriptor> descriptor) {
  const auto shards = static_cast<int64_t>(descriptor->ShardsOn(store.info.uuid).size());
  installs_[++last_token_] = {store.info.uuid, descriptor->uuid, descriptor->epoch};
  InstallAction install;
  install.token = last_token_;
  install.store = store.info.uuid;
  install.address = store.info.address;
  install.term = term_;
  install.descriptor = std::move(descriptor);
  install.deadline_us =
      now_us_ + options_.install_timeout_us + shards * options_.install_per_shard_us;
  actions_.push_back(std::move(install));
}

void MasterCore::On(const InstallEndedEvent& event) {
  const auto it = installs_.find(event.token);
  if (it == installs_.end()) return;
  const Install install = it->second;
  installs_.erase(it);
  StoreRecord* store = stores_.Find(install.store);
  if (!event.result.ok()) {
    VASTO_LOG(options_.logger, kWarning, "install_failed")
        .With("store", install.store.ToString())
        .With("keyspace", install.keyspace.ToString())
        .With("error", event.result.ToString());
  }
  Operation* creating = operations_.FindRunning(install.keyspace, OperationKind::kCreate);
  const bool makes = creating != nullptr && !creating->undoing;
  // What a failed creation needs is a tombstone, not another try.
  stores_.PushEnded(store, install.keyspace, makes || event.result.ok(), now_us_);
  if (makes) {
    StepEnded(creating, *store, event.result);
  } else if (const KeyspaceDescriptor* newest = catalog_.Find(install.keyspace);
             newest != nullptr && newest->epoch == install.epoch) {
    // The newest descriptor was tried: whoever waits for it need not wait for the next try.
    if (!event.result.ok()) FailTarget(*store, install.keyspace, event.result);
    if (event.result.ok() && creating != nullptr) TombstoneIsDurable(creating, install.store);
  }
  SettleTargets(*store);
  Pump(store);
}

// ---- Replacing.

bool MasterCore::StaysAway(const Uuid& uuid) const {
  const auto it = stores_.all().find(uuid);
  if (it == stores_.all().end()) return now_us_ - started_us_ >= options_.replace_after_us;
  const StoreRecord& store = it->second;
  return store.info.state == StoreState::kDown &&
         now_us_ - store.heard_us >= options_.replace_after_us;
}

void MasterCore::ReplaceReplicas() {
  next_replace_us_ = now_us_ + kReplaceUs;
  const ReplacementRules rules{.stores = &stores_,
                               .stays_away = [this](const Uuid& store) { return StaysAway(store); },
                               .term = term_};
  auto hosted = catalog_.HostedReplicas();
  std::vector<KeyspaceDescriptor> changed;
  for (const auto& [uuid, keyspace] : catalog_.all()) {
    auto next = ReplaceAway(*keyspace, rules, &hosted);
    if (next) changed.push_back(std::move(*next));
  }
  for (const KeyspaceDescriptor& keyspace : changed) {
    VASTO_LOG(options_.logger, kInfo, "replicas_replaced")
        .With("keyspace", keyspace.name)
        .With("epoch", keyspace.epoch);
    Learn(keyspace);
    Spread(keyspace, Uuid());
    dirty_ = true;
  }
}

// ---- Operations.

void MasterCore::On(const CreateEvent& event) {
  if (const Status valid = CheckRequest(event.request); !valid.ok()) {
    return Reply(event.call, valid);
  }
  if (Defer(event)) return;
  if (operations_.FindCreating(event.request.name) != nullptr) {
    return Reply(event.call, Status::AlreadyExists("keyspace '" + event.request.name +
                                                   "' is being created right now"));
  }
  auto planned = PlanKeyspace(event.request, catalog_, stores_, term_, random_);
  if (!planned.ok()) return Reply(event.call, planned.status());
  planned->created_at_us = event.wall_us;
  Operation* operation = operations_.Begin(OperationKind::kCreate, term_);
  operation->keyspace = planned->uuid;
  operation->name = planned->name;
  operation->wall_us = event.wall_us;
  operation->targets = MembersOf(*planned);
  for (const auto& [store, shards] : operation->targets) operation->state.steps_total += shards;
  operation->descriptor = std::make_shared<const KeyspaceDescriptor>(std::move(planned).value());
  Reply(event.call, rpc::StartOperationResponse{.operation = operation->id});
  for (const auto& [uuid, shards] : operation->targets) {
    StoreRecord* store = stores_.Find(uuid);
    store->pushing.insert(operation->keyspace);
    SendInstall(*store, operation->descriptor);
  }
}

void MasterCore::On(const DeleteEvent& event) {
  if (Defer(event)) return;
  const KeyspaceDescriptor* keyspace = catalog_.FindByName(event.request.name);
  if (keyspace == nullptr) {
    if (operations_.FindCreating(event.request.name) != nullptr) {
      return Reply(event.call, Status::Busy("keyspace '" + event.request.name +
                                            "' is being created right now; try again"));
    }
    return Reply(event.call, Status::NotFound("keyspace '" + Printable(event.request.name) +
                                              "' does not exist"));
  }
  if (stores_.CountIn(StoreState::kUp) == 0) {
    return Reply(event.call, Status::Unavailable("no store is up that could note the deletion"));
  }
  Operation* operation = operations_.Begin(OperationKind::kDelete, term_);
  operation->keyspace = keyspace->uuid;
  operation->name = keyspace->name;
  const KeyspaceDescriptor tombstone = TombstoneOf(*keyspace, term_, event.wall_us);
  Reply(event.call, rpc::StartOperationResponse{.operation = operation->id});
  SpreadTombstone(tombstone, operation);
  operation->state.steps_total = operation->targets.size();
}

void MasterCore::SpreadTombstone(const KeyspaceDescriptor& tombstone, Operation* operation) {
  Learn(tombstone);
  dirty_ = true;
  for (const auto& [uuid, store] : stores_.all()) {
    if (store.connected()) operation->targets[uuid] = 1;
  }
  Spread(tombstone, Uuid());
  PumpAll();
}

void MasterCore::StepEnded(Operation* operation, const StoreRecord& store, const Status& result) {
  const auto it = operation->targets.find(store.info.uuid);
  if (it == operation->targets.end()) return;
  if (result.ok()) {
    ++operation->succeeded;
    if (!operation->undoing) operation->state.steps_done += it->second;
  } else if (operation->error.ok()) {
    operation->error = result.Prefixed("store " + store.info.address);
  }
  operation->targets.erase(it);
  FinishIfDone(operation);
}

void MasterCore::FinishIfDone(Operation* operation) {
  if (!operation->targets.empty()) return;
  Status result = operation->error;
  if (operation->kind == OperationKind::kCreate && !operation->undoing) {
    if (!result.ok()) {
      operation->undoing = true;
      operation->succeeded = 0;
      SpreadTombstone(TombstoneOf(*operation->descriptor, term_, operation->wall_us), operation);
      if (!operation->targets.empty()) return;
    } else {
      Learn(*operation->descriptor);
      dirty_ = true;
    }
  }
  // A master that dies now must not leave a keyspace to its successor that its creator was told has
  // failed.
  if (operation->undoing && operation->succeeded == 0) return;
  // One durable tombstone is enough: the others follow for as long as it takes.
  if (operation->kind == OperationKind::kDelete && operation->succeeded > 0) result = Status();
  VASTO_LOG(options_.logger, kInfo, "operation_ended")
      .With("operation", operation->id)
      .With("keyspace", operation->name)
      .With("result", result.ToString());
  operations_.End(operation, result, now_us_, &actions_);
}

void MasterCore::FailTarget(const StoreRecord& store, const Uuid& keyspace, const Status& result) {
  for (const OperationKind kind : {OperationKind::kCreate, OperationKind::kDelete}) {
    Operation* operation = operations_.FindRunning(keyspace, kind);
    if (operation != nullptr) StepEnded(operation, store, result);
  }
}

void MasterCore::TombstoneIsDurable(Operation* undoing, const Uuid& store) {
  undoing->targets.erase(store);
  ++undoing->succeeded;
  FinishIfDone(undoing);
}

void MasterCore::SettleTargets(const StoreRecord& store) {
  const std::vector<uint64_t> running(operations_.running().begin(), operations_.running().end());
  for (const uint64_t id : running) {
    Operation* operation = operations_.Find(id);
    if (operation->kind == OperationKind::kCompact || store.pushing.contains(operation->keyspace)) {
      continue;
    }
    if (!store.connected()) {
      StepEnded(operation, store, Status::Unavailable("connection lost"));
    } else if (!store.lacking.contains(operation->keyspace)) {
      StepEnded(operation, store, Status());
    }
  }
}

void MasterCore::On(const CompactEvent& event) {
  if (Defer(event)) return;
  const KeyspaceDescriptor* keyspace = catalog_.FindByName(event.request.name);
  if (keyspace == nullptr) {
    return Reply(event.call, Status::NotFound("keyspace '" + Printable(event.request.name) +
                                              "' does not exist"));
  }
  Operation* operation = operations_.Begin(OperationKind::kCompact, term_);
  operation->keyspace = keyspace->uuid;
  operation->name = keyspace->name;
  Reply(event.call, rpc::StartOperationResponse{.operation = operation->id});
  for (const auto& [uuid, shards] : MembersOf(*keyspace)) {
    ++operation->state.steps_total;
    const StoreRecord* store = stores_.Find(uuid);
    if (store == nullptr || !store->connected()) {
      operation->error = Status::Unavailable("store " + uuid.ToString() + " is not connected");
      continue;
    }
    operation->targets[uuid] = 1;
    compactions_[++last_token_] = {uuid, operation->id};
    actions_.push_back(CompactAction{.token = last_token_,
                                     .store = uuid,
                                     .address = store->info.address,
                                     .request = {.term = term_, .keyspace = keyspace->uuid},
                                     .deadline_us = now_us_ + options_.compact_timeout_us});
  }
  FinishIfDone(operation);
}

void MasterCore::On(const CompactEndedEvent& event) {
  const auto it = compactions_.find(event.token);
  if (it == compactions_.end()) return;
  const Compaction compaction = it->second;
  compactions_.erase(it);
  Operation* operation = operations_.Find(compaction.operation);
  if (operation != nullptr) {
    StepEnded(operation, *stores_.Find(compaction.store), event.result);
  }
}

void MasterCore::On(const WaitEvent& event) { operations_.Wait(event, now_us_, &actions_); }

}  // namespace vasto::master
