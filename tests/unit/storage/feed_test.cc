// SPDX-License-Identifier: Apache-2.0
// Shards that follow one another.
#include "core/storage/feed.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/storage/keys.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

TEST_F(FeedTest, AFollowerComesToHoldTheSame) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k1", "v1"));
  a->Write(Put("k2", "v2"));
  a->Write(Del("k1"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(b->Rows(), (std::vector<std::string>{"k2=v2"}));
  EXPECT_TRUE(b->Has().Covers(a->Has()));
  EXPECT_EQ(Read(*b->shard(), "k2").event_time, Read(*a->shard(), "k2").event_time);
}

TEST_F(FeedTest, ThereIsNothingMoreThen) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  const VersionVector has = b->Has();
  // What b applied is no news of its own, so that two replicas come to rest.
  ASSERT_TRUE(a->Follow(b.get()).ok());
  EXPECT_EQ(a->Next(b->Has())->log, 0u);
  EXPECT_EQ(b->Next(a->Has())->log, 0u);
  EXPECT_EQ(b->Has(), has);
}

TEST_F(FeedTest, AWriteSaysWhereItIs) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  const Position position = a->Write(Put("k", "v")).position;
  EXPECT_EQ(position.log, a->feed()->log());
  EXPECT_FALSE(b->Has().Covers(position));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_TRUE(b->Has().Covers(position));
}

TEST_F(FeedTest, ARepeatedWriteIsNoNews) {
  auto a = Make("a", 1);
  const EventTime time = At(-10);
  const WriteOutcome first = a->Write(Put("k", "v", time));
  const WriteOutcome again = a->Write(Put("k", "v", time));
  EXPECT_TRUE(again.status.ok());
  EXPECT_EQ(again.position, first.position);
}

TEST_F(FeedTest, TheNewestWinsOnBothSides) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  const EventTime early = At(-20);
  const EventTime late = At(-10);
  a->Write(Put("x", "a-late", late));
  b->Write(Put("x", "b-early", early));
  a->Write(Put("y", "a-early", early));
  b->Write(Del("y", late));
  // A tie is decided by the origin, the same on both sides.
  a->Write(Put("z", "a", late));
  b->Write(Put("z", "b", late));
  ASSERT_TRUE(a->Follow(b.get()).ok());
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(a->Rows(), (std::vector<std::string>{"x=a-late", "z=b"}));
  EXPECT_EQ(b->Rows(), a->Rows());
}

