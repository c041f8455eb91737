// SPDX-License-Identifier: Apache-2.0
#include "core/store/shard_host.h"

#include <atomic>
#include <set>
#include <utility>

namespace vasto::store {
namespace {

storage::Durability ToDurability(SyncMode sync) {
  switch (sync) {
    case SyncMode::kNone:
      return storage::Durability::kNone;
    case SyncMode::kInterval:
      return storage::Durability::kInterval;
    case SyncMode::kAlways:
      return storage::Durability::kAlways;
  }
  return storage::Durability::kAlways;
}

// What requests for a shard that could not be opened are answered. A folder that is missing or
// another shard's is as good as damaged; a full disk or a newer format keeps its own code.
Status FailureOf(const KeyspaceDescriptor& descriptor, int32_t shard, const Status& why) {
  const bool damaged =
      why.Is(Code::kNotFound) || why.Is(Code::kInvalidArgument) || why.Is(Code::kInternal);
  return Status(damaged ? Code::kCorruption : why.code(), why.message())
      .Prefixed("shard " + std::to_string(shard) + " of keyspace " + descriptor.name +
                " cannot be opened");
}

constexpr uint64_t kFirstEpoch = 1;  // of a new keyspace
constexpr int kClosedAtOnce = 4;     // shards, when the store stops

// Whether what the folder held is gone, so that another replica's copy can only be better. A full
// disk, a newer format or a folder in use are not that.
bool IsLost(const Status& status) {
  return status.Is(Code::kCorruption) || status.Is(Code::kNotFound) ||
         status.Is(Code::kInvalidArgument);
}

void Fill(const replication::ReplicaState& state, ReplicaStats* stats) {
  stats->catching_up = !state.serving;
  stats->lag_us = state.lag_us;
  stats->unreachable = state.unreachable;
  if (state.out_of_log && stats->health.empty()) {
    stats->health = "what this replica lacks is in no log of the others any more";
  }
}

// The stores of the other replicas, and how many come before this one.
std::pair<std::vector<Uuid>, size_t> OthersOf(const ShardReplicas& shard, const Uuid& self) {
  std::vector<Uuid> others;
  size_t ahead = 0;
  for (const Replica& replica : shard.replicas) {
    if (replica.store == self) {
      ahead = others.size();
    } else {
      others.push_back(replica.store);
    }
  }
  return {others, ahead};
}

}  // namespace

// Shards that are opened together; the last one to finish reports.
struct ShardHost::OpenJob {
  KeyspaceDescriptor descriptor;
  std::vector<ShardOutcome> outcomes;
  std::atomic<size_t> left{0};
  std::function<void(std::vector<ShardOutcome>)> done;
};

ShardHost::ShardHost(const ShardHostOptions& options)
    : options_(options), tasks_(options.background_pool) {}

ShardHost::~ShardHost() { Stop(); }

void ShardHost::InBackground(ThreadPool::Task task) {
  if (!options_.background_pool->Submit(task)) task();
}

// ---- Opening

void ShardHost::Open(const KeyspaceDescriptor& descriptor, const std::vector<int32_t>& shards,
                     bool must_exist, std::function<void(std::vector<ShardOutcome>)> done) {
  auto job = std::make_shared<OpenJob>();
  job->descriptor = descriptor;
  job->outcomes.resize(shards.size());
  job->left = shards.size();
  job->done = std::move(done);
  for (size_t i = 0; i < shards.size(); ++i) {
    const int32_t shard = shards[i];
    tasks_.Add({descriptor.uuid, shard}, [this, job, i, shard, must_exist] {
      job->outcomes[i] = OpenOne(job->descriptor, shard, must_exist);
      if (job->left.fetch_sub(1) == 1) job->done(std::move(job->outcomes));
    });
  }
}

void ShardHost::Reopen(const KeyspaceDescriptor& descriptor, int32_t shard,
                       std::function<void(std::vector<ShardOutcome>)> done) {
  const Key key{descriptor.uuid, shard};
  if (auto handle = Take(key)) {
    Publish(descriptor);
    tasks_.Add(key, [this, key, handle] { CloseHandle(key, handle.get()); });
  }
  Open(descriptor, {shard}, true, std::move(done));
}

void ShardHost::PutFormerAway(const Key& key) {
  const auto path = options_.folder->RemoveFormer(key.first, key.second);
  if (!path.ok()) {
    VASTO_LOG(options_.logger, kWarning, "former_shard_not_removed")
        .With("keyspace", key.first.ToString())
        .With("shard", key.second)
        .With("error", path.status().ToString());
  } else if (!path->empty()) {
    MutexLock lock(&mu_);
    removed_.emplace_back(options_.clock->MonotonicMicros() + options_.removed_delay_us, *path);
  }
}

ShardOutcome ShardHost::OpenOne(const KeyspaceDescriptor& descriptor, int32_t shard,
                                bool must_exist) {
  const Key key{descriptor.uuid, shard};
  {
    MutexLock lock(&mu_);
    const auto it = handles_.find(key);
    if (it != handles_.end() && it->second->shard)
      return {shard, {}, it->second->shard->incarnation()};
  }
  auto handle = std::make_shared<ShardHandle>();
  handle->keyspace = descriptor.uuid;
  handle->number = shard;
  auto database = OpenDatabase(descriptor, shard, must_exist);
  if (must_exist && descriptor.replica_count > 1 && IsLost(database.status())) {
    database = StartAnew(descriptor, shard, database.status());
  }
  ShardOutcome outcome{shard, {}, 0};
  if (database.ok()) {
    handle->shard = std::move(database).value();
    if (descriptor.replica_count > 1) {
      handle->replica =
          options_.replicator->Attach(descriptor.uuid, shard, handle->shard.get(),
                                      options_.folder->IsIncomplete(descriptor.uuid, shard));
    }
    handle->watches = WatchServer::Make(handle->shard.get(), options_.watch_places,
                                        options_.watch_pool, options_.clock);
    outcome.incarnation = handle->shard->incarnation();
    PutFormerAway(key);
    VASTO_LOG(options_.logger, kInfo, "shard_opened")
        .With("keyspace", descriptor.name)
        .With("shard", shard);
  } else {
    outcome.status = database.status();
    // Whatever the reason, what the shard holds cannot be trusted or reached; that is what its
    // users have to know.
    const Status& why = database.status();
    handle->failure = FailureOf(descriptor, shard, why);
    VASTO_LOG(options_.logger, kError, "shard_open_failed")
        .With("keyspace", descriptor.name)
        .With("shard", shard)
        .With("error", why.ToString());
    // A new shard that could not be made leaves nothing behind.
    if (!must_exist) return outcome;
  }
  MutexLock lock(&mu_);
  handles_[key] = std::move(handle);
  return outcome;
}

StatusOr<std::unique_ptr<storage::Shard>> ShardHost::StartAnew(const KeyspaceDescriptor& descriptor,
                                                               int32_t shard, const Status& why) {
  VASTO_ASSIGN_OR_RETURN(const std::string former,
                         options_.folder->StartAnew(descriptor.uuid, shard));
  VASTO_LOG(options_.logger, kError, "shard_lost")
      .With("keyspace", descriptor.name)
      .With("shard", shard)
      .With("error", why.ToString())
      .With("kept_in", former)
      .With("now", "it is copied from another replica");
  return storage::Shard::Open(options_.engine, MakeShardOptions(descriptor, shard));
}

storage::ShardOptions ShardHost::MakeShardOptions(const KeyspaceDescriptor& descriptor,
                                                  int32_t shard) const {
  storage::ShardOptions options;
  options.dir = options_.folder->ShardDir(descriptor.uuid, shard);
  options.keyspace = descriptor.uuid;
  options.shard = shard;
  options.origin = options_.store.lo;
  options.durability = ToDurability(descriptor.sync);
  options.default_ttl_seconds = descriptor.default_ttl_seconds;
  options.tombstone_grace_us = options_.tombstone_grace_us;
  options.replicated = descriptor.replica_count > 1;
  options.max_log_bytes = options_.max_log_bytes;
  options.min_log_bytes = options_.min_log_bytes;
  options.clock = options_.clock;
  options.files = options_.files;
  options.random = options_.random;
  options.hlc = options_.hlc;
  options.pool = options_.data_pool;
  options.logger = options_.logger;
  return options;
}

StatusOr<std::unique_ptr<storage::Shard>> ShardHost::OpenDatabase(
    const KeyspaceDescriptor& descriptor, int32_t shard, bool must_exist) {
  if (must_exist) {
    if (!options_.folder->HasShard(descriptor.uuid, shard)) {
      return Status::Corruption("its folder " + options_.folder->ShardDir(descriptor.uuid, shard) +
                                " is missing");
    }
  } else {
    const bool first = !options_.folder->HasShard(descriptor.uuid, shard);
    VASTO_RETURN_IF_ERROR(options_.folder->PrepareShard(descriptor.uuid, shard));
    // A replica that joins others has nothing, and they may have much.
    if (first && descriptor.epoch > kFirstEpoch && descriptor.replica_count > 1) {
      VASTO_RETURN_IF_ERROR(options_.folder->MarkIncomplete(descriptor.uuid, shard));
    }
  }
  return storage::Shard::Open(options_.engine, MakeShardOptions(descriptor, shard));
}

// ---- Publishing

void ShardHost::Publish(const KeyspaceDescriptor& descriptor) {
  if (descriptor.deleted()) {
    views_.erase(descriptor.uuid);
  } else {
    auto view = std::make_shared<KeyspaceView>();
    view->uuid = descriptor.uuid;
    view->name = descriptor.name;
    view->epoch = descriptor.epoch;
    view->shards.resize(descriptor.shards.size());
    view->acks = descriptor.acks;
    view->replica_count = descriptor.replica_count;
    auto& metrics = metrics_[descriptor.name];
    if (!metrics) metrics = std::make_unique<KeyspaceMetrics>(options_.metrics, descriptor.name);
    view->metrics = metrics.get();
    MutexLock lock(&mu_);
    for (const int32_t shard : descriptor.ShardsOn(options_.store)) {
      const auto it = handles_.find({descriptor.uuid, shard});
      if (it == handles_.end()) continue;
      view->shards[shard] = it->second.get();
      if (it->second->replica != nullptr) {
        const auto [others, ahead] = OthersOf(descriptor.shards[shard], options_.store);
        it->second->stand_down.SetAhead(ahead);
        it->second->replica->Configure(others, ahead);
      }
    }
    views_[descriptor.uuid] = std::move(view);
  }
  auto table = std::make_unique<RoutingTable>();
  table->keyspaces.insert(views_.begin(), views_.end());
  table_.Publish(std::move(table));
}

// ---- Closing and dropping

std::shared_ptr<ShardHandle> ShardHost::Take(const Key& key) {
  MutexLock lock(&mu_);
  stats_.erase(key);
  const auto it = handles_.find(key);
  if (it == handles_.end()) return nullptr;
  auto handle = std::move(it->second);
  handles_.erase(it);
  return handle;
}

void ShardHost::EndUses(const Key& key, ShardHandle* handle) {
  if (handle->shard) handle->shard->CancelCompaction();
  handle->slow_work.Close();
  if (handle->watches) handle->watches->Close();
  if (handle->replica) options_.replicator->Detach(handle->replica, key.first, key.second);
}

void ShardHost::CloseHandle(const Key& key, ShardHandle* handle) {
  EndUses(key, handle);
  if (handle->shard) {
    if (const Status status = handle->shard->Close(); !status.ok()) {
      VASTO_LOG(options_.logger, kError, "shard_close_failed")
          .With("keyspace", key.first.ToString())
          .With("shard", key.second)
          .With("error", status.ToString());
    }
    handle->shard.reset();
  }
}

void ShardHost::Close(const Uuid& keyspace, const std::vector<int32_t>& shards) {
  for (const int32_t shard : shards) {
    const Key key{keyspace, shard};
    tasks_.Add(key, [this, key, handle = Take(key)] { CloseWhatIsThere(key, handle); });
  }
}

void ShardHost::CloseWhatIsThere(const Key& key, std::shared_ptr<ShardHandle> handle) {
  if (handle == nullptr) handle = Take(key);
  if (handle != nullptr) CloseHandle(key, handle.get());
}

void ShardHost::Drop(const Uuid& keyspace, const std::vector<int32_t>& shards) {
  std::set<int32_t> numbers(shards.begin(), shards.end());
  if (shards.empty()) {
    const auto on_disk = options_.folder->ShardsOnDisk(keyspace);
    if (on_disk.ok()) numbers.insert(on_disk->begin(), on_disk->end());
  }
  for (const int32_t shard : numbers) {
    const Key key{keyspace, shard};
    tasks_.Add(key, [this, key, handle = Take(key)] {
      CloseWhatIsThere(key, handle);
      RemoveFolder(key);
    });
  }
}

void ShardHost::Leave(const KeyspaceDescriptor& descriptor, const std::vector<int32_t>& shards) {
  if (descriptor.replica_count == 1) {
    if (!shards.empty()) Drop(descriptor.uuid, shards);
    return;
  }
  std::vector<int32_t> left = shards;
  if (left.empty()) {
    const auto on_disk = options_.folder->ShardsOnDisk(descriptor.uuid);
    if (on_disk.ok()) left = *on_disk;
    std::erase_if(left, [&](int32_t shard) { return descriptor.Hosts(options_.store, shard); });
  }
  for (const int32_t shard : left) {
    const Key key{descriptor.uuid, shard};
    tasks_.Add(key, [this, descriptor, shard, handle = Take(key)] {
      LeaveOne(descriptor, shard, handle);
    });
  }
}

void ShardHost::LeaveOne(const KeyspaceDescriptor& descriptor, int32_t shard,
                         std::shared_ptr<ShardHandle> handle) {
  const Key key{descriptor.uuid, shard};
  if (handle == nullptr) handle = Take(key);
  const Status given = GiveBack(descriptor, shard, handle.get());
  if (handle != nullptr) CloseHandle(key, handle.get());
  if (given.ok()) return RemoveFolder(key);
  // It goes on after the next start.
  if (!given.Is(Code::kCancelled)) KeepFolder(key, given);
}

Status ShardHost::GiveBack(const KeyspaceDescriptor& descriptor, int32_t shard,
                           ShardHandle* handle) {
  if (shard >= descriptor.shard_count()) return Status::NotFound("there is no such shard any more");
  std::unique_ptr<storage::Shard> opened;
  storage::Shard* from = nullptr;
  if (handle != nullptr) {
    EndUses({descriptor.uuid, shard}, handle);
    if (!handle->failure.ok()) return handle->failure;
    from = handle->shard.get();
  } else {
    VASTO_ASSIGN_OR_RETURN(
        opened, storage::Shard::Open(options_.engine, MakeShardOptions(descriptor, shard)));
    from = opened.get();
  }
  std::vector<Uuid> heirs;
  for (const Replica& replica : descriptor.shards[static_cast<size_t>(shard)].replicas) {
    if (replica.role == ReplicaRole::kReplica) heirs.push_back(replica.store);
  }
  return options_.replicator->GiveBack(descriptor.uuid, shard, from, std::move(heirs));
}

void ShardHost::KeepFolder(const Key& key, const Status& why) {
  const auto path = options_.folder->KeepShard(key.first, key.second);
  VASTO_LOG(options_.logger, kError, "shard_not_given_back")
      .With("keyspace", key.first.ToString())
      .With("shard", key.second)
      .With("error", why.ToString())
      .With("kept_in", path.ok() ? *path : path.status().ToString());
}

void ShardHost::RemoveFolder(const Key& key) {
  auto path = options_.folder->RemoveShard(key.first, key.second);
  if (!path.ok()) {
    VASTO_LOG(options_.logger, kError, "shard_remove_failed")
        .With("keyspace", key.first.ToString())
        .With("shard", key.second)
        .With("error", path.status().ToString());
  } else if (!path->empty()) {
    VASTO_LOG(options_.logger, kInfo, "shard_dropped")
        .With("keyspace", key.first.ToString())
        .With("shard", key.second);
    MutexLock lock(&mu_);
    removed_.emplace_back(options_.clock->MonotonicMicros() + options_.removed_delay_us, *path);
  }
}

void ShardHost::DeleteTree(const std::string& path) {
  if (const Status status = options_.files->RemoveTree(path); !status.ok()) {
    VASTO_LOG(options_.logger, kError, "removed_shard_delete_failed")
        .With("path", path)
        .With("error", status.ToString());
  }
}

void ShardHost::DeleteLeftovers() {
  const auto paths = options_.folder->Removed();
  if (!paths.ok()) return;
  for (const std::string& path : *paths) {
    InBackground([this, path] { DeleteTree(path); });
  }
}

void ShardHost::Tick(int64_t now_us) {
  LookAfterReplicas(now_us);
  LookAfterWatches(now_us);
  DeleteRemoved(now_us);
}

void ShardHost::LookAfterWatches(int64_t now_us) {
  std::vector<std::shared_ptr<ShardHandle>> handles;
  {
    MutexLock lock(&mu_);
    for (const auto& [key, handle] : handles_) {
      if (handle->shard) handles.push_back(handle);
    }
  }
  const bool purge = now_us >= purge_due_us_;
  if (purge) purge_due_us_ = now_us + replication::Replicator::kTidyUs;
  for (const auto& handle : handles) {
    handle->watches->Tick();
    if (purge && !handle->replica && handle->slow_work.Enter()) {
      InBackground([this, handle] { PurgeLog(handle); });
    }
  }
}

void ShardHost::PurgeLog(const std::shared_ptr<ShardHandle>& handle) {
  if (const Status status = handle->shard->feed()->PurgeLog(); !status.ok()) {
    VASTO_LOG(options_.logger, kWarning, "log_not_purged")
        .With("keyspace", handle->keyspace.ToString())
        .With("shard", handle->number)
        .With("error", status.ToString());
  }
  handle->slow_work.Leave();
}

void ShardHost::LookAfterReplicas(int64_t now_us) {
  std::vector<std::shared_ptr<ShardHandle>> replicas;
  {
    MutexLock lock(&mu_);
    for (const auto& [key, handle] : handles_) {
      if (handle->replica) replicas.push_back(handle);
    }
  }
  for (const auto& handle : replicas) {
    switch (handle->stand_down.Look(*handle->shard, handle->replica.get(), now_us)) {
      case StandDown::Need::kNothing:
        break;
      case StandDown::Need::kDetach:
        Detach(handle);
        break;
      case StandDown::Need::kReopen:
        options_.on_well(handle->keyspace, handle->number);
        break;
    }
  }
}

void ShardHost::Detach(const std::shared_ptr<ShardHandle>& handle) {
  VASTO_LOG(options_.logger, kWarning, "replica_stood_down")
      .With("keyspace", handle->keyspace.ToString())
      .With("shard", handle->number)
      .With("why", handle->Health().ToString());
  InBackground([this, handle] {
    options_.replicator->Detach(handle->replica, handle->keyspace, handle->number);
  });
}

void ShardHost::DeleteRemoved(int64_t now_us) {
  std::vector<std::string> due;
  {
    MutexLock lock(&mu_);
    std::erase_if(removed_, [&](const auto& entry) {
      if (entry.first > now_us) return false;
      due.push_back(entry.second);
      return true;
    });
  }
  for (const std::string& path : due) {
    InBackground([this, path] { DeleteTree(path); });
  }
}

// ---- Compaction and statistics

void ShardHost::Compact(const Uuid& keyspace, std::function<void(Status)> done) {
  std::vector<std::shared_ptr<ShardHandle>> handles;
  Status skipped;  // why the first of the shards that cannot be compacted is not
  {
    MutexLock lock(&mu_);
    for (const auto& [key, handle] : handles_) {
      if (key.first != keyspace) continue;
      if (handle->shard && handle->slow_work.Enter()) {
        handles.push_back(handle);
      } else if (skipped.ok()) {
        skipped = handle->shard
                      ? Status::Cancelled("shard " + std::to_string(key.second) +
                                          " is closing: compact again once the replica serves")
                      : handle->failure;
      }
    }
  }
  InBackground([handles = std::move(handles), done = std::move(done), skipped] {
    Status first = skipped;
    for (const auto& handle : handles) {
      const Status status = handle->shard->Compact();
      if (first.ok() && !status.ok())
        first = status.Prefixed("shard " + std::to_string(handle->number));
      handle->slow_work.Leave();
    }
    done(first);
  });
}

std::vector<ReplicaStats> ShardHost::Stats() {
  std::vector<ReplicaStats> all;
  MutexLock lock(&mu_);
  for (const auto& [key, handle] : handles_) {
    ReplicaStats stats;
    stats.keyspace = key.first;
    stats.shard = key.second;
    if (const auto it = stats_.find(key); it != stats_.end()) {
      stats.estimated_keys = it->second.estimated_keys;
      stats.disk_bytes = it->second.disk_bytes;
      stats.memory_bytes = it->second.memory_bytes;
    }
    if (const Status health = handle->Health(); !health.ok()) stats.health = health.ToString();
    if (handle->replica) Fill(handle->replica->State(), &stats);
    all.push_back(std::move(stats));
  }
  return all;
}

void ShardHost::RefreshStats() {
  std::vector<std::pair<Key, std::shared_ptr<ShardHandle>>> handles;
  {
    MutexLock lock(&mu_);
    if (refreshing_) return;
    refreshing_ = true;
    for (const auto& [key, handle] : handles_) {
      if (handle->shard && handle->slow_work.Enter()) handles.emplace_back(key, handle);
    }
  }
  InBackground([this, handles = std::move(handles)] {
    for (const auto& [key, handle] : handles) {
      const storage::ShardStats stats = handle->shard->Stats();
      handle->slow_work.Leave();
      MutexLock lock(&mu_);
      if (handles_.contains(key)) stats_[key] = stats;
    }
    MutexLock lock(&mu_);
    refreshing_ = false;
  });
}

void ShardHost::StopWatches() {
  std::vector<std::shared_ptr<ShardHandle>> handles;
  {
    MutexLock lock(&mu_);
    for (const auto& [key, handle] : handles_) {
      if (handle->watches) handles.push_back(handle);
    }
  }
  for (const auto& handle : handles) handle->watches->Close();
}

void ShardHost::Stop() {
  table_.Publish(std::make_unique<RoutingTable>());
  {
    // Compactions run on the pool that is about to be waited for.
    MutexLock lock(&mu_);
    for (const auto& [key, handle] : handles_) {
      if (handle->shard) handle->shard->CancelCompaction();
    }
  }
  options_.background_pool->Stop();
  std::map<Key, std::shared_ptr<ShardHandle>> handles;
  {
    MutexLock lock(&mu_);
    handles.swap(handles_);
  }
  // Each waits for the disk to have its log; beside one another they wait once.
  ThreadPool closing("close", kClosedAtOnce);
  for (const auto& entry : handles) {
    const auto close = [this, &entry] { CloseHandle(entry.first, entry.second.get()); };
    if (!closing.Submit(close)) close();
  }
  closing.Stop();
}

}  // namespace vasto::store
