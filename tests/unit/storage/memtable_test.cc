// SPDX-License-Identifier: Apache-2.0
#include "core/storage/memtable.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

struct Snapshots {
  const rocksdb::Snapshot* ours;
  const rocksdb::Snapshot* model;
};

// A database with our memtable, and one with RocksDB's own as the model.
class MemtableTest : public testing::Test {
 protected:
  MemtableTest() {
    options_.create_if_missing = true;
    options_.write_buffer_size = 64 << 20;
    db_ = Open("model");
    std::swap(db_, model_);
    options_.memtable_factory = NewMemtableFactory();
    options_.allow_concurrent_memtable_write = false;
    options_.memtable_whole_key_filtering = true;
    options_.memtable_prefix_bloom_size_ratio = 0.01;
    db_ = Open("db");
  }

  std::unique_ptr<rocksdb::DB> Open(const std::string& name) {
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options_, folder_.path() + "/" + name, &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return std::unique_ptr<rocksdb::DB>(db);
  }
  void Write(rocksdb::WriteBatch batch) {
    rocksdb::WriteBatch copy = batch;
    ASSERT_TRUE(db_->Write({}, &batch).ok());
    ASSERT_TRUE(model_->Write({}, &copy).ok());
  }
  void Put(const std::string& key, const std::string& value) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(key, value).ok());
    Write(std::move(batch));
  }
  static std::string Get(rocksdb::DB* db, const std::string& key,
                         const rocksdb::Snapshot* snapshot = nullptr) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    std::string value;
    const rocksdb::Status status = db->Get(options, key, &value);
    return status.ok() ? value : "(" + status.ToString() + ")";
  }
  static Rows Forward(rocksdb::Iterator* it) {
    Rows rows;
    for (; it->Valid(); it->Next()) {
      rows.emplace_back(it->key().ToString(), it->value().ToString());
    }
    EXPECT_TRUE(it->status().ok());
    return rows;
  }
  static Rows Backward(rocksdb::Iterator* it) {
    Rows rows;
    for (; it->Valid(); it->Prev()) {
      rows.emplace_back(it->key().ToString(), it->value().ToString());
    }
    EXPECT_TRUE(it->status().ok());
    return rows;
  }
  static Rows Scan(rocksdb::DB* db, const rocksdb::Snapshot* snapshot, const std::string& from,
                   bool forward) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(options));
    if (forward) {
      it->Seek(from);
      return Forward(it.get());
    }
    it->SeekForPrev(from);
    return Backward(it.get());
  }
  void ExpectSame(const std::vector<std::string>& keys, const Snapshots& at) {
    for (const std::string& key : keys) {
      ASSERT_EQ(Get(db_.get(), key, at.ours), Get(model_.get(), key, at.model)) << key;
    }
  }

  TempFolder folder_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_, model_;
};

TEST_F(MemtableTest, EqualsASkipListAtEverySnapshot) {
  std::mt19937 random(42);
  // Keys that are prefixes of one another, with zero bytes, of no and of many bytes.
  std::vector<std::string> keys = {
      "",     "a",        std::string("a\0", 2),    std::string("a\0\0", 3),       "b",
      "\xff", "\xff\xff", std::string(70'000, 'x'), std::string(70'000, 'x') + "y"};
  for (int i = 0; i < 300; ++i) keys.push_back(KeyOf(i));
  const auto key = [&]() -> const std::string& { return keys[random() % keys.size()]; };
  std::vector<Snapshots> snapshots = {{nullptr, nullptr}};
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 40; ++i) {
      rocksdb::WriteBatch batch;
      for (size_t n = random() % 4 + 1; n > 0; --n) {
        if (random() % 4 == 0) {
          ASSERT_TRUE(batch.Delete(key()).ok());
        } else {
          ASSERT_TRUE(batch.Put(key(), std::to_string(random())).ok());
        }
      }
      Write(std::move(batch));
    }
    if (round % 10 == 3) snapshots.push_back({db_->GetSnapshot(), model_->GetSnapshot()});
    if (round == 45) {
      ASSERT_TRUE(db_->Flush({}).ok());
      ASSERT_TRUE(model_->Flush({}).ok());
    }
    const Snapshots& at = snapshots[random() % snapshots.size()];
    ExpectSame(keys, at);
    if (round % 3 != 0) continue;  // so that reads find much that is in no order yet
    const std::string& from = key();
    const bool forward = random() % 2 == 0;
    ASSERT_EQ(Scan(db_.get(), at.ours, from, forward), Scan(model_.get(), at.model, from, forward));
  }
  for (const Snapshots& at : snapshots) {
    ASSERT_EQ(Scan(db_.get(), at.ours, "", true), Scan(model_.get(), at.model, "", true));
    if (at.ours == nullptr) continue;
    db_->ReleaseSnapshot(at.ours);
    model_->ReleaseSnapshot(at.model);
  }
}

