// SPDX-License-Identifier: Apache-2.0
#include "core/storage/shard.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

TEST_F(ShardTest, PutGetDelete) {
  Open();
  EXPECT_EQ(Get(*shard_, "a"), "NOT_FOUND");
  const WriteOutcome put = Apply(shard_.get(), Put("a", "1"));
  ASSERT_TRUE(put.status.ok()) << put.status.ToString();
  EXPECT_GT(put.event_time, 0u);
  EXPECT_FALSE(put.superseded);
  EXPECT_EQ(Get(*shard_, "a"), "1");
  EXPECT_EQ(Read(*shard_, "a").event_time, put.event_time);
  EXPECT_TRUE(Apply(shard_.get(), Del("a")).status.ok());
  EXPECT_EQ(Get(*shard_, "a"), "NOT_FOUND");
  EXPECT_TRUE(Apply(shard_.get(), Del("never there")).status.ok());
}

TEST_F(ShardTest, NothingIsLoggedWhenAllIsWell) {
  struct Lines final : LogSink {
    void Write(LogLevel /*level*/, std::string_view line) override { all.append(line) += '\n'; }
    std::string all;
  };
  Lines lines;
  const Logger logger(&lines);
  options_.logger = &logger;
  for (int opening = 0; opening < 2; ++opening) {
    Open();
    EXPECT_TRUE(Apply(shard_.get(), Put("k", "v")).status.ok());
    shard_.reset();
  }
  EXPECT_EQ(lines.all, "");
}

TEST_F(ShardTest, EmptyAndBinaryKeysAndValues) {
  Open();
  const std::string binary("\0\xff\x01", 3);
  ASSERT_TRUE(Apply(shard_.get(), Put("", "of the empty key")).status.ok());
  ASSERT_TRUE(Apply(shard_.get(), Put(binary, "")).status.ok());
  EXPECT_EQ(Get(*shard_, ""), "of the empty key");
  EXPECT_EQ(Get(*shard_, binary), "");
  EXPECT_EQ(ScanAll(*shard_, {}), (std::vector<std::string>{"=of the empty key", binary + "="}));
}

TEST_F(ShardTest, KeepsTypeHashAndChecksum) {
  Open();
  TestWrite w = Put("k", "v");
  w.value_type = 64;
  w.partition_hash = 5;
  w.content_checksum = ContentChecksum("k", "v");
  ASSERT_TRUE(Apply(shard_.get(), std::move(w)).status.ok());
  const OwnedValue value = Read(*shard_, "k");
  EXPECT_EQ(value.value_type, 64u);
  EXPECT_EQ(value.partition_hash, 5u);
}

TEST_F(ShardTest, RefusesAPayloadDamagedOnItsWay) {
  Open();
  TestWrite w = Put("k", "v");
  w.content_checksum = ContentChecksum("k", "V");
  EXPECT_TRUE(Apply(shard_.get(), std::move(w)).status.Is(Code::kCorruption));
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
}

TEST_F(ShardTest, RefusesWhatIsTooLarge) {
  Open();
  EXPECT_TRUE(
      Apply(shard_.get(), Put(std::string(kMaxKeySize + 1, 'k'), "")).status.Is(Code::kTooLarge));
  EXPECT_TRUE(Apply(shard_.get(), Put("k", std::string(kMaxValueSize + 1, 'v')))
                  .status.Is(Code::kTooLarge));
  TestWrite w = Put("k", "v");
  w.ttl_seconds = kMaxTtlSeconds + 1;
  EXPECT_TRUE(Apply(shard_.get(), std::move(w)).status.Is(Code::kInvalidArgument));
  EXPECT_TRUE(Apply(shard_.get(), Put(std::string(kMaxKeySize, 'k'), "largest")).status.ok());
  EXPECT_EQ(Get(*shard_, std::string(kMaxKeySize, 'k')), "largest");
}

TEST_F(ShardTest, TheLargestValueIsTaken) {
  Open();
  const std::string value(kMaxValueSize, 'v');
  ASSERT_TRUE(Apply(shard_.get(), Put("k", value)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), value);
  auto page = shard_->Scan({});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->row_count, 1u);
}

