// SPDX-License-Identifier: Apache-2.0
#include "core/storage/write_buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/storage/engine.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class SharedBuffersTest : public ShardTest {
 protected:
  void OpenShards(int count) {
    auto engine = NewEngine(engine_options_);
    ASSERT_TRUE(engine.ok());
    engine_ = *engine;
    for (int i = 0; i < count; ++i) {
      options_.dir = folder_.path() + "/" + std::to_string(i);
      options_.shard = i;
      auto shard = Shard::Open(engine_, options_);
      ASSERT_TRUE(shard.ok()) << shard.status().ToString();
      shards_.push_back(std::move(*shard));
    }
  }
  // 20 records of 1000 bytes with new keys, as one list.
  void Write20(Shard* shard) {
    std::vector<TestWrite> writes;
    for (int i = 0; i < 20; ++i) {
      writes.push_back(Put(std::to_string(written_++), std::string(1000, 'v')));
    }
    Apply(shard, &writes);
    for (const TestWrite& w : writes) ASSERT_TRUE(w.outcome.status.ok());
  }
  size_t filling() { return engine_->write_buffers()->manager()->mutable_memtable_memory_usage(); }
  size_t in_use() { return engine_->write_buffers()->manager()->memory_usage(); }

  std::vector<std::unique_ptr<Shard>> shards_;
  int written_ = 0;
};

TEST_F(SharedBuffersTest, WhatAnIdleShardHoldsIsFlushedForABusyOne) {
  engine_options_.write_buffer_bytes = 8 << 20;
  OpenShards(2);
  Shard* const idle = shards_[0].get();
  Shard* const busy = shards_[1].get();
  for (int i = 0; i < 150; ++i) Write20(idle);
  const uint64_t full = 2 << 20;
  ASSERT_GT(idle->Stats().memory_bytes, full);
  for (int i = 0; i < 150; ++i) Write20(busy);
  EXPECT_TRUE(Eventually([&] {
    Write20(busy);
    return idle->Stats().memory_bytes < full;
  }));
  EXPECT_EQ(Get(*idle, "0"), std::string(1000, 'v'));
}

TEST_F(SharedBuffersTest, OnlyTheFullestIsFlushedWhenThatIsEnough) {
  engine_options_.write_buffer_bytes = 8 << 20;
  OpenShards(2);
  Shard* const fuller = shards_[0].get();
  Shard* const other = shards_[1].get();
  for (int i = 0; i < 90; ++i) Write20(other);
  const uint64_t before = other->Stats().memory_bytes;
  // Only until a flush has begun: what came while it runs would have to be made room for by the
  // other.
  size_t filled = 0;
  EXPECT_TRUE(Eventually([&] {
    filled = filling();
    Write20(fuller);
    return filling() < filled;
  }));
  EXPECT_GT(filled, 2 * before);
  EXPECT_TRUE(Eventually([&] { return fuller->Stats().memory_bytes < before; }));
  EXPECT_EQ(other->Stats().memory_bytes, before);
}

TEST_F(SharedBuffersTest, MemoryStaysWithinTheBudgetWhateverTheNumberOfShards) {
  engine_options_.write_buffer_bytes = 6 << 20;
  OpenShards(30);
  size_t most = 0;
  for (int i = 0; i < 50; ++i) {
    for (const auto& shard : shards_) {
      Write20(shard.get());
      most = std::max(most, in_use());
    }
  }
  EXPECT_LE(most, engine_options_.write_buffer_bytes + (1 << 20));
}

// Databases that are used directly, so that their flushes can be held up.
class WriteBuffersTest : public testing::Test {
 protected:
  static constexpr size_t kBudget = 1 << 20;

  WriteBuffersTest() : buffers_(kBudget), health_("test", Logger::Null()) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.write_buffer_size = 64 << 20;
    options.write_buffer_manager = buffers_.manager();
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, folder_.path() + "/db", &db).ok());
    db_.reset(db);
    buffers_.Attach(db, &health_);
  }
  ~WriteBuffersTest() override { buffers_.Detach(db_.get()); }

  void FillUp() {
    for (int i = 0; buffers_.manager()->memory_usage() < kBudget; ++i) {
      ASSERT_TRUE(db_->Put({}, std::to_string(i), std::string(10'000, 'v')).ok());
    }
  }

  TempFolder folder_;
  WriteBuffers buffers_;
  ShardHealth health_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(WriteBuffersTest, AWriterWaitsUntilFlushesMadeRoom) {
  EXPECT_TRUE(buffers_.HasRoom());
  ASSERT_TRUE(db_->PauseBackgroundWork().ok());
  FillUp();
  EXPECT_FALSE(buffers_.HasRoom());
  ASSERT_TRUE(Eventually([&] {
    uint64_t pending = 0;
    return db_->GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &pending) &&
           pending == 1;
  }));
  EXPECT_FALSE(buffers_.HasRoom());
  ASSERT_TRUE(db_->ContinueBackgroundWork().ok());
  EXPECT_TRUE(Eventually([&] {
    buffers_.WaitForRoom();
    return buffers_.HasRoom();
  }));
}

TEST_F(WriteBuffersTest, NobodyWaitsForWhatCannotBeFlushed) {
  health_.Fail(Status::IoError("broken"), "the test");
  FillUp();
  EXPECT_FALSE(buffers_.HasRoom());
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kWaits = 30;
  for (int i = 0; i < kWaits; ++i) buffers_.WaitForRoom();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(kWaits) / 2);
  EXPECT_FALSE(buffers_.HasRoom());
}

TEST_F(WriteBuffersTest, ADatabaseThatLeftIsNotFlushed) {
  buffers_.Detach(db_.get());
  FillUp();
  EXPECT_FALSE(buffers_.HasRoom());
  buffers_.WaitForRoom();
  EXPECT_FALSE(buffers_.HasRoom());
}

}  // namespace
}  // namespace vasto::storage
