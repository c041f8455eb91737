// SPDX-License-Identifier: Apache-2.0
#include "core/storage/sequencer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/storage/engine.h"
#include "core/storage/feed.h"
#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

// A write that deletes itself and counts.
struct OwnWrite final : Write {
  void Done() override {
    if (!outcome.status.ok()) ++*failed;
    Latch* const done = latch;
    delete this;
    done->CountDown();
  }
  Latch* latch = nullptr;
  std::atomic<int>* failed = nullptr;
};

class SequencerTest : public ShardTest {
 protected:
  SequencerTest() : fault_env_(rocksdb::NewCompositeEnv(fault_fs_)) {}
  ~SequencerTest() override {
    shard_.reset();
    engine_.reset();
  }
  void OpenFaulty() {
    engine_ = std::make_shared<Engine>(engine_options_, fault_env_.get());
    Open();
  }

  std::shared_ptr<FaultyFileSystem> fault_fs_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> fault_env_;
};

void SubmitMany(Shard* shard, int thread, int count) {
  Latch latch(count);
  std::atomic<int> failed{0};
  for (int i = 0; i < count;) {
    Write* list = nullptr;
    for (int n = 0; n < 1 + i % 5 && i < count; ++n, ++i) {
      auto* w = new OwnWrite();
      w->latch = &latch;
      w->failed = &failed;
      w->key = "t" + std::to_string(thread) + "/" + std::to_string(i);
      w->payload = std::to_string(i);
      w->next = list;
      list = w;
    }
    shard->Submit(list);
  }
  latch.Wait();
  EXPECT_EQ(failed, 0);
}

void RunSubmitters(Shard* shard, int threads, int count) {
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([shard, t, count] { SubmitMany(shard, t, count); });
  }
  for (std::thread& thread : running) thread.join();
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < count; i += 97) {
      ASSERT_EQ(Get(*shard, "t" + std::to_string(t) + "/" + std::to_string(i)), std::to_string(i));
    }
  }
  EXPECT_EQ(ScanAll(*shard, {.keys_only = true}).size(), static_cast<size_t>(threads * count));
}

TEST_F(SequencerTest, EightSubmitters) {
  Open();
  RunSubmitters(shard_.get(), 8, 4000);
}

TEST_F(SequencerTest, EightSubmittersWithSyncAlways) {
  options_.durability = Durability::kAlways;
  OpenFaulty();
  const int before = fault_fs_->log_syncs();
  RunSubmitters(shard_.get(), 8, 300);
  // Writes that arrive together share a sync.
  EXPECT_GT(fault_fs_->log_syncs(), before);
  EXPECT_LT(fault_fs_->log_syncs() - before, 8 * 300);
}

