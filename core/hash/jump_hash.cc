// SPDX-License-Identifier: Apache-2.0
#include "core/hash/jump_hash.h"

namespace vasto {

int32_t JumpConsistentHash(uint64_t hash, int32_t buckets) {
  int64_t bucket = -1;
  int64_t next = 0;
  while (next < buckets) {
    bucket = next;
    hash = hash * 2862933555777941757ULL + 1;  // the paper's 64-bit linear congruential generator
    const double jump = static_cast<double>(1LL << 31) / static_cast<double>((hash >> 33) + 1);
    next = static_cast<int64_t>(static_cast<double>(bucket + 1) * jump);
  }
  return static_cast<int32_t>(bucket);
}

}  // namespace vasto
