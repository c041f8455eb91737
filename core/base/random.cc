// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <sys/random.h>

#include <bit>
#include <cstdlib>

namespace vasto {
namespace {

class KernelRandom final : public Random {
 public:
  uint64_t Next() override {
    thread_local uint64_t buffer[16];
    thread_local size_t left = 0;
    if (left == 0) {
      // 128 bytes never return short once the pool is initialised (getrandom(2)).
      if (getrandom(buffer, sizeof(buffer), 0) != sizeof(buffer)) std::abort();
      left = 16;
    }
    return buffer[--left];
  }
};

uint64_t SplitMix(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

class Xoshiro final : public Random {
 public:
  explicit Xoshiro(uint64_t seed) {
    for (uint64_t& word : s_) word = SplitMix(&seed);
  }
  uint64_t Next() override {
    const uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
    const uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return result;
  }

 private:
  uint64_t s_[4];
};

}  // namespace

uint64_t Random::Below(uint64_t n) {
  // Multiply-shift (Lemire, 2019) without the rejection step, on the upper 32 bits: biased by less
  // than n / 2^32.
  if (n <= UINT32_MAX) return ((Next() >> 32) * n) >> 32;
  return Next() % n;
}

Random* SystemRandom() {
  static KernelRandom random;
  return &random;
}

std::unique_ptr<Random> SeededRandom(uint64_t seed) { return std::make_unique<Xoshiro>(seed); }

}  // namespace vasto