TEST_F(SequencerTest, WritesOfOneThreadKeepTheirOrder) {
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      EventTime last = 0;
      for (int i = 0; i < 500; ++i) {
        std::vector<TestWrite> writes;
        writes.push_back(Put("k" + std::to_string(t), "first"));
        writes.push_back(Put("k" + std::to_string(t), std::to_string(i)));
        Apply(shard_.get(), &writes);
        ASSERT_GT(writes[0].outcome.event_time, last);
        ASSERT_GT(writes[1].outcome.event_time, writes[0].outcome.event_time);
        last = writes[1].outcome.event_time;
        ASSERT_EQ(Get(*shard_, "k" + std::to_string(t)), std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Of all that take a lock with "if absent", one wins; of all that increment with "if version", none
// is lost.
TEST_F(SequencerTest, ConditionsAreDecidedOneAfterTheOther) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("counter", "0")).status.ok());
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, &winners] {
      TestWrite lock = Put("lock", "mine");
      lock.condition = Condition::kIfAbsent;
      if (Apply(shard_.get(), std::move(lock)).status.ok()) ++winners;
      for (int done = 0; done < 100;) {
        const OwnedValue now = Read(*shard_, "counter");
        TestWrite next = Put("counter", std::to_string(std::stoi(now.payload) + 1));
        next.condition = Condition::kIfVersion;
        next.if_version = now.event_time;
        const Status status = Apply(shard_.get(), std::move(next)).status;
        if (status.ok()) ++done;
        ASSERT_TRUE(status.ok() || status.Is(Code::kStaleWrite)) << status.ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(Get(*shard_, "counter"), "800");
}

TestWrite Control(WriteKind kind) {
  TestWrite write;
  write.kind = kind;
  return write;
}

TEST_F(SequencerTest, AFenceKeepsOutWhatComesBehindIt) {
  Open();
  std::vector<TestWrite> writes;
  writes.push_back(Put("before", "1"));
  writes.push_back(Control(WriteKind::kFence));
  writes.push_back(Put("behind", "1"));
  writes.push_back(Del("before"));
  Apply(shard_.get(), &writes);
  EXPECT_TRUE(writes[0].outcome.status.ok());
  EXPECT_TRUE(writes[1].outcome.status.ok());
  EXPECT_TRUE(writes[2].outcome.status.Is(Code::kUnavailable));
  EXPECT_TRUE(writes[3].outcome.status.Is(Code::kUnavailable));
  EXPECT_TRUE(Apply(shard_.get(), Put("later", "1")).status.Is(Code::kUnavailable));
  EXPECT_EQ(ScanAll(*shard_, {}), std::vector<std::string>{"before=1"});
  EXPECT_TRUE(Apply(shard_.get(), Control(WriteKind::kUnfence)).status.ok());
  EXPECT_TRUE(Apply(shard_.get(), Put("later", "2")).status.ok());
  EXPECT_EQ(Get(*shard_, "later"), "2");
}

// What every thread was told before the fence is there, and nothing came in behind it.
TEST_F(SequencerTest, AFenceComesBetweenTheWritesOfManyThreads) {
  Open();
  std::vector<std::atomic<int>> done(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1;; ++i) {
        const Status status =
            Apply(shard_.get(), Put("t" + std::to_string(t), std::to_string(i))).status;
        if (!status.ok()) break;
        done[t] = i;
      }
    });
  }
  while (std::any_of(done.begin(), done.end(), [](const auto& n) { return n < 50; })) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(Apply(shard_.get(), Control(WriteKind::kFence)).status.ok());
  std::vector<std::string> held = ScanAll(*shard_, {});
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ScanAll(*shard_, {}), held);
  for (size_t t = 0; t < 4; ++t) {
    EXPECT_EQ(held[t], "t" + std::to_string(t) + "=" + std::to_string(done[t]));
  }
}

TEST_F(SequencerTest, CloseCompletesWhatIsQueued) {
  options_.durability = Durability::kAlways;
  Open();
  constexpr int kCount = 500;
  Latch latch(kCount);
  std::atomic<int> failed{0};
  for (int i = 0; i < kCount; ++i) {
    auto* w = new OwnWrite();
    w->latch = &latch;
    w->failed = &failed;
    w->key = std::to_string(i);
    shard_->Submit(w);
  }
  ASSERT_TRUE(shard_->Close().ok());
  latch.Wait();
  EXPECT_EQ(failed, 0);
  shard_.reset();
  Open();
  EXPECT_EQ(ScanAll(*shard_, {}).size(), static_cast<size_t>(kCount));
}

TEST_F(SequencerTest, AStoppedPoolOnlyMakesItSlower) {
  options_.durability = Durability::kAlways;
  Open();
  pool_.Stop();
  EXPECT_TRUE(Apply(shard_.get(), Put("k", "v")).status.ok());
  EXPECT_EQ(Get(*shard_, "k"), "v");
  EXPECT_TRUE(shard_->Close().ok());
}

// While RocksDB makes writers wait, submitters return at once, the queue fills up to its limit, and
// all goes on when the pause ends.
TEST_F(SequencerTest, AStallMovesToThePoolAndFillsTheQueue) {
  engine_options_.write_buffer_bytes = 2 << 20;
  Engine engine(engine_options_);
  rocksdb::Options options = engine.MakeDbOptions();
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, folder_.path() + "/plain", &raw).ok());
  const std::unique_ptr<rocksdb::DB> db(raw);
  ShardHealth health("test", Logger::Null());
  options_.max_queued_bytes = 1 << 20;
  const GcFloors floors(nullptr);
  const std::atomic<EventTime> agreed{0};
  Feed feed(db.get(), &health, engine.feed_budget(), {.followed = false});
  ASSERT_TRUE(feed.Open(options_.random, 0).ok());
  Sequencer sequencer(db.get(), engine.record_cache()->NewOwner(), options_, 0, &floors, &feed,
                      &agreed, &health, &engine);

  ASSERT_TRUE(db->PauseBackgroundWork().ok());
  constexpr int kCount = 2000;
  Latch latch(kCount);
  std::vector<TestWrite> writes(kCount);
  for (int i = 0; i < kCount; ++i) {
    TestWrite& w = writes[static_cast<size_t>(i)];
    w.latch = &latch;
    w.key = std::to_string(i);
    w.payload.assign(4000, 'v');
    sequencer.Submit(&w);
  }
  ASSERT_TRUE(db->ContinueBackgroundWork().ok());
  latch.Wait();
  sequencer.Close();
  size_t written = 0;
  size_t refused = 0;
  for (const TestWrite& w : writes) {
    std::string stored;
    const bool there = db->Get(rocksdb::ReadOptions(), "\x01" + w.key, &stored).ok();
    EXPECT_EQ(there, w.outcome.status.ok());
    written += w.outcome.status.ok() ? 1 : 0;
    refused += w.outcome.status.Is(Code::kBusy) ? 1 : 0;
  }
  EXPECT_GE(written, 500u);
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(written + refused, static_cast<size_t>(kCount));
}

