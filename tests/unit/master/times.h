// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vasto::master {

// In microseconds.
inline constexpr int64_t kMs = 1000;
inline constexpr int64_t kSecond = 1'000'000;

}  // namespace vasto::master
