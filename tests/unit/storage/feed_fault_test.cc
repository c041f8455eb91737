// SPDX-License-Identifier: Apache-2.0
// A replica whose log fails: its followers come to hold the same as it does, or are told that they
// cannot.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "core/storage/watch_cursor.h"
#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

using Logs = FaultyFileSystem::Logs;

class FeedFaultTest : public FeedTest {
 protected:
  FeedFaultTest() : a_(Make("a", 1)), b_(Make("b", 2)), c_(Make("c", 3)) {
    a_->env_ = env_.get();
    a_->options_.logger = &logger_;
    a_->Reopen();
    former_ = a_->feed()->log();
    a_->Write(Put("before", "v"));
    EXPECT_TRUE(b_->Follow(a_.get()).ok());
    EXPECT_TRUE(c_->Follow(a_.get()).ok());
  }
  ~FeedFaultTest() override { a_->Close(); }

  uint64_t Sequence() { return a_->feed()->db()->GetLatestSequenceNumber(); }
  // Writes while there is no space for the log.
  void WriteInVain(const std::string& key) {
    fs_->SetLogs(Logs::kFull);
    const WriteOutcome outcome = a_->Write(Put(key, "in vain"));
    EXPECT_TRUE(outcome.status.Is(Code::kNoSpace)) << outcome.status.ToString();
  }
  // There is space again.
  void Resume() {
    fs_->SetLogs(Logs::kWork);
    ASSERT_TRUE(log_.AwaitHealthy(*a_->shard())) << "it does not write again";
  }
  // a_ with what a kill -9 leaves.
  void Kill() {
    fs_->Copy(folder_.path() + "/a", folder_.path() + "/killed");
    a_->Close();
    std::filesystem::remove_all(folder_.path() + "/a");
    std::filesystem::rename(folder_.path() + "/killed", folder_.path() + "/a");
    fs_->SetLogs(Logs::kWork);
    a_->Open();
  }
  void ExpectAlike(Replica* replica) {
    EXPECT_EQ(replica->Rows(), a_->Rows());
    EXPECT_TRUE(replica->Has().Covers(a_->Has()));
  }

  HealthLog log_;
  const Logger logger_{&log_};
  const std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
  std::unique_ptr<Replica> a_;  // the one with the faults
  std::unique_ptr<Replica> b_;
  std::unique_ptr<Replica> c_;
  LogId former_ = 0;
};

// Else what was written shortly before would keep a full disk full.
TEST_F(FeedFaultTest, LogsThatNobodyFollowsGoThoughThereIsNoSpace) {
  a_->options_.replicated = false;
  a_->Reopen();
  a_->Write(Put("k", "v"));
  ASSERT_TRUE(a_->shard()->Flush().ok());
  a_->Write(Put("k", "v"));
  ASSERT_TRUE(a_->shard()->Flush().ok());
  const auto archived = [this] {
    const std::filesystem::directory_iterator files(folder_.path() + "/a/db/archive");
    return std::distance(begin(files), end(files));
  };
  WriteInVain("k");
  EXPECT_GT(archived(), 0);
  EXPECT_TRUE(a_->feed()->PurgeLog().ok());
  EXPECT_EQ(archived(), 0);
  Resume();
  EXPECT_TRUE(a_->Write(Put("k", "v")).status.ok());
}

TEST_F(FeedFaultTest, AWatcherThatNeedsWhatIsInNoLogIsTold) {
  WatchCursor watcher(a_->feed());
  watcher.SeekToEnd();
  WriteInVain("k");
  Resume();
  a_->Write(Put("later", "v"));
  std::string changes;
  EXPECT_EQ(watcher.Read("", kMany, &changes).code(), Code::kTooOld);
  WatchCursor other(a_->feed());
  other.SeekToEnd();
  a_->Write(Put("last", "v"));
  EXPECT_TRUE(other.Read("", kMany, &changes).ok());
  EXPECT_NE(changes.find("last"), std::string::npos);
}

// What the rest is about.
TEST_F(FeedFaultTest, AWriteThatFailedIsThereAllTheSame) {
  EXPECT_EQ(a_->Get("before"), "v");  // and so it is in the record cache
  const uint64_t sequence = Sequence();
  WriteInVain("before");
  EXPECT_GT(Sequence(), sequence);
  EXPECT_EQ(a_->Get("before"), "in vain");
  Resume();
  EXPECT_EQ(a_->Get("before"), "in vain");
  a_->Reopen();
  EXPECT_EQ(a_->Get("before"), "in vain");
}

TEST_F(FeedFaultTest, FollowersGetAWriteThatFailed) {
  WriteInVain("k");
  ASSERT_TRUE(b_->Follow(a_.get()).ok());
  ExpectAlike(b_.get());
  Resume();
  a_->Write(Put("after", "v"));
  for (Replica* follower : {b_.get(), c_.get()}) {
    ASSERT_TRUE(follower->Follow(a_.get()).ok());
    ExpectAlike(follower);
  }
}

