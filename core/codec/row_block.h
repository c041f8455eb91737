// SPDX-License-Identifier: Apache-2.0
// A row block: many rows in one byte string, the page of a scan on the wire. Rows are in key order.
//
//   byte 0: block format, kRowBlockFormat (1)
//   then each row: varint shared (bytes the key shares with the row before), length-prefixed rest
//     of the key, varint flags (bit 0 expiry, bit 1 value type, bit 2 payload present, bit 3
//     partition hash), fixed64 event time, [fixed64 expiry in µs] [varint value type] [fixed64
//     partition hash] varint payload size, [payload, fixed64 content checksum]
//
// A keys-only scan leaves the payload out and still tells its size. The content checksum is that of
// core/codec/record.h: the reader of a block verifies it, the block itself has none.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/hlc.h"
#include "core/base/status.h"

namespace vasto {

constexpr uint8_t kRowBlockFormat = 1;

struct Row {
  std::string_view key;  // borrowed
  bool has_payload = true;
  std::string_view payload;   // borrowed; empty when !has_payload
  uint64_t payload_size = 0;  // RowBlockWriter takes it from payload when has_payload
  EventTime event_time = 0;
  uint64_t expires_at_us = 0;  // 0: never
  uint32_t value_type = 0;
  std::optional<uint64_t> partition_hash;  // only when the writer gave one
  uint64_t content_checksum = 0;
};

class RowBlockWriter {
 public:
  RowBlockWriter() { block_.push_back(static_cast<char>(kRowBlockFormat)); }
  // Makes room for this many bytes at once.
  void Reserve(size_t bytes) { block_.reserve(bytes); }
  // REQUIRES: row.key > every key added before.
  void Add(const Row& row);
  size_t rows() const { return rows_; }
  size_t size_bytes() const { return block_.size(); }
  // The block; *this is empty afterwards and must not be used again.
  std::string Finish() { return std::move(block_); }

 private:
  std::string block_;
  std::string last_key_;
  size_t rows_ = 0;
};

class RowBlockReader {
 public:
  // block: borrowed; outlives *this and the payloads of the rows it gives.
  explicit RowBlockReader(std::string_view block);
  // Reads the next row. kEnd after the last; kCorruption on bytes that are no block, also when keys
  // are not in order. row->key is borrowed from *this and valid until the next call; row->payload
  // from the block.
  Status Next(Row* row);

 private:
  Status ReadKey();

  ByteReader reader_;
  uint8_t format_ = 0;
  bool first_ = true;
  std::string key_;
};

}  // namespace vasto