TEST_F(SequencerTest, SyncsWithinTheInterval) {
  options_.durability = Durability::kInterval;
  options_.sync_interval_us = 2'000;
  OpenFaulty();
  const int before = fault_fs_->log_syncs();
  ASSERT_TRUE(Apply(shard_.get(), Put("k", "v")).status.ok());
  const int64_t start = SystemClock()->MonotonicMicros();
  while (fault_fs_->log_syncs() == before) {
    ASSERT_LT(SystemClock()->MonotonicMicros() - start, 10'000'000);
    std::this_thread::yield();
  }
}

TEST_F(SequencerTest, AFailedLogWriteStopsWritesAndKeepsReads) {
  OpenFaulty();
  ASSERT_TRUE(Apply(shard_.get(), Put("before", "v")).status.ok());
  fault_fs_->SetLogs(FaultyFileSystem::Logs::kFail);
  EXPECT_TRUE(Apply(shard_.get(), Put("during", "v")).status.Is(Code::kIoError));
  fault_fs_->SetLogs(FaultyFileSystem::Logs::kWork);
  const WriteOutcome after = Apply(shard_.get(), Put("after", "v"));
  EXPECT_TRUE(after.status.Is(Code::kIoError)) << after.status.ToString();
  EXPECT_NE(after.status.message().find("takes no writes"), std::string::npos);
  EXPECT_EQ(shard_->Health().ToString(), after.status.ToString());
  EXPECT_EQ(Get(*shard_, "before"), "v");
  shard_->Close().IgnoreError();
  shard_.reset();
  Open();
  EXPECT_TRUE(shard_->Health().ok());
  EXPECT_EQ(Get(*shard_, "before"), "v");
  EXPECT_EQ(Get(*shard_, "during"), "NOT_FOUND");
  EXPECT_TRUE(Apply(shard_.get(), Put("after", "v")).status.ok());
}

// A log that fails with its first record, with nothing in the memtable that would begin another.
TEST_F(SequencerTest, AFullLogIsLeftBehindWhenThereIsSpace) {
  for (const Durability durability :
       {Durability::kNone, Durability::kInterval, Durability::kAlways}) {
    options_.durability = durability;
    options_.sync_interval_us = 1'000;
    options_.dir = folder_.path() + "/" + std::to_string(static_cast<int>(durability));
    OpenFaulty();
    ASSERT_TRUE(Apply(shard_.get(), Put("before", "v")).status.ok());
    ASSERT_TRUE(shard_->Flush().ok());
    fault_fs_->SetLogs(FaultyFileSystem::Logs::kFull);
    EXPECT_TRUE(Apply(shard_.get(), Put("during", "v")).status.Is(Code::kNoSpace));
    EXPECT_TRUE(shard_->Health().Is(Code::kNoSpace));
    EXPECT_TRUE(Apply(shard_.get(), Put("refused", "v")).status.Is(Code::kNoSpace));
    fault_fs_->SetLogs(FaultyFileSystem::Logs::kWork);
    WriteOutcome after;
    do {
      after = Apply(shard_.get(), Put("after", "v"));
    } while (after.status.Is(Code::kNoSpace));
    EXPECT_TRUE(after.status.ok()) << after.status.ToString();
    ASSERT_TRUE(Apply(shard_.get(), Put("later", "v")).status.ok());
    Reopen();
    EXPECT_EQ(Get(*shard_, "before"), "v");
    EXPECT_EQ(Get(*shard_, "refused"), "NOT_FOUND");
    EXPECT_EQ(Get(*shard_, "after"), "v");
    EXPECT_EQ(Get(*shard_, "later"), "v");
    shard_.reset();
  }
}

}  // namespace
}  // namespace vasto::storage
