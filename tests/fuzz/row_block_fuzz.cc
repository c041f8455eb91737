// SPDX-License-Identifier: Apache-2.0
// Row blocks as received from a store: reading ends, in rows or an error, whatever the bytes.
#include "core/codec/row_block.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  RowBlockWriter rows;
  rows.Add(Row{.key = "a", .payload = "one", .event_time = 1, .content_checksum = 9});
  rows.Add(Row{.key = "ab", .payload = "", .event_time = 2, .expires_at_us = 77, .value_type = 3});
  rows.Add(Row{.key = "abc", .has_payload = false, .payload_size = 1000, .partition_hash = 5});
  return {rows.Finish(), RowBlockWriter().Finish()};
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vasto::RowBlockReader reader(std::string_view(reinterpret_cast<const char*>(data), size));
  vasto::Row row;
  size_t rows = 0;
  uint64_t sum = 0;
  vasto::Status status = reader.Next(&row);
  for (; status.ok(); status = reader.Next(&row)) {
    VASTO_FUZZ_CHECK(++rows <= size);
    for (char c : row.key) sum += static_cast<unsigned char>(c);
    for (char c : row.payload) sum += static_cast<unsigned char>(c);
  }
  if (status.code() == vasto::Code::kEnd) VASTO_FUZZ_CHECK(!reader.Next(&row).ok());
  volatile uint64_t sink = sum;  // so that every byte is really read
  static_cast<void>(sink);
  return 0;
}
