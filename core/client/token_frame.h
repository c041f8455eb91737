// SPDX-License-Identifier: Apache-2.0
// What is the same in all tokens that callers keep: how they begin, how they end, and what is said
// of those that cannot be read.
//
//   offset  size  field
//   0       m     magic; may be empty
//   m       1     format version, from 1; a newer one than is known is refused
//   m + 1   n     the body
//   …       4     low 32 bits of XXH3_64 of all bytes before
//
// All integers little-endian. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace vasto::client {

struct TokenFrame {
  std::string_view name;  // as errors call it: "the … token"
  std::string_view magic;
  uint8_t newest_format;

  struct Opened {
    uint8_t format;         // 1 to newest_format
    std::string_view body;  // of the token that was opened
  };

  // A token is begun in the newest format, its body is added, and it is sealed.
  std::string Begin() const;
  static std::string Seal(std::string token);

  // kInvalidArgument: bytes that are no such token or damaged, and a newer format.
  StatusOr<Opened> Open(std::string_view token) const;

  // kInvalidArgument: the token `why`.
  Status Invalid(std::string_view why) const;
};

}  // namespace vasto::client
