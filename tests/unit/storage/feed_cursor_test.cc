// SPDX-License-Identifier: Apache-2.0
// What a follower is given of a log of an earlier opening, of which the end was lost and came back.
#include "core/storage/feed_cursor.h"

#include <gtest/gtest.h>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

class LostTailTest : public FeedTest {
 protected:
  // a_ has the beginning of its former log, whole_, up to held_, and b_ all of it, up to last_.
  LostTailTest() : a_(Make("a", 1)), b_(Make("b", 2)) {
    a_->engine_options_.feed_bytes = 0;  // all is read from the disk
    a_->env_ = env_.get();
    a_->Reopen();
    whole_ = a_->feed()->log();
    Write("kept", 5);
    held_ = a_->Has().Of(whole_);
    // What a kill at this moment would leave.
    fs_->Copy(folder_.path() + "/a", folder_.path() + "/old");
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

  const std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
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

// The log breaks off, among changes of many logs, as after a power loss that took its end while a
// flush had brought what it says to the disk.
class BrokenLogTest : public FeedTest {
 protected:
  static constexpr int kLogs = 6;

  BrokenLogTest() : a_(Make("a", 1)) {
    a_->engine_options_.feed_bytes = 0;  // all is read from the disk
    a_->Reopen();
    for (int i = 0; i < kLogs; ++i) others_.push_back(Make("other" + std::to_string(i), 2 + i));
    Come("before");
    before_ = a_->Has();
    hole_ = a_->feed()->db()->GetLatestSequenceNumber() + 1;
    rocksdb::WriteOptions unlogged;
    unlogged.disableWAL = true;
    EXPECT_TRUE(a_->feed()->db()->Put(unlogged, rocksdb::Slice("\0hole", 5), "").ok());
    Come("behind");
  }
  void Come(const std::string& name) {
    for (auto& other : others_) {
      other->Write(Put(name + std::to_string(other->options_.origin), "v"));
      EXPECT_TRUE(a_->Follow(other.get()).ok());
    }
  }
  // What follows on `have` in this log, for one that lacks nothing else.
  StatusOr<ChangeBatch> After(const Replica& other, uint64_t have) {
    const LogId log = const_cast<Replica&>(other).feed()->log();
    VersionVector all = a_->Has();
    all.Forget(log);
    all.Raise({log, have});
    return a_->Next(all, {log});
  }

  std::unique_ptr<Replica> a_;
  std::vector<std::unique_ptr<Replica>> others_;
  VersionVector before_;
  uint64_t hole_ = 0;
};

TEST_F(BrokenLogTest, WhatIsBeforeTheBreakAndBehindItCanBeHad) {
  const LogId log = others_[0]->feed()->log();
  const auto first = After(*others_[0], 0);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->last, before_.Of(log));
  EXPECT_EQ(After(*others_[0], first->last).status().code(), Code::kNotFound)
      << "whether something is missing there cannot be told";
}

// Each has to wait until it is sure that the log breaks off there; but for the first.
TEST_F(BrokenLogTest, ItIsFoundOutOnceForAll) {
  EXPECT_FALSE(a_->feed()->holes()->Knows(hole_));
  std::vector<int64_t> took_us;
  for (const auto& other : others_) {
    const int64_t begin_us = SystemClock()->MonotonicMicros();
    EXPECT_EQ(After(*other, before_.Of(other->feed()->log())).status().code(), Code::kNotFound);
    took_us.push_back(SystemClock()->MonotonicMicros() - begin_us);
    EXPECT_TRUE(a_->feed()->holes()->Knows(hole_));
  }
  for (int i = 1; i < kLogs; ++i) EXPECT_LT(took_us[i], took_us[0] / 2);
}

}  // namespace
}  // namespace vasto::storage
