// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

namespace vasto {
namespace {
constexpr char kHex[] = "0123456789abcdef";
}

std::string ToHex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

std::string Printable(std::string_view bytes, size_t limit) {
  std::string out;
  for (char c : bytes.substr(0, limit)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out.append("\\x").append(ToHex(std::string_view(&c, 1)));
    }
  }
  if (bytes.size() > limit) out.append("…");
  return out;
}

}  // namespace vasto
