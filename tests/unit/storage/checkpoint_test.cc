// SPDX-License-Identifier: Apache-2.0
// A shard that takes another's checkpoint in place of its own database.
#include "core/storage/checkpoint.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/storage/feed.h"
#include "core/storage/feed_cursor.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : hlc_(&clock_), pool_("test", 2) {
    engine_ = *NewEngine({});
    source_ = OpenShard("source", 1);
    target_ = OpenShard("target", 2);
  }

  std::unique_ptr<Shard> OpenShard(const std::string& name, uint64_t origin) {
    ShardOptions options = options_;
    options.dir = folder_.path() + "/" + name;
    options.keyspace = {1, 2};
    options.shard = 3;
    options.origin = origin;
    options.clock = &clock_;
    options.hlc = opening_hlc_;
    options.pool = &pool_;
    options.replicated = true;
    auto shard = Shard::Open(engine_, options);
    EXPECT_TRUE(shard.ok()) << shard.status().ToString();
    return shard.ok() ? std::move(*shard) : nullptr;
  }
  void ReopenTarget() {
    target_.reset();
    target_ = OpenShard("target", 2);
  }
  std::string Target(const std::string& name) const { return folder_.path() + "/target/" + name; }

  // Everything from the source to a place beside the target's database.
  Status Copy() {
    const VersionVector had = source_->feed()->Positions();
    VASTO_ASSIGN_OR_RETURN(const auto checkpoint, source_->MakeCheckpoint());
    // What is written now is not in it.
    Apply(source_.get(), Put("after", "v"));
    VASTO_RETURN_IF_ERROR(CheckpointCopy::Check(checkpoint->files()));
    VASTO_ASSIGN_OR_RETURN(const auto copy, target_->NewCopy(join_));
    for (size_t i = 0; i < checkpoint->files().size(); ++i) {
      VASTO_RETURN_IF_ERROR(copy->NextFile(checkpoint->files()[i].name));
      for (uint64_t at = 0; at < checkpoint->files()[i].size; at += 1000) {
        VASTO_ASSIGN_OR_RETURN(std::string bytes, checkpoint->Read(i, at, 1000));
        // In the midst of the data, which nothing else than a check of all of it reads.
        const bool midst = at / 1000 == checkpoint->files()[i].size / 2000;
        if (damage_ && midst && checkpoint->files()[i].name.ends_with(".sst")) {
          bytes[50] = static_cast<char>(bytes[50] ^ 1);
        }
        VASTO_RETURN_IF_ERROR(copy->Append(bytes));
      }
    }
    return copy->Finish(had, [this] { return cancelled_; });
  }
  Status Follow() {
    FeedCursor cursor(source_->feed());
    for (;;) {
      VASTO_ASSIGN_OR_RETURN(const ChangeBatch batch,
                             cursor.Read(target_->feed()->Positions(), {}, 1 << 20, true));
      if (batch.log == 0) return {};
      TestWrite write;
      write.kind = WriteKind::kApply;
      write.applied = &batch;
      VASTO_RETURN_IF_ERROR(Apply(target_.get(), std::move(write)).status);
    }
  }

  TempFolder folder_;
  ManualClock clock_;
  HybridClock hlc_;
  HybridClock restarted_{&clock_};  // knows nothing of what hlc_ has seen
  HybridClock* opening_hlc_ = &hlc_;
  ThreadPool pool_;
  ShardOptions options_;
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Shard> source_;
  std::unique_ptr<Shard> target_;
  bool damage_ = false;
  bool join_ = false;
  bool cancelled_ = false;
};

