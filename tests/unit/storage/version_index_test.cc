// SPDX-License-Identifier: Apache-2.0
#include "core/storage/version_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

namespace vasto::storage {
namespace {

using Version = VersionIndex::Version;

class VersionIndexTest : public testing::Test {
 protected:
  // Adds a version that is told by its number.
  void Add(uint32_t hash) {
    if (index_.full()) {
      const size_t bytes = index_.BytesOfNextTable();
      memory_.push_back(std::make_unique<char[]>(bytes));
      index_.AddTable(memory_.back().get());
    }
    Version& version = versions_.emplace_back();
    version.hash = hash;
    version.distance = number_++;
    index_.Add(&version);
  }
  std::vector<uint32_t> Find(uint32_t hash) const {
    std::vector<uint32_t> numbers;
    index_.ForEach(hash, [&](const Version* version) {
      numbers.push_back(version->distance);
      return false;
    });
    return numbers;
  }

  VersionIndex index_;
  std::vector<std::unique_ptr<char[]>> memory_;
  std::deque<Version> versions_;
  uint32_t number_ = 0;
};

TEST_F(VersionIndexTest, AnEmptyOneHasNothing) {
  EXPECT_EQ(index_.newest(), nullptr);
  EXPECT_TRUE(Find(0).empty());
  EXPECT_TRUE(index_.full());
}

TEST_F(VersionIndexTest, VersionsOfAHashComeNewestFirstFromAllTables) {
  for (uint32_t i = 0; i < 10'000; ++i) Add(i % 7 == 0 ? 5 : 1000 + i);
  EXPECT_GT(memory_.size(), 4u);
  const std::vector<uint32_t> found = Find(5);
  ASSERT_EQ(found.size(), 1429u);
  for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], 7 * (found.size() - 1 - i));
  EXPECT_EQ(Find(1001), std::vector<uint32_t>{1});
}

TEST_F(VersionIndexTest, HashesOfOneBucketAreToldApart) {
  for (uint32_t i = 0; i < 100; ++i) Add(i << 20);
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(Find(i << 20), std::vector<uint32_t>{i});
  EXPECT_TRUE(Find(100 << 20).empty());
}

TEST_F(VersionIndexTest, AVisitorEndsTheSearch) {
  for (uint32_t i = 0; i < 1000; ++i) Add(1);
  int seen = 0;
  index_.ForEach(1, [&](const Version*) { return ++seen == 3; });
  EXPECT_EQ(seen, 3);
}

TEST_F(VersionIndexTest, AllAreChainedInTheOrderTheyWereAdded) {
  for (uint32_t i = 0; i < 5000; ++i) Add(i * 2654435761u);
  uint32_t expected = 5000;
  for (const Version* v = index_.newest(); v != nullptr; v = v->previous) {
    EXPECT_EQ(v->distance, --expected);
  }
  EXPECT_EQ(expected, 0u);
}

TEST_F(VersionIndexTest, ReadersSeeWhatWasAddedBefore) {
  constexpr uint32_t kAdded = 50'000;
  std::atomic<uint32_t> published{0};
  std::atomic<int> lost{0};
  std::thread reader([&] {
    for (uint32_t last = 0; last < kAdded;) {
      last = published.load(std::memory_order_acquire);
      if (last == 0) continue;
      if (Find(last - 1).size() != 1) ++lost;
    }
  });
  for (uint32_t i = 0; i < kAdded; ++i) {
    Add(i);
    published.store(i + 1, std::memory_order_release);
  }
  reader.join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace vasto::storage