TEST_F(FeedTest, LaterWritesOfAFollowerComeAfterWhatItApplied) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  // The clock of a's machine is ahead.
  a->hlc_.Observe(At(5'000'000));
  a->Write(Put("k", "old"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  b->Write(Put("k", "new"));
  ASSERT_TRUE(a->Follow(b.get()).ok());
  EXPECT_EQ(a->Get("k"), "new");
  EXPECT_EQ(b->Get("k"), "new");
}

// Of a key and of what was deleted there before this test looks.
class ForgettingTest : public FeedTest {
 protected:
  ForgettingTest() : a_(Make("a", 1)) {
    a_->options_.tombstone_grace_us = 0;
    a_->Reopen();
    a_->Write(Put("k", "v"));
    deleted_ = a_->Write(Del("k")).event_time;
  }
  // Whether nothing is stored of the key, so that only the floors tell what is too old.
  bool IsForgotten() {
    clock_.Advance(1'000'000);
    EXPECT_TRUE(a_->shard()->Flush().ok());
    EXPECT_TRUE(a_->shard()->Compact().ok());
    const WriteOutcome old = a_->Write(Put("k", "old", deleted_ - 1));
    EXPECT_EQ(a_->Get("k"), "NOT_FOUND");
    EXPECT_NE(old.superseded, old.status.Is(Code::kStaleWrite));
    return old.status.Is(Code::kStaleWrite);
  }

  std::unique_ptr<Replica> a_;
  EventTime deleted_ = 0;
};

TEST_F(ForgettingTest, ADeletionIsForgottenOnlyWhenThatIsAllowed) {
  EXPECT_FALSE(IsForgotten());
  a_->shard()->AllowForgetting(deleted_);
  EXPECT_FALSE(IsForgotten());
  a_->shard()->AllowForgetting(deleted_ + 1);
  EXPECT_TRUE(IsForgotten());
  // It holds for this opening alone: until the others are heard of again.
  deleted_ = a_->Write(Del("k")).event_time;
  a_->Reopen();
  EXPECT_FALSE(IsForgotten());
}

TEST_F(ForgettingTest, ADeletionWithAnOldEventTimeCountsFromItsArrival) {
  a_->shard()->AllowForgetting(deleted_ + 1);
  ASSERT_TRUE(IsForgotten());
  const EventTime settled = a_->feed()->settled();
  a_->Write(Del("other", At(-5'000'000)));
  a_->Write(Put("other2", "v"));
  a_->shard()->AllowForgetting(settled);
  clock_.Advance(1'000'000);
  ASSERT_TRUE(a_->shard()->Flush().ok());
  ASSERT_TRUE(a_->shard()->Compact().ok());
  EXPECT_TRUE(a_->Write(Put("other", "old", At(-9'000'000))).superseded);
}

TEST_F(ForgettingTest, AnExpiredValueIsForgottenInTheSameWay) {
  TestWrite put = Put("k", "v");
  put.ttl_seconds = 1;
  deleted_ = a_->Write(std::move(put)).event_time;
  clock_.Advance(2'000'000);
  a_->shard()->AllowForgetting(deleted_ + 1);
  EXPECT_FALSE(IsForgotten()) << "it had not expired then";
  a_->shard()->AllowForgetting(a_->hlc_.Now());
  EXPECT_TRUE(IsForgotten());
}

// Another replica may hold a value that the deletion is for.
TEST_F(ForgettingTest, ADeletionOlderThanWhatWasForgottenIsForTheOthers) {
  a_->shard()->AllowForgetting(deleted_ + 1);
  ASSERT_TRUE(IsForgotten());
  const VersionVector before = a_->Has();
  const WriteOutcome old = a_->Write(Del("k", deleted_ - 10));
  EXPECT_TRUE(old.status.ok()) << old.status.ToString();
  EXPECT_FALSE(before.Covers(old.position));
  // Though it is stored, it does not stand in for the one that was forgotten.
  EXPECT_TRUE(a_->Write(Put("k", "ghost", deleted_ - 5)).status.Is(Code::kStaleWrite));
  EXPECT_EQ(a_->Get("k"), "NOT_FOUND");
}

// From one that nobody waited for before the deletion was forgotten.
TEST_F(ForgettingTest, WhatComesLateAndMayBeDeletedIsLeftOutHereAndForTheOthers) {
  a_->shard()->AllowForgetting(deleted_ + 1);
  ASSERT_TRUE(IsForgotten());
  auto late = Make("late", 2);
  late->Write(Put("k", "ghost", deleted_ - 5));
  late->Write(Put("other", "v"));
  const auto batch = late->Next(a_->Has());
  ASSERT_TRUE(batch.ok());
  TestWrite write;
  write.kind = WriteKind::kApply;
  write.applied = &*batch;
  write.late = true;
  ASSERT_TRUE(a_->Write(std::move(write)).status.ok());
  EXPECT_TRUE(a_->Has().Covers(late->Has()));
  for (const bool from_disk : {false, true}) {
    if (from_disk) a_->Reopen();
    auto third = Make(from_disk ? "fourth" : "third", 3);
    ASSERT_TRUE(third->FollowAll(a_.get()).ok());
    for (Replica* replica : {a_.get(), third.get()}) {
      EXPECT_EQ(replica->Get("other"), "v");
      EXPECT_EQ(replica->Get("k"), "NOT_FOUND");
    }
  }
}

TEST_F(FeedTest, WhatIsSettledIsOlderThanWhatArrivesNext) {
  auto a = Make("a", 1);
  EventTime settled = a->feed()->settled();
  for (int i = 0; i < 3; ++i) {
    const WriteOutcome put = a->Write(Put("k", "v"));
    EXPECT_GT(put.event_time, settled);
    settled = a->feed()->settled();
    EXPECT_GT(settled, put.event_time);
    // Whatever the wall clock says.
    clock_.StepWall(-3'600'000'000);
  }
  const VersionVector before = a->Has();
  a->Write(Del("other", At(-5'000'000)));
  const auto batch = a->Next(before);
  ASSERT_TRUE(batch.ok());
  ChangeReader changes(batch->changes);
  Change change;
  ASSERT_TRUE(changes.Next(&change));
  EXPECT_GE(change.record.expires_at_us, static_cast<uint64_t>(EventTimeMicros(settled)));
}

// As a repetition does on another replica than the first: its acknowledgement means that others
// have what it lost against.
TEST_F(FeedTest, AWriteThatChangesNothingCanBeLoggedAllTheSame) {
  auto a = Make("a", 2);
  auto b = Make("b", 1);
  auto c = Make("c", 3);
  const EventTime time = At(-10);
  a->Write(Put("k", "v", time));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  for (const EventTime again : {time, time - 1}) {
    const VersionVector before = b->Has();
    TestWrite put = Put("k", "v", again);
    EXPECT_TRUE(before.Covers(b->Write(Put("k", "v", again)).position));
    put.log_anyway = true;
    const WriteOutcome outcome = b->Write(std::move(put));
    ASSERT_TRUE(outcome.status.ok());
    EXPECT_FALSE(before.Covers(outcome.position));
    ASSERT_TRUE(c->Follow(b.get()).ok());
    EXPECT_TRUE(c->Has().Covers(outcome.position));
    EXPECT_EQ(Read(*c->shard(), "k").event_time, time);
  }
  EXPECT_EQ(Read(*b->shard(), "k").event_time, time);
  EXPECT_EQ(b->Get("k"), "v");
}

// For a moment a write is visible and its position is not raised yet.
TEST_F(FeedTest, WhatAReadSawIsInWhatIsVisible) {
  constexpr size_t kReads = 100;  // of different values
  const int64_t end_us = SystemClock()->MonotonicMicros() + 30'000'000;
  auto a = Make("a", 1);
  a->Write(Put("n", "0"));
  std::vector<Position> at{a->Has().positions().front()};
  std::atomic<bool> done{false};
  std::atomic<size_t> seen{0};
  std::vector<std::pair<uint64_t, VersionVector>> reads;
  std::thread reader([&] {
    while (!done) {
      const uint64_t number = std::stoull(a->Get("n"));
      VersionVector visible = a->feed()->Visible();
      if (reads.empty() || reads.back().first != number) reads.emplace_back(number, visible);
      seen = reads.size();
    }
  });
  for (uint64_t n = 1; seen < kReads && SystemClock()->MonotonicMicros() < end_us; ++n) {
    at.push_back(a->Write(Put("n", std::to_string(n))).position);
  }
  done = true;
  reader.join();
  EXPECT_GE(reads.size(), kReads);
  for (const auto& [number, visible] : reads) EXPECT_TRUE(visible.Covers(at[number])) << number;
}

TEST_F(FeedTest, WhatIsAboutToBeVisibleIsTold) {
  auto a = Make("a", 1);
  a->Write(Put("k", "v"));
  Feed* const feed = a->feed();
  const auto write = [feed](const ChangeBatch* applied) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(feed->AppendOwnEnd(applied, &batch).ok());
    EXPECT_EQ(feed->Visible(), feed->Positions());
    ASSERT_TRUE(batch.Put("x", "").ok());
    ASSERT_TRUE(feed->db()->Write(rocksdb::WriteOptions(), &batch).ok());
  };
  const auto latest = [feed] { return feed->db()->GetLatestSequenceNumber(); };
  EXPECT_EQ(feed->Visible(), feed->Positions());
  write(nullptr);
  const VersionVector own = feed->Visible();
  EXPECT_FALSE(feed->Has(own.positions()));
  feed->CommittedOwn("", latest(), At(0));
  EXPECT_EQ(feed->Positions(), own);
  EXPECT_TRUE(feed->Has(own.positions()));

  const ChangeBatch applied{.log = 77, .first = 1, .last = 5, .changes = "", .checksum = 0};
  write(&applied);
  EXPECT_EQ(feed->Visible().Of(77), 5u);
  feed->AppliedUnlogged(latest());
  EXPECT_FALSE(feed->Has({{77, 5}})) << "it will come again";
  EXPECT_EQ(feed->Visible().Of(77), 5u);
  EXPECT_TRUE(feed->Visible().Covers(own));
  feed->CommittedApplied(applied, latest(), At(0));
  EXPECT_TRUE(feed->Has({{77, 5}}));
  EXPECT_FALSE(feed->Has({{77, 5}, {78, 1}}));
}

// They are logged with the values, whose size the writes do not tell.
TEST_F(FeedTest, ManyTouchesDoNotGoToAFollowerInOnePiece) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  constexpr int kKeys = 20;
  for (int i = 0; i < kKeys; ++i) {
    a->Write(Put("k" + std::to_string(i), std::string(300'000, 'v')));
  }
  ASSERT_TRUE(b->Follow(a.get()).ok());
  std::vector<TestWrite> touches(kKeys);
  for (int i = 0; i < kKeys; ++i) {
    touches[i].kind = WriteKind::kTouch;
    touches[i].key = "k" + std::to_string(i);
    touches[i].ttl_seconds = 100;
  }
  Apply(a->shard(), &touches);
  for (const TestWrite& touch : touches) ASSERT_TRUE(touch.outcome.status.ok());
  const auto batch = a->Next(b->Has());
  ASSERT_TRUE(batch.ok());
  EXPECT_LE(batch->changes.size(), kMany);
}

TEST_F(FeedTest, WhatIsAppliedTwiceIsRefused) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k", "v"));
  const ChangeBatch batch = *a->Next({});
  ASSERT_TRUE(b->Take(batch).status.ok());
  EXPECT_EQ(b->Take(batch).status.code(), Code::kAlreadyExists);
}

TEST_F(FeedTest, AGapIsRefused) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  const Position first = a->Write(Put("k1", "v")).position;
  a->Write(Put("k2", "v"));
  const ChangeBatch second = *a->Next(VersionVector({first}));
  EXPECT_EQ(b->Take(second).status.code(), Code::kStaleWrite);
  EXPECT_EQ(b->Get("k2"), "NOT_FOUND");
  EXPECT_EQ(b->Has().Of(first.log), 0u);
}

TEST_F(FeedTest, DamagedChangesAreRefusedWhole) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k1", "v"));
  a->Write(Put("k2", "v"));
  const ChangeBatch good = *a->Next({});
  ChangeBatch flipped = good;
  flipped.changes[good.changes.size() - 1] ^= 1;
  EXPECT_EQ(b->Take(flipped).status.code(), Code::kCorruption);
  // Even where the batch's own checksum was made for the damage.
  flipped.checksum = ChecksumOf(flipped);
  EXPECT_EQ(b->Take(flipped).status.code(), Code::kCorruption);
  EXPECT_EQ(b->Get("k1"), "NOT_FOUND");
  EXPECT_TRUE(b->Take(good).status.ok());
}

