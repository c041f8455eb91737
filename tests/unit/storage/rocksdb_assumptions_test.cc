// SPDX-License-Identifier: Apache-2.0
// Behaviours of RocksDB, good and bad, that core/storage is built on. When one of these fails after
// an upgrade, look for the code that the comment names.
#include <gtest/gtest.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/perf_context.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

class RocksDbAssumptions : public testing::Test {
 protected:
  RocksDbAssumptions() {
    options_.create_if_missing = true;
    options_.compression = rocksdb::kNoCompression;
  }
  void Open() {
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options_, folder_.path() + "/db", &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(db_->Put({}, KeyOf(i), std::string(100, 'v')).ok());
    }
  }
  std::string Get(const std::string& key) {
    std::string value;
    const rocksdb::Status status = db_->Get({}, key, &value);
    return status.ok() ? value : status.ToString();
  }

  TempFolder folder_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

// Tables whose reads fail with Busy on demand.
class BusyTables final : public rocksdb::FileSystemWrapper {
 public:
  BusyTables() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "BusyTables"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override {
    if (busy) return rocksdb::IOStatus::Busy();
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    auto status = FileSystemWrapper::NewRandomAccessFile(path, options, &file, debug);
    if (status.ok()) *result = std::make_unique<File>(&file, this);
    return status;
  }

  bool busy = false;

 private:
  struct File final : rocksdb::FSRandomAccessFileOwnerWrapper {
    File(std::unique_ptr<rocksdb::FSRandomAccessFile>* file, BusyTables* owner)
        : FSRandomAccessFileOwnerWrapper(std::move(*file)), fs(owner) {}
    rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
      if (fs->busy) return rocksdb::IOStatus::Busy();
      return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
    }
    rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count,
                                const rocksdb::IOOptions& options,
                                rocksdb::IODebugContext* debug) override {
      return FSRandomAccessFile::MultiRead(requests, count, options, debug);
    }
    BusyTables* const fs;
  };
};

