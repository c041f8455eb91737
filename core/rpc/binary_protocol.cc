// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/binary_protocol.h"

namespace vasto::rpc {

void BinaryReader::SkipValue(WireType type, int depth) {
  if (depth >= kMaxDepth) return Fail("structures are nested too deeply");
  switch (type) {
    case WireType::kBool:
    case WireType::kI8:
      return SkipBytes(1);
    case WireType::kI16:
      return SkipBytes(2);
    case WireType::kI32:
      return SkipBytes(4);
    case WireType::kI64:
    case WireType::kDouble:
      return SkipBytes(8);
    case WireType::kString:
      Bytes();
      return;
    case WireType::kStruct: {
      int16_t id = 0;
      while (NextField(&type, &id)) SkipValue(type, depth + 1);
      return;
    }
    case WireType::kMap: {
      const auto key = static_cast<WireType>(Byte());
      const auto value = static_cast<WireType>(Byte());
      return SkipElements(key, value, true, depth);
    }
    case WireType::kSet:
    case WireType::kList:
      return SkipElements(WireType::kStop, static_cast<WireType>(Byte()), false, depth);
    case WireType::kStop:
      break;
  }
  Fail("a field has a type that does not exist");
}

void BinaryReader::SkipElements(WireType key, WireType value, bool has_key, int depth) {
  const uint32_t count = I32();
  // Every element takes a byte at least, so a count beyond the rest is a lie and the loop is
  // bounded by the input.
  if (count > remaining()) return Fail("a count exceeds the bytes that are there");
  for (uint32_t i = 0; i < count && ok(); ++i) {
    if (has_key) SkipValue(key, depth + 1);
    SkipValue(value, depth + 1);
  }
}

}  // namespace vasto::rpc
