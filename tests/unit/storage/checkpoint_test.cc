// SPDX-License-Identifier: Apache-2.0
// A shard that takes another's checkpoint in place of its own database.
#include "core/storage/checkpoint.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

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
    options.hlc = &hlc_;
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
    VASTO_ASSIGN_OR_RETURN(const auto copy, target_->NewCopy());
    for (size_t i = 0; i < checkpoint->files().size(); ++i) {
      VASTO_RETURN_IF_ERROR(copy->NextFile(checkpoint->files()[i].name));
      for (uint64_t at = 0; at < checkpoint->files()[i].size; at += 1000) {
        VASTO_ASSIGN_OR_RETURN(std::string bytes, checkpoint->Read(i, at, 1000));
        if (damage_ && bytes.size() > 100 && checkpoint->files()[i].name.ends_with(".sst")) {
          bytes[50] = static_cast<char>(bytes[50] ^ 1);
        }
        VASTO_RETURN_IF_ERROR(copy->Append(bytes));
      }
    }
    return copy->Finish(had);
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
  ThreadPool pool_;
  ShardOptions options_;
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Shard> source_;
  std::unique_ptr<Shard> target_;
  bool damage_ = false;
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
    const auto copy = target_->NewCopy();
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
  for (int i = 0; i < 200; ++i) Apply(source_.get(), Put("k" + std::to_string(i), "value"));
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
  const auto copy = target_->NewCopy();
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
