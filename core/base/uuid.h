// SPDX-License-Identifier: Apache-2.0
// A 128-bit random identity (RFC 9562, version 4) of a keyspace, a store or a cluster. The nil
// value means "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "core/base/status.h"

namespace vasto {

struct Uuid {
  uint64_t hi = 0;
  uint64_t lo = 0;

  static Uuid Generate(Random* random);
  // Accepts exactly the 36-character form that ToString writes.
  static StatusOr<Uuid> Parse(std::string_view text);
  std::string ToString() const;

  bool nil() const { return hi == 0 && lo == 0; }
  auto operator<=>(const Uuid&) const = default;
};

}  // namespace vasto

template <>
struct std::hash<vasto::Uuid> {
  size_t operator()(const vasto::Uuid& id) const noexcept { return id.hi ^ id.lo; }
};
