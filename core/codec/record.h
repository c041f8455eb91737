// SPDX-License-Identifier: Apache-2.0
// The record: what is stored under a key, on every replica byte for byte the same.
//
//   offset  size  field
//   0       1     format version: 1, or 2 with bit 4. A higher one is refused, never guessed at.
//   1       1     flags: bit 0 tombstone, bit 1 expiry present, bit 2 partition hash present,
//                 bit 3 value type present, bit 4 merge state present; other bits must be 0
//   2       8     event time (core/base/hlc.h)
//   10      8     origin: the replica that accepted the write (see Record::origin)
//   18      8     expiry, microseconds since the epoch          only with bit 1, never 0
//   …       8     explicit partition hash                       only with bit 2
//   …       4     value type, free for the user                 only with bit 3, never 0
//   …       4+m   length and bytes of the merge state (merge.h) only with bit 4, never empty
//   …       n     payload; empty in a tombstone
//   …       4     checksum: low 32 bits of XXH3_64(bytes 0 up to the payload,
//                 seed = ContentChecksum(key, payload))
//
// All integers little-endian. The content checksum is what a client computes before it sends a
// value and verifies after it received one, so a value is covered from client to disk and back
// without a gap.
//
// Invariants
//  1. A record has exactly one encoding.
//  2. WinsOver is a total order on records: replicas that have seen the same writes, in whatever
//     order, store the same bytes.
//
// Threads: any; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/hlc.h"
#include "core/base/status.h"

namespace vasto {

constexpr uint8_t kRecordFormat = 1;
constexpr uint8_t kMergedRecordFormat = 2;
constexpr size_t kMaxRecordHeaderSize = 38;  // bytes before merge state and payload, all present
constexpr size_t kRecordTrailerSize = 4;     // bytes after the payload

struct Record {
  EventTime event_time = 0;
  // Identifies who accepted the write: the low 64 bits of the store's uuid. Breaks ties and finds
  // the way back in replication.
  uint64_t origin = 0;
  bool tombstone = false;
  // Absolute, microseconds since the epoch; 0: never. Of a tombstone: when it arrived, where that
  // was after its event time, so that the grace time counts from there; 0: at its event time.
  uint64_t expires_at_us = 0;
  std::optional<uint64_t> partition_hash;  // only when the caller gave one
  uint32_t value_type = 0;
  std::string_view payload;  // borrowed
  // What the value was merged from (merge.h); borrowed. Empty: it was put as it is.
  std::string_view merge;

  bool operator==(const Record&) const = default;
  // Whether a reader at this time sees a value.
  bool VisibleAt(int64_t wall_us) const {
    return !tombstone && (expires_at_us == 0 || expires_at_us > static_cast<uint64_t>(wall_us));
  }
};

// XXH3_64 of a key: the seed of its content checksums. The same function as a key's partition hash.
uint64_t KeyHash(std::string_view key);
// XXH3_64(payload, seed = key_hash), for a caller that has KeyHash(key) already.
uint64_t ContentChecksumWithKeyHash(uint64_t key_hash, std::string_view payload);
// XXH3_64(payload, seed = KeyHash(key)).
uint64_t ContentChecksum(std::string_view key, std::string_view payload);

// Appends the record's encoding to *out. content_checksum: ContentChecksum(key, record.payload),
// computed once by the caller.
void EncodeRecord(const Record& record, uint64_t content_checksum, std::string* out);

// The same encoding in parts, so that a large payload is not copied: the bytes before the payload
// go to header (kMaxRecordHeaderSize bytes of room; the number written is returned), the bytes
// after it to trailer (kRecordTrailerSize). REQUIRES: no merge state.
size_t EncodeRecordAround(const Record& record, uint64_t content_checksum, char* header,
                          char* trailer);

// Parses and verifies. kCorruption when the bytes are not what EncodeRecord wrote for this key;
// kNotSupported with the version when the format is newer. The result borrows its payload from
// `bytes`. content_checksum (may be nullptr) gets ContentChecksum(key, payload).
StatusOr<Record> DecodeRecord(std::string_view key, std::string_view bytes,
                              uint64_t* content_checksum);
// The same for a caller that has KeyHash(key) already.
StatusOr<Record> DecodeRecordWithKeyHash(uint64_t key_hash, std::string_view bytes,
                                         uint64_t* content_checksum);

// Parses the fields without verifying the checksum: for filters and ordering on bytes that RocksDB
// has just verified. The result borrows its payload from `bytes`.
StatusOr<Record> PeekRecord(std::string_view bytes);

// Whether `incoming` wins over `stored` for the same key: the total order (event time, tombstone
// over value, later expiry with "never" last, origin, payload bytes, value type, partition hash
// with "none" first). Equal records: false. This is Cassandra's order with the origin added before
// the value.
// REQUIRES: neither has a merge state; Join (merge.h) is for all.
bool WinsOver(const Record& incoming, const Record& stored);

}  // namespace vasto
