// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace vasto::storage {
namespace {

ChangeBatch Batch(LogId log, uint64_t first, uint64_t last, std::string changes) {
  return {.log = log, .first = first, .last = last, .changes = std::move(changes), .checksum = 0};
}

class FeedRingTest : public testing::Test {
 protected:
  // "changes first-last", or "-".
  std::string Read(LogId log, uint64_t have, size_t max_bytes = 1000) {
    ChangeBatch out;
    if (!ring_.Read(log, have, max_bytes, &out)) return "-";
    EXPECT_EQ(out.log, log);
    return out.changes + " " + std::to_string(out.first) + "-" + std::to_string(out.last);
  }

  FeedBudget budget_{1000};
  FeedRing ring_{&budget_};
};

TEST_F(FeedRingTest, GivesWhatFollows) {
  ring_.Append(Batch(1, 1, 3, "a"));
  ring_.Append(Batch(1, 4, 9, "b"));
  EXPECT_EQ(Read(1, 0), "ab 1-9");
  EXPECT_EQ(Read(1, 3), "b 4-9");
  EXPECT_EQ(Read(1, 9), "-");
}

TEST_F(FeedRingTest, AFollowerInTheMiddleOfABatchGetsAllOfIt) {
  ring_.Append(Batch(1, 1, 3, "a"));
  EXPECT_EQ(Read(1, 2), "a 3-3");
}

TEST_F(FeedRingTest, LogsAreApart) {
  ring_.Append(Batch(1, 1, 1, "a"));
  ring_.Append(Batch(2, 1, 5, "x"));
  ring_.Append(Batch(1, 2, 2, "b"));
  EXPECT_EQ(Read(1, 0), "ab 1-2");
  EXPECT_EQ(Read(2, 0), "x 1-5");
  EXPECT_EQ(Read(3, 0), "-");
}

TEST_F(FeedRingTest, NeverSkipsAGap) {
  ring_.Append(Batch(1, 4, 6, "b"));
  EXPECT_EQ(Read(1, 2), "-");
  EXPECT_EQ(Read(1, 3), "b 4-6");
}

TEST_F(FeedRingTest, AnswersAreBoundedButNeverEmpty) {
  ring_.Append(Batch(1, 1, 1, "aaaa"));
  ring_.Append(Batch(1, 2, 2, "bbbb"));
  EXPECT_EQ(Read(1, 0, 7), "aaaa 1-1");
  EXPECT_EQ(Read(1, 0, 8), "aaaabbbb 1-2");
  EXPECT_EQ(Read(1, 0, 1), "aaaa 1-1");
}

TEST_F(FeedRingTest, BeyondTheBudgetTheOldestGo) {
  for (uint64_t i = 1; i <= 50; ++i) ring_.Append(Batch(1, i, i, std::string(100, 'x')));
  EXPECT_LE(budget_.used_bytes(), 1000u);
  EXPECT_GT(budget_.used_bytes(), 500u);
  EXPECT_EQ(Read(1, 0), "-");
  EXPECT_NE(Read(1, 49), "-");
}

TEST_F(FeedRingTest, ABatchBeyondTheBudgetIsNotKept) {
  ring_.Append(Batch(1, 1, 1, std::string(2000, 'x')));
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(FeedRingTest, ABusyRingDoesNotPushOutWhatAQuietOneHasLast) {
  FeedRing busy(&budget_);
  for (uint64_t i = 1; i <= 50; ++i) busy.Append(Batch(2, i, i, std::string(100, 'x')));
  ring_.Append(Batch(1, 1, 1, "a"));
  EXPECT_EQ(Read(1, 0), "a 1-1");
  // It makes room for that with its next change.
  busy.Append(Batch(2, 51, 51, "x"));
  EXPECT_LE(budget_.used_bytes(), 1000u);
  EXPECT_EQ(Read(1, 0), "a 1-1");
}

TEST_F(FeedRingTest, RingsTogetherHaveABound) {
  FeedBudget budget(100'000);
  std::vector<std::unique_ptr<FeedRing>> rings;
  for (int i = 0; i < 10; ++i) rings.push_back(std::make_unique<FeedRing>(&budget));
  // The first takes all there is, and rests.
  for (auto& ring : rings) {
    for (uint64_t i = 1; i <= 2000; ++i) ring->Append(Batch(1, i, i, std::string(100, 'x')));
  }
  EXPECT_GT(budget.used_bytes(), 90'000u);
  EXPECT_LE(budget.used_bytes(), 100'000u);
  for (auto& ring : rings) {
    ChangeBatch out;
    EXPECT_TRUE(ring->Read(1, 1990, 1000, &out));
  }
  rings[0]->Trim({});
  EXPECT_LE(budget.used_bytes(), 100'000u);
}

TEST_F(FeedRingTest, AFollowerThatKeepsUpIsFoundAmongMany) {
  FeedBudget large(size_t{1} << 30);
  FeedRing ring(&large);
  constexpr uint64_t kBatches = 100'000;
  for (uint64_t i = 1; i <= kBatches; ++i) ring.Append(Batch(1, i, i, "x"));
  ChangeBatch out;
  // From the oldest on, this would look at 20,000,000,000 batches.
  for (uint64_t i = 0; i < kBatches; ++i) {
    ASSERT_TRUE(ring.Read(1, kBatches - 1, 1000, &out));
    ASSERT_FALSE(ring.Read(1, kBatches, 1000, &out));
  }
}

TEST_F(FeedRingTest, TrimsWhatIsCoveredAndNoMore) {
  ring_.Append(Batch(1, 1, 3, "a"));
  ring_.Append(Batch(2, 1, 1, "x"));
  ring_.Append(Batch(1, 4, 6, "b"));
  ring_.Trim(VersionVector({{1, 6}}));
  // What comes after a batch that is still wanted stays with it.
  EXPECT_EQ(Read(2, 0), "x 1-1");
  EXPECT_EQ(Read(1, 3), "b 4-6");
  EXPECT_EQ(Read(1, 0), "-");
  ring_.Trim(VersionVector({{1, 6}, {2, 1}}));
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(FeedRingTest, GivesTheBudgetBack) {
  {
    FeedRing other(&budget_);
    other.Append(Batch(1, 1, 1, "abc"));
    EXPECT_GT(budget_.used_bytes(), 0u);
  }
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

}  // namespace
}  // namespace vasto::storage