TEST_F(MemtableTest, AnIteratorHasWhatWasWrittenBeforeIt) {
  Put("b", "1");
  const std::unique_ptr<rocksdb::Iterator> before(db_->NewIterator({}));
  Put("a", "2");
  Put("c", "3");
  before->SeekToFirst();
  EXPECT_EQ(Forward(before.get()), (Rows{{"b", "1"}}));
  const std::unique_ptr<rocksdb::Iterator> after(db_->NewIterator({}));
  after->SeekToFirst();
  EXPECT_EQ(Forward(after.get()), (Rows{{"a", "2"}, {"b", "1"}, {"c", "3"}}));
  before->SeekToLast();
  EXPECT_EQ(Backward(before.get()), (Rows{{"b", "1"}}));
}

TEST_F(MemtableTest, TheNewestOfManyVersionsIsFound) {
  constexpr int kVersions = 20'000;
  for (int i = 0; i < kVersions; ++i) {
    ASSERT_TRUE(db_->Put({}, "hot", std::to_string(i)).ok());
  }
  for (int i = 0; i < kVersions; ++i) {
    ASSERT_EQ(Get(db_.get(), "hot"), std::to_string(kVersions - 1));
  }
}

TEST_F(MemtableTest, WhatWasNeverPutInOrderSurvivesAFlushAndARestart) {
  for (int i = 0; i < 3000; ++i) Put(KeyOf(i * 7919 % 3000), std::to_string(i));
  ASSERT_TRUE(db_->Flush({}).ok());
  for (int i = 0; i < 3000; ++i) Put(KeyOf(i * 7907 % 3000 + 1500), std::to_string(-i));
  db_.reset();  // without a flush: the rest comes from the log
  options_.avoid_flush_during_recovery = true;
  db_ = Open("db");
  ASSERT_EQ(Scan(db_.get(), nullptr, "", true), Scan(model_.get(), nullptr, "", true));
  EXPECT_EQ(Scan(db_.get(), nullptr, "", true).size(), 4500u);
}

TEST_F(MemtableTest, MultiGetFindsWhatIsInNoOrder) {
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    keys.push_back(KeyOf(i));
    if (i % 2 == 0) Put(keys.back(), std::to_string(i));
  }
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<std::string> values;
  const std::vector<rocksdb::Status> statuses = db_->MultiGet({}, slices, &values);
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(statuses[i].ok(), i % 2 == 0);
    if (i % 2 == 0) {
      ASSERT_EQ(values[i], std::to_string(i));
    }
  }
}

TEST_F(MemtableTest, ItsMemoryIsCounted) {
  const auto memory = [&] {
    uint64_t bytes = 0;
    EXPECT_TRUE(db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes));
    return bytes;
  };
  const uint64_t empty = memory();
  constexpr uint64_t kRecords = 100'000;
  for (uint64_t i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(db_->Put({}, KeyOf(static_cast<int>(i)), std::string(100, 'v')).ok());
  }
  // Key, value, sequence number and lengths: 119; a version: 24; a place in a table: 8 to 16; a
  // node of the skip list.
  EXPECT_GT(memory() - empty, kRecords * (119 + 24 + 8));
  EXPECT_LT(memory() - empty, kRecords * (119 + 24 + 16 + 32));
}

// Values count upwards, so a lost version shows.
class ConcurrentMemtableTest : public MemtableTest {
 protected:
  static constexpr int kKeys = 500;
  static constexpr int kRounds = 40;

  void Read(unsigned seed) {
    std::mt19937 random(seed);
    while (!done_.load()) {
      const int key = static_cast<int>(random() % kKeys);
      const int writes = ended_.load();
      const int expected = writes / kKeys + (key < writes % kKeys ? 1 : 0);
      const std::string value = Get(db_.get(), KeyOf(key));
      if (expected > 0 && std::atoi(value.c_str()) < expected) ++stale_;
    }
  }
  void ScanAll() {
    while (!done_.load()) {
      const int writes = ended_.load();
      const Rows rows = Scan(db_.get(), nullptr, "", true);
      const bool all = rows.size() >= static_cast<size_t>(std::min(writes, kKeys));
      const bool fresh = std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
        return std::atoi(row.second.c_str()) >= writes / kKeys;
      });
      if (!all || !fresh || !std::is_sorted(rows.begin(), rows.end())) ++stale_;
    }
  }

  std::atomic<int> ended_{0};
  std::atomic<int> stale_{0};
  std::atomic<bool> done_{false};
};

TEST_F(ConcurrentMemtableTest, ReadersAndScannersSeeEveryWriteThatEnded) {
  std::vector<std::thread> threads;
  for (unsigned seed : {1u, 2u}) threads.emplace_back([this, seed] { Read(seed); });
  for (int i = 0; i < 2; ++i) threads.emplace_back([this] { ScanAll(); });
  for (int round = 0; round < kRounds; ++round) {
    for (int key = 0; key < kKeys; ++key) {
      ASSERT_TRUE(db_->Put({}, KeyOf(key), std::to_string(round + 1)).ok());
      ++ended_;
    }
    const rocksdb::Status flushed = round == kRounds / 2 ? db_->Flush({}) : rocksdb::Status::OK();
    ASSERT_TRUE(flushed.ok());
  }
  done_.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stale_, 0);
}

}  // namespace
}  // namespace vasto::storage
