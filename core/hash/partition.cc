// SPDX-License-Identifier: Apache-2.0
#include "core/hash/partition.h"

#include <xxhash.h>

#include "core/hash/jump_hash.h"

namespace vasto {

uint64_t PartitionHash(std::string_view partition_key) {
  return XXH3_64bits(partition_key.data(), partition_key.size());
}

uint64_t PartitionHashOf(std::string_view key, std::optional<uint64_t> explicit_hash) {
  return explicit_hash ? *explicit_hash : PartitionHash(key);
}

int32_t ShardOf(std::string_view key, std::optional<uint64_t> explicit_hash, int32_t shard_count) {
  if (shard_count == 1) return 0;
  return JumpConsistentHash(PartitionHashOf(key, explicit_hash), shard_count);
}

}  // namespace vasto
