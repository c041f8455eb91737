// SPDX-License-Identifier: Apache-2.0
// What a watcher is given by replicas that follow one another, whichever it asks.
#include "core/storage/watch_cursor.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::storage {
namespace {

// One watcher: what it was given, in order, and the last of it for each key ("" for a delete).
class TestWatcher {
 public:
  // From now on.
  void Begin(Replica* replica) {
    cursor_ = std::make_unique<WatchCursor>(replica->feed());
    cursor_->SeekToEnd();
    at_ = cursor_->at();
  }
  // Goes on at this replica as one that comes from elsewhere.
  Status Move(Replica* replica) {
    cursor_ = std::make_unique<WatchCursor>(replica->feed());
    return cursor_->Seek(at_);
  }
  // Reads to the end, or one piece.
  Status Read(bool all = true, size_t max_bytes = kMany) {
    do {
      std::string changes;
      VASTO_RETURN_IF_ERROR(cursor_->Read(prefix_, max_bytes, &changes));
      ChangeReader reader(changes);
      Change change;
      while (reader.Next(&change)) {
        const std::string value(change.record.tombstone ? "" : change.record.payload);
        given_.push_back(std::string(change.key) + "=" + value);
        last_[std::string(change.key)] = value;
      }
      VASTO_RETURN_IF_ERROR(reader.status());
      at_ = cursor_->at();
    } while (all && !cursor_->AtEnd());
    return {};
  }
  void Forget() { cursor_.reset(); }  // before its replica closes

  std::vector<std::string> Take() { return std::exchange(given_, {}); }
  const std::map<std::string, std::string>& last() const { return last_; }
  const VersionVector& at() const { return at_; }
  bool has_cursor() const { return cursor_ != nullptr; }
  std::string prefix_;

 private:
  std::unique_ptr<WatchCursor> cursor_;
  VersionVector at_;
  std::vector<std::string> given_;
  std::map<std::string, std::string> last_;
};

using Given = std::vector<std::string>;

class WatchCursorTest : public FeedTest {
 protected:
  TestWatcher watcher_;
};

TEST_F(WatchCursorTest, GivesWhatComesFromNowOn) {
  auto a = Make("a", 1);
  a->Write(Put("before", "v"));
  watcher_.Begin(a.get());
  a->Write(Put("k", "1"));
  a->Write(Put("k", "2"));
  a->Write(Del("k"));
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), (Given{"k=1", "k=2", "k="}));
  EXPECT_EQ(watcher_.at(), a->Has());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), Given{});
}

TEST_F(WatchCursorTest, AShardWithoutOtherReplicasIsWatchedAcrossItsRestarts) {
  auto a = Make("a", 1);
  a->options_.replicated = false;
  a->options_.min_log_bytes = 1 << 20;
  a->Reopen();
  a->Write(Put("before", "v"));
  watcher_.Begin(a.get());
  a->Write(Put("k", "1"));
  watcher_.Forget();
  a->Reopen();
  a->Write(Put("k", "2"));
  a->Reopen();
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  ASSERT_TRUE(watcher_.Move(a.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), (Given{"k=1", "k=2"}));
  watcher_.Forget();
}

TEST_F(WatchCursorTest, GivesOnlyKeysWithThePrefix) {
  auto a = Make("a", 1);
  watcher_.prefix_ = "u/";
  watcher_.Begin(a.get());
  a->Write(Put("u", "v"));
  a->Write(Put("u/1", "v"));
  a->Write(Put("v/1", "v"));
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), Given{"u/1=v"});
  // It has passed over the others.
  EXPECT_EQ(watcher_.at(), a->Has());
}

TEST_F(WatchCursorTest, AnAnswerEndsWhenItIsFull) {
  auto a = Make("a", 1);
  watcher_.Begin(a.get());
  for (int i = 0; i < 10; ++i) a->Write(Put("k" + std::to_string(i), std::string(1000, 'v')));
  ASSERT_TRUE(watcher_.Read(false, 2500).ok());
  EXPECT_EQ(watcher_.Take().size(), 3u);
  ASSERT_TRUE(watcher_.Move(a.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take().size(), 7u);
}

TEST_F(WatchCursorTest, WhatLostIsLeftOut) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  watcher_.Begin(b.get());
  a->Write(Put("k", "old", At(-20)));
  a->Write(Put("other", "v"));
  b->Write(Put("k", "new", At(-10)));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), (Given{"k=new", "other=v"}));
}

