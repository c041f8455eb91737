// SPDX-License-Identifier: Apache-2.0
// The tables between the values of messages.h and the structs of thrift/*.thrift: for each struct
// its fields with id, Thrift name and member, in ascending order of ids. Readers and writers of
// every message are made from these (wire.cc).
//
// How members map: bool → bool; 32-bit integers and enums → i32; 64-bit ones → i64; std::string →
// string or binary; Uuid → 16 bytes; std::vector → list; a map keyed by a part of its values → the
// list of values; std::optional → an `optional` field. Every other field is always written.
//
// Tests hold the tables against the IDL text (ids and names) and against generated code (bytes).
// Threads: constants only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "core/rpc/messages.h"

namespace vasto::rpc::internal {

template <typename Struct, typename Member>
struct Field {
  constexpr Field(int field_id, std::string_view field_name, Member Struct::*field)
      : id(static_cast<int16_t>(field_id)), name(field_name), member(field) {}
  int16_t id;
  std::string_view name;
  Member Struct::*member;
};

// Schema<T>::kName is the Thrift struct's name, kFields a tuple of Field.
template <typename T>
struct Schema;

template <typename T>
concept HasSchema = requires {
  Schema<T>::kFields;
};

// The numbers that are enumerators. Code is not here: an unknown one reads as kInternal.
template <typename T>
struct EnumRange;
template <>
struct EnumRange<WriteKind> {
  static constexpr int32_t kFirst = 1, kLast = 10;
};
template <>
struct EnumRange<Condition> {
  static constexpr int32_t kFirst = 0, kLast = 2;
};
template <>
struct EnumRange<AckLevel> {
  static constexpr int32_t kFirst = 1, kLast = 3;
};
template <>
struct EnumRange<SyncMode> {
  static constexpr int32_t kFirst = 1, kLast = 3;
};
template <>
struct EnumRange<StoreState> {
  static constexpr int32_t kFirst = 1, kLast = 3;
};
template <>
struct EnumRange<ReplicaRole> {
  static constexpr int32_t kFirst = 1, kLast = 2;
};

// Keys of the maps that travel as lists.
inline const Uuid& KeyOf(const StoreInfo& value) { return value.uuid; }
inline const std::string& KeyOf(const KeyspaceDescriptor& value) { return value.name; }

#define VASTO_SCHEMA(Type, ...)                                   \
  template <>                                                     \
  struct Schema<Type> {                                           \
    using T = Type;                                               \
    static constexpr std::string_view kName = #Type;              \
    static constexpr auto kFields = std::make_tuple(__VA_ARGS__); \
  }
// Type is a BaseType with more fields.
#define VASTO_SCHEMA_OF_DERIVED(Type, BaseType, ...)                         \
  template <>                                                                \
  struct Schema<Type> {                                                      \
    using T = Type;                                                          \
    using Base = BaseType;                                                   \
    static constexpr std::string_view kName = #Type;                         \
    static constexpr auto kFields =                                          \
        std::tuple_cat(Schema<Base>::kFields, std::make_tuple(__VA_ARGS__)); \
  }
#define VASTO_EMPTY_SCHEMA(Type)                     \
  template <>                                        \
  struct Schema<Type> {                              \
    static constexpr std::string_view kName = #Type; \
    static constexpr std::tuple<> kFields{};         \
  }
#define VASTO_FIELD(id, member) Field(id, #member, &T::member)
// For a member whose name is a reserved word of Thrift.
#define VASTO_FIELD_AS(id, name, member) Field(id, name, &T::member)

// data.thrift
VASTO_SCHEMA(ShardRef, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, epoch), VASTO_FIELD(3, shard),
             VASTO_FIELD(4, timeout_ms));
VASTO_SCHEMA(Value, VASTO_FIELD(1, payload), VASTO_FIELD(2, payload_size),
             VASTO_FIELD(3, event_time), VASTO_FIELD(4, expires_at_us), VASTO_FIELD(5, value_type),
             VASTO_FIELD(6, content_checksum));