TEST_F(ShardTest, OlderEventTimeIsSuperseded) {
  Open();
  const EventTime newer = At(0);
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "new", newer)).status.ok());
  const WriteOutcome late = Apply(shard_.get(), Put("k", "old", At(-1000)));
  EXPECT_TRUE(late.status.ok());
  EXPECT_TRUE(late.superseded);
  EXPECT_EQ(late.event_time, newer);
  EXPECT_EQ(Get(*shard_, "k"), "new");
  const WriteOutcome late_delete = Apply(shard_.get(), Del("k", At(-1000)));
  EXPECT_TRUE(late_delete.superseded);
  EXPECT_EQ(Get(*shard_, "k"), "new");
}

TEST_F(ShardTest, ADeleteHidesOlderPutsThatComeLater) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Del("k", At(0))).status.ok());
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "old", At(-1))).superseded);
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
  // At the same moment the delete wins.
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "same", At(0))).superseded);
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
}

TEST_F(ShardTest, ARepeatedWriteIsNotSuperseded) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "v", At(0))).status.ok());
  const WriteOutcome again = Apply(shard_.get(), Put("k", "v", At(0)));
  EXPECT_TRUE(again.status.ok());
  EXPECT_FALSE(again.superseded);
  EXPECT_EQ(again.event_time, At(0));
}

TEST_F(ShardTest, AWriteWithoutEventTimeComesAfterAllBefore) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "ahead", At(5'000'000))).status.ok());
  const WriteOutcome stamped = Apply(shard_.get(), Put("k", "last"));
  EXPECT_FALSE(stamped.superseded);
  EXPECT_GT(stamped.event_time, At(5'000'000));
  EXPECT_EQ(Get(*shard_, "k"), "last");
}

TEST_F(ShardTest, RefusesAnEventTimeTooFarAhead) {
  Open();
  const WriteOutcome bad = Apply(shard_.get(), Put("k", "v", At(10'000'001)));
  EXPECT_TRUE(bad.status.Is(Code::kInvalidArgument));
  // Both times are told.
  EXPECT_NE(bad.status.message().find("1700000010.000001"), std::string::npos)
      << bad.status.message();
  EXPECT_NE(bad.status.message().find("1700000000.000000"), std::string::npos);
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "v", kMaxEventTime)).status.Is(Code::kInvalidArgument));
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "v", At(10'000'000))).status.ok());
}

TEST_F(ShardTest, AnEventTimeIsHeldAgainstAllThatTheStoreHasSeen) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "1")).status.ok());
  const EventTime repeated = At(5'000'000);
  clock_.Advance(-3'600'000'000);
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "2", repeated)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "2");
  const EventTime far = repeated + MakeEventTime(10'000'001);
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "3", far)).status.Is(Code::kInvalidArgument));
}

TEST_F(ShardTest, IfAbsent) {
  Open();
  const auto put = [&](std::string value) {
    TestWrite w = Put("k", std::move(value));
    w.condition = Condition::kIfAbsent;
    return Apply(shard_.get(), std::move(w));
  };
  const WriteOutcome first = put("1");
  ASSERT_TRUE(first.status.ok());
  const WriteOutcome second = put("2");
  EXPECT_TRUE(second.status.Is(Code::kAlreadyExists));
  EXPECT_EQ(second.event_time, first.event_time);
  EXPECT_EQ(Get(*shard_, "k"), "1");
  ASSERT_TRUE(Apply(shard_.get(), Del("k")).status.ok());
  EXPECT_TRUE(put("3").status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "3");
  TestWrite bad = Del("k");
  bad.condition = Condition::kIfAbsent;
  EXPECT_TRUE(Apply(shard_.get(), std::move(bad)).status.Is(Code::kInvalidArgument));
}

TEST_F(ShardTest, IfVersion) {
  Open();
  const EventTime first = Apply(shard_.get(), Put("k", "1")).event_time;
  TestWrite wrong = Put("k", "2");
  wrong.condition = Condition::kIfVersion;
  wrong.if_version = first + 1;
  const WriteOutcome refused = Apply(shard_.get(), std::move(wrong));
  EXPECT_TRUE(refused.status.Is(Code::kStaleWrite));
  EXPECT_EQ(refused.event_time, first);
  TestWrite right = Put("k", "2");
  right.condition = Condition::kIfVersion;
  right.if_version = first;
  const WriteOutcome taken = Apply(shard_.get(), std::move(right));
  ASSERT_TRUE(taken.status.ok());
  TestWrite removal = Del("k");
  removal.condition = Condition::kIfVersion;
  removal.if_version = taken.event_time;
  EXPECT_TRUE(Apply(shard_.get(), std::move(removal)).status.ok());
  TestWrite gone = Put("k", "3");
  gone.condition = Condition::kIfVersion;
  gone.if_version = taken.event_time;
  EXPECT_TRUE(Apply(shard_.get(), std::move(gone)).status.Is(Code::kStaleWrite));
}