TEST_F(WatchCursorTest, AnotherReplicaGoesOnWithoutRepeating) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  watcher_.Begin(a.get());
  a->Write(Put("k1", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), Given{"k1=v"});
  a->Write(Put("k2", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  b->Write(Put("k3", "v"));
  ASSERT_TRUE(watcher_.Move(b.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), (Given{"k2=v", "k3=v"}));
}

// The trap of a place that is only ever raised: what was given elsewhere already, and is what b
// keeps, has to come again behind what b put before it.
TEST_F(WatchCursorTest, TheLastOneGivenIsWhatTheReplicaKeepsWhateverTheOrderElsewhere) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  watcher_.Begin(a.get());
  b->Write(Put("k", "older", At(-20)));
  c->Write(Put("k", "newer", At(-10)));
  ASSERT_TRUE(a->Follow(c.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), Given{"k=newer"});
  ASSERT_TRUE(b->Follow(c.get()).ok());
  ASSERT_TRUE(watcher_.Move(b.get()).ok());
  ASSERT_TRUE(watcher_.Read(false, 1).ok());
  EXPECT_EQ(watcher_.Take(), Given{"k=older"});
  // In the middle of that it comes back once more.
  ASSERT_TRUE(watcher_.Move(b.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), Given{"k=newer"});
}