VASTO_SCHEMA(ReadKey, VASTO_FIELD(1, key), VASTO_FIELD(2, partition_hash));
VASTO_SCHEMA(ReadResult, VASTO_FIELD(1, code), VASTO_FIELD(2, value), VASTO_FIELD(3, message));
VASTO_SCHEMA_OF_DERIVED(GetResponse, ReadResult, VASTO_FIELD(16, seen));
VASTO_SCHEMA(ReadBound, VASTO_FIELD(1, max_staleness_ms), VASTO_FIELD(2, needs),
             VASTO_FIELD(3, tell_seen), VASTO_FIELD(4, turned_us));
VASTO_SCHEMA(GetRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, key), VASTO_FIELD(3, meta_only),
             VASTO_FIELD(4, bound));
VASTO_SCHEMA(MultiGetRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, keys), VASTO_FIELD(3, meta_only),
             VASTO_FIELD(4, bound));
VASTO_SCHEMA(MultiGetResponse, VASTO_FIELD(1, results), VASTO_FIELD(2, seen));
VASTO_SCHEMA(WriteEntry, VASTO_FIELD(1, kind), VASTO_FIELD(2, key), VASTO_FIELD(3, partition_hash),
             VASTO_FIELD(4, payload), VASTO_FIELD(5, value_type), VASTO_FIELD(6, content_checksum),
             VASTO_FIELD(7, event_time), VASTO_FIELD(8, ttl_seconds), VASTO_FIELD(9, expires_at_us),
             VASTO_FIELD(10, condition), VASTO_FIELD(11, if_version));
VASTO_SCHEMA(WriteResult, VASTO_FIELD(1, code), VASTO_FIELD(2, event_time),
             VASTO_FIELD(3, superseded), VASTO_FIELD(4, message));
VASTO_SCHEMA_OF_DERIVED(WriteResponse, WriteResult, VASTO_FIELD(16, seen));
VASTO_SCHEMA(WriteRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, entry), VASTO_FIELD(3, acks),
             VASTO_FIELD(4, not_after), VASTO_FIELD(5, tell_seen), VASTO_FIELD(6, stand_in),
             VASTO_FIELD(7, clock_floor));
VASTO_SCHEMA(WriteBatchRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, entries), VASTO_FIELD(3, acks),
             VASTO_FIELD(4, not_after), VASTO_FIELD(5, tell_seen), VASTO_FIELD(6, stand_in),
             VASTO_FIELD(7, clock_floor));
VASTO_SCHEMA(WriteBatchResponse, VASTO_FIELD(1, results), VASTO_FIELD(2, seen));
VASTO_SCHEMA(ScanRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, start),
             VASTO_FIELD(3, start_exclusive), VASTO_FIELD_AS(4, "end_key", end),
             VASTO_FIELD(5, limit), VASTO_FIELD(6, max_bytes), VASTO_FIELD(7, keys_only),
             VASTO_FIELD(8, bound));
VASTO_SCHEMA(ScanResponse, VASTO_FIELD(1, rows), VASTO_FIELD(2, more), VASTO_FIELD(3, resume_key),
             VASTO_FIELD(4, seen));

// topology.thrift
VASTO_SCHEMA(Replica, VASTO_FIELD(1, store), VASTO_FIELD(2, incarnation), VASTO_FIELD(3, role));
VASTO_SCHEMA(ShardReplicas, VASTO_FIELD(1, replicas));
VASTO_SCHEMA(KeyspaceDescriptor, VASTO_FIELD(1, uuid), VASTO_FIELD(2, name), VASTO_FIELD(3, epoch),
             VASTO_FIELD(4, term), VASTO_FIELD(5, replica_count), VASTO_FIELD(6, acks),
             VASTO_FIELD(7, sync), VASTO_FIELD(8, default_ttl_seconds), VASTO_FIELD(9, tags),
             VASTO_FIELD(10, created_at_us), VASTO_FIELD(11, deleted_at_us),
             VASTO_FIELD(12, shards));
