// SPDX-License-Identifier: Apache-2.0
// What stores, master and clients know about the cluster, as plain values.
//
// KeyspaceDescriptor is the durable truth about one keyspace: every store that hosts a part of it
// keeps a copy (descriptor_codec.h). A higher epoch replaces a lower one. A deleted keyspace stays
// known as a descriptor with deleted_at_us set (on every store of the cluster), so that it cannot
// come back with a store that was away.
//
// ClusterMap is what clients route by. Its version grows with every change that one master makes;
// (term, version) orders maps across master restarts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/base/uuid.h"

namespace vasto {

constexpr int32_t kMaxShards = 4096;
constexpr int32_t kMaxReplicas = 7;

// Numbers are stored and sent.
enum class AckLevel : int32_t { kOne = 1, kQuorum = 2, kAll = 3 };
enum class SyncMode : int32_t { kNone = 1, kInterval = 2, kAlways = 3 };
enum class StoreState : int32_t { kUp = 1, kSuspect = 2, kDown = 3 };
enum class ReplicaRole : int32_t { kReplica = 1, kLearner = 2 };

std::string_view AckLevelName(AckLevel level);      // "one" …
std::string_view SyncModeName(SyncMode mode);       // "none" …
std::string_view StoreStateName(StoreState state);  // "up" …
StatusOr<AckLevel> ParseAckLevel(std::string_view text);
StatusOr<SyncMode> ParseSyncMode(std::string_view text);

struct Replica {
  Uuid store;
  uint64_t incarnation = 0;  // 0 until the store has made the replica's database
  ReplicaRole role = ReplicaRole::kReplica;
  bool operator==(const Replica&) const = default;
};

// Replicas of one shard in failover order: the first whose store is up is the primary.
struct ShardReplicas {
  std::vector<Replica> replicas;
  bool operator==(const ShardReplicas&) const = default;
};

struct KeyspaceDescriptor {
  Uuid uuid;
  std::string name;
  uint64_t epoch = 0;
  uint64_t term = 0;  // of the master that made this epoch
  int32_t replica_count = 1;
  AckLevel acks = AckLevel::kOne;
  SyncMode sync = SyncMode::kNone;
  uint64_t default_ttl_seconds = 0;   // 0: values do not expire by themselves
  std::vector<std::string> tags;      // a store must have all of them to host a shard
  int64_t created_at_us = 0;          // wall clock
  int64_t deleted_at_us = 0;          // 0: alive
  std::vector<ShardReplicas> shards;  // index = shard number; empty once deleted

  int32_t shard_count() const { return static_cast<int32_t>(shards.size()); }
  bool deleted() const { return deleted_at_us != 0; }
  // The shards that have a replica on this store.
  std::vector<int32_t> ShardsOn(const Uuid& store) const;
  bool Hosts(const Uuid& store, int32_t shard) const;
  bool operator==(const KeyspaceDescriptor&) const = default;
};

struct StoreInfo {
  Uuid uuid;
  std::string address;    // HOST:PORT
  std::string unix_path;  // of its unix socket on its host; empty: none
  std::string host_id;    // equal for processes on one host (boot id); clients use unix_path only
                          // when it is their own
  std::string zone;
  std::vector<std::string> tags;
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;
  StoreState state = StoreState::kUp;
  bool operator==(const StoreInfo&) const = default;
};

struct ClusterMap {
  Uuid cluster;
  uint64_t term = 0;
  uint64_t version = 0;
  std::map<Uuid, StoreInfo> stores;
  std::map<std::string, KeyspaceDescriptor> keyspaces;  // alive ones, by name

  // nullptr when unknown. Borrowed from *this.
  const KeyspaceDescriptor* Find(const std::string& name) const;
  const StoreInfo* FindStore(const Uuid& uuid) const;
};

// What a store tells about one replica it hosts, with each heartbeat.
struct ReplicaStats {
  Uuid keyspace;
  int32_t shard = 0;
  uint64_t estimated_keys = 0;
  uint64_t disk_bytes = 0;
  uint64_t memory_bytes = 0;
  std::string health;        // empty: serving; else why it is not
  bool catching_up = false;  // will serve once it has what the other replicas had
  int64_t lag_us = 0;        // how long ago it had all that the other replicas it can reach have
  uint32_t unreachable = 0;  // other replicas that do not answer
};

// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}; the message says what is allowed.
Status CheckKeyspaceName(std::string_view name);

}  // namespace vasto
