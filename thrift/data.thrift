// SPDX-License-Identifier: Apache-2.0
// Reads and writes of one shard; served by stores.
include "common.thrift"
include "topology.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.data

// Which shard a request is meant for: lets a store tell a client that its cluster map is old.
struct ShardRef {
  1: common.Uuid keyspace,
  2: i64 epoch = 0,       // of the client's map; 0: unknown, always accepted
  3: i32 shard = -1,      // -1: the store computes it from the key
  4: i32 timeout_ms = 0,  // what is left of the caller's deadline; 0: none. Late work is dropped
}

struct Value {
  1: binary payload,             // empty when it was not asked for
  2: i64 payload_size = 0,       // bytes; also set when the payload was not asked for
  3: common.EventTime event_time = 0,
  4: i64 expires_at_us = 0,      // 0: never
  5: i32 value_type = 0,         // the application's own number
  6: i64 content_checksum = 0,   // XXH3_64(payload, seed = XXH3_64(key)); 0: not given
}

struct ReadKey {
  1: binary key,
  2: optional i64 partition_hash,  // of a partition key; absent: the key is its own
}

// One key's result. code: OK, NOT_FOUND, CORRUPTION, ...
struct ReadResult {
  1: common.Code code = common.Code.NOT_FOUND,
  2: Value value,      // when OK
  3: string message,   // only on failures other than NOT_FOUND
}

// What a read asks of the replica that answers it. One that is behind that answers UNAVAILABLE with
// a message that begins with "moved: behind: "; another may be further.
struct ReadBound {
  // It lacks nothing that the replicas before it in the descriptor's order had so long ago; 0: no
  // bound.
  1: i32 max_staleness_ms = 0,
  2: list<common.Position> needs,  // it has all of this
  3: bool tell_seen = false,       // the answer is to have `seen`
  // The client has turned away from a replica before this one in the order, so many microseconds
  // ago. This one has looked at the others since, or answers BUSY and does.
  4: optional i64 turned_us,
}

struct GetRequest {
  1: ShardRef ref,
  2: ReadKey key,
  3: bool meta_only = false,   // leave the payload out
  4: optional ReadBound bound, // absent: a replica that serves may answer
}
// Fields 1 to 15 are those of ReadResult.
struct GetResponse {
  1: common.Code code = common.Code.NOT_FOUND,
  2: Value value,
  3: string message,
  // A replica that has these positions, besides those that the bound needs, has all that the answer
  // speaks of. Only when the request asks for it.
  16: optional list<common.Position> seen,
}

// All keys belong to ref.shard.
struct MultiGetRequest {
  1: ShardRef ref,
  2: list<ReadKey> keys,
  3: bool meta_only = false,
  4: optional ReadBound bound,  // as in GetRequest
}
struct MultiGetResponse {
  1: list<ReadResult> results,             // parallel to keys
  2: optional list<common.Position> seen,  // as in GetResponse
}

// From ADD_INT64 to MAX_FLOAT64 the payload is a number as decimal text, which is merged into the
// number that is there; APPEND: the payload comes behind the value. These take no event time, time
// to live or condition.
enum WriteKind {
  PUT = 1,
  DELETE = 2,
  TOUCH = 3,
  ADD_INT64 = 4,
  MIN_INT64 = 5,
  MAX_INT64 = 6,
  ADD_FLOAT64 = 7,
  MIN_FLOAT64 = 8,
  MAX_FLOAT64 = 9,
  APPEND = 10,
}

enum Condition {
  NONE = 0,
  IF_ABSENT = 1,
  IF_VERSION = 2,
}

struct WriteEntry {
  1: WriteKind kind = WriteKind.PUT,
  2: binary key,
  3: optional i64 partition_hash,      // as in ReadKey
  4: binary payload,                   // not of DELETE and TOUCH
  5: i32 value_type = 0,               // PUT only
  6: i64 content_checksum = 0,         // of key and payload; 0: not given, the store computes it
  7: common.EventTime event_time = 0,  // 0: the store's clock
  8: i64 ttl_seconds = 0,              // PUT, 0: the keyspace's default. TOUCH, 0: never expires
  9: i64 expires_at_us = 0,            // PUT: instead of ttl_seconds; 0: not given; -1: never
  10: Condition condition = Condition.NONE,
  11: common.EventTime if_version = 0, // IF_VERSION: the event time the visible value must have now
}

