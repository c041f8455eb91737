// SPDX-License-Identifier: Apache-2.0
// Damaged files and full disks: what is hit fails with a clear reason, the rest goes on.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/storage/engine.h"
#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kKeys = 20'000;

class DamageTest : public ShardTest {
 protected:
  void Fill() {
    Open();
    auto random = SeededRandom(5);
    std::vector<TestWrite> writes;
    for (int i = 0; i < kKeys; ++i) {
      std::string value = std::to_string(i) + ":";
      for (int j = 0; j < 12; ++j) PutFixed<uint64_t>(&value, random->Next());
      writes.push_back(Put(KeyOf(i), value));
    }
    Apply(shard_.get(), &writes);
    ASSERT_TRUE(shard_->Flush().ok());
    ASSERT_TRUE(shard_->Compact().ok());
    ASSERT_TRUE(shard_->Close().ok());
    shard_.reset();
    engine_.reset();
  }
  // Turns one byte in the middle of the largest table.
  void DamageTable() {
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/db")) {
      if (entry.path().extension() != ".sst") continue;
      if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
    }
    std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(fs::file_size(largest) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(middle);
    file.put(byte);
  }
};

TEST_F(DamageTest, OnlyReadsThatHitADamagedBlockFail) {
  Fill();
  DamageTable();
  Open();
  int good = 0;
  int bad = 0;
  for (int i = 0; i < kKeys; ++i) {
    const OwnedValue value = Read(*shard_, KeyOf(i));
    if (value.status.ok()) {
      ASSERT_TRUE(value.payload.starts_with(std::to_string(i) + ":"));
      ++good;
    } else {
      ASSERT_TRUE(value.status.Is(Code::kCorruption)) << value.status.ToString();
      ++bad;
    }
  }
  EXPECT_GT(bad, 0);
  EXPECT_LT(bad, 200);
  EXPECT_EQ(good + bad, kKeys);
  // In a group the others are answered too.
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; i += 20) keys.push_back(KeyOf(i));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<ReadValue> out(keys.size());
  shard_->MultiGet(views.data(), views.size(), false, out.data());
  size_t failed = 0;
  for (const ReadValue& value : out) failed += value.status.Is(Code::kCorruption) ? 1 : 0;
  EXPECT_GT(failed, 0u);
  EXPECT_LT(failed, 10u);
  EXPECT_TRUE(Apply(shard_.get(), Put("new", "v")).status.ok());
}

TEST_F(DamageTest, AScanGivesTheRowsBeforeTheDamageThenFails) {
  Fill();
  DamageTable();
  Open();
  ScanRange range;
  std::string resume;
  size_t rows = 0;
  Status status;
  for (;;) {
    auto page = shard_->Scan(range);
    status = page.status();
    if (!page.ok()) break;
    rows += page->row_count;
    ASSERT_TRUE(page->more) << "the scan passed over the damage";
    resume = page->resume_key;
    range.start = resume;
  }
  EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
  EXPECT_GT(rows, static_cast<size_t>(kKeys / 10));
  EXPECT_LT(rows, static_cast<size_t>(kKeys));
}

TEST_F(DamageTest, ACompactionThatHitsItStopsWritesWithAReason) {
  Fill();
  DamageTable();
  Open();
  EXPECT_TRUE(shard_->Compact().Is(Code::kCorruption));
  const Status health = shard_->Health();
  EXPECT_TRUE(health.Is(Code::kCorruption)) << health.ToString();
  EXPECT_NE(health.message().find("a compaction"), std::string::npos) << health.ToString();
  EXPECT_TRUE(Apply(shard_.get(), Put("new", "v")).status.Is(Code::kCorruption));
  EXPECT_TRUE(Read(*shard_, KeyOf(0)).status.ok());
}

