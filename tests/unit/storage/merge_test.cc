// SPDX-License-Identifier: Apache-2.0
// Merges and appends through the sequencer, alone and between replicas.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

TestWrite MergeOf(std::string key, MergeOp op, std::string operand) {
  TestWrite w;
  w.kind = WriteKind::kMerge;
  w.key = std::move(key);
  w.merge_op = op;
  w.payload = std::move(operand);
  return w;
}
TestWrite AddOf(std::string key, int64_t number) {
  return MergeOf(std::move(key), MergeOp::kAddInt64, std::to_string(number));
}
TestWrite AppendOf(std::string key, std::string text) {
  TestWrite w;
  w.kind = WriteKind::kAppend;
  w.key = std::move(key);
  w.payload = std::move(text);
  return w;
}

class MergeShardTest : public ShardTest {};

TEST_F(MergeShardTest, EveryMergeOfABatchCounts) {
  Open();
  std::vector<TestWrite> writes;
  for (int i = 1; i <= 50; ++i) writes.push_back(AddOf(i % 2 == 0 ? "even" : "odd", i));
  Apply(shard_.get(), &writes);
  for (const TestWrite& write : writes) EXPECT_TRUE(write.outcome.status.ok());
  for (int i = 0; i < 2; ++i) {  // from the database, from the cache
    EXPECT_EQ(Get(*shard_, "even"), "650");
    EXPECT_EQ(Get(*shard_, "odd"), "625");
  }
  EXPECT_EQ(ScanAll(*shard_, {}), (std::vector<std::string>{"even=650", "odd=625"}));
  ASSERT_TRUE(shard_->Close().ok());
  shard_.reset();
  Open();
  ASSERT_TRUE(Apply(shard_.get(), AddOf("odd", -1)).status.ok());
  EXPECT_EQ(Get(*shard_, "odd"), "624");
}

TEST_F(MergeShardTest, MergesAndOtherWritesOfAKeyFollowEachOther) {
  Open();
  std::vector<TestWrite> writes;
  writes.push_back(AddOf("k", 1));
  writes.push_back(Put("k", "10"));
  writes.push_back(AddOf("k", 5));
  writes.push_back(Put("other", "x"));
  Apply(shard_.get(), &writes);
  EXPECT_EQ(Get(*shard_, "k"), "15");
  ASSERT_TRUE(Apply(shard_.get(), Touch("k", 500)).status.ok());
  const OwnedValue touched = Read(*shard_, "k");
  EXPECT_EQ(touched.payload, "15");
  EXPECT_EQ(touched.expires_at_us, static_cast<uint64_t>(clock_.WallMicros()) + 500'000'000);
  EXPECT_TRUE(Apply(shard_.get(), Touch("k", 5, At(-1'000'000))).superseded);
  clock_.Advance(501'000'000);
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
  ASSERT_TRUE(Apply(shard_.get(), AddOf("k", 5)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "5");
  ASSERT_TRUE(Apply(shard_.get(), Del("k")).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
  ASSERT_TRUE(Apply(shard_.get(), AddOf("k", 6)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "6");
}

TEST_F(MergeShardTest, AnOldPutGoesUnderWhatWasMergedSince) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), AddOf("k", 1)).status.ok());
  const WriteOutcome put = Apply(shard_.get(), Put("k", "100", At(-1'000'000)));
  EXPECT_TRUE(put.status.ok());
  EXPECT_FALSE(put.superseded);
  EXPECT_EQ(Get(*shard_, "k"), "101");
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "7", At(-2'000'000))).superseded);
  EXPECT_EQ(Get(*shard_, "k"), "101");
}

TEST_F(MergeShardTest, ConditionsSeeMergedValues) {
  Open();
  const WriteOutcome merged = Apply(shard_.get(), AddOf("k", 1));
  TestWrite absent = Put("k", "x");
  absent.condition = Condition::kIfAbsent;
  EXPECT_TRUE(Apply(shard_.get(), std::move(absent)).status.Is(Code::kAlreadyExists));
  TestWrite version = Put("k", "2");
  version.condition = Condition::kIfVersion;
  version.if_version = merged.event_time;
  EXPECT_TRUE(Apply(shard_.get(), std::move(version)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "2");
}

TEST_F(MergeShardTest, WhatCannotBeMergedIsRefused) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("text", "abc")).status.ok());
  EXPECT_TRUE(Apply(shard_.get(), AddOf("text", 1)).status.Is(Code::kInvalidArgument));
  EXPECT_EQ(Get(*shard_, "text"), "abc");
  EXPECT_TRUE(Apply(shard_.get(), MergeOf("k", MergeOp::kAddInt64, "1.5"))
                  .status.Is(Code::kInvalidArgument));
  TestWrite dated = AddOf("k", 1);
  dated.event_time = At(0);
  EXPECT_TRUE(Apply(shard_.get(), std::move(dated)).status.Is(Code::kInvalidArgument));
  TestWrite conditional = AddOf("k", 1);
  conditional.condition = Condition::kIfVersion;
  EXPECT_TRUE(Apply(shard_.get(), std::move(conditional)).status.Is(Code::kInvalidArgument));
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
}

