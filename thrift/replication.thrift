// SPDX-License-Identifier: Apache-2.0
// Between the stores that hold replicas of one shard.
include "common.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.replication

struct ChangeBatch {
  1: common.LogId log = 0,  // 0: there are no changes
  2: i64 first = 0,
  3: i64 last = 0,
  4: binary changes,        // for each one: varint size and key, varint size and record (core/codec)
  5: i64 checksum = 0,      // XXH3_64(changes, seed = XXH3_64(log, first, last))
}

struct PullRequest {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: common.Uuid store,           // that asks; it must have a replica of the shard
  4: i64 incarnation = 0,         // of its replica; 0: unknown
  5: list<common.Position> have,  // what it has, of every log
  6: list<common.LogId> relay,    // logs of others that it wants as well, those it cannot get from their own
  7: i32 max_bytes = 0,           // of changes; 0: the store's default. One larger batch goes alone
  8: i32 wait_ms = 0,             // how long to wait for changes when there are none
  9: i32 protocol_version = 0,    // see common.thrift
  10: bool ready = false,         // it serves clients, or could; what the asked one accepts is to wait for it
}
struct PullResponse {
  1: ChangeBatch batch,
  2: list<common.Position> has,  // what the answering replica has, of every log
  3: common.LogId log = 0,       // its own newest log
  4: bool serving = false,       // whether it serves clients
  5: i64 settled = 0,            // what it accepted before this moment of its hybrid clock is in `has`
  6: i32 protocol_version = 0,
  7: bool out_of_log = false,    // its logs hold no more what the asking one lacks of them
  8: bool waits = false,         // what clients write here from now on is answered when the asking one has it
  9: i64 complete = 0,           // what any replica accepted before this moment of its clock is in `has`
  10: bool gave_up = false,      // clients' writes were answered without the asking one, which was ready
  11: i64 waited_us = 0,         // how long the question lay there until it was answered
  12: bool stuck = false,        // it has been given what it cannot apply, as on a full disk
}

struct CopyFile {
  1: string name,
  2: i64 size = 0,
}

struct BeginCopyRequest {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: common.Uuid store,         // that asks; it has one copy at a time
  4: i32 protocol_version = 0,  // see common.thrift
}
struct BeginCopyResponse {
  1: i64 copy = 0,               // names it in the other calls; it ends when it is not read for a minute
  2: list<CopyFile> files,
  3: list<common.Position> has,  // of what is in it at least
  4: i32 protocol_version = 0,
}

struct ReadCopyRequest {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: i64 copy = 0,
  4: i32 file = 0,     // index in BeginCopyResponse.files
  5: i64 offset = 0,
  6: i32 bytes = 0,    // at most 4 MiB
}
struct ReadCopyResponse {
  1: binary data,      // shorter than asked for only at the end of the file
  2: i64 checksum = 0, // XXH3_64(data)
}

struct EndCopyRequest {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: i64 copy = 0,
}
struct EndCopyResponse {
}

// From a store whose replica was replaced, with what it accepted alone.
struct GiveBackRequest {
  1: common.Uuid keyspace,
  2: i32 shard = 0,
  3: common.Uuid store,          // that gives
  4: ChangeBatch batch,          // log 0: it only asks what is here
  5: i32 protocol_version = 0,
}
struct GiveBackResponse {
  1: list<common.Position> has,  // the batch included
  2: i32 protocol_version = 0,
}

struct PingRequest {
  1: common.Uuid store,  // that asks
}
struct PingResponse {
  1: i64 time_us = 0,    // by the clock of the one that answers, since the epoch
}

// PERMISSION, of all but give_back: the caller has no replica of this shard.
service ReplicationService {
  PullResponse pull(1: PullRequest request)
    throws (1: common.VastoError error),
  BeginCopyResponse begin_copy(1: BeginCopyRequest request)
    throws (1: common.VastoError error),
  ReadCopyResponse read_copy(1: ReadCopyRequest request)
    throws (1: common.VastoError error),
  EndCopyResponse end_copy(1: EndCopyRequest request)
    throws (1: common.VastoError error),
  GiveBackResponse give_back(1: GiveBackRequest request)
    throws (1: common.VastoError error),
  PingResponse ping(1: PingRequest request)
    throws (1: common.VastoError error),
}
