// SPDX-License-Identifier: Apache-2.0
// Jump consistent hash: Lamping & Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", arXiv
// 1406.2294. Pure function; any thread.
#pragma once

#include <cstdint>

namespace vasto {

// The bucket of `hash` in [0, buckets). Growing from n to n+1 buckets moves 1/(n+1) of all hashes,
// each to bucket n. REQUIRES: buckets > 0.
int32_t JumpConsistentHash(uint64_t hash, int32_t buckets);

}  // namespace vasto
