// SPDX-License-Identifier: Apache-2.0
#include "core/base/file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace vasto {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    char pattern[] = "/tmp/vasto-file-test-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~FileTest() override { fs_->RemoveTree(folder_).IgnoreError(); }
  std::string In(const std::string& name) const { return folder_ + "/" + name; }

  FileSystem* const fs_ = PosixFileSystem();
  std::string folder_;
};

TEST_F(FileTest, WritesReadsReplacesAndRemoves) {
  EXPECT_EQ(fs_->Read(In("a")).status().code(), Code::kNotFound);
  const std::string binary("\0\xff\n", 3);
  ASSERT_TRUE(fs_->WriteAtomically(In("a"), binary).ok());
  EXPECT_EQ(*fs_->Read(In("a")), binary);
  ASSERT_TRUE(fs_->WriteAtomically(In("a"), "").ok());
  EXPECT_EQ(*fs_->Read(In("a")), "");
  EXPECT_EQ(*fs_->List(folder_), std::vector<std::string>{"a"});
  EXPECT_TRUE(fs_->Remove(In("a")).ok());
  EXPECT_EQ(fs_->Remove(In("a")).code(), Code::kNotFound);
}

TEST_F(FileTest, ALeftoverOfACrashIsOverwritten) {
  ASSERT_TRUE(fs_->WriteAtomically(In("a.tmp"), std::string(10'000, 'x')).ok());
  ASSERT_TRUE(fs_->WriteAtomically(In("a"), "new").ok());
  EXPECT_EQ(*fs_->Read(In("a")), "new");
}

TEST_F(FileTest, FoldersAreMadeListedAndRemoved) {
  ASSERT_TRUE(fs_->MakeFolder(In("x/y/z")).ok());
  ASSERT_TRUE(fs_->MakeFolder(In("x/y/z")).ok());
  ASSERT_TRUE(fs_->WriteAtomically(In("x/y/b"), "").ok());
  ASSERT_TRUE(fs_->WriteAtomically(In("x/y/a"), "").ok());
  EXPECT_EQ(*fs_->List(In("x/y")), (std::vector<std::string>{"a", "b", "z"}));
  ASSERT_TRUE(fs_->Rename(In("x/y/a"), In("x/c")).ok());
  EXPECT_EQ(*fs_->List(In("x")), (std::vector<std::string>{"c", "y"}));
  EXPECT_TRUE(fs_->RemoveTree(In("x")).ok());
  EXPECT_TRUE(fs_->RemoveTree(In("x")).ok());
  EXPECT_TRUE(fs_->List(folder_)->empty());
}

TEST_F(FileTest, AFolderIsLockedOnce) {
  auto lock = fs_->Lock(folder_);
  ASSERT_TRUE(lock.ok()) << lock.status().ToString();
  EXPECT_EQ(fs_->Lock(folder_).status().code(), Code::kBusy);
  lock->reset();
  EXPECT_TRUE(fs_->Lock(folder_).ok());
}

TEST_F(FileTest, ALockIsSeenByOtherProcessesAndDiesWithItsOwner) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = fs_->Lock(folder_);
    const char result = lock.ok() ? '1' : '0';
    if (write(ready[1], &result, 1) == 1) pause();
    _exit(0);
  }
  char result = 0;
  ASSERT_EQ(read(ready[0], &result, 1), 1);
  EXPECT_EQ(result, '1');
  EXPECT_EQ(fs_->Lock(folder_).status().code(), Code::kBusy);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs_->Lock(folder_).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FileTest, ErrorsNameThePath) {
  const Status status = fs_->WriteAtomically(In("no/such/folder"), "x");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("no/such/folder"), std::string::npos) << status.message();
  EXPECT_FALSE(fs_->MakeFolder("/proc/vasto").ok());
}

TEST_F(FileTest, UsageIsOfThisDisk) {
  auto usage = fs_->Usage(folder_);
  ASSERT_TRUE(usage.ok());
  EXPECT_GT(usage->capacity_bytes, 0u);
  EXPECT_LE(usage->free_bytes, usage->capacity_bytes);
}

}  // namespace
}  // namespace vasto