TEST_F(ShardTest, ConditionsSeeWhatComesEarlierInTheirBatch) {
  Open();
  std::vector<TestWrite> batch;
  for (const char* value : {"1", "2"}) {
    batch.push_back(Put("lock", value));
    batch.back().condition = Condition::kIfAbsent;
  }
  batch.push_back(Del("lock"));
  batch.push_back(Put("lock", "3"));
  batch.back().condition = Condition::kIfAbsent;
  batch.push_back(Touch("lock", 60));
  batch.push_back(Touch("nothing", 60));
  batch.push_back(Put("plain", "old", At(-5)));
  batch.push_back(Put("plain", "older", At(-6)));
  Apply(shard_.get(), &batch);
  EXPECT_TRUE(batch[0].outcome.status.ok());
  EXPECT_TRUE(batch[1].outcome.status.Is(Code::kAlreadyExists));
  EXPECT_EQ(batch[1].outcome.event_time, batch[0].outcome.event_time);
  EXPECT_TRUE(batch[2].outcome.status.ok());
  EXPECT_TRUE(batch[3].outcome.status.ok());
  EXPECT_TRUE(batch[4].outcome.status.ok());
  EXPECT_TRUE(batch[5].outcome.status.Is(Code::kNotFound));
  EXPECT_FALSE(batch[6].outcome.superseded);
  EXPECT_TRUE(batch[7].outcome.superseded);
  EXPECT_EQ(batch[7].outcome.event_time, At(-5));
  EXPECT_EQ(Get(*shard_, "lock"), "3");
  EXPECT_GT(Read(*shard_, "lock").expires_at_us, 0u);
  EXPECT_EQ(Get(*shard_, "plain"), "old");
}

TEST_F(ShardTest, ValuesExpire) {
  options_.default_ttl_seconds = 100;
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("default", "v")).status.ok());
  TestWrite own = Put("own", "v");
  own.ttl_seconds = 10;
  ASSERT_TRUE(Apply(shard_.get(), std::move(own)).status.ok());
  TestWrite absolute = Put("absolute", "v");
  absolute.expires_at_us = static_cast<uint64_t>(clock_.WallMicros()) + 50'000'000;
  ASSERT_TRUE(Apply(shard_.get(), std::move(absolute)).status.ok());
  TestWrite never = Put("never", "v");
  never.expires_at_us = kNeverExpires;
  ASSERT_TRUE(Apply(shard_.get(), std::move(never)).status.ok());
  EXPECT_EQ(ScanAll(*shard_, {}).size(), 4u);
  clock_.Advance(10'000'000);
  EXPECT_EQ(Get(*shard_, "own"), "NOT_FOUND");
  EXPECT_EQ(Get(*shard_, "absolute"), "v");
  clock_.Advance(40'000'000);
  EXPECT_EQ(Get(*shard_, "absolute"), "NOT_FOUND");
  EXPECT_EQ(Get(*shard_, "default"), "v");
  clock_.Advance(50'000'000);
  EXPECT_EQ(ScanAll(*shard_, {}), std::vector<std::string>{"never=v"});
  EXPECT_EQ(Read(*shard_, "never").expires_at_us, 0u);
}

TEST_F(ShardTest, WhatHasExpiredWhenItIsWrittenIsNeverSeen) {
  Open();
  // The hybrid clock is seconds ahead of the wall's from now on.
  const int64_t now_us = clock_.WallMicros();
  ASSERT_TRUE(
      Apply(shard_.get(), Put("ahead", "v", MakeEventTime(now_us + 5'000'000))).status.ok());
  for (const EventTime event_time : {EventTime{0}, MakeEventTime(now_us - 1'000'000)}) {
    TestWrite expired = Put("k" + std::to_string(event_time), "v", event_time);
    expired.expires_at_us = static_cast<uint64_t>(now_us - 1);
    ASSERT_TRUE(Apply(shard_.get(), std::move(expired)).status.ok());
    EXPECT_EQ(Get(*shard_, "k" + std::to_string(event_time)), "NOT_FOUND");
  }
  EXPECT_EQ(ScanAll(*shard_, {}), std::vector<std::string>{"ahead=v"});
}