TEST_F(DamageTest, ADamagedRecordFailsAloneAndIsHealedByAWrite) {
  Fill();
  {
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, options_.dir + "/db", &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    std::string record;
    ASSERT_TRUE(db->Get({}, "\x01" + KeyOf(7), &record).ok());
    record[30] = static_cast<char>(record[30] ^ 1);
    ASSERT_TRUE(db->Put({}, "\x01" + KeyOf(7), record).ok());
    ASSERT_TRUE(db->Close().ok());
  }
  Open();
  const OwnedValue value = Read(*shard_, KeyOf(7));
  EXPECT_TRUE(value.status.Is(Code::kCorruption));
  EXPECT_NE(value.status.message().find(KeyOf(7)), std::string::npos);
  EXPECT_EQ(Get(*shard_, KeyOf(6)).substr(0, 2), "6:");
  auto page = shard_->Scan({});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->row_count, 7u);
  EXPECT_EQ(page->resume_key, KeyOf(7));
  EXPECT_TRUE(shard_->Scan({.start = KeyOf(7)}).status().Is(Code::kCorruption));
  // A write that must compare itself with it cannot be decided; a newer one replaces it.
  EXPECT_TRUE(Apply(shard_.get(), Touch(KeyOf(7), 10)).status.Is(Code::kCorruption));
  EXPECT_TRUE(Apply(shard_.get(), Put(KeyOf(7), "healed")).status.ok());
  EXPECT_EQ(Get(*shard_, KeyOf(7)), "healed");
}

// A small file system of its own.
class FullDiskTest : public ShardTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts a small tmpfs";
    disk_ = folder_.path() + "/disk";
    fs::create_directory(disk_);
    if (::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=64m") != 0) {
      GTEST_SKIP() << "cannot mount a tmpfs here";
    }
    mounted_ = true;
    options_.dir = disk_ + "/shard";
    options_.logger = &logger_;
    engine_options_.write_buffer_bytes = 4 << 20;
    engine_ = std::make_shared<Engine>(engine_options_, env_.get());
  }
  void TearDown() override {
    shard_.reset();
    engine_.reset();
    if (mounted_) {
      EXPECT_EQ(::umount(disk_.c_str()), 0);
    }
  }
  // Leaves this many bytes free.
  void FillDisk(uint64_t leave_bytes) {
    std::ofstream ballast(disk_ + "/ballast", std::ios::binary);
    const std::string chunk(4096, 'b');
    while (fs::space(disk_).available > leave_bytes && ballast.write(chunk.data(), 4096).flush()) {
    }
  }
  void FreeDisk() { fs::remove(disk_ + "/ballast"); }
  // Writes until the disk is full; the acknowledged ones are in acked_.
  Status WriteUntilFull() {
    for (int i = 0; i < 200'000; ++i) {
      const std::string key = "k" + std::to_string(next_++);
      const std::string value = key + std::string(1000, 'v');
      const Status status = Apply(shard_.get(), Put(key, value)).status;
      if (!status.ok()) return status;
      acked_[key] = value;
    }
    return {};
  }
  void ExpectAllAcked(const Shard& shard) {
    size_t lost = 0;
    for (const auto& [key, value] : acked_) lost += Get(shard, key) == value ? 0 : 1;
    EXPECT_EQ(lost, 0u) << "of " << acked_.size();
  }
  void AwaitHealthy() { ASSERT_TRUE(log_.AwaitHealthy(*shard_)) << shard_->Health().ToString(); }

  HealthLog log_;
  const Logger logger_{&log_};
  const std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
  std::string disk_;
  bool mounted_ = false;
  int next_ = 0;
  std::map<std::string, std::string> acked_;
};

