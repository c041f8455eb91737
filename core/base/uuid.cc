// SPDX-License-Identifier: Apache-2.0
#include "core/base/uuid.h"

#include <cinttypes>
#include <cstdio>

namespace vasto {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Uuid Uuid::Generate(Random* random) {
  Uuid id{random->Next(), random->Next()};
  id.hi = (id.hi & ~uint64_t{0xf000}) | 0x4000;
  id.lo = (id.lo & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return id;
}

StatusOr<Uuid> Uuid::Parse(std::string_view text) {
  const auto bad = [&] {
    return Status::InvalidArgument("not a uuid: " + std::string(text.substr(0, 64)));
  };
  if (text.size() != 36) return bad();
  uint64_t words[2] = {0, 0};
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return bad();
    if (dash) continue;
    const int digit = HexDigit(text[i]);
    if (digit < 0) return bad();
    uint64_t& word = words[digits++ / 16];
    word = (word << 4) | static_cast<uint64_t>(digit);
  }
  return Uuid{words[0], words[1]};
}

std::string Uuid::ToString() const {
  char text[37];
  std::snprintf(text, sizeof(text),
                "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, hi >> 32,
                (hi >> 16) & 0xffff, hi & 0xffff, lo >> 48, lo & 0xffffffffffff);
  return text;
}

}  // namespace vasto
