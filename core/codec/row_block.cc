// SPDX-License-Identifier: Apache-2.0
#include "core/codec/row_block.h"

#include <algorithm>
#include <cstring>

namespace vasto {
namespace {

constexpr uint64_t kRowExpiry = 1;
constexpr uint64_t kRowValueType = 2;
constexpr uint64_t kRowPayload = 4;
constexpr uint64_t kRowPartitionHash = 8;
constexpr uint64_t kKnownRowFlags = kRowExpiry | kRowValueType | kRowPayload | kRowPartitionHash;

// Collects small fields so that the block grows by one append for all of them.
class Fields {
 public:
  void Varint(uint64_t value) {
    while (value >= 0x80) {
      *end_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *end_++ = static_cast<char>(value);
  }
  void Fixed(uint64_t value) {
    std::memcpy(end_, &value, sizeof(value));
    end_ += sizeof(value);
  }
  void AppendTo(std::string* out) const { out->append(bytes_, static_cast<size_t>(end_ - bytes_)); }

 private:
  char bytes_[48];
  char* end_ = bytes_;
};

size_t SharedPrefix(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t n = 0;
  while (n + 8 <= limit && std::memcmp(a.data() + n, b.data() + n, 8) == 0) n += 8;
  while (n < limit && a[n] == b[n]) ++n;
  return n;
}

}  // namespace

void RowBlockWriter::Add(const Row& row) {
  const size_t shared = SharedPrefix(last_key_, row.key);
  const std::string_view rest = row.key.substr(shared);
  Fields before_key;
  before_key.Varint(shared);
  before_key.Varint(rest.size());
  before_key.AppendTo(&block_);
  block_.append(rest);

  Fields fields;
  fields.Varint((row.expires_at_us != 0 ? kRowExpiry : 0) |
                (row.value_type != 0 ? kRowValueType : 0) | (row.has_payload ? kRowPayload : 0) |
                (row.partition_hash ? kRowPartitionHash : 0));
  fields.Fixed(row.event_time);
  if (row.expires_at_us != 0) fields.Fixed(row.expires_at_us);
  if (row.value_type != 0) fields.Varint(row.value_type);
  if (row.partition_hash) fields.Fixed(*row.partition_hash);
  fields.Varint(row.has_payload ? row.payload.size() : row.payload_size);
  fields.AppendTo(&block_);
  if (row.has_payload) {
    block_.append(row.payload);
    PutFixed<uint64_t>(&block_, row.content_checksum);
  }
  last_key_.resize(shared);
  last_key_.append(rest);
  ++rows_;
}

RowBlockReader::RowBlockReader(std::string_view block) : reader_(block) {
  format_ = reader_.Fixed<uint8_t>();
}

Status RowBlockReader::ReadKey() {
  const uint64_t shared = reader_.Varint();
  const std::string_view rest = reader_.LengthPrefixed();
  if (!reader_.ok() || shared > key_.size()) return Status::Corruption("row block is damaged");
  if (!first_ && rest <= std::string_view(key_).substr(shared)) {
    return Status::Corruption("row block is damaged: its keys are not in order");
  }
  first_ = false;
  key_.resize(shared);
  key_.append(rest);
  return {};
}

Status RowBlockReader::Next(Row* row) {
  if (format_ > kRowBlockFormat) {
    return Status::NotSupported("row block has format " + std::to_string(format_) +
                                ", this program reads formats up to " +
                                std::to_string(kRowBlockFormat));
  }
  if (format_ != kRowBlockFormat || !reader_.ok()) {
    return Status::Corruption("row block is damaged");
  }
  if (reader_.remaining() == 0) return Status::End();
  VASTO_RETURN_IF_ERROR(ReadKey());
  *row = Row{};
  row->key = key_;
  const uint64_t flags = reader_.Varint();
  row->event_time = reader_.Fixed<uint64_t>();
  if ((flags & kRowExpiry) != 0) row->expires_at_us = reader_.Fixed<uint64_t>();
  uint64_t value_type = 0;
  if ((flags & kRowValueType) != 0) value_type = reader_.Varint();
  row->value_type = static_cast<uint32_t>(value_type);
  if ((flags & kRowPartitionHash) != 0) row->partition_hash = reader_.Fixed<uint64_t>();
  row->payload_size = reader_.Varint();
  row->has_payload = (flags & kRowPayload) != 0;
  if (row->has_payload) {
    row->payload = reader_.Bytes(row->payload_size);
    row->content_checksum = reader_.Fixed<uint64_t>();
  }
  if (!reader_.ok() || (flags & ~kKnownRowFlags) != 0 || value_type > UINT32_MAX) {
    return Status::Corruption("row block is damaged");
  }
  return {};
}

}  // namespace vasto