TEST_F(FullDiskTest, WritesStopReadsGoOnAndAllIsWellWhenThereIsSpaceAgain) {
  Open();
  // The log runs full first, or a flush does, depending on what is left.
  for (const uint64_t leave_bytes : {300'000u, 1'500'000u, 4'000'000u}) {
    FillDisk(leave_bytes);
    const Status full = WriteUntilFull();
    EXPECT_TRUE(full.Is(Code::kNoSpace)) << full.ToString();
    EXPECT_TRUE(shard_->Health().Is(Code::kNoSpace)) << shard_->Health().ToString();
    EXPECT_TRUE(Apply(shard_.get(), Put("refused", "v")).status.Is(Code::kNoSpace));
    ExpectAllAcked(*shard_);
    FreeDisk();
    AwaitHealthy();
    ExpectAllAcked(*shard_);
    for (int i = 0; i < 100; ++i) {
      const std::string key = "after" + std::to_string(next_++);
      ASSERT_TRUE(Apply(shard_.get(), Put(key, "v")).status.ok());
      acked_[key] = "v";
    }
    // What a kill at this moment would leave.
    const std::string copy = folder_.path() + "/copy" + std::to_string(leave_bytes);
    fs_->Copy(options_.dir, copy);
    ShardOptions options = options_;
    options.dir = copy;
    auto copied = Shard::Open(engine_, options);
    ASSERT_TRUE(copied.ok()) << copied.status().ToString();
    ExpectAllAcked(**copied);
  }
  Reopen();
  ExpectAllAcked(*shard_);
}

TEST_F(FullDiskTest, ALogThatCouldNotBeCreatedIsCreatedWhenItIsNeeded) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("before", "v")).status.ok());
  fs_->SetLogs(FaultyFileSystem::Logs::kNoFile);
  ASSERT_TRUE(shard_->Flush().ok());  // and a sync of the folder, before the log is in it
  fs_->SetLogs(FaultyFileSystem::Logs::kWork);
  const int syncs = fs_->folder_syncs();
  ASSERT_TRUE(Apply(shard_.get(), Put("after", "v")).status.ok());
  EXPECT_GT(fs_->folder_syncs(), syncs);
  Reopen();
  EXPECT_EQ(Get(*shard_, "before"), "v");
  EXPECT_EQ(Get(*shard_, "after"), "v");
}

TEST_F(FullDiskTest, WritesResumeWhenTheLogCanBeCreatedAgain) {
  Open();
  ASSERT_TRUE(Apply(shard_.get(), Put("before", "v")).status.ok());
  fs_->SetLogs(FaultyFileSystem::Logs::kNoFile);
  ASSERT_TRUE(shard_->Flush().ok());
  EXPECT_TRUE(Apply(shard_.get(), Put("refused", "v")).status.Is(Code::kNoSpace));
  EXPECT_TRUE(shard_->Health().Is(Code::kNoSpace)) << shard_->Health().ToString();
  EXPECT_EQ(Get(*shard_, "before"), "v");
  fs_->SetLogs(FaultyFileSystem::Logs::kWork);
  AwaitHealthy();
  ASSERT_TRUE(Apply(shard_.get(), Put("after", "v")).status.ok());
  Reopen();
  EXPECT_EQ(Get(*shard_, "before"), "v");
  EXPECT_EQ(Get(*shard_, "after"), "v");
}

TEST_F(FullDiskTest, ARestartOnAFullDiskKeepsWhatWasAcknowledged) {
  Open();
  FillDisk(1'000'000);
  EXPECT_TRUE(WriteUntilFull().Is(Code::kNoSpace));
  shard_->Close().IgnoreError();
  shard_.reset();
  const Status full = TryOpen();
  EXPECT_TRUE(full.ok() || full.Is(Code::kNoSpace)) << full.ToString();
  shard_.reset();
  FreeDisk();
  Open();
  ExpectAllAcked(*shard_);
  EXPECT_TRUE(Apply(shard_.get(), Put("after", "v")).status.ok());
}

TEST_F(ShardTest, ACompactionEndsWhenItsShardIsAboutToClose) {
  const auto files = std::make_shared<FaultyFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(files);
  engine_ = std::make_shared<Engine>(engine_options_, env.get());
  Open();
  for (const char* value : {"1", "2"}) {
    ASSERT_TRUE(Apply(shard_.get(), Put("a", value)).status.ok());
    ASSERT_TRUE(shard_->Flush().ok());
  }
  files->OnNewTable([this] { shard_->CancelCompaction(); });
  const Status running = shard_->Compact();
  EXPECT_TRUE(running.Is(Code::kCancelled)) << running.ToString();
  EXPECT_TRUE(shard_->Compact().Is(Code::kCancelled));
  EXPECT_EQ(Get(*shard_, "a"), "2");
  EXPECT_TRUE(Apply(shard_.get(), Put("b", "v")).status.ok());
  shard_.reset();
  engine_.reset();
}

}  // namespace
}  // namespace vasto::storage
