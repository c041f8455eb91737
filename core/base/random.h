// SPDX-License-Identifier: Apache-2.0
// Randomness comes in through this interface, so that a simulation replays from a seed.
#pragma once

#include <cstdint>
#include <memory>

namespace vasto {

// Threads: SystemRandom from any thread; a seeded one from one thread at a time.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
  // Uniform in [0, n). REQUIRES: n > 0.
  uint64_t Below(uint64_t n);
};

// getrandom(2), buffered per thread. Lives for ever; not owned by the caller.
Random* SystemRandom();
// xoshiro256** (Blackman & Vigna, 2018), its state filled by splitmix64 from the seed.
std::unique_ptr<Random> SeededRandom(uint64_t seed);

}  // namespace vasto
