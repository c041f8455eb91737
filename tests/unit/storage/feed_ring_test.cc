// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed_ring.h"

#include <gtest/gtest.h>

#include <string>

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
