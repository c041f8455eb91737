// SPDX-License-Identifier: Apache-2.0
// What a sequence of operations on one keyspace has seen and written, so that its reads never go
// back behind that, whichever replica answers: read-your-writes and monotonic reads (Terry et al.,
// "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994).
//
// For each shard it keeps one version vector. Each answer to one of its operations says what it
// speaks of (rpc::Seen), which is added; each of its reads needs all of it, and a replica that
// lacks some does not answer. What a write left in doubt is not in it.
//
// The vector of a shard has at most a position for each time that one of its replicas was opened
// and took writes; a store takes up to kMaxNeeds (core/codec/limits.h). Its positions belong to the
// shards as they are now: once the keyspace has another number of shards, a session that has seen
// something ends.
//
// As bytes, to be handed to another client (all integers little-endian):
//
//   offset  size  field
//   0       1     format version, kSessionTokenFormat (1); a newer one is refused
//   1       16    keyspace uuid
//   17      4     number of shards; 0: nothing was seen
//   21      …     for each shard of which something was seen, ascending: varint shard, varint
//                 count, then for each position, by log ascending: fixed64 log, varint sequence
//   …       4     low 32 bits of XXH3_64 of all bytes before
//
// Threads: any. What operations at the same time see of each other is left open.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/codec/positions.h"

namespace vasto::client {

constexpr uint8_t kSessionTokenFormat = 1;

class Session {
 public:
  explicit Session(const Uuid& keyspace) : keyspace_(keyspace) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Uuid& keyspace() const { return keyspace_; }
  // kInvalidArgument when it has seen something of another number of shards.
  Status CheckShards(int32_t shard_count) const EXCLUDES(mu_);
  // What a replica of the shard must have to answer.
  std::vector<Position> Needs(int32_t shard) const EXCLUDES(mu_);
  // An answer of one of so many shards said so. Without effect when it was another number before.
  void Add(int32_t shard, int32_t shard_count, const std::vector<Position>& seen) EXCLUDES(mu_);

  std::string Token() const EXCLUDES(mu_);
  // Adds all that another session had seen when it gave this token. kInvalidArgument, and no
  // effect, for bytes that are no token, one of a newer format, and one of another keyspace or of
  // another number of shards; the message says which.
  Status Import(std::string_view token) EXCLUDES(mu_);

 private:
  const Uuid keyspace_;
  mutable Mutex mu_;
  int32_t shard_count_ GUARDED_BY(mu_) = 0;  // that shards_ speaks of; 0: nothing was seen
  std::map<int32_t, VersionVector> shards_ GUARDED_BY(mu_);
};

}  // namespace vasto::client