TEST_F(ShardTest, AnExpiredValueCountsAsAbsent) {
  Open();
  TestWrite w = Put("k", "v");
  w.ttl_seconds = 1;
  ASSERT_TRUE(Apply(shard_.get(), std::move(w)).status.ok());
  clock_.Advance(1'000'000);
  EXPECT_TRUE(Apply(shard_.get(), Touch("k", 10)).status.Is(Code::kNotFound));
  TestWrite again = Put("k", "v2");
  again.condition = Condition::kIfAbsent;
  EXPECT_TRUE(Apply(shard_.get(), std::move(again)).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "v2");
}

TEST_F(ShardTest, TouchKeepsTheBytesAndMovesTheExpiry) {
  options_.default_ttl_seconds = 100;
  Open();
  TestWrite w = Put("k", "bytes");
  w.value_type = 70;
  w.partition_hash = 9;
  ASSERT_TRUE(Apply(shard_.get(), std::move(w)).status.ok());
  const OwnedValue before = Read(*shard_, "k");
  ASSERT_TRUE(Apply(shard_.get(), Touch("k", 500)).status.ok());
  const OwnedValue after = Read(*shard_, "k");
  EXPECT_EQ(after.payload, "bytes");
  EXPECT_EQ(after.value_type, 70u);
  EXPECT_EQ(after.partition_hash, 9u);
  EXPECT_GT(after.event_time, before.event_time);
  EXPECT_EQ(after.expires_at_us, static_cast<uint64_t>(clock_.WallMicros()) + 500'000'000);
  ASSERT_TRUE(Apply(shard_.get(), Touch("k", 0)).status.ok());
  EXPECT_EQ(Read(*shard_, "k").expires_at_us, 0u);
  EXPECT_TRUE(Apply(shard_.get(), Touch("k", 5, At(-1'000'000))).superseded);
}

TEST_F(ShardTest, LateWritesAreDropped) {
  Open();
  clock_.Advance(1000);
  TestWrite late = Put("late", "v");
  late.deadline_us = clock_.MonotonicMicros();
  EXPECT_TRUE(Apply(shard_.get(), std::move(late)).status.Is(Code::kTimeout));
  TestWrite in_time = Put("in time", "v");
  in_time.deadline_us = clock_.MonotonicMicros() + 1;
  EXPECT_TRUE(Apply(shard_.get(), std::move(in_time)).status.ok());
  EXPECT_EQ(Get(*shard_, "late"), "NOT_FOUND");
}

TEST_F(ShardTest, AWriteThatItsCallerGaveUpIsNotDone) {
  Open();
  TestWrite late = Put("late", "v");
  late.not_after = At(-1);
  const WriteOutcome outcome = Apply(shard_.get(), std::move(late));
  EXPECT_TRUE(outcome.status.Is(Code::kUnavailable));
  EXPECT_GE(outcome.event_time, At(0)) << "what the clock shows";
  EXPECT_EQ(Get(*shard_, "late"), "NOT_FOUND");
  TestWrite dated = Put("dated", "v", At(-5));
  dated.not_after = At(-1);
  EXPECT_TRUE(Apply(shard_.get(), std::move(dated)).status.ok()) << "it undoes nothing newer";
  TestWrite in_time = Put("in time", "v");
  in_time.not_after = At(1);
  EXPECT_TRUE(Apply(shard_.get(), std::move(in_time)).status.ok());
}

TEST_F(ShardTest, WhatIsWrittenAfterARepetitionIsNewerThanItsFirstAttempt) {
  Open();
  TestWrite repeated = Put("k", "repeated", At(1));
  repeated.clock_floor = At(1000);
  EXPECT_EQ(Apply(shard_.get(), std::move(repeated)).event_time, At(1));
  EXPECT_GT(Apply(shard_.get(), Put("k", "later")).event_time, At(1000));
  EXPECT_EQ(Get(*shard_, "k"), "later");
  TestWrite mad = Put("k", "mad", At(1));
  mad.clock_floor = At(int64_t{3600} * 1'000'000);
  EXPECT_TRUE(Apply(shard_.get(), std::move(mad)).status.Is(Code::kInvalidArgument));
  EXPECT_LT(Apply(shard_.get(), Put("k", "last")).event_time, At(2'000'000));
}

