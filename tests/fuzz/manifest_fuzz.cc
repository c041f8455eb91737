// SPDX-License-Identifier: Apache-2.0
// What another store says a copy of its shard consists of: whatever it names, nothing is written
// outside of the folder that the copy goes to, and no file twice.
#include <set>
#include <string>
#include <vector>

#include "core/rpc/wire.h"
#include "core/storage/checkpoint.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* name : {"000007.sst", "../CURRENT", "OPTIONS-000005", "CURRENT"}) {
    rpc::BeginCopyResponse response;
    response.copy = 7;
    response.files = {{"CURRENT", 16}, {"MANIFEST-000005", 1000}, {name, 1 << 20}};
    response.has = {{1, 9}};
    rpc::EncodeResponse<rpc::BeginCopy>(response, &seeds.emplace_back());
  }
  return seeds;
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto response = vasto::rpc::DecodeResponse<vasto::rpc::BeginCopy>(body);
  if (!response.ok()) return 0;
  std::vector<vasto::storage::CheckpointFile> files;
  for (const auto& file : response->files) files.push_back({file.name, file.size});
  if (!vasto::storage::CheckpointCopy::Check(files).ok()) return 0;
  std::set<std::string> names;
  for (const auto& file : files) {
    VASTO_FUZZ_CHECK(!file.name.empty() && file.name.front() != '.');
    VASTO_FUZZ_CHECK(file.name.find_first_of(std::string_view("/\0", 2)) == std::string::npos);
    VASTO_FUZZ_CHECK(names.insert(file.name).second);
  }
  VASTO_FUZZ_CHECK(names.contains("CURRENT"));
  return 0;
}