VASTO_SCHEMA(StoreInfo, VASTO_FIELD(1, uuid), VASTO_FIELD(2, address), VASTO_FIELD(3, unix_path),
             VASTO_FIELD(4, host_id), VASTO_FIELD(5, zone), VASTO_FIELD(6, tags),
             VASTO_FIELD(7, capacity_bytes), VASTO_FIELD(8, free_bytes), VASTO_FIELD(9, state));
VASTO_SCHEMA(ClusterMap, VASTO_FIELD(1, cluster), VASTO_FIELD(2, term), VASTO_FIELD(3, version),
             VASTO_FIELD(4, stores), VASTO_FIELD(5, keyspaces));
VASTO_SCHEMA(ReplicaStats, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard),
             VASTO_FIELD(3, estimated_keys), VASTO_FIELD(4, disk_bytes),
             VASTO_FIELD(5, memory_bytes), VASTO_FIELD(6, health), VASTO_FIELD(7, catching_up),
             VASTO_FIELD(8, lag_us), VASTO_FIELD(9, unreachable));
VASTO_SCHEMA(WatchClusterRequest, VASTO_FIELD(1, known_term), VASTO_FIELD(2, known_version),
             VASTO_FIELD(3, wait_ms), VASTO_FIELD(4, protocol_version));
VASTO_SCHEMA(WatchClusterResponse, VASTO_FIELD(1, changed), VASTO_FIELD_AS(2, "cluster_map", map),
             VASTO_FIELD(3, protocol_version));

// control.thrift
VASTO_SCHEMA(RegisterStoreRequest, VASTO_FIELD(1, cluster), VASTO_FIELD(2, max_term),
             VASTO_FIELD(3, store), VASTO_FIELD(4, descriptors), VASTO_FIELD(5, protocol_version));
VASTO_SCHEMA(RegisterStoreResponse, VASTO_FIELD(1, cluster), VASTO_FIELD(2, term),
             VASTO_FIELD(3, protocol_version));
VASTO_SCHEMA(HeartbeatRequest, VASTO_FIELD(1, store), VASTO_FIELD(2, term),
             VASTO_FIELD(3, capacity_bytes), VASTO_FIELD(4, free_bytes), VASTO_FIELD(5, replicas));
VASTO_EMPTY_SCHEMA(HeartbeatResponse);
VASTO_SCHEMA(InstallKeyspaceRequest, VASTO_FIELD(1, term), VASTO_FIELD(2, descriptor));
VASTO_SCHEMA(InstallKeyspaceResponse, VASTO_FIELD(1, replicas));
VASTO_SCHEMA(CompactKeyspaceRequest, VASTO_FIELD(1, term), VASTO_FIELD(2, keyspace));
VASTO_EMPTY_SCHEMA(CompactKeyspaceResponse);

// replication.thrift
VASTO_SCHEMA(Position, VASTO_FIELD(1, log), VASTO_FIELD(2, sequence));
VASTO_SCHEMA(ChangeBatch, VASTO_FIELD(1, log), VASTO_FIELD(2, first), VASTO_FIELD(3, last),
             VASTO_FIELD(4, changes), VASTO_FIELD(5, checksum));
VASTO_SCHEMA(PullRequest, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard), VASTO_FIELD(3, store),
             VASTO_FIELD(4, incarnation), VASTO_FIELD(5, have), VASTO_FIELD(6, relay),
             VASTO_FIELD(7, max_bytes), VASTO_FIELD(8, wait_ms), VASTO_FIELD(9, protocol_version),
             VASTO_FIELD(10, ready));
