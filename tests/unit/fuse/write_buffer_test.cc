// SPDX-License-Identifier: Apache-2.0
#include "fuse/write_buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace vasto::fuse {
namespace {

TEST(WriteBufferTest, WritesReadsAndHoles) {
  WriteBuffer buffer;
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.Write(0, "hello"), 0);
  EXPECT_EQ(buffer.Write(8, "you"), 0);
  EXPECT_EQ(buffer.view(), std::string_view("hello\0\0\0you", 11));
  EXPECT_EQ(buffer.Read(6, 100), std::string_view("\0\0you", 5));
  EXPECT_EQ(buffer.Read(11, 1), "");
  EXPECT_EQ(buffer.Write(100, ""), 0);
  EXPECT_EQ(buffer.size(), 11U);
  EXPECT_FALSE(buffer.spilled());
}

TEST(WriteBufferTest, CutBytesDoNotComeBack) {
  for (const size_t size : {size_t{100}, WriteBuffer::kSpillBytes + 100}) {
    WriteBuffer buffer;
    ASSERT_EQ(buffer.Write(0, std::string(size, 'x')), 0);
    ASSERT_EQ(buffer.Resize(10), 0);
    ASSERT_EQ(buffer.Resize(size), 0);
    EXPECT_EQ(buffer.view(), std::string(10, 'x') + std::string(size - 10, '\0'));
  }
}

TEST(WriteBufferTest, SpillsAboveTheBound) {
  WriteBuffer buffer;
  ASSERT_EQ(buffer.Write(0, std::string(WriteBuffer::kSpillBytes, 'a')), 0);
  EXPECT_FALSE(buffer.spilled());
  ASSERT_EQ(buffer.Write(WriteBuffer::kSpillBytes, "b"), 0);
  EXPECT_TRUE(buffer.spilled());
  EXPECT_EQ(buffer.view(), std::string(WriteBuffer::kSpillBytes, 'a') + "b");
  WriteBuffer moved = std::move(buffer);
  EXPECT_EQ(moved.size(), WriteBuffer::kSpillBytes + 1);
  EXPECT_EQ(moved.view().back(), 'b');
}

TEST(WriteBufferTest, ImpossibleOffsetsAreRefused) {
  WriteBuffer buffer;
  ASSERT_EQ(buffer.Write(0, "kept"), 0);
  EXPECT_NE(buffer.Write(SIZE_MAX - 2, "overflow"), 0);
  EXPECT_EQ(buffer.view(), "kept");
}

// Random operations against a plain string.
TEST(WriteBufferTest, BehavesLikeAString) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    const size_t limit = round % 2 == 0 ? 5000 : 3 * WriteBuffer::kSpillBytes / 2;
    WriteBuffer buffer;
    std::string model;
    for (int step = 0; step < 60; ++step) {
      const size_t offset = random() % limit;
      if (random() % 4 == 0) {
        ASSERT_EQ(buffer.Resize(offset), 0);
        model.resize(offset);
      } else {
        const std::string bytes(1 + random() % 3000, static_cast<char>(random()));
        ASSERT_EQ(buffer.Write(offset, bytes), 0);
        if (model.size() < offset + bytes.size()) model.resize(offset + bytes.size());
        model.replace(offset, bytes.size(), bytes);
      }
      ASSERT_EQ(buffer.size(), model.size());
    }
    ASSERT_TRUE(buffer.view() == model);
  }
}

}  // namespace
}  // namespace vasto::fuse