TEST_F(FeedTest, AReplicaDoesNotFollowItself) {
  auto a = Make("a", 1);
  a->Write(Put("k", "v"));
  EXPECT_EQ(a->Take(*a->Next({})).status.code(), Code::kInvalidArgument);
}

TEST_F(FeedTest, PositionsSurviveWithTheData) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  const VersionVector has = b->Has();
  b->Reopen();
  EXPECT_TRUE(b->Has().Covers(has));
  EXPECT_EQ(b->Get("k"), "v");
}

TEST_F(FeedTest, EachOpeningBeginsALog) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  const Position before = a->Write(Put("k1", "v")).position;
  a->Reopen();
  const Position after = a->Write(Put("k2", "v")).position;
  EXPECT_NE(before.log, after.log);
  EXPECT_TRUE(a->Has().Covers(before));
  // The new log alone is not all.
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(b->Rows(), (std::vector<std::string>{"k2=v"}));
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(b->Rows(), (std::vector<std::string>{"k1=v", "k2=v"}));
  EXPECT_TRUE(b->Has().Covers(a->Has()));
}

TEST_F(FeedTest, ALogIsReadFromTheDiskWhereMemoryDoesNotReach) {
  auto a = Make("a", 1);
  a->engine_options_.feed_bytes = 1000;
  a->Reopen();
  auto b = Make("b", 2);
  std::vector<std::string> rows;
  for (int i = 100; i < 400; ++i) {
    const std::string key = std::to_string(i);
    a->Write(Put(key, std::string(100, 'v')));
    rows.push_back(key + "=" + std::string(100, 'v'));
    if (i % 100 == 50) {
      ASSERT_TRUE(a->shard()->Flush().ok());
    }
  }
  EXPECT_EQ(a->Next({}, {}, kMany, false).status().code(), Code::kBusy);
  // In answers of a few changes each.
  ASSERT_TRUE(b->Follow(a.get(), {}, 1000).ok());
  EXPECT_EQ(b->Rows(), rows);
  // And on from there, from memory and from the disk.
  a->Write(Put("x", "y"));
  EXPECT_TRUE(a->Next(b->Has(), {}, kMany, false).ok());
  ASSERT_TRUE(b->Follow(a.get()).ok());
  EXPECT_EQ(b->Get("x"), "y");
}