TEST_F(CheckpointTest, TheCopyHasAllAndFollowsOnExactly) {
  for (int i = 0; i < 200; ++i) Apply(source_.get(), Put("k" + std::to_string(i), "v"));
  Apply(source_.get(), Del("k7"));
  const Position last = source_->feed()->OwnPosition();
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(Get(*target_, "k1"), "NOT_FOUND") << "not before the next opening";
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "k1"), "v");
  EXPECT_EQ(Get(*target_, "k7"), "NOT_FOUND");
  EXPECT_EQ(target_->feed()->Positions().Of(last.log), last.sequence)
      << "it claims no more than it has";
  EXPECT_EQ(Get(*target_, "after"), "NOT_FOUND");
  ASSERT_TRUE(Follow().ok());
  EXPECT_EQ(Get(*target_, "after"), "v");
  EXPECT_EQ(ScanAll(*target_, {}), ScanAll(*source_, {}));
}

// The source writes for itself, too, and those sequences are of no log.
TEST_F(CheckpointTest, TheCopyClaimsNoMoreThanTheSourceHas) {
  options_.max_log_bytes = 0;
  source_.reset();
  source_ = OpenShard("source", 1);
  for (int i = 0; i < 200; ++i) Apply(source_.get(), Put("k" + std::to_string(i), "v"));
  ASSERT_TRUE(source_->Flush().ok());
  const VersionVector had = source_->feed()->Positions();
  // A log that RocksDB does not need any more goes a moment after the flush.
  const uint64_t before = source_->feed()->db()->GetLatestSequenceNumber();
  for (int i = 0; i < 100 && source_->feed()->db()->GetLatestSequenceNumber() == before; ++i) {
    ASSERT_TRUE(source_->Flush().ok());
    ASSERT_TRUE(source_->feed()->PurgeLog().ok());
  }
  ASSERT_GT(source_->feed()->db()->GetLatestSequenceNumber(), before);
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "k1"), "v");
  EXPECT_TRUE(had.Covers(target_->feed()->Positions()));
  ASSERT_TRUE(Follow().ok());
  EXPECT_EQ(ScanAll(*target_, {}), ScanAll(*source_, {}));
}

TEST_F(CheckpointTest, ItsOwnLogIsItsOwn) {
  Apply(source_.get(), Put("k", "v"));
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  EXPECT_NE(target_->feed()->log(), source_->feed()->log());
  Apply(target_.get(), Put("mine", "v"));
  FeedCursor cursor(target_->feed());
  const auto batch = cursor.Read(source_->feed()->Positions(), {}, 1 << 20, true);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->log, target_->feed()->log());
}

TestWrite Add(std::string key, int64_t number) {
  TestWrite w = Put(std::move(key), std::to_string(number));
  w.kind = WriteKind::kMerge;
  return w;
}

class JoinedCopyTest : public CheckpointTest {
 protected:
  JoinedCopyTest() { join_ = true; }
};

TEST_F(JoinedCopyTest, HasWhatEitherHad) {
  Apply(source_.get(), Put("theirs", "1"));
  Apply(target_.get(), Put("mine", "2"));
  Apply(source_.get(), Put("newer there", "old"));
  Apply(target_.get(), Put("newer there", "here"));
  Apply(source_.get(), Put("newer there", "there"));
  Apply(source_.get(), Put("newer here", "there"));
  Apply(target_.get(), Put("newer here", "here"));
  Apply(source_.get(), Put("deleted here", "x"));
  Apply(target_.get(), Del("deleted here"));
  Apply(target_.get(), Put("deleted there", "x"));
  Apply(source_.get(), Del("deleted there"));
  Apply(source_.get(), Add("sum", 5));
  Apply(target_.get(), Add("sum", 7));
  VersionVector both = source_->feed()->Positions();
  both.Raise(target_->feed()->Positions());
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  EXPECT_EQ(ScanAll(*target_, {}),
            (std::vector<std::string>{"mine=2", "newer here=here", "newer there=there", "sum=12",
                                      "theirs=1"}));
  EXPECT_TRUE(target_->feed()->Positions().Covers(both));
  ASSERT_TRUE(Follow().ok());
  EXPECT_EQ(Get(*target_, "after"), "v");
}