// NonBlockingFileSystem: a table read that fails with Busy is the result of the keys that need it
// and of no others, with Get and MultiGet, and nothing remembers it: not the caches, not the
// database.
TEST_F(RocksDbAssumptions, ABusyReadConcernsOnlyItsKeys) {
  const auto fs = std::make_shared<BusyTables>();
  const auto env = rocksdb::NewCompositeEnv(fs);
  options_.env = env.get();
  Open();
  Fill(50'000);
  ASSERT_TRUE(db_->Flush({}).ok());
  db_.reset();
  Open();
  const std::string keys[] = {KeyOf(100), KeyOf(40'000)};
  const rocksdb::Slice slices[] = {keys[0], keys[1]};
  rocksdb::PinnableSlice values[2];
  rocksdb::Status statuses[2];
  const auto multi_get = [&] {
    for (auto& value : values) value.Reset();
    db_->MultiGet({}, db_->DefaultColumnFamily(), 2, slices, values, statuses, true);
  };
  rocksdb::PinnableSlice value;
  fs->busy = true;
  EXPECT_TRUE(db_->Get({}, db_->DefaultColumnFamily(), slices[0], &value).IsBusy());
  multi_get();
  EXPECT_TRUE(statuses[0].IsBusy()) << statuses[0].ToString();
  EXPECT_TRUE(statuses[1].IsBusy()) << statuses[1].ToString();

  fs->busy = false;
  EXPECT_TRUE(db_->Get({}, db_->DefaultColumnFamily(), slices[0], &value).ok());
  fs->busy = true;  // and the first key's block is in the cache
  EXPECT_TRUE(db_->Get({}, db_->DefaultColumnFamily(), slices[0], &value).ok());
  multi_get();
  EXPECT_TRUE(statuses[0].ok()) << statuses[0].ToString();
  EXPECT_TRUE(statuses[1].IsBusy()) << statuses[1].ToString();

  fs->busy = false;
  multi_get();
  EXPECT_TRUE(statuses[0].ok() && statuses[1].ok());
  EXPECT_TRUE(db_->Put({}, keys[0], "new").ok());
  db_.reset();  // before the environment
}

// Sequencer::WriteBatch: in a stall, a write with no_slowdown fails at once and leaves no trace, so
// the same batch can be written later.
TEST_F(RocksDbAssumptions, ARefusedWriteOfAStallLeavesNoTrace) {
  options_.write_buffer_size = 64 << 10;
  options_.max_write_buffer_number = 2;
  Open();
  ASSERT_TRUE(db_->PauseBackgroundWork().ok());
  rocksdb::WriteOptions no_slowdown;
  no_slowdown.no_slowdown = true;
  rocksdb::Status status;
  int written = 0;
  rocksdb::WriteBatch batch;
  for (; written < 10'000; ++written) {
    batch.Clear();
    ASSERT_TRUE(batch.Put(KeyOf(written), std::string(1000, 'v')).ok());
    status = db_->Write(no_slowdown, &batch);
    if (!status.ok()) break;
  }
  ASSERT_TRUE(status.IsIncomplete()) << status.ToString();
  const rocksdb::SequenceNumber sequence = db_->GetLatestSequenceNumber();
  EXPECT_EQ(sequence, static_cast<uint64_t>(written));
  EXPECT_EQ(Get(KeyOf(written)), "NotFound: ");
  ASSERT_TRUE(db_->ContinueBackgroundWork().ok());
  ASSERT_TRUE(db_->Write({}, &batch).ok());
  EXPECT_EQ(Get(KeyOf(written)), std::string(1000, 'v'));
  db_.reset();
  Open();
  EXPECT_EQ(Get(KeyOf(written)), std::string(1000, 'v'));
  EXPECT_EQ(db_->GetLatestSequenceNumber(), sequence + 1);
}

// BatchBuilder: of two puts of one key in a batch the later one counts; SliceParts give the same
// bytes as one slice.
TEST_F(RocksDbAssumptions, TheLastPutOfABatchCounts) {
  Open();
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put("k", "first").ok());
  const rocksdb::Slice key[] = {"", "k"};
  const rocksdb::Slice value[] = {"sec", "", "ond"};
  ASSERT_TRUE(batch.Put(rocksdb::SliceParts(key, 2), rocksdb::SliceParts(value, 3)).ok());
  EXPECT_EQ(batch.Count(), 2u);
  ASSERT_TRUE(db_->Write({}, &batch).ok());
  EXPECT_EQ(Get("k"), "second");
}

// compaction_filter.h, invariant 3.
TEST_F(RocksDbAssumptions, WhatAFilterRemovesDoesNotUncoverOlderVersions) {
  class DropGone final : public rocksdb::CompactionFilter {
   public:
    bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
                bool*) const override {
      return value == "gone";
    }
    const char* Name() const override { return "DropGone"; }
  };
  const DropGone filter;
  options_.compaction_filter = &filter;
  options_.disable_auto_compactions = true;
  Open();
  ASSERT_TRUE(db_->Put({}, "k", "old").ok());
  ASSERT_TRUE(db_->Flush({}).ok());
  rocksdb::CompactRangeOptions to_bottom;
  to_bottom.change_level = true;
  to_bottom.target_level = 3;
  ASSERT_TRUE(db_->CompactRange(to_bottom, nullptr, nullptr).ok());
  ASSERT_TRUE(db_->Put({}, "k", "gone").ok());
  ASSERT_TRUE(db_->Flush({}).ok());
  std::vector<std::string> files;
  std::vector<rocksdb::LiveFileMetaData> live;
  db_->GetLiveFilesMetaData(&live);
  for (const auto& file : live) {
    if (file.level == 0) files.push_back(file.name);
  }
  // Into the level above the old version, not through it.
  ASSERT_TRUE(db_->CompactFiles({}, files, 1).ok());
  EXPECT_EQ(Get("k"), "NotFound: ");
}

// ReadValue: a PinnableSlice keeps its bytes when it moves, whether pinned or its own.
TEST_F(RocksDbAssumptions, APinnableSliceMovesWithItsBytes) {
  Open();
  ASSERT_TRUE(db_->Put({}, "flushed", std::string(50, 'f')).ok());
  ASSERT_TRUE(db_->Flush({}).ok());
  ASSERT_TRUE(db_->Put({}, "short", "s").ok());
  ASSERT_TRUE(db_->Put({}, "long", std::string(50, 'l')).ok());
  for (const std::string key : {"flushed", "short", "long"}) {
    rocksdb::PinnableSlice value;
    ASSERT_TRUE(db_->Get({}, db_->DefaultColumnFamily(), key, &value).ok());
    EXPECT_EQ(value.IsPinned(), key == "flushed");
    const std::string want = value.ToString();
    rocksdb::PinnableSlice moved;
    moved = std::move(value);
    EXPECT_EQ(moved.ToString(), want);
    rocksdb::PinnableSlice again(std::move(moved));
    EXPECT_EQ(again.ToString(), want);
  }
}

// LogFileSystem: a flush begins a new log, and what was in the old one's memtable needs no log.
TEST_F(RocksDbAssumptions, AFlushBeginsANewLog) {
  Open();
  const auto log_number = [this] {
    std::unique_ptr<rocksdb::LogFile> log;
    EXPECT_TRUE(db_->GetCurrentWalFile(&log).ok());
    return log->LogNumber();
  };
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  const uint64_t before = log_number();
  ASSERT_TRUE(db_->Flush({}).ok());
  EXPECT_GT(log_number(), before);
  const uint64_t after = log_number();
  ASSERT_TRUE(db_->Flush({}).ok());
  EXPECT_EQ(log_number(), after) << "nothing to flush";
}

// Sequencer::Sync runs while other threads write.
TEST_F(RocksDbAssumptions, SyncWalRunsBesideWrites) {
  Open();
  std::thread writer([this] { Fill(5000); });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(db_->SyncWAL().ok());
  writer.join();
  EXPECT_EQ(db_->GetLatestSequenceNumber(), 5000u);
}

// options.cc
TEST_F(RocksDbAssumptions, TheLibraryHasTheCompressorsThatAreAskedFor) {
  const auto supported = rocksdb::GetSupportedCompressions();
  for (const auto type : {rocksdb::kLZ4Compression, rocksdb::kZSTD}) {
    EXPECT_NE(std::find(supported.begin(), supported.end(), type), supported.end());
  }
}

// ScanOnePage: a damaged block ends an iteration with a status, not with a wrong row; and the upper
// bound is not read.
TEST_F(RocksDbAssumptions, AnIteratorStopsBeforeItsUpperBound) {
  Open();
  Fill(100);
  const std::string bound = KeyOf(50);
  const rocksdb::Slice upper(bound);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read));
  int rows = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
  EXPECT_TRUE(it->status().ok());
  EXPECT_EQ(rows, 50);
}

}  // namespace
}  // namespace vasto::storage
