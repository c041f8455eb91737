// SPDX-License-Identifier: Apache-2.0
// How long to wait before what failed is tried again: exponential backoff with equal jitter
// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/random.h"

namespace vasto {

// Uniform in [pause_us / 2, pause_us): never so short that it spins, and those that failed in one
// instant do not all come back in one. REQUIRES: pause_us >= 2.
inline int64_t Jittered(int64_t pause_us, Random* random) {
  const int64_t half = pause_us / 2;
  return half + static_cast<int64_t>(random->Below(static_cast<uint64_t>(half)));
}

struct Backoff {
  int64_t first_us;
  int64_t longest_us;

  // The pause, with jitter, after a failure that `failures` others in a row came before.
  // REQUIRES: failures >= 0.
  int64_t PauseUs(int failures, Random* random) const {
    // Beyond a million times the first one any pause is as long as it gets.
    return Jittered(std::min(longest_us, first_us << std::min(failures, 20)), random);
  }
};

}  // namespace vasto
