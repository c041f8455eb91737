// SPDX-License-Identifier: Apache-2.0
#include "core/codec/record.h"

// Inlined: most keys and payloads are so short that the call would cost as much as the hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <tuple>

#include "core/base/bytes.h"

namespace vasto {
namespace {

constexpr uint8_t kTombstone = 1;
constexpr uint8_t kExpiry = 2;
constexpr uint8_t kPartitionHash = 4;
constexpr uint8_t kValueType = 8;
constexpr uint8_t kMergeState = 16;
constexpr uint8_t kKnownFlags = kTombstone | kExpiry | kPartitionHash | kValueType | kMergeState;
constexpr size_t kFixedHeaderSize = 18;

template <typename Int>
char* Store(char* p, Int value) {
  std::memcpy(p, &value, sizeof(Int));
  return p + sizeof(Int);
}

uint32_t Trailer(std::string_view header, uint64_t content_checksum) {
  return static_cast<uint32_t>(
      XXH3_64bits_withSeed(header.data(), header.size(), content_checksum));
}

Status Damaged(const char* what) {
  return Status::Corruption(std::string("stored record is damaged: ") + what);
}

Status NewerFormat(uint8_t version) {
  return Status::NotSupported("stored record has format " + std::to_string(version) +
                              ", this program reads formats up to " +
                              std::to_string(kMergedRecordFormat) +
                              ": run a newer version of vasto");
}

size_t HeaderSize(uint8_t flags) {
  return kFixedHeaderSize + ((flags & kExpiry) != 0 ? 8 : 0) +
         ((flags & kPartitionHash) != 0 ? 8 : 0) + ((flags & kValueType) != 0 ? 4 : 0) +
         ((flags & kMergeState) != 0 ? 4 : 0);
}

// Fills *record; *header gets the bytes before the payload. Writes no message on the way that
// succeeds, so that it costs nothing there.
Status Parse(std::string_view bytes, Record* record, std::string_view* header) {
  if (bytes.size() < kFixedHeaderSize + kRecordTrailerSize) return Damaged("it is too short");
  const char* p = bytes.data();
  const auto version = static_cast<uint8_t>(p[0]);
  const auto flags = static_cast<uint8_t>(p[1]);
  if (version > kMergedRecordFormat) return NewerFormat(version);
  if (version == 0) return Damaged("its format is 0");
  if ((flags & ~kKnownFlags) != 0) return Damaged("it has unknown flags");
  const bool merged = (flags & kMergeState) != 0;
  if (merged != (version == kMergedRecordFormat)) return Damaged("its format is another one");
  size_t header_size = HeaderSize(flags);
  if (bytes.size() < header_size + kRecordTrailerSize) return Damaged("it is too short");
  record->tombstone = (flags & kTombstone) != 0;
  record->event_time = GetFixed<uint64_t>(p + 2);
  record->origin = GetFixed<uint64_t>(p + 10);
  p += kFixedHeaderSize;
  if ((flags & kExpiry) != 0) {
    record->expires_at_us = GetFixed<uint64_t>(p);
    if (record->expires_at_us == 0) return Damaged("its expiry is 0");
    p += 8;
  }
  if ((flags & kPartitionHash) != 0) {
    record->partition_hash = GetFixed<uint64_t>(p);
    p += 8;
  }
  if ((flags & kValueType) != 0) {
    record->value_type = GetFixed<uint32_t>(p);
    if (record->value_type == 0) return Damaged("its value type is 0");
    p += 4;
  }
  if (merged) {
    const auto size = GetFixed<uint32_t>(p);
    const size_t room = bytes.size() - header_size - kRecordTrailerSize;
    if (size == 0 || size > room) return Damaged("its merge state");
    record->merge = bytes.substr(header_size, size);
    header_size += size;
  }
  *header = bytes.substr(0, header_size);
  record->payload = bytes.substr(header_size, bytes.size() - header_size - kRecordTrailerSize);
  if (record->tombstone && !record->payload.empty()) return Damaged("a tombstone with a value");
  return {};
}

}  // namespace

uint64_t KeyHash(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

uint64_t ContentChecksumWithKeyHash(uint64_t key_hash, std::string_view payload) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), key_hash);
}

uint64_t ContentChecksum(std::string_view key, std::string_view payload) {
  return ContentChecksumWithKeyHash(KeyHash(key), payload);
}

namespace {

// The fields before merge state and payload; returns their size.
size_t EncodeFields(const Record& record, char* header) {
  const uint8_t flags = static_cast<uint8_t>(
      (record.tombstone ? kTombstone : 0) | (record.expires_at_us != 0 ? kExpiry : 0) |
      (record.partition_hash ? kPartitionHash : 0) | (record.value_type != 0 ? kValueType : 0) |
      (record.merge.empty() ? 0 : kMergeState));
  char* p = Store(header, record.merge.empty() ? kRecordFormat : kMergedRecordFormat);
  p = Store(p, flags);
  p = Store(p, record.event_time);
  p = Store(p, record.origin);
  if (record.expires_at_us != 0) p = Store(p, record.expires_at_us);
  if (record.partition_hash) p = Store(p, *record.partition_hash);
  if (record.value_type != 0) p = Store(p, record.value_type);
  return static_cast<size_t>(p - header);
}

}  // namespace

size_t EncodeRecordAround(const Record& record, uint64_t content_checksum, char* header,
                          char* trailer) {
  const size_t size = EncodeFields(record, header);
  Store(trailer, Trailer({header, size}, content_checksum));
  return size;
}

void EncodeRecord(const Record& record, uint64_t content_checksum, std::string* out) {
  const size_t begin = out->size();
  char header[kMaxRecordHeaderSize];
  out->append(header, EncodeFields(record, header));
  if (!record.merge.empty()) {
    PutFixed(out, static_cast<uint32_t>(record.merge.size()));
    out->append(record.merge);
  }
  const uint32_t trailer = Trailer(std::string_view(*out).substr(begin), content_checksum);
  out->append(record.payload);
  PutFixed(out, trailer);
}

StatusOr<Record> DecodeRecord(std::string_view key, std::string_view bytes,
                              uint64_t* content_checksum) {
  return DecodeRecordWithKeyHash(KeyHash(key), bytes, content_checksum);
}

StatusOr<Record> DecodeRecordWithKeyHash(uint64_t key_hash, std::string_view bytes,
                                         uint64_t* content_checksum) {
  Record record;
  std::string_view header;
  VASTO_RETURN_IF_ERROR(Parse(bytes, &record, &header));
  const uint64_t content = ContentChecksumWithKeyHash(key_hash, record.payload);
  const auto stored = GetFixed<uint32_t>(bytes.data() + bytes.size() - kRecordTrailerSize);
  if (Trailer(header, content) != stored) return Damaged("its checksum does not match");
  if (content_checksum != nullptr) *content_checksum = content;
  return record;
}

StatusOr<Record> PeekRecord(std::string_view bytes) {
  Record record;
  std::string_view header;
  VASTO_RETURN_IF_ERROR(Parse(bytes, &record, &header));
  return record;
}

bool WinsOver(const Record& incoming, const Record& stored) {
  if (incoming.event_time != stored.event_time) return incoming.event_time > stored.event_time;
  if (incoming.tombstone != stored.tombstone) return incoming.tombstone;
  // "Never" is the latest expiry: 0 - 1 wraps to the greatest number.
  const auto rest = [](const Record& r) {
    return std::make_tuple(r.expires_at_us - 1, r.origin, r.payload, r.value_type,
                           r.partition_hash);
  };
  return rest(incoming) > rest(stored);
}

}  // namespace vasto
