// SPDX-License-Identifier: Apache-2.0
// Changes as received from another replica, and the tag of a batch in the log: reading ends, in
// changes or an error, whatever the bytes.
#include "core/codec/change.h"
#include "core/storage/log_batch.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  std::string changes;
  for (const std::string_view key : {"a", "", "longer key"}) {
    Record record;
    record.event_time = 5;
    record.tombstone = key.empty();
    record.payload = key.empty() ? "" : "payload";
    std::string bytes;
    EncodeRecord(record, ContentChecksum(key, record.payload), &bytes);
    AppendChange(key, bytes, &changes);
  }
  return {changes, storage::EncodeBatchTag({.log = 1, .first = 2, .last = 3, .lost = changes}), ""};
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  vasto::ChangeReader reader(bytes);
  vasto::Change change;
  size_t changes = 0;
  std::string again;
  while (reader.Next(&change)) {
    VASTO_FUZZ_CHECK(++changes <= size);
    VASTO_FUZZ_CHECK(change.key_hash == vasto::KeyHash(change.key));
    std::string record;
    vasto::EncodeRecord(change.record, change.content_checksum, &record);
    vasto::AppendChange(change.key, record, &again);
  }
  // What was accepted is as it would be written, but for the length of a varint.
  if (reader.status().ok()) VASTO_FUZZ_CHECK(again.size() <= size);
  const auto tag = vasto::storage::DecodeBatchTag(bytes);
  if (tag.ok()) VASTO_FUZZ_CHECK(vasto::storage::EncodeBatchTag(*tag) == bytes);
  return 0;
}
