// SPDX-License-Identifier: Apache-2.0
// Reads that may only look into memory, on a database whose blocks are on disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

constexpr int kKeys = 50'000;

std::string Key(int i) {
  char text[32];
  std::snprintf(text, sizeof(text), "key:%012d", i);
  return text;
}

class ColdCacheTest : public ShardTest {
 protected:
  void Fill() {
    Open();
    for (int i = 0; i < kKeys; i += 1000) {
      std::vector<TestWrite> writes;
      for (int j = i; j < i + 1000; ++j) writes.push_back(Put(Key(j), std::string(100, 'v')));
      Apply(shard_.get(), &writes);
    }
    ASSERT_TRUE(shard_->Flush().ok());
  }
  void Reopen() {
    ASSERT_TRUE(shard_->Close().ok());
    shard_.reset();
    engine_.reset();
    Open();
  }
  // Neither the block cache nor the operating system has a block of the tables any more.
  void FillAndReopenCold() {
    Fill();
    ASSERT_TRUE(shard_->Close().ok());
    shard_.reset();
    engine_.reset();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".sst") ForgetPages(entry.path().string());
    }
    Open();
    // Opening the tables reads their ends; so do a get's first steps.
    Get(*shard_, Key(0));
  }
  static void ForgetPages(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(fsync(fd), 0);
    ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
  }
};

// What must not wait says so, or has the right answer: never "not found" for a key that is there.
TEST_F(ColdCacheTest, EveryKeyIsThereOrNotInMemory) {
  FillAndReopenCold();
  int in_memory = 0;
  for (int i = 0; i < kKeys; ++i) {
    const OwnedValue value = Read(*shard_, Key(i), /*may_wait=*/false);
    if (value.status.Is(Code::kBusy)) {
      ASSERT_EQ(Get(*shard_, Key(i)), std::string(100, 'v'));
      continue;
    }
    ASSERT_TRUE(value.status.ok()) << value.status.ToString();
    ++in_memory;
  }
  EXPECT_GT(in_memory, kKeys / 2) << "what was read from disk stays in memory";
  EXPECT_LT(in_memory, kKeys) << "nothing was cold";
}

// What the operating system still has needs no other thread, although the block cache is empty.
TEST_F(ColdCacheTest, ThePageCacheIsMemoryToo) {
  Fill();
  Reopen();
  Get(*shard_, Key(0));  // the table itself is opened by a thread that may wait
  for (int i = 0; i < kKeys; i += 100) {
    const OwnedValue value = Read(*shard_, Key(i), /*may_wait=*/false);
    ASSERT_TRUE(value.status.ok()) << i << " " << value.status.ToString();
  }
}

TEST_F(ColdCacheTest, AGroupTellsWhichKeysNeedTheDisk) {
  FillAndReopenCold();
  EXPECT_EQ(Get(*shard_, Key(1000)), std::string(100, 'v'));
  EXPECT_EQ(Get(*shard_, Key(1001)), std::string(100, 'v'));
  // One from the middle: what is read of a table's ends may bring much around it into memory.
  const std::string keys[] = {Key(1001), Key(kKeys / 2), Key(1000), "absent"};
  const std::string_view views[] = {keys[0], keys[1], keys[2], keys[3]};
  ReadValue values[4];
  shard_->MultiGet(views, 4, /*may_wait=*/false, values);
  EXPECT_TRUE(values[0].status.ok());
  EXPECT_TRUE(values[1].status.Is(Code::kBusy)) << values[1].status.ToString();
  EXPECT_TRUE(values[2].status.ok());
  EXPECT_EQ(values[2].record.payload, std::string(100, 'v'));
  shard_->MultiGet(views, 4, /*may_wait=*/true, values);
  EXPECT_EQ(values[1].record.payload, std::string(100, 'v'));
  EXPECT_TRUE(values[3].status.Is(Code::kNotFound));
}

// A write that must look at what is stored waits for the disk instead of taking it for absent.
TEST_F(ColdCacheTest, AConditionSeesWhatIsOnDisk) {
  FillAndReopenCold();
  for (int i = 0; i < kKeys; i += 7) {
    TestWrite w = Put(Key(i), "second");
    w.condition = Condition::kIfAbsent;
    ASSERT_TRUE(Apply(shard_.get(), std::move(w)).status.Is(Code::kAlreadyExists)) << Key(i);
  }
}

}  // namespace
}  // namespace vasto::storage
