// SPDX-License-Identifier: Apache-2.0
#include "core/client/watch_token.h"

#include <utility>

#include "core/base/bytes.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

constexpr char kMagic = 'W';
constexpr size_t kHeadSize = 2;
constexpr size_t kChecksumSize = 4;
// What a position takes at least.
constexpr size_t kPositionSize = 9;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(PartitionHash(bytes)); }

Status Invalid(const std::string& why) {
  return Status::InvalidArgument("the token of the watch " + why);
}

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
  std::string token(1, kMagic);
  PutFixed(&token, kWatchTokenFormat);
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
  PutFixed(&token, Checksum(token));
  return token;
}

StatusOr<WatchPlace> DecodeWatchToken(const Uuid& keyspace, std::string_view token) {
  if (token.size() < kHeadSize + kChecksumSize || token.front() != kMagic) {
    return Invalid("is none, or damaged");
  }
  const auto format = static_cast<uint8_t>(token[1]);
  if (format > kWatchTokenFormat) {
    return Invalid("has format " + std::to_string(format) + "; this version knows up to " +
                   std::to_string(kWatchTokenFormat));
  }
  const std::string_view body = token.substr(0, token.size() - kChecksumSize);
  if (format == 0 || GetFixed<uint32_t>(token.data() + body.size()) != Checksum(body)) {
    return Invalid("is damaged");
  }
  ByteReader reader(body.substr(kHeadSize));
  Uuid owner;
  owner.hi = reader.Fixed<uint64_t>();
  owner.lo = reader.Fixed<uint64_t>();
  const uint64_t shards = reader.Varint();
  WatchPlace place;
  for (uint64_t shard = 0; shard < shards && reader.ok(); ++shard) {
    place.push_back(ReadPositions(&reader));
  }
  if (!reader.ok() || reader.remaining() != 0 || place.empty()) return Invalid("is damaged");
  if (owner != keyspace) {
    return Invalid("belongs to another keyspace, maybe one of the same name that was deleted");
  }
  return place;
}

}  // namespace vasto::client