TEST_F(FeedFaultTest, AWriteThatFailedAndIsLostComesBack) {
  WriteInVain("k");
  ASSERT_TRUE(b_->Follow(a_.get()).ok());
  Kill();
  EXPECT_EQ(a_->Get("k"), "NOT_FOUND");
  EXPECT_FALSE(a_->Has().Covers(b_->Has()));
  a_->Write(Put("after", "v"));
  ASSERT_TRUE(a_->FollowAll(b_.get()).ok());
  EXPECT_EQ(a_->Get("k"), "in vain");
  ASSERT_TRUE(c_->FollowAll(a_.get()).ok());
  ExpectAlike(c_.get());
}

// Changes of another replica may come again, so their position waits until a log has them.
TEST_F(FeedFaultTest, ChangesThatCouldNotBeLoggedAreNotAcknowledged) {
  b_->Write(Put("k", "v"));
  const LogId log = b_->feed()->log();
  fs_->SetLogs(Logs::kFull);
  EXPECT_EQ(a_->Follow(b_.get()).code(), Code::kNoSpace);
  EXPECT_EQ(a_->Has().Of(log), 0u);
  Resume();
  ASSERT_TRUE(a_->Follow(b_.get()).ok());
  EXPECT_TRUE(a_->Has().Covers(b_->Has()));
  // They are relayed whole.
  a_->Reopen();
  ASSERT_TRUE(c_->FollowAll(a_.get()).ok());
  ExpectAlike(c_.get());
}

TEST_F(FeedFaultTest, OwnWritesAfterSuchChangesAreOfTheLog) {
  b_->Write(Put("k", "v"));
  fs_->SetLogs(Logs::kFull);
  EXPECT_EQ(a_->Follow(b_.get()).code(), Code::kNoSpace);
  Resume();
  const Position own = a_->Write(Put("after", "v")).position;
  Kill();
  EXPECT_EQ(a_->Get("after"), "v");
  EXPECT_TRUE(a_->Has().Covers(own));
  // Nothing of the log is in the hole.
  ASSERT_TRUE(c_->Follow(b_.get()).ok());
  ASSERT_TRUE(c_->FollowAll(a_.get()).ok());
  ExpectAlike(c_.get());
}

// A flush for which there was no space stops the writes as well.
TEST_F(FeedFaultTest, ALogThatDidNotFailIsKept) {
  a_->engine_options_.feed_bytes = 0;
  a_->Reopen();
  a_->Write(Put("k", "v"));
  ASSERT_TRUE(a_->shard()->Flush().ok());
  ASSERT_TRUE(a_->feed()->LogResumed().ok());
  ASSERT_TRUE(c_->FollowAll(a_.get()).ok());
  ExpectAlike(c_.get());
}

// Where nothing is in memory.
class HoleTest : public FeedFaultTest {
 protected:
  HoleTest() {
    a_->engine_options_.feed_bytes = 0;
    a_->Reopen();
    b_->Write(Put("of b", "v"));
    EXPECT_TRUE(a_->Follow(b_.get()).ok());
    a_->Write(Put("1", "v"));
    WriteInVain("k");
    Resume();
    b_->Write(Put("of b, too", "v"));
    EXPECT_TRUE(a_->Follow(b_.get()).ok());
    a_->Write(Put("2", "v"));
  }
};

TEST_F(HoleTest, AFollowerThatNeedsItIsToldThatItIsNotThere) {
  EXPECT_EQ(c_->FollowAll(a_.get()).code(), Code::kNotFound);
  EXPECT_EQ(c_->Get("2"), "NOT_FOUND");
  a_->Reopen();
  EXPECT_EQ(c_->FollowAll(a_.get()).code(), Code::kNotFound);
  EXPECT_EQ(c_->Get("2"), "NOT_FOUND");
}

TEST_F(HoleTest, TheLogBeforeItGoes) {
  const auto size = [this](const std::string& folder) {
    uint64_t bytes = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(folder_.path() + "/a/db" + folder)) {
      if (file.path().extension() == ".log") bytes += file.file_size();
    }
    return bytes;
  };
  ASSERT_GT(size("/archive"), 0u);
  ASSERT_TRUE(a_->feed()->PurgeLog().ok());
  EXPECT_EQ(size("/archive"), 0u);
  EXPECT_GT(size(""), 0u);
}

TEST_F(HoleTest, WhatComesBehindItCanBeRead) {
  const Position before = a_->feed()->OwnPosition();
  a_->Write(Put("3", "v"));
  const auto own = a_->Next(VersionVector({before}));
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  EXPECT_NE(own->changes.find("3"), std::string::npos);
  EXPECT_TRUE(VersionVector({{own->log, own->last}}).Covers(a_->feed()->OwnPosition()));
}

TEST_F(HoleTest, OthersChangesBehindItAreRelayed) {
  const LogId log = b_->feed()->log();
  const uint64_t have = b_->Has().Of(log);
  b_->Write(Put("x", "v"));
  ASSERT_TRUE(a_->Follow(b_.get()).ok());
  const auto relayed = a_->Next(VersionVector({{log, have}, a_->feed()->OwnPosition()}), {log});
  ASSERT_TRUE(relayed.ok()) << relayed.status().ToString();
  EXPECT_EQ(relayed->log, log);
  EXPECT_EQ(relayed->last, b_->Has().Of(log));
}

}  // namespace
}  // namespace vasto::storage
