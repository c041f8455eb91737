// SPDX-License-Identifier: Apache-2.0
#include "core/storage/engine.h"

#include <gtest/gtest.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

std::unique_ptr<rocksdb::DB> OpenRaw(Engine* engine, const std::string& path) {
  rocksdb::Options options = engine->MakeDbOptions();
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return std::unique_ptr<rocksdb::DB>(db);
}

// What a database really runs with, after RocksDB has adjusted what it was asked for.
TEST(Engine, EffectiveOptions) {
  TempFolder folder;
  Engine engine{EngineOptions{}};
  const auto db = OpenRaw(&engine, folder.path());
  const rocksdb::Options o = db->GetOptions();
  EXPECT_TRUE(CheckOptions(o).ok());
  EXPECT_EQ(o.max_write_buffer_number, 2);
  EXPECT_EQ(o.write_buffer_size, 32u << 20);
  EXPECT_EQ(o.arena_block_size, 128u << 10);
  EXPECT_TRUE(o.memtable_whole_key_filtering);
  EXPECT_EQ(o.memtable_prefix_bloom_size_ratio, 0.01);
  EXPECT_EQ(o.wal_bytes_per_sync, 1u << 20);
  EXPECT_EQ(o.recycle_log_file_num, 0u);
  EXPECT_EQ(o.compression_per_level[0], rocksdb::kNoCompression);
  EXPECT_EQ(o.compression_per_level[1], rocksdb::kLZ4Compression);
  EXPECT_EQ(o.compression_per_level[2], rocksdb::kZSTD);
  EXPECT_EQ(o.bottommost_compression, rocksdb::kDisableCompressionOption);
  EXPECT_TRUE(o.level_compaction_dynamic_level_bytes);
  EXPECT_TRUE(o.avoid_unnecessary_blocking_io);
  EXPECT_EQ(o.stats_dump_period_sec, 0u);
  EXPECT_EQ(o.max_open_files, 512);
  const auto* table = o.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->checksum, rocksdb::kXXH3);
  EXPECT_TRUE(table->whole_key_filtering);
  EXPECT_TRUE(table->cache_index_and_filter_blocks);
  EXPECT_TRUE(table->pin_l0_filter_and_index_blocks_in_cache);
  EXPECT_NE(std::string(table->filter_policy->Name()).find("bloomfilter"), std::string::npos);
  EXPECT_NE(table->block_cache, nullptr);
}

// The level that L0 goes into is LZ4 while it is the only one; what lies below others is ZSTD.
TEST(Engine, TheLowestOfSeveralLevelsIsCompressedBest) {
  TempFolder folder;
  Engine engine{EngineOptions{}};
  const auto db = OpenRaw(&engine, folder.path());
  ASSERT_TRUE(db->SetOptions({{"max_bytes_for_level_base", "5000"}}).ok());
  const auto compression_after_writes = [&] {
    for (int i = 0; i < 10'000; ++i) {
      EXPECT_TRUE(db->Put({}, std::to_string(i), std::string(100, 'v')).ok());
    }
    EXPECT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
    rocksdb::TablePropertiesCollection tables;
    EXPECT_TRUE(db->GetPropertiesOfAllTables(&tables).ok());
    EXPECT_EQ(tables.size(), 1u);
    return tables.empty() ? "" : tables.begin()->second->compression_name;
  };
  EXPECT_EQ(compression_after_writes(), "LZ4");
  EXPECT_EQ(compression_after_writes(), "ZSTD");
}

TEST(Engine, RefusesOptionsThatAreBrokenHere) {
  using Change = std::function<void(rocksdb::Options*)>;
  const std::vector<Change> changes = {
      [](rocksdb::Options* o) { o->two_write_queues = true; },
      [](rocksdb::Options* o) { o->unordered_write = true; },
      [](rocksdb::Options* o) { o->enable_pipelined_write = true; },
      [](rocksdb::Options* o) { o->wal_compression = rocksdb::kZSTD; },
      [](rocksdb::Options* o) { o->manual_wal_flush = true; },
      [](rocksdb::Options* o) { o->track_and_verify_wals_in_manifest = true; },
      [](rocksdb::Options* o) { o->allow_ingest_behind = true; },
      [](rocksdb::Options* o) { o->max_write_buffer_number = 3; },
      [](rocksdb::Options* o) { o->recycle_log_file_num = 1; },
      [](rocksdb::Options* o) { o->inplace_update_support = true; },
      [](rocksdb::Options* o) { o->paranoid_checks = false; }};
  const rocksdb::Options good = Engine(EngineOptions{}).MakeDbOptions();
  EXPECT_TRUE(CheckOptions(good).ok());
  for (size_t i = 0; i < changes.size(); ++i) {
    rocksdb::Options bad = good;
    changes[i](&bad);
    const Status status = CheckOptions(bad);
    EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << i;
    EXPECT_NE(status.message().find("RocksDB option"), std::string::npos);
  }
}

TEST(Engine, RefusesNonsense) {
  EXPECT_FALSE(NewEngine({.write_buffer_bytes = 1000}).ok());
  EXPECT_FALSE(NewEngine({.background_threads = 0}).ok());
  EXPECT_FALSE(NewEngine({.max_open_files = 0}).ok());
  EXPECT_TRUE(NewEngine({.background_bytes_per_second = 1 << 20}).ok());
}