// code: OK, NOT_FOUND (touch of an absent key), ALREADY_EXISTS or STALE_WRITE (condition failed)...
struct WriteResult {
  1: common.Code code = common.Code.OK,
  2: common.EventTime event_time = 0,  // of the write, or of what is stored when it did not apply
  3: bool superseded = false,          // OK, but what is stored is newer: nothing changed
  4: string message,
}

struct WriteRequest {
  1: ShardRef ref,
  2: WriteEntry entry,
  // How many replicas must have the write before it is answered; absent: what the keyspace says.
  // TIMEOUT when they did not say so in time: the write is done here, the others will get it.
  3: optional topology.AckLevel acks,
  // Of the store's hybrid clock; 0: any time. Later than this a write without an event time is not
  // done, and the result is UNAVAILABLE with what the clock shows as its event_time.
  4: common.EventTime not_after = 0,
  5: bool tell_seen = false,  // the answer is to have `seen`
  // Of a write with a condition, or an APPEND: only if the replicas before this one, in the order of
  // the descriptor, are known to be gone. UNAVAILABLE when not.
  6: bool stand_in = false,
  // Of a repetition: no earlier attempt can have had a greater event time; the store's hybrid clock
  // goes beyond it first. 0: nothing is known. INVALID_ARGUMENT as for an event time too far ahead.
  7: common.EventTime clock_floor = 0,
}
// Fields 1 to 15 are those of WriteResult.
struct WriteResponse {
  1: common.Code code = common.Code.OK,
  2: common.EventTime event_time = 0,
  3: bool superseded = false,
  4: string message,
  // A replica that has these positions has the write, or what it did not apply for. Only when the
  // request asks for it.
  16: optional list<common.Position> seen,
}

// All entries belong to ref.shard. Applied in order, each with its own result and condition.
struct WriteBatchRequest {
  1: ShardRef ref,
  2: list<WriteEntry> entries,
  3: optional topology.AckLevel acks,  // as in WriteRequest
  4: common.EventTime not_after = 0,   // as in WriteRequest
  5: bool tell_seen = false,           // as in WriteRequest
  6: bool stand_in = false,            // as in WriteRequest
  7: common.EventTime clock_floor = 0, // as in WriteRequest
}
struct WriteBatchResponse {
  1: list<WriteResult> results,            // parallel to entries
  2: optional list<common.Position> seen,  // as in WriteResponse
}

// The rows of one shard in [start, end), in key order, one page.
struct ScanRequest {
  1: ShardRef ref,                  // ref.shard must be given
  2: binary start,
  3: bool start_exclusive = false,
  4: binary end_key,                // exclusive; empty: to the last key
  5: i32 limit = 0,                 // rows; 0: as many as fit the page
  6: i32 max_bytes = 0,             // 0: the store's default page; at most 4 MiB
  7: bool keys_only = false,
  8: optional ReadBound bound,      // as in GetRequest
}
struct ScanResponse {
  1: binary rows,        // a row block (core/codec)
  2: bool more = false,  // there may be rows after the last one
  // When more: the start, not exclusive, of the next page. A page may end without a row after many
  // deleted ones, so the last row does not tell.
  3: binary resume_key,
  4: optional list<common.Position> seen,  // as in GetResponse
}

service DataService {
  GetResponse get(1: GetRequest request)
    throws (1: common.VastoError error),
  MultiGetResponse multi_get(1: MultiGetRequest request)
    throws (1: common.VastoError error),
  WriteResponse write(1: WriteRequest request)
    throws (1: common.VastoError error),
  WriteBatchResponse write_batch(1: WriteBatchRequest request)
    throws (1: common.VastoError error),
  ScanResponse scan(1: ScanRequest request)
    throws (1: common.VastoError error),
}
