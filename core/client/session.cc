// SPDX-License-Identifier: Apache-2.0
#include "core/client/session.h"

#include <utility>

#include "core/base/bytes.h"
#include "core/client/token_frame.h"
#include "core/codec/limits.h"
#include "core/topology/cluster_map.h"

namespace vasto::client {
namespace {

constexpr TokenFrame kSessionFrame{"the session token", "", kSessionTokenFormat};
// Of a position: its log and one byte of its sequence.
constexpr size_t kMinPositionSize = 9;

// What a token says.
struct Contents {
  Uuid keyspace;
  int32_t shard_count = 0;
  std::map<int32_t, VersionVector> shards;
};

Status OtherShards(int32_t now, int32_t then) {
  return Status::InvalidArgument("the keyspace has " + std::to_string(now) +
                                 " shards, and the session knows it with " + std::to_string(then) +
                                 ": begin a new session, which knows nothing of what was before");
}

// Returns false when the bytes are not those of a shard that comes after `last`.
bool ReadShard(ByteReader* reader, int32_t last, Contents* contents) {
  const uint64_t shard = reader->Varint();
  const uint64_t count = reader->Varint();
  if (shard >= static_cast<uint64_t>(contents->shard_count) || count == 0 || count > kMaxNeeds ||
      count > reader->remaining() / kMinPositionSize || static_cast<int32_t>(shard) <= last) {
    return false;
  }
  VersionVector& positions = contents->shards[static_cast<int32_t>(shard)];
  LogId last_log = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Position position;
    position.log = reader->Fixed<LogId>();
    position.sequence = reader->Varint();
    if (position.log <= last_log || position.sequence == 0) return false;
    last_log = position.log;
    positions.Raise(position);
  }
  return reader->ok();
}

StatusOr<Contents> Decode(std::string_view token) {
  VASTO_ASSIGN_OR_RETURN(const TokenFrame::Opened opened, kSessionFrame.Open(token));
  ByteReader reader(opened.body);
  Contents contents;
  contents.keyspace.hi = reader.Fixed<uint64_t>();
  contents.keyspace.lo = reader.Fixed<uint64_t>();
  const auto shard_count = reader.Fixed<uint32_t>();
  if (!reader.ok() || shard_count > static_cast<uint32_t>(kMaxShards))
    return kSessionFrame.Invalid("is damaged");
  contents.shard_count = static_cast<int32_t>(shard_count);
  while (reader.remaining() > 0) {
    const int32_t last = contents.shards.empty() ? -1 : contents.shards.rbegin()->first;
    if (!ReadShard(&reader, last, &contents)) return kSessionFrame.Invalid("is damaged");
  }
  if (contents.shards.empty() != (shard_count == 0)) return kSessionFrame.Invalid("is damaged");
  return contents;
}

}  // namespace

Status Session::CheckShards(int32_t shard_count) const {
  MutexLock lock(&mu_);
  if (shard_count_ == 0 || shard_count_ == shard_count) return Status::Ok();
  return OtherShards(shard_count, shard_count_);
}

std::vector<Position> Session::Needs(int32_t shard) const {
  MutexLock lock(&mu_);
  const auto it = shards_.find(shard);
  return it == shards_.end() ? std::vector<Position>() : it->second.positions();
}

void Session::Add(int32_t shard, int32_t shard_count, const std::vector<Position>& seen) {
  if (seen.empty()) return;
  MutexLock lock(&mu_);
  if (shard_count_ != 0 && shard_count_ != shard_count) return;
  VersionVector& positions = shards_[shard];
  positions.Raise(VersionVector(seen));
  if (positions.positions().empty()) {
    shards_.erase(shard);
  } else {
    shard_count_ = shard_count;
  }
}

std::string Session::Token() const {
  MutexLock lock(&mu_);
  std::string token = kSessionFrame.Begin();
  PutFixed(&token, keyspace_.hi);
  PutFixed(&token, keyspace_.lo);
  PutFixed(&token, static_cast<uint32_t>(shard_count_));
  for (const auto& [shard, vector] : shards_) {
    PutVarint(&token, static_cast<uint64_t>(shard));
    PutVarint(&token, vector.positions().size());
    for (const Position& position : vector.positions()) {
      PutFixed(&token, position.log);
      PutVarint(&token, position.sequence);
    }
  }
  return TokenFrame::Seal(std::move(token));
}

Status Session::Import(std::string_view token) {
  VASTO_ASSIGN_OR_RETURN(const Contents contents, Decode(token));
  if (contents.keyspace != keyspace_) return kSessionFrame.Invalid("belongs to another keyspace");
  if (contents.shards.empty()) return Status::Ok();
  MutexLock lock(&mu_);
  if (shard_count_ != 0 && shard_count_ != contents.shard_count) {
    return kSessionFrame.Invalid(
        "knows the keyspace with another number of shards than the session");
  }
  shard_count_ = contents.shard_count;
  for (const auto& [shard, vector] : contents.shards) shards_[shard].Raise(vector);
  return Status::Ok();
}

}  // namespace vasto::client
