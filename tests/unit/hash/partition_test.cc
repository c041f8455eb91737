// SPDX-License-Identifier: Apache-2.0
#include "core/hash/partition.h"

#include <gtest/gtest.h>

#include "core/hash/jump_hash.h"

namespace vasto {
namespace {

// XXH3 with seed 0, from the reference implementation: the format must never change.
TEST(PartitionTest, GoldenHashes) {
  EXPECT_EQ(PartitionHash(""), 0x2d06800538d394c2u);
  EXPECT_EQ(PartitionHash("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(PartitionHash(std::string_view("\0\0", 2)), PartitionHash(std::string(2, '\0')));
  EXPECT_NE(PartitionHash(std::string_view("\0", 1)), PartitionHash(""));
}

TEST(PartitionTest, TheShardIsTheJumpHashOfTheKeysHash) {
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    EXPECT_EQ(ShardOf(key, std::nullopt, 7), JumpConsistentHash(PartitionHash(key), 7));
  }
}

TEST(PartitionTest, AnExplicitHashReplacesTheKeysOwn) {
  const uint64_t home = PartitionHash("customer 7");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ShardOf("order" + std::to_string(i), home, 64), JumpConsistentHash(home, 64));
  }
}

}  // namespace
}  // namespace vasto