TEST_F(ShardTest, EventTimesGrowAcrossRestartsEvenIfTheClockGoesBack) {
  Open();
  const EventTime ahead = At(9'000'000);
  ASSERT_TRUE(Apply(shard_.get(), Put("a", "v", ahead)).status.ok());
  const EventTime last = Apply(shard_.get(), Put("b", "v")).event_time;
  ASSERT_TRUE(shard_->Close().ok());
  shard_.reset();
  // A new process: nothing of the clock is left in memory.
  ManualClock earlier(clock_.WallMicros() - 900'000);
  HybridClock fresh(&earlier);
  options_.clock = &earlier;
  options_.hlc = &fresh;
  Open();
  const WriteOutcome after = Apply(shard_.get(), Put("a", "newest"));
  EXPECT_GT(after.event_time, last);
  EXPECT_GT(after.event_time, ahead);
  EXPECT_FALSE(after.superseded);
  EXPECT_EQ(Get(*shard_, "a"), "newest");
  // What was stored before the restart still wins over older event times.
  EXPECT_TRUE(Apply(shard_.get(), Put("b", "old", last - 1)).superseded);
  shard_.reset();
}

TEST_F(ShardTest, SurvivesReopen) {
  Open();
  const uint64_t incarnation = shard_->incarnation();
  std::vector<TestWrite> writes;
  for (int i = 0; i < 3000; ++i) writes.push_back(Put("k" + std::to_string(i), std::to_string(i)));
  Apply(shard_.get(), &writes);
  for (const TestWrite& w : writes) ASSERT_TRUE(w.outcome.status.ok());
  for (int round = 0; round < 2; ++round) {
    Reopen();
    EXPECT_EQ(shard_->incarnation(), incarnation);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_EQ(Get(*shard_, "k" + std::to_string(i)), std::to_string(i));
    }
    ASSERT_TRUE(shard_->Flush().ok());
  }
}

TEST_F(ShardTest, ClosedShardRefusesNothingTwiceAndCloseIsIdempotent) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("a", "1")).status.ok());
  EXPECT_TRUE(shard_->Close().ok());
  EXPECT_TRUE(shard_->Close().ok());
  EXPECT_TRUE(Apply(shard_.get(), Put("a", "2")).status.Is(Code::kClosed));
}

TEST_F(ShardTest, CompactionDropsWhatIsGoneAfterTheGrace) {
  options_.tombstone_grace_us = 60'000'000;
  Open();
  std::vector<TestWrite> writes;
  for (int i = 0; i < 100; ++i) {
    writes.push_back(Put("keep" + std::to_string(i), "v"));
    writes.push_back(Put("drop" + std::to_string(i), "v"));
    writes.push_back(Put("expire" + std::to_string(i), "v"));
    writes.back().ttl_seconds = 1;
  }
  for (int i = 0; i < 100; ++i) writes.push_back(Del("drop" + std::to_string(i)));
  Apply(shard_.get(), &writes);
  ASSERT_TRUE(shard_->Flush().ok());
  ASSERT_TRUE(shard_->Compact().ok());
  EXPECT_EQ(ScanAll(*shard_, {}).size(), 200u);
  clock_.Advance(30'000'000);
  ASSERT_TRUE(shard_->Compact().ok());
  // Within the grace tombstones still guard against late writes.
  EXPECT_GE(shard_->Stats().estimated_keys, 300u);
  EXPECT_TRUE(Apply(shard_.get(), Put("drop1", "late", At(-40'000'000))).superseded);
  clock_.Advance(31'000'000);
  ASSERT_TRUE(shard_->Compact().ok());
  EXPECT_EQ(ScanAll(*shard_, {}).size(), 100u);
  EXPECT_LE(shard_->Stats().estimated_keys, 103u);  // and three meta keys
}

// What a compaction has let go of still wins over everything that is older.
class ForgottenTest : public ShardTest {
 protected:
  static constexpr int64_t kDay = 86'400'000'000;
  ForgottenTest() { options_.tombstone_grace_us = kDay; }
  void CompactAll() {
    ASSERT_TRUE(shard_->Flush().ok());
    const Status status = shard_->Compact();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
};

TEST_F(ForgottenTest, AnOlderPutDoesNotBringADeletedKeyBack) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "v", At(-3 * kDay))).status.ok());
  ASSERT_TRUE(Apply(shard_.get(), Del("k", At(-2 * kDay))).status.ok());
  clock_.Advance(kDay + 1);
  CompactAll();
  for (int round = 0; round < 2; ++round) {
    const WriteOutcome ghost = Apply(shard_.get(), Put("k", "ghost", At(-4 * kDay)));
    EXPECT_TRUE(ghost.status.Is(Code::kStaleWrite)) << ghost.status.ToString();
    EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
    // Deleting what is not there is fine, and changes nothing.
    const WriteOutcome del = Apply(shard_.get(), Del("k", At(-4 * kDay)));
    EXPECT_TRUE(del.status.ok()) << del.status.ToString();
    EXPECT_TRUE(del.superseded);
    Reopen();
  }
  // What is newer than the deletion is taken, and so is a put of now.
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "newer", At(-2 * kDay))).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "newer");
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "now")).status.ok());
}