VASTO_SCHEMA(PullResponse, VASTO_FIELD(1, batch), VASTO_FIELD(2, has), VASTO_FIELD(3, log),
             VASTO_FIELD(4, serving), VASTO_FIELD(5, settled), VASTO_FIELD(6, protocol_version),
             VASTO_FIELD(7, out_of_log), VASTO_FIELD(8, waits), VASTO_FIELD(9, complete),
             VASTO_FIELD(10, gave_up), VASTO_FIELD(11, waited_us), VASTO_FIELD(12, stuck));
VASTO_SCHEMA(CopyFile, VASTO_FIELD(1, name), VASTO_FIELD(2, size));
VASTO_SCHEMA(BeginCopyRequest, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard),
             VASTO_FIELD(3, store), VASTO_FIELD(4, protocol_version));
VASTO_SCHEMA(BeginCopyResponse, VASTO_FIELD(1, copy), VASTO_FIELD(2, files), VASTO_FIELD(3, has),
             VASTO_FIELD(4, protocol_version));
VASTO_SCHEMA(ReadCopyRequest, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard), VASTO_FIELD(3, copy),
             VASTO_FIELD(4, file), VASTO_FIELD(5, offset), VASTO_FIELD(6, bytes));
VASTO_SCHEMA(ReadCopyResponse, VASTO_FIELD(1, data), VASTO_FIELD(2, checksum));
VASTO_SCHEMA(EndCopyRequest, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard), VASTO_FIELD(3, copy));
VASTO_EMPTY_SCHEMA(EndCopyResponse);
VASTO_SCHEMA(GiveBackRequest, VASTO_FIELD(1, keyspace), VASTO_FIELD(2, shard),
             VASTO_FIELD(3, store), VASTO_FIELD(4, batch), VASTO_FIELD(5, protocol_version));
VASTO_SCHEMA(GiveBackResponse, VASTO_FIELD(1, has), VASTO_FIELD(2, protocol_version));
VASTO_SCHEMA(PingRequest, VASTO_FIELD(1, store));
VASTO_SCHEMA(PingResponse, VASTO_FIELD(1, time_us));

// watch.thrift
VASTO_SCHEMA(WatchRequest, VASTO_FIELD(1, ref), VASTO_FIELD(2, watcher), VASTO_FIELD(3, from_now),
             VASTO_FIELD(4, have), VASTO_FIELD(5, prefix), VASTO_FIELD(6, max_bytes),
             VASTO_FIELD(7, wait_ms));
VASTO_SCHEMA(WatchResponse, VASTO_FIELD(1, at), VASTO_FIELD(2, changes));

// admin.thrift
VASTO_SCHEMA(CreateKeyspaceRequest, VASTO_FIELD(1, name), VASTO_FIELD(2, shards),
             VASTO_FIELD(3, replicas), VASTO_FIELD(4, acks), VASTO_FIELD(5, sync),
             VASTO_FIELD(6, ttl_seconds), VASTO_FIELD(7, tags));
VASTO_SCHEMA(DeleteKeyspaceRequest, VASTO_FIELD(1, name));
VASTO_SCHEMA(StartCompactionRequest, VASTO_FIELD(1, name));
VASTO_SCHEMA(StartOperationResponse, VASTO_FIELD(1, operation));
VASTO_SCHEMA(WaitOperationRequest, VASTO_FIELD(1, operation), VASTO_FIELD(2, wait_ms));
VASTO_SCHEMA(WaitOperationResponse, VASTO_FIELD(1, done), VASTO_FIELD(2, steps_done),
             VASTO_FIELD(3, steps_total), VASTO_FIELD(4, code), VASTO_FIELD(5, message));
VASTO_EMPTY_SCHEMA(ClusterStatsRequest);
VASTO_SCHEMA(StoreStats, VASTO_FIELD(1, store), VASTO_FIELD(2, replicas));
VASTO_SCHEMA(ClusterStatsResponse, VASTO_FIELD(1, stores));

#undef VASTO_SCHEMA
#undef VASTO_EMPTY_SCHEMA
#undef VASTO_FIELD
#undef VASTO_FIELD_AS

}  // namespace vasto::rpc::internal
