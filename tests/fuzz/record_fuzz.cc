// SPDX-License-Identifier: Apache-2.0
// Records as read from disk: never misread, never a crash, and what decodes encodes to the same.
#include "core/codec/merge.h"
#include "core/codec/record.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::string_view kKey = "key";

std::string Encoded(const vasto::Record& record) {
  std::string bytes;
  vasto::EncodeRecord(record, vasto::ContentChecksum(kKey, record.payload), &bytes);
  return bytes;
}

std::string MergedSeed(vasto::MergeOp op, const std::string& operand) {
  const vasto::Record base{.event_time = 5, .payload = "12"};
  vasto::Merge merge;
  merge.op = op;
  merge.operand = operand;
  merge.log = 77;
  merge.event_time = 9;
  std::string buffer;
  const auto merged = vasto::MergeInto(&base, merge, &buffer);
  VASTO_FUZZ_CHECK(merged.ok());
  return Encoded(*merged);
}

// Whatever a record claims to be merged from, what it is joined to is left alone by it then.
void CheckJoin(const vasto::Record& record) {
  const vasto::Record other{.event_time = 7, .payload = "3"};
  std::string buffer;
  std::string again;
  const auto joined = vasto::Join(record, other, &buffer);
  if (!joined.ok()) return;
  const auto twice = vasto::Join(*joined, record, &again);
  VASTO_FUZZ_CHECK(twice.ok());
  VASTO_FUZZ_CHECK(*twice == *joined);
}

}  // namespace

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  Record plain{.event_time = 0x123456789, .origin = 7, .payload = "value"};
  Record full = plain;
  full.expires_at_us = 1'700'000'000'000'000;
  full.partition_hash = 0x1122334455667788;
  full.value_type = 300;
  Record tombstone{.event_time = 5, .tombstone = true};
  return {Encoded(plain),
          Encoded(full),
          Encoded(tombstone),
          Encoded(Record{}),
          MergedSeed(MergeOp::kAddInt64, "30"),
          MergedSeed(MergeOp::kMaxFloat64, "1e3")};
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  vasto::PeekRecord(bytes).status().IgnoreError();
  uint64_t checksum = 0;
  vasto::StatusOr<vasto::Record> record = vasto::DecodeRecord(kKey, bytes, &checksum);
  if (!record.ok()) return 0;
  std::string again;
  vasto::EncodeRecord(*record, checksum, &again);
  uint64_t checksum_again = 0;
  vasto::StatusOr<vasto::Record> second = vasto::DecodeRecord(kKey, again, &checksum_again);
  VASTO_FUZZ_CHECK(second.ok());
  VASTO_FUZZ_CHECK(checksum == checksum_again);
  VASTO_FUZZ_CHECK(second->payload == record->payload);
  VASTO_FUZZ_CHECK(second->event_time == record->event_time);
  VASTO_FUZZ_CHECK(second->partition_hash == record->partition_hash);
  VASTO_FUZZ_CHECK(*second == *record);
  CheckJoin(*record);
  return 0;
}