TEST_F(FeedTest, ARelayGivesWhatTheSourceCannot) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  a->Write(Put("k1", "v"));
  b->Write(Put("k2", "v"));
  a->Write(Put("k3", "v"));
  const LogId log = a->feed()->log();
  ASSERT_TRUE(b->Follow(a.get()).ok());
  a->Close();
  // Of b itself only.
  ASSERT_TRUE(c->Follow(b.get()).ok());
  EXPECT_EQ(c->Rows(), (std::vector<std::string>{"k2=v"}));
  ASSERT_TRUE(c->Follow(b.get(), {log}).ok());
  EXPECT_EQ(c->Rows(), (std::vector<std::string>{"k1=v", "k2=v", "k3=v"}));
  EXPECT_EQ(c->Has().Of(log), b->Has().Of(log));
}

TEST_F(FeedTest, ARelayGivesAlsoWhatLostThere) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k", "early", At(-20)));
  b->Write(Put("k", "late", At(-10)));
  const LogId log = a->feed()->log();
  ASSERT_TRUE(b->Follow(a.get()).ok());
  // Who has the position has the change, even if what it lost against never comes.
  for (const std::string from : {"memory", "disk"}) {
    auto c = Make("c-" + from, 3);
    ASSERT_TRUE(c->FollowAll(b.get()).ok());
    EXPECT_EQ(c->Get("k"), "late");
    auto d = Make("d-" + from, 4);
    VersionVector have({{b->feed()->log(), b->Has().Of(b->feed()->log())}});
    auto batch = b->Next(have, {log});
    ASSERT_TRUE(batch.ok());
    ASSERT_EQ(batch->log, log);
    ASSERT_TRUE(d->Take(*batch).status.ok());
    EXPECT_EQ(d->Get("k"), "early") << from;
    b->Reopen();
  }
}

