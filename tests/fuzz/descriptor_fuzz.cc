// SPDX-License-Identifier: Apache-2.0
// Keyspace descriptors as read from disk: what decodes encodes to the same bytes' meaning.
#include "core/base/bytes.h"
#include "core/topology/descriptor_codec.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  KeyspaceDescriptor descriptor;
  descriptor.name = "users";
  descriptor.epoch = 3;
  descriptor.tags = {"ssd", "fast"};
  descriptor.shards.resize(2);
  descriptor.shards[0].replicas.resize(2);
  descriptor.shards[1].replicas.resize(1);
  return {EncodeDescriptor(descriptor), EncodeDescriptor(KeyspaceDescriptor{})};
}

}  // namespace vasto::fuzz

namespace {

void Check(std::string_view bytes) {
  auto descriptor = vasto::DecodeDescriptor(bytes);
  if (!descriptor.ok()) return;
  std::string once = vasto::EncodeDescriptor(*descriptor);
  auto again = vasto::DecodeDescriptor(once);
  VASTO_FUZZ_CHECK(again.ok());
  VASTO_FUZZ_CHECK(vasto::EncodeDescriptor(*again) == once);
}

// Ends the bytes in the checksum that fits them, so that what lies behind it is reached too.
std::string WithChecksum(std::string bytes) {
  if (bytes.size() < sizeof(uint64_t)) return bytes;
  bytes.resize(bytes.size() - sizeof(uint64_t));
  uint64_t fnv1a = 0xcbf29ce484222325;
  for (char c : bytes) fnv1a = (fnv1a ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  vasto::PutFixed(&bytes, fnv1a);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(bytes);
  Check(WithChecksum(std::string(bytes)));
  return 0;
}
