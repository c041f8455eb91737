// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "capi/internal/admin.h"

namespace vasto::capi {
namespace {

// Members stay in the order in which vasto.h lists them.
using Json = nlohmann::ordered_json;

std::string Text(Json body) {
  Json object;
  object["schema"] = 1;
  object.update(body);
  // Bytes that are no UTF-8 (a name of some future server) are replaced, not refused.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The replicas' numbers by where they are.
using StatsKey = std::tuple<Uuid, Uuid, int32_t>;  // keyspace, store, shard
using StatsMap = std::map<StatsKey, ReplicaStats>;

StatsMap IndexStats(const rpc::ClusterStatsResponse& stats) {
  StatsMap index;
  for (const rpc::StoreStats& store : stats.stores) {
    for (const ReplicaStats& replica : store.replicas) {
      index[{replica.keyspace, store.store, replica.shard}] = replica;
    }
  }
  return index;
}

enum class Health { kOk, kDegraded, kUnavailable };

const char* HealthName(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kDegraded:
      return "degraded";
    case Health::kUnavailable:
      return "unavailable";
  }
  return "unavailable";
}

struct ShardSummary {
  uint64_t keys = 0;        // of the replica that has most
  uint64_t disk_bytes = 0;  // of all replicas
  Health health = Health::kUnavailable;
  Json replicas = Json::array();
};

const char* RoleName(ReplicaRole role, bool primary) {
  if (role == ReplicaRole::kLearner) return "learner";
  return primary ? "primary" : "replica";
}

ShardSummary SummarizeShard(const ClusterMap& map, const StatsMap& stats,
                            const KeyspaceDescriptor& keyspace, int32_t shard) {
  ShardSummary summary;
  const ShardReplicas& replicas = keyspace.shards[static_cast<size_t>(shard)];
  int serving = 0;
  for (const Replica& replica : replicas.replicas) {
    const StoreInfo* store = map.FindStore(replica.store);
    const auto found = stats.find({keyspace.uuid, replica.store, shard});
    const ReplicaStats numbers = found != stats.end() ? found->second : ReplicaStats();
    const bool up = store != nullptr && store->state == StoreState::kUp;
    const bool serves = up && numbers.health.empty() && !numbers.catching_up &&
                        replica.role == ReplicaRole::kReplica;
    Json entry;
    entry["store"] = replica.store.ToString();
    entry["address"] = store != nullptr ? store->address : "";
    entry["state"] = StoreStateName(store != nullptr ? store->state : StoreState::kDown);
    entry["role"] = RoleName(replica.role, serves && serving == 0);
    entry["keys"] = numbers.estimated_keys;
    entry["disk_bytes"] = numbers.disk_bytes;
    entry["memory_bytes"] = numbers.memory_bytes;
    // What one that is not up said last means nothing.
    entry["lag_us"] = up ? Json(numbers.lag_us) : Json();
    entry["unreachable"] = numbers.unreachable;
    entry["health"] = !up                       ? "store is not up"
                      : !numbers.health.empty() ? numbers.health
                      : numbers.catching_up     ? "catching up"
                                                : "ok";
    summary.replicas.push_back(std::move(entry));
    summary.keys = std::max(summary.keys, numbers.estimated_keys);
    summary.disk_bytes += numbers.disk_bytes;
    serving += serves;
  }
  if (serving > 0) {
    summary.health = serving < keyspace.replica_count ? Health::kDegraded : Health::kOk;
  }
  return summary;
}

struct KeyspaceSummary {
  uint64_t keys = 0;
  uint64_t disk_bytes = 0;
  Health health = Health::kOk;
  Json shards = Json::array();
};

KeyspaceSummary SummarizeKeyspace(const ClusterMap& map, const StatsMap& stats,
                                  const KeyspaceDescriptor& keyspace) {
  KeyspaceSummary summary;
  for (int32_t shard = 0; shard < keyspace.shard_count(); ++shard) {
    ShardSummary part = SummarizeShard(map, stats, keyspace, shard);
    Json entry;
    entry["shard"] = shard;
    entry["keys"] = part.keys;
    entry["disk_bytes"] = part.disk_bytes;
    entry["health"] = HealthName(part.health);
    entry["replicas"] = std::move(part.replicas);
    summary.shards.push_back(std::move(entry));
    summary.keys += part.keys;
    summary.disk_bytes += part.disk_bytes;
    summary.health = std::max(summary.health, part.health);
  }
  return summary;
}

Json KeyspaceObject(const KeyspaceDescriptor& keyspace, const KeyspaceSummary& summary) {
  Json object;
  object["name"] = keyspace.name;
  object["id"] = keyspace.uuid.ToString();
  object["shards"] = keyspace.shard_count();
  object["replicas"] = keyspace.replica_count;
  object["acks"] = AckLevelName(keyspace.acks);
  object["sync"] = SyncModeName(keyspace.sync);
  object["ttl_seconds"] = keyspace.default_ttl_seconds;
  object["tags"] = keyspace.tags;
  object["epoch"] = keyspace.epoch;
  object["created_at_us"] = keyspace.created_at_us;
  object["keys"] = summary.keys;
  object["disk_bytes"] = summary.disk_bytes;
  object["health"] = HealthName(summary.health);
  return object;
}

Json StoreObject(const StoreInfo& store, const rpc::ClusterStatsResponse& stats) {
  uint64_t used_bytes = 0;
  uint64_t keys = 0;
  size_t replicas = 0;
  for (const rpc::StoreStats& entry : stats.stores) {
    if (entry.store != store.uuid) continue;
    replicas = entry.replicas.size();
    for (const ReplicaStats& replica : entry.replicas) {
      used_bytes += replica.disk_bytes;
      keys += replica.estimated_keys;
    }
  }
  Json object;
  object["id"] = store.uuid.ToString();
  object["address"] = store.address;
  object["unix_path"] = store.unix_path;
  object["zone"] = store.zone;
  object["tags"] = store.tags;
  object["state"] = StoreStateName(store.state);
  object["capacity_bytes"] = store.capacity_bytes;
  object["free_bytes"] = store.free_bytes;
  object["used_bytes"] = used_bytes;
  object["keys"] = keys;
  object["replicas"] = replicas;
  return object;
}

Json StoreArray(const ClusterView& view) {
  Json array = Json::array();
  for (const auto& [uuid, store] : view.map.stores) {
    array.push_back(StoreObject(store, view.stats));
  }
  return array;
}

// worst: the worst health met (may be nullptr).
Json KeyspaceArray(const ClusterView& view, Health* worst) {
  const StatsMap stats = IndexStats(view.stats);
  Json array = Json::array();
  for (const auto& [name, keyspace] : view.map.keyspaces) {
    const KeyspaceSummary summary = SummarizeKeyspace(view.map, stats, keyspace);
    array.push_back(KeyspaceObject(keyspace, summary));
    if (worst != nullptr) *worst = std::max(*worst, summary.health);
  }
  return array;
}

bool MayHost(const StoreInfo& store, const KeyspaceDescriptor& keyspace) {
  return std::all_of(keyspace.tags.begin(), keyspace.tags.end(), [&](const std::string& tag) {
    return std::find(store.tags.begin(), store.tags.end(), tag) != store.tags.end();
  });
}

bool AllStoresUp(const ClusterMap& map) {
  return std::all_of(map.stores.begin(), map.stores.end(),
                     [](const auto& entry) { return entry.second.state == StoreState::kUp; });
}

StatusOr<const KeyspaceDescriptor*> FindKeyspace(const ClusterView& view, const std::string& name) {
  const KeyspaceDescriptor* keyspace = view.map.Find(name);
  if (keyspace == nullptr) return Status::NotFound("there is no keyspace \"" + name + "\"");
  return keyspace;
}

}  // namespace

std::string StatusJson(const ClusterView& view) {
  Health health = AllStoresUp(view.map) ? Health::kOk : Health::kDegraded;
  Json keyspaces = KeyspaceArray(view, &health);
  Json object;
  object["cluster"] = view.map.cluster.ToString();
  object["term"] = view.map.term;
  object["version"] = view.map.version;
  object["health"] = HealthName(health);
  object["stores"] = StoreArray(view);
  object["keyspaces"] = std::move(keyspaces);
  return Text(std::move(object));
}

std::string StoresJson(const ClusterView& view) {
  Json object;
  object["stores"] = StoreArray(view);
  return Text(std::move(object));
}

std::string KeyspacesJson(const ClusterView& view) {
  Json object;
  object["keyspaces"] = KeyspaceArray(view, nullptr);
  return Text(std::move(object));
}

StatusOr<std::string> KeyspaceJson(const ClusterView& view, const std::string& name) {
  VASTO_ASSIGN_OR_RETURN(const KeyspaceDescriptor* keyspace, FindKeyspace(view, name));
  KeyspaceSummary summary = SummarizeKeyspace(view.map, IndexStats(view.stats), *keyspace);
  Json object = KeyspaceObject(*keyspace, summary);
  object["shard_list"] = std::move(summary.shards);
  Json wrapped;
  wrapped["keyspace"] = std::move(object);
  return Text(std::move(wrapped));
}

StatusOr<Usage> UsageOf(const ClusterView& view, const std::string& name) {
  const StatsMap stats = IndexStats(view.stats);
  const KeyspaceDescriptor* only = nullptr;
  if (!name.empty()) {
    VASTO_ASSIGN_OR_RETURN(only, FindKeyspace(view, name));
  }
  Usage usage;
  for (const auto& entry : view.map.stores) {
    const StoreInfo& store = entry.second;
    if (store.state == StoreState::kDown) continue;
    if (only != nullptr && !MayHost(store, *only)) continue;
    usage.capacity_bytes += store.capacity_bytes;
    usage.free_bytes += store.free_bytes;
  }
  for (const auto& [keyspace_name, keyspace] : view.map.keyspaces) {
    if (only != nullptr && only != &keyspace) continue;
    const KeyspaceSummary summary = SummarizeKeyspace(view.map, stats, keyspace);
    usage.used_bytes += summary.disk_bytes;
    usage.keys += summary.keys;
  }
  return usage;
}

std::string UsageJson(const Usage& usage) {
  Json object;
  object["capacity_bytes"] = usage.capacity_bytes;
  object["free_bytes"] = usage.free_bytes;
  object["used_bytes"] = usage.used_bytes;
  object["keys"] = usage.keys;
  Json wrapped;
  wrapped["usage"] = std::move(object);
  return Text(std::move(wrapped));
}

}  // namespace vasto::capi