TEST_F(FeedTest, ARelayReadsTheDiskToo) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  for (int i = 0; i < 20; ++i) {
    a->Write(Put("a" + std::to_string(i), "v"));
    b->Write(Put("b" + std::to_string(i), "v"));
    ASSERT_TRUE(b->Follow(a.get()).ok());
    // So that c has the beginning already.
    if (i == 5) {
      ASSERT_TRUE(c->Follow(a.get()).ok());
    }
  }
  const LogId log = a->feed()->log();
  b->Reopen();
  ASSERT_TRUE(c->Follow(b.get(), {log}).ok());
  EXPECT_EQ(c->Has().Of(log), a->Has().Of(log));
  EXPECT_EQ(c->Get("a19"), "v");
}

TEST_F(FeedTest, WhatADatabaseLostComesBackFromItsFollower) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("k1", "v1"));
  ASSERT_TRUE(a->shard()->Flush().ok());
  a->Close();
  // An old copy of the folder, as after a restore, or the loss of what was not synced.
  std::filesystem::copy(folder_.path() + "/a", folder_.path() + "/old",
                        std::filesystem::copy_options::recursive);
  a->Open();
  a->Write(Put("k2", "v2"));
  a->Write(Put("k1", "newer"));
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  a->Close();
  std::filesystem::remove_all(folder_.path() + "/a");
  std::filesystem::rename(folder_.path() + "/old", folder_.path() + "/a");
  a->Open();
  EXPECT_EQ(a->Get("k2"), "NOT_FOUND");
  // It writes on, at sequences that it had used before.
  a->Write(Put("k3", "v3"));
  ASSERT_TRUE(a->FollowAll(b.get()).ok());
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(a->Rows(), (std::vector<std::string>{"k1=newer", "k2=v2", "k3=v3"}));
  EXPECT_EQ(b->Rows(), a->Rows());
  EXPECT_TRUE(a->Has().Covers(b->Has()));
}

