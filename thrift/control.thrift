// SPDX-License-Identifier: Apache-2.0
// Between masters and stores.
include "common.thrift"
include "topology.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.control

struct RegisterStoreRequest {
  1: common.Uuid cluster,  // nil: the store belongs to no cluster yet
  2: i64 max_term = 0,     // the highest master term the store has seen
  3: topology.StoreInfo store,
  4: list<topology.KeyspaceDescriptor> descriptors,  // all it knows, deleted ones included
  5: i32 protocol_version = 0,  // of the store, see common.thrift
}
struct RegisterStoreResponse {
  1: common.Uuid cluster,
  2: i64 term = 0,  // of this master
  3: i32 protocol_version = 0,  // of the master
}

struct HeartbeatRequest {
  1: common.Uuid store,
  2: i64 term = 0,  // of the master it registered with
  3: i64 capacity_bytes = 0,
  4: i64 free_bytes = 0,
  5: list<topology.ReplicaStats> replicas,
}
struct HeartbeatResponse {
}

struct InstallKeyspaceRequest {
  1: i64 term = 0,  // of the sending master; a store refuses a lower one than it has seen
  2: topology.KeyspaceDescriptor descriptor,
}
struct InstallKeyspaceResponse {
  1: list<topology.Replica> replicas,  // this store's, in shard order, with incarnations
}

struct CompactKeyspaceRequest {
  1: i64 term = 0,  // as in InstallKeyspaceRequest
  2: common.Uuid keyspace,
}
struct CompactKeyspaceResponse {
}

// Served by masters, called by stores.
service MasterControlService {
  RegisterStoreResponse register_store(1: RegisterStoreRequest request)
    throws (1: common.VastoError error),
  HeartbeatResponse heartbeat(1: HeartbeatRequest request)
    throws (1: common.VastoError error),
}

// Served by stores, called by masters.
service StoreControlService {
  InstallKeyspaceResponse install_keyspace(1: InstallKeyspaceRequest request)
    throws (1: common.VastoError error),
  CompactKeyspaceResponse compact_keyspace(1: CompactKeyspaceRequest request)
    throws (1: common.VastoError error),
}