TEST_F(MergeShardTest, AppendsAddToWhatIsThere) {
  options_.default_ttl_seconds = 100;
  Open();
  ASSERT_TRUE(Apply(shard_.get(), AppendOf("k", "ab")).status.ok());
  EXPECT_EQ(Read(*shard_, "k").expires_at_us,
            static_cast<uint64_t>(clock_.WallMicros()) + 100'000'000);
  std::vector<TestWrite> writes;
  for (const char* text : {"cd", "", "ef"}) writes.push_back(AppendOf("k", text));
  Apply(shard_.get(), &writes);
  EXPECT_EQ(Get(*shard_, "k"), "abcdef");
  clock_.Advance(101'000'000);
  ASSERT_TRUE(Apply(shard_.get(), AppendOf("k", "new")).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "new");
  ASSERT_TRUE(Apply(shard_.get(), AddOf("n", 1)).status.ok());
  EXPECT_TRUE(Apply(shard_.get(), AppendOf("n", "0")).status.Is(Code::kInvalidArgument));
}

TEST_F(FeedTest, ReplicasMergeAtTheSameTime) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k", "100"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  a->Write(AddOf("k", 1));
  b->Write(AddOf("k", 20));
  a->Write(AddOf("new", 3));
  b->Write(AddOf("new", 4));
  b->Write(AppendOf("text", "x"));
  ASSERT_TRUE(a->Follow(b.get()).ok());
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(a->Rows(), (std::vector<std::string>{"k=121", "new=7", "text=x"}));
  EXPECT_EQ(b->Rows(), a->Rows());
  a->Reopen();
  a->Write(AddOf("k", 1000));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(b->Get("k"), "1121");
}

TEST_F(FeedTest, WhatADatabaseLostOfItsMergesComesBackAndCountsOnce) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(AddOf("k", 1));
  a->Close();
  std::filesystem::copy(folder_.path() + "/a", folder_.path() + "/old",
                        std::filesystem::copy_options::recursive);
  a->Open();
  a->Write(AddOf("k", 10));
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  a->Close();
  std::filesystem::remove_all(folder_.path() + "/a");
  std::filesystem::rename(folder_.path() + "/old", folder_.path() + "/a");
  a->Open();
  a->Write(AddOf("k", 100));
  EXPECT_EQ(a->Get("k"), "101");
  ASSERT_TRUE(a->FollowAll(b.get()).ok());
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(a->Get("k"), "111");
  EXPECT_EQ(b->Get("k"), "111");
}

// What a follower does not need still reaches those that it is relayed to.
TEST_F(FeedTest, MergesAreRelayedWhole) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  a->Write(AddOf("k", 1));
  a->Write(AddOf("gone", 1));
  b->Write(AddOf("k", 20));
  b->Write(Put("gone", "put"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  ASSERT_TRUE(c->FollowAll(b.get()).ok());
  EXPECT_EQ(c->Rows(), b->Rows());
  EXPECT_EQ(c->Get("k"), "21");
  EXPECT_EQ(c->Has(), b->Has());
}

TEST_F(FeedTest, ManyMergesAtThreeReplicasComeToTheSame) {
  const auto random = SeededRandom(7);
  std::array<std::unique_ptr<Replica>, 3> replicas = {Make("a", 1), Make("b", 2), Make("c", 3)};
  std::array<int64_t, 4> sums = {};
  for (int i = 0; i < 300; ++i) {
    Replica* const replica = replicas[random->Below(3)].get();
    const uint64_t what = random->Below(20);
    if (what < 10) {
      const size_t key = random->Below(sums.size());
      const auto number = static_cast<int64_t>(random->Below(100)) - 30;
      ASSERT_TRUE(replica->Write(AddOf("n" + std::to_string(key), number)).status.ok());
      sums[key] += number;
    } else if (what < 12) {
      const std::string key = "m" + std::to_string(random->Below(3));
      switch (random->Below(4)) {
        case 0:
          replica->Write(Del(key));
          break;
        case 1:
          replica->Write(Put(key, "5", At(-static_cast<int64_t>(random->Below(1000)))));
          break;
        default:
          replica->Write(AddOf(key, 1));
          break;
      }
    } else if (what < 19) {
      ASSERT_TRUE(replica->FollowAll(replicas[random->Below(3)].get()).ok());
    } else {
      replica->Reopen();
    }
    clock_.Advance(static_cast<int64_t>(random->Below(500)));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& to : replicas) {
      for (const auto& from : replicas) {
        if (to == from) continue;
        ASSERT_TRUE(to->FollowAll(from.get()).ok());
      }
    }
  }
  for (size_t key = 0; key < sums.size(); ++key) {
    EXPECT_EQ(replicas[0]->Get("n" + std::to_string(key)), std::to_string(sums[key]));
  }
  for (const auto& replica : replicas) {
    EXPECT_EQ(replica->Rows(), replicas[0]->Rows());
    for (const char* key : {"n0", "m0", "m1", "m2"}) {
      EXPECT_EQ(Read(*replica->shard(), key).event_time,
                Read(*replicas[0]->shard(), key).event_time);
    }
  }
}

}  // namespace
}  // namespace vasto::storage
