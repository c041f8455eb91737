// SPDX-License-Identifier: Apache-2.0
// What a follower is given of a log of an earlier opening, of which the end was lost and came back.
#include "core/storage/feed_cursor.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

class LostTailTest : public FeedTest {
 protected:
  // a_ has the beginning of its former log, whole_, up to held_, and b_ all of it, up to last_.
  LostTailTest() : a_(Make("a", 1)), b_(Make("b", 2)) {
    a_->engine_options_.feed_bytes = 0;  // all is read from the disk
    a_->Reopen();
    whole_ = a_->feed()->log();
    Write("kept", 5);
    held_ = a_->Has().Of(whole_);
    // What a kill at this moment would leave.
    std::filesystem::copy(folder_.path() + "/a", folder_.path() + "/old",
                          std::filesystem::copy_options::recursive);
    Write("lost", 5);
    last_ = a_->Has().Of(whole_);
    EXPECT_TRUE(b_->Follow(a_.get()).ok());
    a_->Close();
    std::filesystem::remove_all(folder_.path() + "/a");
    std::filesystem::rename(folder_.path() + "/old", folder_.path() + "/a");
    a_->Open();
    EXPECT_EQ(a_->Get("lost0"), "NOT_FOUND");
    EXPECT_EQ(a_->Has().Of(whole_), held_);
    Write("between", 5);
  }
  // a_ gets the end back, among writes of its next log.
  void Return() {
    ASSERT_TRUE(a_->FollowAll(b_.get()).ok());
    ASSERT_EQ(a_->Has().Of(whole_), last_);
    Write("behind", 20);
  }
  StatusOr<ChangeBatch> After(uint64_t have, size_t max_bytes = kMany) {
    return a_->Next(VersionVector({{whole_, have}, a_->feed()->OwnPosition()}), {whole_},
                    max_bytes);
  }
  void Write(const std::string& name, int count) {
    for (int i = 0; i < count; ++i) a_->Write(Put(name + std::to_string(i), std::string(100, 'v')));
  }

  std::unique_ptr<Replica> a_;
  std::unique_ptr<Replica> b_;
  LogId whole_ = 0;
  uint64_t held_ = 0;
  uint64_t last_ = 0;
};

TEST_F(LostTailTest, ItIsGivenInTwoParts) {
  Return();
  const auto own = After(0);
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  EXPECT_EQ(own->last, held_);
  const auto returned = After(held_);
  ASSERT_TRUE(returned.ok()) << returned.status().ToString();
  EXPECT_EQ(returned->first, held_ + 1);
  EXPECT_EQ(returned->last, last_);
}

TEST_F(LostTailTest, AFollowerThatHadTheFirstPartGetsWhatReturnsLater) {
  ASSERT_TRUE(After(0).ok());
  EXPECT_EQ(After(held_)->log, 0u);
  Return();
  const auto returned = After(held_);
  ASSERT_TRUE(returned.ok()) << returned.status().ToString();
  EXPECT_EQ(returned->last, last_);
}

TEST_F(LostTailTest, AFollowerThatStandsAnywhereGetsTheRest) {
  Return();
  for (const size_t max_bytes : {size_t{1}, size_t{300}, kMany}) {
    for (uint64_t have = 0; have < last_; ++have) {
      uint64_t at = have;
      while (at < last_) {
        const auto batch = After(at, max_bytes);
        ASSERT_TRUE(batch.ok()) << "at " << at << " of " << last_ << ": "
                                << batch.status().ToString();
        ASSERT_EQ(batch->log, whole_);
        ASSERT_GT(batch->last, at);
        at = batch->last;
      }
      ASSERT_EQ(at, last_);
    }
  }
}

TEST_F(LostTailTest, AThirdReplicaComesToHoldTheSame) {
  Return();
  a_->Reopen();
  auto c = Make("c", 3);
  ASSERT_TRUE(c->Follow(a_.get(), {whole_}, 300).ok());
  EXPECT_EQ(c->Get("lost4"), std::string(100, 'v'));
  EXPECT_EQ(c->Get("between0"), "NOT_FOUND") << "it is of another log";
  ASSERT_TRUE(c->FollowAll(a_.get()).ok());
  EXPECT_EQ(c->Rows(), a_->Rows());
  EXPECT_TRUE(c->Has().Covers(a_->Has()));
}

}  // namespace
}  // namespace vasto::storage
