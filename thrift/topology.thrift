// SPDX-License-Identifier: Apache-2.0
// The shape of a cluster; watch_cluster is served by masters and, from what they know, by stores.
include "common.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.topology

enum AckLevel {
  ONE = 1,
  QUORUM = 2,
  ALL = 3,
}

enum SyncMode {
  NONE = 1,
  INTERVAL = 2,
  ALWAYS = 3,
}

enum StoreState {
  UP = 1,
  SUSPECT = 2,
  DOWN = 3,
}

enum ReplicaRole {
  REPLICA = 1,
  LEARNER = 2,
}

struct Replica {
  1: common.Uuid store,
  2: i64 incarnation = 0,  // 0 until the store has made the replica's database
  3: ReplicaRole role = ReplicaRole.REPLICA,
}

// In failover order: the first whose store is up is the primary.
struct ShardReplicas {
  1: list<Replica> replicas,
}

struct KeyspaceDescriptor {
  1: common.Uuid uuid,
  2: string name,
  3: i64 epoch = 0,                // grows with every change; the higher one replaces the lower
  4: i64 term = 0,                 // of the master that made this epoch
  5: i32 replica_count = 1,
  6: AckLevel acks = AckLevel.ONE,
  7: SyncMode sync = SyncMode.NONE,
  8: i64 default_ttl_seconds = 0,  // 0: values do not expire by themselves
  9: list<string> tags,            // a store must have all of them to host a shard
  10: i64 created_at_us = 0,
  11: i64 deleted_at_us = 0,       // 0: alive
  12: list<ShardReplicas> shards,  // index: shard number; empty once deleted
}

struct StoreInfo {
  1: common.Uuid uuid,
  2: string address,          // HOST:PORT
  3: string unix_path,        // of its unix socket on its host; empty: none
  4: string host_id,          // equal for processes on one host
  5: string zone,
  6: list<string> tags,
  7: i64 capacity_bytes = 0,
  8: i64 free_bytes = 0,
  9: StoreState state = StoreState.UP,
}

struct ClusterMap {
  1: common.Uuid cluster,
  2: i64 term = 0,
  3: i64 version = 0,                    // (term, version) orders maps
  4: list<StoreInfo> stores,             // by uuid, ascending
  5: list<KeyspaceDescriptor> keyspaces, // alive ones, by name, ascending
}

// What a store tells about one replica it hosts.
struct ReplicaStats {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: i64 estimated_keys = 0,
  4: i64 disk_bytes = 0,
  5: i64 memory_bytes = 0,
  6: string health,  // empty: serving; else why it is not
  7: bool catching_up = false,  // it will serve once it has what the other replicas had
  8: i64 lag_us = 0,            // how long ago it had all that the other replicas it can reach have
  9: i32 unreachable = 0,       // other replicas that do not answer
}

struct WatchClusterRequest {
  1: i64 known_term = 0,
  2: i64 known_version = 0,
  3: i32 wait_ms = 0,  // a master waits this long for (term, version) to change; 0: not at all
  4: i32 protocol_version = 0,  // of the caller, see common.thrift
}
struct WatchClusterResponse {
  1: bool changed = false,
  2: ClusterMap cluster_map,  // when changed
  3: i32 protocol_version = 0,  // of the one that answers
}

service TopologyService {
  WatchClusterResponse watch_cluster(1: WatchClusterRequest request)
    throws (1: common.VastoError error),
}
