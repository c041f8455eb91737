// SPDX-License-Identifier: Apache-2.0
// The documented limits of keys, values, requests and keyspaces (vasto(7)). Every value from
// outside is checked against them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vasto {

constexpr size_t kMaxKeySize = 64 << 10;     // bytes; the empty key is allowed
constexpr size_t kMaxValueSize = 64 << 20;   // bytes; the empty value is allowed
constexpr size_t kMaxBatchEntries = 10'000;  // of one multi_get or batch request to one store
constexpr size_t kMaxFrameSize = 80 << 20;   // bytes of an RPC frame: a value, its key and the rest
constexpr size_t kMaxScanPageBytes = 4 << 20;  // of keys and values; one larger row goes alone
constexpr size_t kMaxNeeds = 4096;             // positions that a read of a session needs
constexpr uint64_t kMaxTtlSeconds = 100ull * 365 * 24 * 3600;
// As the expiry of a write: never, whatever the keyspace's default says.
constexpr uint64_t kNeverExpires = ~uint64_t{0};
// How far ahead of the store's hybrid clock a client's event time may be.
constexpr int64_t kDefaultMaxClockSkewUs = 10'000'000;

}  // namespace vasto
