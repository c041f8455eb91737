// SPDX-License-Identifier: Apache-2.0
// The requests and responses of every RPC as plain values, and one method tag for each: what the
// layers above see of the wire. wire.h turns them into the Thrift structs of thrift/*.thrift and
// back; field meanings are documented there once.
//
// A method tag names its Request, its Response and its Thrift method; Dispatcher::Handle<Tag>
// serves it, Channel::Call<Tag> calls it. A call that fails as a whole answers with a Status
// (VastoError on the wire); a result of one key is in its response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hlc.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/codec/change.h"
#include "core/codec/positions.h"
#include "core/topology/cluster_map.h"

namespace vasto::rpc {

// Which shard a data request is meant for, so that a store can tell a client that its cluster map
// is old.
struct ShardRef {
  Uuid keyspace;
  uint64_t epoch = 0;       // of the client's map; 0: unknown, always accepted
  int32_t shard = -1;       // -1: the store computes it from the key
  uint32_t timeout_ms = 0;  // left of the caller's deadline; 0: none. Late work is dropped
};

struct Value {
  std::string payload;
  uint64_t payload_size = 0;  // also set when the payload was not asked for
  EventTime event_time = 0;
  uint64_t expires_at_us = 0;
  uint32_t value_type = 0;
  uint64_t content_checksum = 0;  // ContentChecksum(key, payload)
};

struct ReadKey {
  std::string key;
  std::optional<uint64_t> partition_hash;
};

// One key's read result. code: kOk, kNotFound, kCorruption, …; message only on failures other than
// kNotFound.
struct ReadResult {
  Code code = Code::kNotFound;
  Value value;
  std::string message;
};

// What a read asks of the replica that answers it. Begins the message of the kUnavailable of one
// that is behind that; another may be further.
inline constexpr std::string_view kBehindPrefix = "moved: behind: ";
struct ReadBound {
  // It lacks nothing that the replicas which clients prefer to it had so long ago. 0: no bound.
  uint32_t max_staleness_ms = 0;
  std::vector<Position> needs;  // it has all of this
  bool tell_seen = false;       // the answer is to have `seen`
  // The client has turned away from one that it prefers to this replica, so long ago in
  // microseconds. What that one had acknowledged others may have and this one not, which may not
  // know yet: it has looked at them since, or answers kBusy and does.
  std::optional<uint64_t> turned_us;
};

// A replica that has these positions has all that the answer speaks of. In an answer only when it
// was asked for; of a read only those that its bound did not need.
using Seen = std::optional<std::vector<Position>>;

struct GetRequest {
  ShardRef ref;
  ReadKey key;
  bool meta_only = false;  // leave the payload out
  std::optional<ReadBound> bound;
};
struct GetResponse : ReadResult {
  Seen seen;
};

// All keys belong to ref.shard.
struct MultiGetRequest {
  ShardRef ref;
  std::vector<ReadKey> keys;
  bool meta_only = false;
  std::optional<ReadBound> bound;
};
struct MultiGetResponse {
  std::vector<ReadResult> results;  // parallel to keys
  Seen seen;
};

// From kAddInt64 to kMaxFloat64 a merge, whose payload is the operand (core/codec/merge.h);
// kAppend: the payload comes behind the value. These take no event time, time to live or condition.
enum class WriteKind : int32_t {
  kPut = 1,
  kDelete = 2,
  kTouch = 3,
  kAddInt64 = 4,
  kMinInt64 = 5,
  kMaxInt64 = 6,
  kAddFloat64 = 7,
  kMinFloat64 = 8,
  kMaxFloat64 = 9,
  kAppend = 10,
};
inline bool IsMerge(WriteKind kind) {
  return kind >= WriteKind::kAddInt64 && kind <= WriteKind::kMaxFloat64;
}
enum class Condition : int32_t { kNone = 0, kIfAbsent = 1, kIfVersion = 2 };

struct WriteEntry {
  WriteKind kind = WriteKind::kPut;
  std::string key;
  std::optional<uint64_t> partition_hash;
  std::string payload;            // not of kDelete and kTouch
  uint32_t value_type = 0;        // kPut only
  uint64_t content_checksum = 0;  // ContentChecksum(key, payload); 0: not given
  EventTime event_time = 0;       // 0: the store's clock
  // kPut: seconds to live, 0: the keyspace's default. kTouch: the new time to live, 0: never
  // expires.
  uint64_t ttl_seconds = 0;
  // kPut: absolute expiry in µs since the epoch, instead of ttl_seconds; 0: not given;
  // kNeverExpires (limits.h): never.
  uint64_t expires_at_us = 0;
  Condition condition = Condition::kNone;
  EventTime if_version = 0;  // kIfVersion: the event time the visible value must have now
};

// code: kOk, kInvalidArgument (also: what is there is no number, or none that this can be merged
// into), kNotFound (touch of an absent key), kAlreadyExists / kStaleWrite (condition failed;
// event_time is the stored one), …
struct WriteResult {
  Code code = Code::kOk;
  EventTime event_time = 0;  // of the write, or of what is stored when it did not apply
  bool superseded = false;   // kOk, but a newer event time was already stored: nothing changed
  std::string message;
};

struct WriteRequest {
  ShardRef ref;
  WriteEntry entry;
  std::optional<AckLevel> acks;  // none: what the keyspace says
  // Of the store's hybrid clock; 0: any time. Later than this a write without an event time is not
  // done: its caller has long done it elsewhere, or given up, and it would undo what came between.
  // The answer is kUnavailable, and its event_time is what the clock shows.
  EventTime not_after = 0;
  bool tell_seen = false;  // the answer is to have `seen`
  // Of a write with a condition, or an append, whose caller did not get through to the replicas
  // before this one: only if these are known to be gone.
  bool stand_in = false;
  // Of a repetition: no earlier attempt can have had a greater event time. What this store accepts
  // from now on gets a greater one, lest such an attempt undo it when it comes to light. 0: nothing
  // is known, or nothing was attempted.
  EventTime clock_floor = 0;
};
struct WriteResponse : WriteResult {
  Seen seen;
};

// All entries belong to ref.shard. Applied in order; each entry has its own result; not atomic
// across conditions.
struct WriteBatchRequest {
  ShardRef ref;
  std::vector<WriteEntry> entries;
  std::optional<AckLevel> acks;
  EventTime not_after = 0;    // as in WriteRequest
  bool tell_seen = false;     // as in WriteRequest
  bool stand_in = false;      // as in WriteRequest
  EventTime clock_floor = 0;  // as in WriteRequest
};
struct WriteBatchResponse {
  std::vector<WriteResult> results;  // parallel to entries
  Seen seen;
};

// The rows of one shard in [start, end), in key order, one page.
struct ScanRequest {
  ShardRef ref;  // ref.shard must be given
  std::string start;
  bool start_exclusive = false;
  std::string end;         // exclusive; empty: to the last key
  uint32_t limit = 0;      // rows; 0: as many as fit the page
  uint32_t max_bytes = 0;  // 0: the store's default page; at most kMaxScanPageBytes
  bool keys_only = false;
  std::optional<ReadBound> bound;
};
struct ScanResponse {
  std::string rows;   // a row block (core/codec/row_block.h)
  bool more = false;  // there may be rows after the last one
  // When more: the start, not exclusive, of the next page; a page may end without a row.
  std::string resume_key;
  Seen seen;
};

// Changes of one shard (core/storage/watch_cursor.h); waits for them. kTooOld: the store remembers
// none of what came right after `have`.
struct WatchRequest {
  ShardRef ref;  // ref.shard must be given
  // Random; the same in all requests of a watcher to a shard. It has one at a time: a further one
  // ends the one before, which is answered at once.
  uint64_t watcher = 0;
  bool from_now = false;       // `have` is not read; the answer comes at once
  std::vector<Position> have;  // where the watcher stands: WatchResponse::at
  std::string prefix;          // of the keys to be told of
  uint32_t max_bytes = 0;      // of changes, 0: the store's default; one larger batch goes alone
  uint32_t wait_ms = 0;        // how long to wait for changes; a part of ref.timeout_ms at most
};
struct WatchResponse {
  std::vector<Position> at;  // behind these changes
  std::string changes;       // as in ChangeBatch
};

// A read-only view of the cluster; answered by masters (with long poll) and by stores (what they
// know, at once).
struct WatchClusterRequest {
  uint64_t known_term = 0;
  uint64_t known_version = 0;
  uint32_t wait_ms = 0;  // how long the master parks the call until (term, version) changes
  uint32_t protocol_version = 0;  // see protocol_version.h
};
struct WatchClusterResponse {
  bool changed = false;
  ClusterMap map;  // when changed
  uint32_t protocol_version = 0;
};

// store → master
struct RegisterStoreRequest {
  Uuid cluster;           // nil: the store belongs to no cluster yet
  uint64_t max_term = 0;  // the highest master term the store has seen
  StoreInfo store;
  std::vector<KeyspaceDescriptor> descriptors;  // all it knows, deleted ones included
  uint32_t protocol_version = 0;                // see protocol_version.h
};
struct RegisterStoreResponse {
  Uuid cluster;
  uint64_t term = 0;
  uint32_t protocol_version = 0;
};
struct HeartbeatRequest {
  Uuid store;
  uint64_t term = 0;
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;
  std::vector<ReplicaStats> replicas;
};
struct HeartbeatResponse {};

// master → store. term: of the sending master; a store refuses a term lower than one it has seen
// (kPermission).
struct InstallKeyspaceRequest {
  uint64_t term = 0;
  // Alive: open or make the shards it puts on this store; deleted: drop them, keep the tombstone.
  KeyspaceDescriptor descriptor;
};
struct InstallKeyspaceResponse {
  // Incarnations of this store's shards, parallel to descriptor.ShardsOn(store).
  std::vector<Replica> replicas;
};
struct CompactKeyspaceRequest {
  uint64_t term = 0;
  Uuid keyspace;
};
struct CompactKeyspaceResponse {};

// store → store; between the replicas of a shard
struct PullRequest {
  Uuid keyspace;
  int32_t shard = 0;
  Uuid store;                     // that asks; it must have a replica of the shard
  uint64_t incarnation = 0;       // of its replica; 0: unknown
  std::vector<Position> have;     // what it has, of every log
  std::vector<LogId> relay;       // logs of others that it wants as well
  uint32_t max_bytes = 0;         // of changes; 0: the store's default. One larger batch goes alone
  uint32_t wait_ms = 0;           // how long to wait for changes when there are none
  uint32_t protocol_version = 0;  // see protocol_version.h
  bool ready = false;  // it serves clients, or could; what the asked one accepts is to wait for it
};
struct PullResponse {
  ChangeBatch batch;          // log 0: there are no changes
  std::vector<Position> has;  // what the answering replica has, of every log
  LogId log = 0;              // its own newest log
  bool serving = false;       // whether it serves clients
  EventTime settled = 0;      // what it accepted before this moment of its clock is in `has`
  uint32_t protocol_version = 0;
  bool out_of_log = false;  // its logs hold no more what the asking one lacks of them
  bool waits = false;  // what clients write here from now on is answered when the asking one has it
  EventTime complete = 0;  // what any replica accepted before this moment of its clock is in `has`
  bool gave_up = false;    // clients' writes were answered without the asking one, which was ready
  int64_t waited_us = 0;   // how long the question lay there until it was answered
  bool stuck = false;      // it has been given what it cannot apply, as on a full disk
};

// A copy of all files of a replica, for one that lacks more than the logs still hold.
struct CopyFile {
  std::string name;
  uint64_t size = 0;
};
struct BeginCopyRequest {
  Uuid keyspace;
  int32_t shard = 0;
  Uuid store;                     // that asks; it has one copy at a time
  uint32_t protocol_version = 0;  // see protocol_version.h
};
struct BeginCopyResponse {
  uint64_t copy = 0;  // names it in the other calls; it ends when it is not read for a minute
  std::vector<CopyFile> files;
  std::vector<Position> has;  // of what is in it at least
  uint32_t protocol_version = 0;
};
struct ReadCopyRequest {
  Uuid keyspace;
  int32_t shard = 0;
  uint64_t copy = 0;
  uint32_t file = 0;  // index in BeginCopyResponse::files
  uint64_t offset = 0;
  uint32_t bytes = 0;  // at most 4 MiB
};
struct ReadCopyResponse {
  std::string data;       // shorter than asked for only at the end of the file
  uint64_t checksum = 0;  // XXH3_64(data)
};
struct EndCopyRequest {
  Uuid keyspace;
  int32_t shard = 0;
  uint64_t copy = 0;
};
struct EndCopyResponse {};

// From a store whose replica was replaced, with what it accepted alone.
struct GiveBackRequest {
  Uuid keyspace;
  int32_t shard = 0;
  Uuid store;         // that gives
  ChangeBatch batch;  // log 0: it only asks what is here
  uint32_t protocol_version = 0;
};
struct GiveBackResponse {
  std::vector<Position> has;  // the batch included
  uint32_t protocol_version = 0;
};

// Whether the other store is there at all.
struct PingRequest {
  Uuid store;  // that asks
};
struct PingResponse {
  int64_t time_us = 0;  // by the clock of the one that answers, since the epoch
};

// admin tool → master
struct CreateKeyspaceRequest {
  std::string name;
  int32_t shards = 1;
  int32_t replicas = 1;
  AckLevel acks = AckLevel::kOne;
  SyncMode sync = SyncMode::kNone;
  uint64_t ttl_seconds = 0;
  std::vector<std::string> tags;
};
struct DeleteKeyspaceRequest {
  std::string name;
};
struct StartCompactionRequest {
  std::string name;
};
// Long work runs at the master as an operation; ids are unique within a term and forgotten with it.
struct StartOperationResponse {
  uint64_t operation = 0;
};
struct WaitOperationRequest {
  uint64_t operation = 0;
  uint32_t wait_ms = 0;
};
struct WaitOperationResponse {
  bool done = false;
  uint64_t steps_done = 0;
  uint64_t steps_total = 0;
  Code code = Code::kOk;  // when done
  std::string message;
};
struct ClusterStatsRequest {};
struct StoreStats {
  Uuid store;
  std::vector<ReplicaStats> replicas;
};
struct ClusterStatsResponse {
  std::vector<StoreStats> stores;
};

#define VASTO_RPC_METHOD(Tag, name, Req, Resp)      \
  struct Tag {                                      \
    using Request = Req;                            \
    using Response = Resp;                          \
    static constexpr std::string_view kName = name; \
  }

VASTO_RPC_METHOD(Get, "get", GetRequest, GetResponse);
VASTO_RPC_METHOD(MultiGet, "multi_get", MultiGetRequest, MultiGetResponse);
VASTO_RPC_METHOD(Write, "write", WriteRequest, WriteResponse);
VASTO_RPC_METHOD(WriteBatch, "write_batch", WriteBatchRequest, WriteBatchResponse);
VASTO_RPC_METHOD(Scan, "scan", ScanRequest, ScanResponse);
VASTO_RPC_METHOD(Watch, "watch", WatchRequest, WatchResponse);
VASTO_RPC_METHOD(WatchCluster, "watch_cluster", WatchClusterRequest, WatchClusterResponse);
VASTO_RPC_METHOD(RegisterStore, "register_store", RegisterStoreRequest, RegisterStoreResponse);
VASTO_RPC_METHOD(Heartbeat, "heartbeat", HeartbeatRequest, HeartbeatResponse);
VASTO_RPC_METHOD(InstallKeyspace, "install_keyspace", InstallKeyspaceRequest,
                 InstallKeyspaceResponse);
VASTO_RPC_METHOD(CompactKeyspace, "compact_keyspace", CompactKeyspaceRequest,
                 CompactKeyspaceResponse);
VASTO_RPC_METHOD(Pull, "pull", PullRequest, PullResponse);
VASTO_RPC_METHOD(BeginCopy, "begin_copy", BeginCopyRequest, BeginCopyResponse);
VASTO_RPC_METHOD(ReadCopy, "read_copy", ReadCopyRequest, ReadCopyResponse);
VASTO_RPC_METHOD(EndCopy, "end_copy", EndCopyRequest, EndCopyResponse);
VASTO_RPC_METHOD(GiveBack, "give_back", GiveBackRequest, GiveBackResponse);
VASTO_RPC_METHOD(Ping, "ping", PingRequest, PingResponse);
VASTO_RPC_METHOD(CreateKeyspace, "create_keyspace", CreateKeyspaceRequest, StartOperationResponse);
VASTO_RPC_METHOD(DeleteKeyspace, "delete_keyspace", DeleteKeyspaceRequest, StartOperationResponse);
VASTO_RPC_METHOD(StartCompaction, "start_compaction", StartCompactionRequest,
                 StartOperationResponse);
VASTO_RPC_METHOD(WaitOperation, "wait_operation", WaitOperationRequest, WaitOperationResponse);
VASTO_RPC_METHOD(ClusterStats, "cluster_stats", ClusterStatsRequest, ClusterStatsResponse);

#undef VASTO_RPC_METHOD

template <typename... Method>
struct MethodList {};
using AllMethods = MethodList<Get, MultiGet, Write, WriteBatch, Scan, Watch, WatchCluster,
                              RegisterStore, Heartbeat, InstallKeyspace, CompactKeyspace, Pull,
                              BeginCopy, ReadCopy, EndCopy, GiveBack, Ping, CreateKeyspace,
                              DeleteKeyspace, StartCompaction, WaitOperation, ClusterStats>;

}  // namespace vasto::rpc