TEST_F(ForgottenTest, AnOlderPutDoesNotComeBackFromBehindAnExpiredValue) {
  Open();
  TestWrite w = Put("k", "v");
  w.ttl_seconds = 1;
  ASSERT_TRUE(Apply(shard_.get(), std::move(w)).status.ok());
  clock_.Advance(kDay + 2'000'000);
  CompactAll();
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "ghost", At(-2 * kDay))).status.Is(Code::kStaleWrite));
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
}

// The grace time of a deletion that comes with an old event time counts from its arrival, so that a
// history may be replayed in any order, compactions or not.
TEST_F(ForgottenTest, AHistoryIsReplayedInAnyOrder) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Del("a", At(-200 * kDay))).status.ok());
  TestWrite expired = Put("b", "v", At(-200 * kDay));
  expired.expires_at_us = static_cast<uint64_t>(clock_.WallMicros() - 199 * kDay);
  ASSERT_TRUE(Apply(shard_.get(), std::move(expired)).status.ok());
  EXPECT_EQ(Get(*shard_, "b"), "NOT_FOUND");
  CompactAll();
  clock_.Advance(kDay / 2);
  CompactAll();
  for (const char* key : {"a", "b"}) {
    EXPECT_TRUE(Apply(shard_.get(), Put(key, "older", At(-300 * kDay))).superseded);
    EXPECT_EQ(Get(*shard_, key), "NOT_FOUND");
  }
  std::vector<TestWrite> others;
  for (int i = 0; i < 5000; ++i) {
    others.push_back(Put("other" + std::to_string(i), "v", At(-300 * kDay)));
  }
  Apply(shard_.get(), &others);
  for (const TestWrite& w : others) ASSERT_TRUE(w.outcome.status.ok());
}

// What was forgotten is known by slots of keys: only their share of old new keys is refused.
TEST_F(ForgottenTest, OldDataOfOtherKeysCanBeImportedAllTheSame) {
  Open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Apply(shard_.get(), Del("deleted" + std::to_string(i))).status.ok());
  }
  clock_.Advance(kDay + 1);
  CompactAll();
  std::vector<TestWrite> old;
  for (int i = 0; i < 5000; ++i) {
    old.push_back(Put("k" + std::to_string(i), "v", At(-300 * kDay)));
  }
  Apply(shard_.get(), &old);
  int refused = 0;
  for (const TestWrite& w : old) refused += w.outcome.status.Is(Code::kStaleWrite) ? 1 : 0;
  EXPECT_LT(refused, 50) << "10 of 4096 slots";
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(Apply(shard_.get(), Put("deleted" + std::to_string(i), "v", At(-300 * kDay)))
                    .status.Is(Code::kStaleWrite));
  }
}

TEST_F(ForgottenTest, ARepeatedDeleteIsNotSuperseded) {
  Open();
  const EventTime when = At(1000);  // a client's clock is a little ahead
  ASSERT_TRUE(Apply(shard_.get(), Del("k", when)).status.ok());
  clock_.Advance(5000);
  const WriteOutcome again = Apply(shard_.get(), Del("k", when));
  EXPECT_TRUE(again.status.ok());
  EXPECT_FALSE(again.superseded);
}

TEST_F(ShardTest, StatsTellSizes) {
  Open();
  std::vector<TestWrite> writes;
  for (int i = 0; i < 1000; ++i) {
    writes.push_back(Put("k" + std::to_string(i), std::string(1000, static_cast<char>(i))));
  }
  Apply(shard_.get(), &writes);
  EXPECT_GE(shard_->Stats().memory_bytes, 1'000'000u);
  EXPECT_GE(shard_->Stats().disk_bytes, 1'000'000u);
  EXPECT_GE(shard_->Stats().estimated_keys, 1000u);
  EXPECT_TRUE(shard_->Health().ok());
}

}  // namespace
}  // namespace vasto::storage
