// SPDX-License-Identifier: Apache-2.0
#include "core/client/watch_token.h"

#include <utility>

#include "core/base/bytes.h"
#include "core/client/token_frame.h"

namespace vasto::client {
namespace {

constexpr TokenFrame kWatchFrame{"the token of the watch", "W", kWatchTokenFormat};
// What a position takes at least.
constexpr size_t kPositionSize = 9;

std::vector<Position> ReadPositions(ByteReader* reader) {
  std::vector<Position> positions;
  const uint64_t count = reader->Varint();
  if (count > reader->remaining() / kPositionSize) {
    reader->Bytes(UINT64_MAX);  // fails
    return positions;
  }
  positions.resize(count);
  for (Position& position : positions) {
    position.log = reader->Fixed<LogId>();
    position.sequence = reader->Varint();
  }
  return positions;
}

}  // namespace

std::string EncodeWatchToken(const Uuid& keyspace, const WatchPlace& place) {
  std::string token = kWatchFrame.Begin();
  PutFixed(&token, keyspace.hi);
  PutFixed(&token, keyspace.lo);
  PutVarint(&token, place.size());
  for (const std::vector<Position>& positions : place) {
    PutVarint(&token, positions.size());
    for (const Position& position : positions) {
      PutFixed(&token, position.log);
      PutVarint(&token, position.sequence);
    }
  }
  return TokenFrame::Seal(std::move(token));
}

StatusOr<WatchPlace> DecodeWatchToken(const Uuid& keyspace, std::string_view token) {
  VASTO_ASSIGN_OR_RETURN(const TokenFrame::Opened opened, kWatchFrame.Open(token));
  ByteReader reader(opened.body);
  Uuid owner;
  owner.hi = reader.Fixed<uint64_t>();
  owner.lo = reader.Fixed<uint64_t>();
  const uint64_t shards = reader.Varint();
  WatchPlace place;
  for (uint64_t shard = 0; shard < shards && reader.ok(); ++shard) {
    place.push_back(ReadPositions(&reader));
  }
  if (!reader.ok() || reader.remaining() != 0 || place.empty())
    return kWatchFrame.Invalid("is damaged");
  if (owner != keyspace) {
    return kWatchFrame.Invalid(
        "belongs to another keyspace, maybe one of the same name that was deleted");
  }
  return place;
}

}  // namespace vasto::client
