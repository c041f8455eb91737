// SPDX-License-Identifier: Apache-2.0
// Changes of a shard on their way from one replica to another.
//
//   a change:  varint length and bytes of the key, varint length and bytes of its record (record.h)
//   changes:   one change after the other, in the order they were made
//
// The record's own checksum covers key and payload end to end; that of a ChangeBatch covers the
// positions and that nothing is missing.
//
// Threads: any; pure functions, and one at a time per object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/codec/positions.h"
#include "core/codec/record.h"

namespace vasto {

// What one log says from `first` to `last`: who has everything before first has, with these,
// everything up to last.
struct ChangeBatch {
  LogId log = 0;
  uint64_t first = 0;
  uint64_t last = 0;
  std::string changes;  // may be empty
  uint64_t checksum = 0;
};

// XXH3_64 of the other members.
uint64_t ChecksumOf(const ChangeBatch& batch);
// kCorruption when the checksum is another one, kInvalidArgument for no log or an empty range.
Status CheckChangeBatch(const ChangeBatch& batch);

inline void AppendChange(std::string_view key, std::string_view record, std::string* changes) {
  PutLengthPrefixed(changes, key);
  PutLengthPrefixed(changes, record);
}

struct Change {
  std::string_view key;  // borrowed, like the record's payload
  uint64_t key_hash = 0;
  Record record;
  uint64_t content_checksum = 0;
};

// Goes through changes from front to back; every record is verified.
class ChangeReader {
 public:
  // changes: borrowed.
  explicit ChangeReader(std::string_view changes) : bytes_(changes) {}

  // False at the end, or when what follows is damaged: status() then says why.
  bool Next(Change* change);
  const Status& status() const { return status_; }
  bool at_end() const { return !status_.ok() || bytes_.remaining() == 0; }

 private:
  ByteReader bytes_;
  Status status_;
};

}  // namespace vasto
