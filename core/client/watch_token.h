// SPDX-License-Identifier: Apache-2.0
// Where a watch stands, as bytes that a caller may keep and bring back to any client of the
// cluster.
//
//   offset  size  field
//   0       1     'W'
//   1       1     format version, kWatchTokenFormat (1); a newer one is refused
//   2       16    keyspace uuid
//   18      …     varint: number of shards; then for each, in order, what a replica of it had
//                 (core/codec/positions.h): varint count, then for each log fixed64 id and varint
//                 sequence
//   …       4     low 32 bits of XXH3_64 of all bytes before
//
// All integers little-endian. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/codec/positions.h"

namespace vasto::client {

constexpr uint8_t kWatchTokenFormat = 1;

// By shard.
using WatchPlace = std::vector<std::vector<Position>>;

std::string EncodeWatchToken(const Uuid& keyspace, const WatchPlace& place);

// kInvalidArgument for bytes that are no token of a watch, a token of a newer format and one of
// another keyspace; the message says which.
StatusOr<WatchPlace> DecodeWatchToken(const Uuid& keyspace, std::string_view token);

}  // namespace vasto::client