// Databases of an engine, none of which is a shard's.
class EngineWithDatabases {
 public:
  explicit EngineWithDatabases(const EngineOptions& options) : engine(options) {}
  ~EngineWithDatabases() { DetachAll(); }

  void OpenUpTo(size_t count) {
    while (dbs.size() < count) {
      dbs.push_back(OpenRaw(&engine, folder_.path() + "/" + std::to_string(dbs.size())));
      ASSERT_TRUE(engine.Attach(dbs.back().get(), &health_).ok());
      ++attached_;
    }
  }
  void DetachAll() {
    while (attached_ > 0) engine.Detach(dbs[--attached_].get());
  }
  uint64_t BlockCacheBytes() const {
    uint64_t bytes = 0;
    EXPECT_TRUE(dbs.front()->GetIntProperty(rocksdb::DB::Properties::kBlockCacheCapacity, &bytes));
    return bytes;
  }

 private:
  TempFolder folder_;
  ShardHealth health_{"all", Logger::Null()};
  size_t attached_ = 0;

 public:
  Engine engine;
  std::vector<std::unique_ptr<rocksdb::DB>> dbs;
};

TEST(Engine, DividesItsBudgetsAmongItsShards) {
  EngineWithDatabases all{EngineOptions{.write_buffer_bytes = 32 << 20, .max_open_files = 800}};
  const auto expect_each = [&](int files, size_t write_buffer_mb) {
    for (const auto& db : all.dbs) {
      EXPECT_EQ(db->GetDBOptions().max_open_files, files);
      EXPECT_EQ(db->GetOptions().write_buffer_size, write_buffer_mb << 20);
      EXPECT_EQ(db->GetOptions().arena_block_size, write_buffer_mb << 12);
    }
  };
  all.OpenUpTo(8);
  expect_each(100, 16);
  all.OpenUpTo(9);
  expect_each(50, 16);
  all.OpenUpTo(17);
  expect_each(32, 8);
}

TEST(Engine, TakesWhatShardsCostFromTheCaches) {
  constexpr uint64_t kMiB = 1 << 20;
  EngineWithDatabases all{EngineOptions{.block_cache_bytes = 2 * kMiB}};
  all.OpenUpTo(1);
  const uint64_t with_one = all.BlockCacheBytes();
  EXPECT_LT(with_one, 2 * kMiB);
  EXPECT_GT(with_one, 2 * kMiB - kMiB / 8);
  all.OpenUpTo(9);
  EXPECT_LT(all.BlockCacheBytes(), with_one - kMiB / 2);
  all.OpenUpTo(20);
  EXPECT_EQ(all.BlockCacheBytes(), kMiB / 2) << "a quarter is left, however many";
  all.DetachAll();
  EXPECT_EQ(all.BlockCacheBytes(), 2 * kMiB);
}

TEST(Engine, TakesItFromRecordsAsFromBlocks) {
  constexpr uint64_t kMiB = 1 << 20;
  EngineWithDatabases all{EngineOptions{.block_cache_bytes = 64 * kMiB}};
  all.OpenUpTo(1);
  EXPECT_EQ(all.BlockCacheBytes(), 32 * kMiB) << "the first steps are large";
  all.OpenUpTo(43);
  EXPECT_EQ(all.BlockCacheBytes(), 30 * kMiB);
}

TEST(Engine, AnEmptyMemtableIsSmallWhenThereAreMany) {
  EngineWithDatabases all{EngineOptions{.write_buffer_bytes = 1 << 20}};
  all.OpenUpTo(20);  // the first ones may have more
  const auto& buffers = *all.engine.write_buffers()->manager();
  const size_t before = buffers.mutable_memtable_memory_usage();
  all.OpenUpTo(30);
  const size_t each = (buffers.mutable_memtable_memory_usage() - before) / 10;
  EXPECT_LE(each, WriteBuffers::kEmptyBytes);
  EXPECT_GT(each, WriteBuffers::kEmptyBytes / 2);
}

size_t ThreadCount() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

size_t OpenFileCount() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

class ManyShardsTest : public ShardTest {};

TEST_F(ManyShardsTest, ManyShardsAreCheap) {
  constexpr int kShards = 40;
  std::vector<std::unique_ptr<Shard>> shards;
  auto engine = NewEngine({});
  size_t threads_of_first = 0;
  size_t files_of_first = 0;
  for (int i = 0; i < kShards; ++i) {
    options_.dir = folder_.path() + "/" + std::to_string(i);
    options_.shard = i;
    auto shard = Shard::Open(*engine, options_);
    ASSERT_TRUE(shard.ok()) << shard.status().ToString();
    shards.push_back(std::move(*shard));
    ASSERT_TRUE(Apply(shards.back().get(), Put("k", std::to_string(i))).status.ok());
    if (i == 0) {
      threads_of_first = ThreadCount();
      files_of_first = OpenFileCount();
    }
  }
  EXPECT_EQ(ThreadCount(), threads_of_first);
  EXPECT_LE(OpenFileCount() - files_of_first, static_cast<size_t>(kShards) * 8);
  uint64_t memory = 0;
  for (int i = 0; i < kShards; ++i) {
    const auto& shard = shards[static_cast<size_t>(i)];
    EXPECT_EQ(Get(*shard, "k"), std::to_string(i));
    memory += shard->Stats().memory_bytes;
  }
  EXPECT_LE(memory, EngineOptions{}.write_buffer_bytes / 10);
}

}  // namespace
}  // namespace vasto::storage
