// SPDX-License-Identifier: Apache-2.0
//
// A 64-bit hash for tables and inode numbers. Not for placing keys (that is the library's), nor
// against adversaries.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace vasto::fuse {

// Spreads the bits of x over all bits of the result; a bijection.
constexpr uint64_t MixBits(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

// FNV-1a, finished by MixBits. The same in every process.
constexpr uint64_t HashBytes(uint64_t seed, std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return MixBits(hash ^ bytes.size());
}

}  // namespace vasto::fuse