TEST_F(FeedTest, WhatEveryFollowerHasGoes) {
  auto a = Make("a", 1);
  a->Write(Put("k1", "v"));
  const VersionVector everyone = a->Has();
  a->Write(Put("k2", "v"));
  ASSERT_TRUE(a->shard()->Flush().ok());
  a->feed()->Trim(everyone);
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/a/db/000004.log") ||
              std::filesystem::exists(folder_.path() + "/a/db/archive/000004.log"));
  // The second is still in memory, and the first on the disk.
  EXPECT_TRUE(a->Next(everyone, {}, kMany, false).ok());
  EXPECT_TRUE(a->Next({}).ok());
  a->Reopen();
  a->feed()->Trim(a->Has());
  ASSERT_TRUE(a->shard()->Flush().ok());
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/a/db/archive/000004.log"));
  const LogId former = everyone.positions()[0].log;
  EXPECT_EQ(a->Next({}, {former}).status().code(), Code::kNotFound);
}

TEST_F(FeedTest, AFollowerThatHasEverythingIsNotSentAwayByAPurge) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  a->Write(Put("k1", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  // What a applies of c moves its database on, but not its log.
  c->Write(Put("c", "v"));
  ASSERT_TRUE(a->Follow(c.get()).ok());
  ASSERT_TRUE(b->Follow(c.get()).ok());
  a->Reopen();
  // Its former log seems to go on behind what b has, but for nothing.
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_TRUE(b->Has().Covers(a->Has()));
  a->feed()->Trim(a->Has());
  ASSERT_TRUE(a->shard()->Flush().ok());
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  a->Write(Put("k2", "v"));
  a->Reopen();
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(b->Get("k2"), "v");
}

TEST_F(FeedTest, OneThatOnlyFollowedHasNoLogToTellOf) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  for (int i = 0; i < 10; ++i) a->Write(Put("k" + std::to_string(i), "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  const VersionVector has = b->Has();
  b->Reopen();
  b->Reopen();
  EXPECT_EQ(b->Has(), has);
  // Nor does it when its log files are gone.
  b->options_.max_log_bytes = 0;
  b->Reopen();
  ASSERT_TRUE(b->shard()->Flush().ok());
  ASSERT_TRUE(b->feed()->PurgeLog().ok());
  b->Reopen();
  EXPECT_EQ(b->Has(), has);
}

TEST_F(FeedTest, WhatWasThereBeforeAnybodyFollowedIsOnlyHadWithTheWholeShard) {
  auto a = Make("a", 1);
  a->Write(Put("k", "v"));
  // So are the databases of versions that kept no log of shards without other replicas.
  const rocksdb::Slice feed_key(kFeedKey.data(), kFeedKey.size());
  ASSERT_TRUE(a->feed()->db()->Delete(rocksdb::WriteOptions(), feed_key).ok());
  a->Reopen();
  auto b = Make("b", 2);
  EXPECT_FALSE(b->Has().Covers(a->Has())) << "an empty follower is not level with it";
  EXPECT_EQ(b->FollowAll(a.get()).code(), Code::kNotFound);
  // It stays so, and is the same log.
  const VersionVector has = a->Has();
  a->Reopen();
  EXPECT_EQ(a->Has(), has);
}

TEST_F(FeedTest, AShardThatGetsOtherReplicasGivesThemItsLog) {
  auto a = Make("a", 1);
  a->options_.replicated = false;
  a->Reopen();
  a->Write(Put("k", "v"));
  a->options_.replicated = true;
  a->Reopen();
  auto b = Make("b", 2);
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(b->Get("k"), "v");
}

TEST_F(FeedTest, ALogEndsWithItsLastWrite) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  a->Write(Put("mine", "v"));
  const Position last = a->feed()->OwnPosition();
  b->Write(Put("other", "v"));
  ASSERT_TRUE(a->Follow(b.get()).ok());
  a->Reopen();
  EXPECT_EQ(a->Has().Of(last.log), last.sequence);
  // What comes after others' changes counts again.
  a->Write(Put("more", "v"));
  const Position more = a->feed()->OwnPosition();
  a->Reopen();
  EXPECT_GE(a->Has().Of(more.log), more.sequence);
  ASSERT_TRUE(b->FollowAll(a.get()).ok());
  EXPECT_EQ(b->Get("more"), "v");
}

TEST_F(FeedTest, TheLogOnTheDiskHasALimit) {
  auto a = Make("a", 1);
  a->options_.max_log_bytes = 100'000;
  a->Reopen();
  for (int i = 0; i < 40; ++i) {
    a->Write(Put("k", std::string(10'000, 'v')));
    if (i % 4 == 3) {
      ASSERT_TRUE(a->shard()->Flush().ok());
    }
  }
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path() + "/a/db/archive")) {
    bytes += file.file_size();
  }
  EXPECT_LE(bytes, 100'000u);
  EXPECT_GT(bytes, 40'000u);
  auto b = Make("b", 2);
  // From memory all is still there; from the disk it is not.
  a->Reopen();
  EXPECT_EQ(b->FollowAll(a.get()).code(), Code::kNotFound);
}

class HistoryTest : public FeedTest {
 protected:
  HistoryTest() {
    for (uint64_t i = 0; i < 3; ++i) replicas_.push_back(Make("r" + std::to_string(i), i + 1));
  }
  EventTime SomeTime() { return random_->Below(2) == 0 ? 0 : At(-int64_t(random_->Below(2000))); }
  // Something happens to one replica.
  void Step(int number) {
    Replica* replica = replicas_[random_->Below(3)].get();
    Replica* other = replicas_[random_->Below(3)].get();
    const std::string key = "k" + std::to_string(random_->Below(20));
    clock_.Advance(static_cast<int64_t>(random_->Below(1000)));
    switch (random_->Below(8)) {
      case 0:
        if (random_->Below(10) == 0) replica->Reopen();
        return;
      case 1:
        replica->Write(Del(key, SomeTime()));
        return;
      case 2:
        if (other != replica) {
          EXPECT_TRUE(replica->FollowAll(other).ok());
        }
        return;
      case 3:
        if (other != replica) {
          EXPECT_TRUE(replica->Follow(other, {}, 100).ok());
        }
        return;
      default:
        replica->Write(Put(key, std::to_string(number), SomeTime()));
    }
  }
  void FollowEachOther() {
    for (auto& to : replicas_) {
      for (auto& from : replicas_) {
        if (to != from) {
          EXPECT_TRUE(to->FollowAll(from.get()).ok());
        }
      }
    }
  }

  const std::unique_ptr<Random> random_ = SeededRandom(4711);
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(HistoryTest, ReplicasOfAnyHistoryEndAlike) {
  for (int step = 0; step < 600; ++step) Step(step);
  FollowEachOther();
  FollowEachOther();
  EXPECT_FALSE(replicas_[0]->Rows().empty());
  for (auto& replica : replicas_) {
    EXPECT_EQ(replica->Rows(), replicas_[0]->Rows());
    EXPECT_TRUE(replica->Has().Covers(replicas_[0]->Has()));
  }
}

}  // namespace
}  // namespace vasto::storage
