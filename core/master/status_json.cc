// SPDX-License-Identifier: Apache-2.0
#include "core/master/status_json.h"

#include <nlohmann/json.hpp>

namespace vasto::master {
namespace {

// Names and tags come from outside and need not be UTF-8.
std::string Dump(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

nlohmann::json StoreJson(const StoreInfo& store) {
  return {{"id", store.uuid.ToString()},
          {"address", store.address},
          {"state", StoreStateName(store.state)},
          {"zone", store.zone},
          {"tags", store.tags},
          {"capacity_bytes", store.capacity_bytes},
          {"free_bytes", store.free_bytes}};
}

nlohmann::json KeyspaceJson(const KeyspaceDescriptor& keyspace) {
  return {{"name", keyspace.name},
          {"id", keyspace.uuid.ToString()},
          {"epoch", keyspace.epoch},
          {"shards", keyspace.shard_count()},
          {"replicas", keyspace.replica_count},
          {"acks", AckLevelName(keyspace.acks)},
          {"sync", SyncModeName(keyspace.sync)},
          {"ttl_seconds", keyspace.default_ttl_seconds},
          {"tags", keyspace.tags}};
}

}  // namespace

std::string StatusJson(const ClusterMap& map, bool recovering,
                       const std::vector<NameConflict>& conflicts) {
  nlohmann::json status = {{"schema", 1},
                           {"cluster", map.cluster.nil() ? "" : map.cluster.ToString()},
                           {"term", map.term},
                           {"version", map.version},
                           {"recovering", recovering},
                           {"stores", nlohmann::json::array()},
                           {"keyspaces", nlohmann::json::array()},
                           {"name_conflicts", nlohmann::json::array()}};
  for (const auto& [uuid, store] : map.stores) status["stores"].push_back(StoreJson(store));
  for (const auto& [name, keyspace] : map.keyspaces) {
    status["keyspaces"].push_back(KeyspaceJson(keyspace));
  }
  for (const NameConflict& conflict : conflicts) {
    status["name_conflicts"].push_back({{"name", conflict.name},
                                        {"owner", conflict.owner.ToString()},
                                        {"hidden", conflict.hidden.ToString()}});
  }
  return Dump(status);
}

}  // namespace vasto::master
