// SPDX-License-Identifier: Apache-2.0
// What an administrator asks of a master. Long work runs there as an operation.
include "common.thrift"
include "topology.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.admin

struct CreateKeyspaceRequest {
  1: string name,
  2: i32 shards = 1,
  3: i32 replicas = 1,
  4: topology.AckLevel acks = topology.AckLevel.ONE,
  5: topology.SyncMode sync = topology.SyncMode.NONE,
  6: i64 ttl_seconds = 0,  // 0: values do not expire by themselves
  7: list<string> tags,    // stores must have all of them; empty: any store
}

struct DeleteKeyspaceRequest {
  1: string name,
}

struct StartCompactionRequest {
  1: string name,
}

struct StartOperationResponse {
  1: i64 operation = 0,  // unique within a master's term and forgotten with it
}

struct WaitOperationRequest {
  1: i64 operation = 0,
  2: i32 wait_ms = 0,  // 0: answer at once
}
struct WaitOperationResponse {
  1: bool done = false,
  2: i64 steps_done = 0,
  3: i64 steps_total = 0,
  4: common.Code code = common.Code.OK,  // when done
  5: string message,
}

struct ClusterStatsRequest {
}
struct StoreStats {
  1: common.Uuid store,
  2: list<topology.ReplicaStats> replicas,
}
struct ClusterStatsResponse {
  1: list<StoreStats> stores,
}

service AdminService {
  StartOperationResponse create_keyspace(1: CreateKeyspaceRequest request)
    throws (1: common.VastoError error),
  StartOperationResponse delete_keyspace(1: DeleteKeyspaceRequest request)
    throws (1: common.VastoError error),
  StartOperationResponse start_compaction(1: StartCompactionRequest request)
    throws (1: common.VastoError error),
  WaitOperationResponse wait_operation(1: WaitOperationRequest request)
    throws (1: common.VastoError error),
  ClusterStatsResponse cluster_stats(1: ClusterStatsRequest request)
    throws (1: common.VastoError error),
}