TEST_F(JoinedCopyTest, OfManyKeysNoneIsMissed) {
  for (int i = 0; i < 30'000; ++i) {
    const std::string key = "k" + std::to_string(i * 7919 % 30'000);
    if (i % 3 != 0 && i % 200 < 150) Apply(source_.get(), Put(key, "s" + key));
    if (i % 3 != 1) Apply(target_.get(), Put(key, "t" + key));
  }
  std::map<std::string, std::string> expected;
  const auto collect = [&expected](const Shard& shard) {
    for (const std::string& row : ScanAll(shard, {})) {
      const size_t at = row.find('=');
      expected[row.substr(0, at)] = row.substr(at + 1);
    }
  };
  collect(*source_);
  collect(*target_);  // that was written after it
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  std::vector<std::string> rows;
  for (const auto& [key, value] : expected) rows.push_back(key + "=" + value);
  EXPECT_EQ(ScanAll(*target_, {}), rows);
}

// Its log does not hold what came with the copy, so nobody may be given a part of that.
TEST_F(JoinedCopyTest, WhoLacksSomethingOfItHasToCopyIt) {
  Apply(source_.get(), Put("theirs", "1"));
  Apply(target_.get(), Put("mine", "2"));
  const Position former = target_->feed()->OwnPosition();
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  Apply(target_.get(), Put("new", "3"));
  FeedCursor cursor(target_->feed());
  const LogId theirs = source_->feed()->log();
  for (const LogId log : {former.log, theirs}) {
    VersionVector have = target_->feed()->Positions();
    have.Forget(log);
    EXPECT_EQ(cursor.Read(have, {log}, 1 << 20, true).status().code(), Code::kNotFound);
  }
  VersionVector all_but_new = target_->feed()->Positions();
  all_but_new.Forget(target_->feed()->log());
  const auto batch = cursor.Read(all_but_new, {former.log, theirs}, 1 << 20, true);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->log, target_->feed()->log());
}

TEST_F(JoinedCopyTest, ItsClockIsTheLaterOne) {
  Apply(source_.get(), Put("k", "old"));
  clock_.StepWall(3'600'000'000);
  const EventTime late = Apply(target_.get(), Put("k", "late")).event_time;
  ASSERT_TRUE(Copy().ok());
  clock_.StepWall(-3'600'000'000);
  opening_hlc_ = &restarted_;
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "k"), "late");
  EXPECT_GT(Apply(target_.get(), Put("k", "last")).event_time, late);
  EXPECT_EQ(Get(*target_, "k"), "last");
}

TEST_F(JoinedCopyTest, CanBeCancelled) {
  Apply(source_.get(), Put("theirs", "1"));
  Apply(target_.get(), Put("mine", "2"));
  cancelled_ = true;
  EXPECT_EQ(Copy().code(), Code::kCancelled);
  ReopenTarget();
  EXPECT_EQ(ScanAll(*target_, {}), std::vector<std::string>{"mine=2"});
}

TEST_F(CheckpointTest, TheFormerDatabaseIsKeptBeside) {
  Apply(target_.get(), Put("old", "v"));
  Apply(source_.get(), Put("new", "v"));
  ASSERT_TRUE(Copy().ok());
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "old"), "NOT_FOUND");
  EXPECT_TRUE(std::filesystem::exists(Target("former/CURRENT")));
}

TEST_F(CheckpointTest, ACrashBetweenTheRenamesIsMended) {
  Apply(source_.get(), Put("new", "v"));
  ASSERT_TRUE(Copy().ok());
  target_.reset();
  std::filesystem::rename(Target("db"), Target("former"));
  target_ = OpenShard("target", 2);
  EXPECT_EQ(Get(*target_, "new"), "v");
}