TEST_F(WatchCursorTest, TheSameAfterARestartThatForgotTheMarks) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  auto c = Make("c", 3);
  watcher_.Begin(a.get());
  b->Write(Put("k", "older", At(-20)));
  c->Write(Put("k", "newer", At(-10)));
  ASSERT_TRUE(a->Follow(c.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  ASSERT_TRUE(b->Follow(c.get()).ok());
  b->Reopen();
  b->Write(Put("l", "v"));
  watcher_.Take();
  ASSERT_TRUE(watcher_.Move(b.get()).ok());
  ASSERT_TRUE(watcher_.Read(false, 1).ok());
  ASSERT_TRUE(watcher_.Move(b.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take(), (Given{"k=older", "k=newer", "l=v"}));
  EXPECT_EQ(watcher_.at(), b->Has());
  watcher_.Forget();
}

TEST_F(WatchCursorTest, ItSaysWhenTheLogDoesNotReachBack) {
  auto a = Make("a", 1);
  a->options_.max_log_bytes = 0;
  a->Reopen();
  watcher_.Begin(a.get());
  const VersionVector began = a->Has();
  a->Write(Put("k1", "v"));
  ASSERT_TRUE(watcher_.Read().ok());
  ASSERT_TRUE(a->shard()->Flush().ok());
  a->Write(Put("k2", "v"));
  ASSERT_TRUE(a->shard()->Flush().ok());
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  WatchCursor late(a->feed());
  EXPECT_EQ(late.Seek(began).code(), Code::kTooOld);
  // One that stands there when it happens, and so after a restart.
  a->Write(Put("k3", "v"));
  const VersionVector has = a->Has();
  watcher_.Forget();
  a->Reopen();
  WatchCursor later(a->feed());
  EXPECT_EQ(later.Seek(began).code(), Code::kTooOld);
  EXPECT_TRUE(later.Seek(has).ok());
}

TEST_F(WatchCursorTest, ItSaysSoOfOtherReplicasLogsToo) {
  auto a = Make("a", 1);
  auto b = Make("b", 2);
  b->options_.max_log_bytes = 0;
  b->Reopen();
  const VersionVector began = b->Has();
  a->Write(Put("k1", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  ASSERT_TRUE(b->shard()->Flush().ok());
  a->Write(Put("k2", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  ASSERT_TRUE(b->shard()->Flush().ok());
  ASSERT_TRUE(b->feed()->PurgeLog().ok());
  a->Write(Put("k3", "v"));
  ASSERT_TRUE(b->Follow(a.get()).ok());
  const VersionVector has = b->Has();
  for (int round = 0; round < 2; ++round) {
    WatchCursor late(b->feed());
    EXPECT_EQ(late.Seek(began).code(), Code::kTooOld);
    EXPECT_TRUE(late.Seek(has).ok());
    if (round == 0) b->Reopen();
  }
}

TEST_F(WatchCursorTest, TheLatestLogFilesStayForThoseWhoComeBack) {
  auto a = Make("a", 1);
  a->options_.min_log_bytes = 100'000;
  a->Reopen();
  for (int i = 0; i < 40; ++i) {
    if (i == 32) watcher_.Begin(a.get());
    a->Write(Put("k", std::string(10'000, 'v')));
    ASSERT_TRUE(a->shard()->Flush().ok());
  }
  watcher_.Forget();
  a->feed()->Trim(a->Has());
  ASSERT_TRUE(a->feed()->PurgeLog().ok());
  ASSERT_TRUE(watcher_.Move(a.get()).ok());
  ASSERT_TRUE(watcher_.Read().ok());
  EXPECT_EQ(watcher_.Take().size(), 8u);
  WatchCursor late(a->feed());
  EXPECT_EQ(late.Seek({}).code(), Code::kTooOld);
}

// Whatever happens to the replicas, and wherever a watcher goes meanwhile, it is given every key
// that changed, and last of each what they keep.
class WatchHistoryTest : public WatchCursorTest {
 protected:
  WatchHistoryTest() {
    for (uint64_t i = 0; i < 3; ++i) replicas_.push_back(Make("r" + std::to_string(i), i + 1));
    watcher_.Begin(replicas_[0].get());
    at_ = replicas_[0].get();
  }
  Replica* Any() { return replicas_[random_->Below(3)].get(); }
  EventTime SomeTime() { return random_->Below(2) == 0 ? 0 : At(-int64_t(random_->Below(2000))); }
  void Write(Replica* replica, int number) {
    const std::string key = "k" + std::to_string(random_->Below(8));
    if (random_->Below(4) == 0) {
      replica->Write(Del(key, SomeTime()));
    } else {
      replica->Write(Put(key, "v" + std::to_string(number), SomeTime()));
    }
  }
  void Step(int number) {
    Replica* const replica = Any();
    Replica* const other = Any();
    clock_.Advance(static_cast<int64_t>(random_->Below(1000)));
    switch (random_->Below(8)) {
      case 0:
        if (random_->Below(5) != 0) return;
        if (replica == at_) watcher_.Forget();
        return replica->Reopen();
      case 1:
      case 2:
        if (other != replica) {
          ASSERT_TRUE(replica->FollowAll(other).ok());
        }
        return;
      case 3:
        at_ = replica;
        ASSERT_TRUE(watcher_.Move(replica).ok());
        return;
      case 4:
        if (!watcher_.has_cursor()) {
          ASSERT_TRUE(watcher_.Move(at_).ok());
        }
        ASSERT_TRUE(watcher_.Read(false, random_->Below(100)).ok());
        return;
      default:
        Write(replica, number);
    }
  }
  void Settle() {
    for (int round = 0; round < 2; ++round) {
      for (auto& replica : replicas_) {
        for (auto& source : replicas_) {
          if (source != replica) {
            EXPECT_TRUE(replica->FollowAll(source.get()).ok());
          }
        }
      }
    }
  }

  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<Random> random_;
  Replica* at_ = nullptr;
};

TEST_F(WatchHistoryTest, TheLastChangeOfEachKeyIsWhatTheReplicasKeep) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_ = SeededRandom(seed);
    for (int i = 0; i < 120; ++i) Step(static_cast<int>(seed) * 1000 + i);
    Settle();
    ASSERT_TRUE(watcher_.Move(at_ = Any()).ok());
    ASSERT_TRUE(watcher_.Read().ok());
    for (const auto& [key, value] : watcher_.last()) {
      EXPECT_EQ(replicas_[0]->Get(key), value.empty() ? "NOT_FOUND" : value) << key;
    }
    for (const std::string& row : replicas_[0]->Rows()) {
      const std::string key = row.substr(0, row.find('='));
      EXPECT_TRUE(watcher_.last().contains(key)) << key;
    }
  }
  watcher_.Forget();
}

}  // namespace
}  // namespace vasto::storage
