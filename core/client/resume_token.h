// SPDX-License-Identifier: Apache-2.0
// Where a scan stands, as bytes that a caller may keep and bring back to any client of the cluster.
//
//   offset  size  field
//   0       1     format version, kResumeTokenFormat (2); a newer one is refused
//   1       1     flags: bit 0: a position follows (a row was returned); other bits 0
//   2       16    keyspace uuid
//   18      8     fingerprint of the range: XXH3_64 of length-prefixed start, then end
//   26      8     partition hash of the last row returned        only with bit 0
//   …       n     its key                                        only with bit 0
//   …       4     low 32 bits of XXH3_64 of all bytes before
//
// Format 1 had no partition hash. It is still read, as "after every row of that key".
//
// All integers little-endian. Nothing in it depends on shards, so it stays valid when their number
// changes. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/base/uuid.h"

namespace vasto::client {

constexpr uint8_t kResumeTokenFormat = 2;

// What a token belongs to.
struct ScanRange {
  Uuid keyspace;
  std::string start;
  std::string end;  // exclusive; empty: to the last key
};

// The last row returned. A scan gives rows by key, and rows of one key that lie in several
// partitions by partition hash, so this is enough to tell what comes after.
struct ScanPosition {
  std::string key;
  uint64_t partition_hash = 0;  // the key's own unless its writer gave one

  bool operator==(const ScanPosition&) const = default;
};

// last: none before the first row.
std::string EncodeResumeToken(const ScanRange& range, const std::optional<ScanPosition>& last);

// kInvalidArgument for bytes that are no token, a token of a newer format, and one of another
// keyspace or range; the message says which.
StatusOr<std::optional<ScanPosition>> DecodeResumeToken(const ScanRange& range,
                                                        std::string_view token);

}  // namespace vasto::client