TEST_F(CheckpointTest, AnUnfinishedCopyIsForgotten) {
  Apply(target_.get(), Put("old", "v"));
  {
    const auto copy = target_->NewCopy(false);
    ASSERT_TRUE(copy.ok());
    ASSERT_TRUE((*copy)->NextFile("CURRENT").ok());
    ASSERT_TRUE((*copy)->Append("half").ok());
    EXPECT_TRUE(std::filesystem::exists(Target("incoming")));
  }
  EXPECT_FALSE(std::filesystem::exists(Target("incoming"))) << "it would take room for nothing";
  // As a kill leaves it.
  std::filesystem::create_directory(Target("incoming"));
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "old"), "v");
  EXPECT_FALSE(std::filesystem::exists(Target("incoming")));
}

TEST_F(CheckpointTest, ADamagedCopyIsNotTaken) {
  for (int i = 0; i < 500; ++i) {
    Apply(source_.get(), Put("k" + std::to_string(i), std::string(1000, 'v')));
  }
  damage_ = true;
  EXPECT_EQ(Copy().code(), Code::kCorruption);
  ReopenTarget();
  EXPECT_EQ(Get(*target_, "k1"), "NOT_FOUND");
}

TEST_F(CheckpointTest, ACopyOfAnotherShardIsNotTaken) {
  ShardOptions options;
  options.dir = folder_.path() + "/other";
  options.keyspace = {9, 9};
  options.clock = &clock_;
  options.hlc = &hlc_;
  options.pool = &pool_;
  options.replicated = true;
  source_ = *Shard::Open(engine_, options);
  EXPECT_EQ(Copy().code(), Code::kInvalidArgument);
}

TEST_F(CheckpointTest, ACheckpointTakesNoDiskWhenItIsDone) {
  Apply(source_.get(), Put("k", "v"));
  {
    const auto checkpoint = source_->MakeCheckpoint();
    ASSERT_TRUE(checkpoint.ok());
    EXPECT_FALSE(std::filesystem::is_empty(folder_.path() + "/source/checkpoints"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/source/checkpoints"));
}

TEST_F(CheckpointTest, NamesThatAreNoneAreRefused) {
  for (const char* name : {"../CURRENT", "a/b", "", ".", "..", ".hidden", "a b"}) {
    EXPECT_EQ(CheckpointCopy::Check({{"CURRENT", 1}, {name, 1}}).code(), Code::kInvalidArgument)
        << name;
  }
  EXPECT_EQ(CheckpointCopy::Check({{"000007.sst", 1}}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(CheckpointCopy::Check({{"CURRENT", 1}, {"MANIFEST-000005", 1}}).ok());
}

TEST_F(CheckpointTest, WhatDoesNotFitIsNotBegun) {
  const auto copy = target_->NewCopy(false);
  ASSERT_TRUE(copy.ok());
  EXPECT_TRUE((*copy)->CheckSpace({{"CURRENT", 16}, {"000007.sst", 1 << 20}}).ok());
  const uint64_t free = std::filesystem::space(Target("")).available;
  EXPECT_EQ((*copy)->CheckSpace({{"CURRENT", 16}, {"000007.sst", free}}).code(), Code::kNoSpace);
  EXPECT_EQ((*copy)->CheckSpace({{"CURRENT", UINT64_MAX}, {"000007.sst", UINT64_MAX}}).code(),
            Code::kNoSpace);
}

TEST_F(CheckpointTest, PlacesThatAreNoneAreRefused) {
  Apply(source_.get(), Put("k", "v"));
  const auto checkpoint = source_->MakeCheckpoint();
  ASSERT_TRUE(checkpoint.ok());
  const size_t files = (*checkpoint)->files().size();
  EXPECT_EQ((*checkpoint)->Read(files, 0, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ((*checkpoint)->Read(0, (*checkpoint)->files()[0].size + 1, 1).status().code(),
            Code::kInvalidArgument);
  const auto at_end = (*checkpoint)->Read(0, (*checkpoint)->files()[0].size, 1);
  ASSERT_TRUE(at_end.ok());
  EXPECT_EQ(*at_end, "");
}

}  // namespace
}  // namespace vasto::storage
