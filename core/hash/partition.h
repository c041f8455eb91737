// SPDX-License-Identifier: Apache-2.0
// From a key to its shard. The partition hash of a key is XXH3 (64 bits, seed 0; xxhash.com,
// specification in doc/xxhash_spec.md of that project) of the partition key, which is the key
// unless the caller gives one. The function is part of the data format: it never changes. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vasto {

uint64_t PartitionHash(std::string_view partition_key);

// Of a key whose writer may have given another hash than its own.
uint64_t PartitionHashOf(std::string_view key, std::optional<uint64_t> explicit_hash);

// The shard in [0, shard_count) of a key. REQUIRES: shard_count > 0.
int32_t ShardOf(std::string_view key, std::optional<uint64_t> explicit_hash, int32_t shard_count);

}  // namespace vasto
