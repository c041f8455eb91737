// SPDX-License-Identifier: Apache-2.0
// Names: keys as file names of the mount and back, file names as the kernel brings them, and names
// of keyspaces as users type them.
#include <algorithm>
#include <string>
#include <string_view>

#include "core/topology/cluster_map.h"
#include "fuse/name_codec.h"
#include "tests/fuzz/fuzz.h"

namespace {

using vasto::fuse::NameCodec;
using vasto::fuse::NameKind;
using vasto::fuse::ScratchPatterns;

ScratchPatterns Patterns(std::string_view text) {
  ScratchPatterns patterns;
  VASTO_FUZZ_CHECK(ScratchPatterns::Parse(text, &patterns));
  return patterns;
}

// The first byte of an input chooses one of these; the rest is the name.
const NameCodec& Codec(uint8_t choice) {
  static const NameCodec codecs[] = {
      NameCodec(), NameCodec(vasto::fuse::kOldKernelNameMax, ScratchPatterns::None()),
      NameCodec(64, Patterns("*e:?:a*:*.tmp:*x*y*:..*")),
      NameCodec(255, Patterns("%4*:*%61:a%*")),  // match escaped names as well
  };
  return codecs[choice % std::size(codecs)];
}

void CheckKey(const NameCodec& codec, const std::string& key) {
  const std::string name = codec.Encode(key);
  VASTO_FUZZ_CHECK(!name.empty() && name != "." && name != "..");
  VASTO_FUZZ_CHECK(name.find('/') == std::string::npos && name.find('\0') == std::string::npos);
  VASTO_FUZZ_CHECK(name.size() <= std::max<size_t>(codec.name_max(), 34));
  const auto decoded = codec.Decode(name);
  if (vasto::fuse::IsLongName(name)) {
    VASTO_FUZZ_CHECK(decoded.kind == NameKind::kLong);
  } else {
    VASTO_FUZZ_CHECK(decoded.kind == NameKind::kKey);
    VASTO_FUZZ_CHECK(decoded.key == key);
  }
}

// A key has one name only: the kernel's cache knows no second one.
void CheckName(const NameCodec& codec, const std::string& name) {
  const auto decoded = codec.Decode(name);
  if (decoded.kind == NameKind::kKey) VASTO_FUZZ_CHECK(codec.Encode(decoded.key) == name);
  if (decoded.kind != NameKind::kKey) VASTO_FUZZ_CHECK(decoded.key.empty());
}

void CheckKeyspace(std::string_view name) {
  static constexpr std::string_view kFirst =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr size_t kLongest = 128;
  const size_t odd = name.find_first_not_of(kFirst);
  const bool good =
      !name.empty() && name.size() <= kLongest && odd != 0 && std::ranges::all_of(name, [](char c) {
        return c == '.' || c == '-' || kFirst.find(c) != std::string_view::npos;
      });
  const vasto::Status status = vasto::CheckKeyspaceName(name);
  VASTO_FUZZ_CHECK(status.ok() == good);
  if (good) {
    // It is a directory of the mount under its own name, which no key's encoding needs to change.
    static const NameCodec plain(vasto::fuse::kOldKernelNameMax, ScratchPatterns::None());
    VASTO_FUZZ_CHECK(plain.Encode(name) == name);
    return;
  }
  VASTO_FUZZ_CHECK(status.Is(vasto::Code::kInvalidArgument));
  // What a terminal shows is not for the name to decide.
  VASTO_FUZZ_CHECK(std::ranges::none_of(
      status.message(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }));
}

}  // namespace

namespace vasto::fuzz {

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char choice : {0, 1, 2, 3}) {
    for (const std::string& name :
         {std::string("users"), std::string("a/b%c"), std::string("."), std::string("..vasto"),
          std::string(".vasto"), std::string("gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80"),
          std::string("\0\x01\x7f\xff", 4), std::string("%2F%00%41"), std::string("file~"),
          std::string(".a.swp"), std::string("%"), "%~" + std::string(32, '0'),
          std::string(130, 'k'), std::string(1500, '\n'), std::string("A_a-1.x")}) {
      seeds.push_back(choice + name);
    }
  }
  return seeds;
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  CheckKey(Codec(data[0]), bytes);
  CheckName(Codec(data[0]), bytes);
  CheckKeyspace(bytes);
  return 0;
}
