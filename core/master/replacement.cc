// SPDX-License-Identifier: Apache-2.0
#include "core/master/replacement.h"

#include <algorithm>
#include <vector>

#include "core/topology/placement.h"

namespace vasto::master {
namespace {

class Planner {
 public:
  Planner(const KeyspaceDescriptor& keyspace, const ReplacementRules& rules,
          std::unordered_map<Uuid, int32_t>* hosted)
      : rules_(rules), hosted_(hosted), next_(keyspace) {}

  std::optional<KeyspaceDescriptor> Plan() {
    bool changed = false;
    for (int32_t shard = 0; shard < next_.shard_count(); ++shard) {
      changed = Promote(shard) || changed;
      changed = Replace(shard) || changed;
    }
    if (!changed) return std::nullopt;
    ++next_.epoch;
    next_.term = rules_.term;
    return std::move(next_);
  }

 private:
  std::vector<Replica>& ReplicasOf(int32_t shard) {
    return next_.shards[static_cast<size_t>(shard)].replicas;
  }

  // The store is here, and its replica has what the others had.
  bool IsComplete(const Uuid& store, int32_t shard) const {
    const auto it = rules_.stores->all().find(store);
    if (it == rules_.stores->all().end()) return false;
    const StoreRecord& record = it->second;
    if (!record.connected() || record.info.state != StoreState::kUp) return false;
    return std::any_of(record.replicas.begin(), record.replicas.end(), [&](const auto& stats) {
      return stats.keyspace == next_.uuid && stats.shard == shard && stats.health.empty() &&
             !stats.catching_up;
    });
  }

  bool Promote(int32_t shard) {
    bool changed = false;
    for (Replica& replica : ReplicasOf(shard)) {
      if (replica.role != ReplicaRole::kLearner || !IsComplete(replica.store, shard)) continue;
      replica.role = ReplicaRole::kReplica;
      changed = true;
    }
    return changed;
  }

  bool EveryQuorumIsHere(int32_t shard) {
    const std::vector<Replica>& replicas = ReplicasOf(shard);
    const auto complete = static_cast<size_t>(
        std::count_if(replicas.begin(), replicas.end(), [&](const Replica& replica) {
          return replica.role == ReplicaRole::kReplica && IsComplete(replica.store, shard);
        }));
    const size_t quorum = replicas.size() / 2 + 1;
    return complete + quorum > replicas.size();
  }

  bool Replace(int32_t shard) {
    std::vector<Replica>& replicas = ReplicasOf(shard);
    const auto away = [this](const Replica& replica) { return rules_.stays_away(replica.store); };
    if (std::none_of(replicas.begin(), replicas.end(), away)) return false;
    if (!EveryQuorumIsHere(shard)) return false;
    bool changed = false;
    for (size_t i = 0; i < replicas.size(); ++i) {
      if (!away(replicas[i])) continue;
      const Uuid store = PlaceReplacement(next_.shards[static_cast<size_t>(shard)], i, next_.tags,
                                          *hosted_, rules_.stores->Infos());
      if (store.nil()) continue;
      replicas[i] = {.store = store, .incarnation = 0, .role = ReplicaRole::kLearner};
      ++(*hosted_)[store];
      changed = true;
    }
    return changed;
  }

  const ReplacementRules& rules_;
  std::unordered_map<Uuid, int32_t>* const hosted_;
  KeyspaceDescriptor next_;
};

}  // namespace

std::optional<KeyspaceDescriptor> ReplaceAway(const KeyspaceDescriptor& keyspace,
                                              const ReplacementRules& rules,
                                              std::unordered_map<Uuid, int32_t>* hosted) {
  if (keyspace.deleted() || keyspace.replica_count < 2) return std::nullopt;
  const auto concerns = [&](const Replica& replica) {
    return replica.role == ReplicaRole::kLearner || rules.stays_away(replica.store);
  };
  const bool concerned =
      std::any_of(keyspace.shards.begin(), keyspace.shards.end(), [&](const ShardReplicas& shard) {
        return std::any_of(shard.replicas.begin(), shard.replicas.end(), concerns);
      });
  if (!concerned) return std::nullopt;
  return Planner(keyspace, rules, hosted).Plan();
}

}  // namespace vasto::master
