// SPDX-License-Identifier: Apache-2.0
//
// The mount as a whole, over the double: what has to do with time, faults and other clients, which
// a real cluster does not do on demand. The everyday use is tested with a real one (tests/fuse).
#include <dirent.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "tests/unit/fuse/mount_fixture.h"

namespace vasto::fuse {
namespace {

using Clock = std::chrono::steady_clock;

int64_t MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

TEST(PatchInitReplyTest, SetsTheFlagsLibfuseDoesNotKnow) {
  char body[64] = {};
  PatchInitReply(body, sizeof body);
  uint32_t flags = 0;
  std::memcpy(&flags, body + 12, sizeof flags);
  EXPECT_TRUE((flags & (1U << 18)) != 0);
  char old_kernel[24] = {};
  PatchInitReply(old_kernel, sizeof old_kernel);
  std::memcpy(&flags, old_kernel + 12, sizeof flags);
  EXPECT_EQ(flags, 1U << 18);
  char nothing[8] = {};
  PatchInitReply(nothing, sizeof nothing);
  EXPECT_EQ(nothing[4], 0);
}

TEST_F(MountTest, LookupsInOneDirectoryRunInParallel) {
  constexpr int kThreads = 8;
  constexpr int kDelayMs = 100;
  for (int i = 0; i < kThreads; ++i) fake::Put("ks", "key" + std::to_string(i), "x");
  Mount();
  ASSERT_EQ(StatError("key0"), 0);  // whatever is done only once
  fake::SetDelayMs(kDelayMs);
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { EXPECT_EQ(StatError("key" + std::to_string(i)), 0); });
  }
  for (std::thread& thread : threads) thread.join();
  // One after the other they take 800 ms.
  EXPECT_LT(MillisecondsSince(start), kThreads * kDelayMs / 2);
}

TEST_F(MountTest, AShellRedirectionPublishesOnceWithItsData) {
  Mount();
  const int fd = open(Path("new").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ASSERT_GE(fd, 0);
  const int copy = dup(fd);
  close(fd);  // the flush of the shell, before anything is written
  EXPECT_EQ(fake::GetCounts().puts, 0);
  EXPECT_EQ(SizeOf("new"), 0);  // but it exists here
  ASSERT_EQ(write(copy, "hi\n", 3), 3);
  EXPECT_EQ(SizeOf("new"), 3);
  ASSERT_EQ(close(copy), 0);
  EXPECT_EQ(Stored("new"), "hi\n");
  EXPECT_EQ(fake::GetCounts().puts, 1);
}

TEST_F(MountTest, CreationAndTruncationWithoutDataArePublishedAtRelease) {
  fake::Put("ks", "old", "content");
  Mount();
  ASSERT_EQ(WriteFile("new", ""), 0);
  ASSERT_EQ(WriteFile("old", ""), 0);
  EXPECT_EQ(SizeOf("old"), 0);
  EndMount();  // release is not waited for by close
  EXPECT_EQ(Stored("new"), "");
  EXPECT_EQ(Stored("old"), "");
}

TEST_F(MountTest, FsyncPublishes) {
  Mount();
  const int fd = open(Path("f").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(write(fd, "a", 1), 1);
  ASSERT_EQ(fsync(fd), 0);
  EXPECT_EQ(Stored("f"), "a");
  ASSERT_EQ(write(fd, "b", 1), 1);
  EXPECT_EQ(Stored("f"), "a");
  ASSERT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f"), "ab");
}

TEST_F(MountTest, ExclusiveCreationHasOneWinnerClusterWide) {
  Mount();
  fake::Put("ks", "taken", "x");
  EXPECT_EQ(WriteFile("taken", "y", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const int error = WriteFile("lock", std::to_string(i), O_WRONLY | O_CREAT | O_EXCL);
      winners += error == 0;
      EXPECT_TRUE(error == 0 || error == EEXIST) << error;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

TEST_F(MountTest, AnotherClientWinsTheExclusiveCreation) {
  Mount();
  fake::BeforeNextWrite([] { fake::Put("ks", "lock", "theirs"); });
  EXPECT_EQ(WriteFile("lock", "ours", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
  EXPECT_EQ(Stored("lock"), "theirs");
}

TEST_F(MountTest, AppendedLinesOfSeveralHostsAreAllKept) {
  fake::Put("ks", "log", "one\n");
  Mount();
  fake::BeforeNextWrite([] { fake::Put("ks", "log", "one\ntheirs\n"); });
  EXPECT_EQ(WriteFile("log", "ours\n", O_WRONLY | O_APPEND), 0);
  EXPECT_EQ(Stored("log"), "one\ntheirs\nours\n");
  // Also if the log did not exist when it was opened.
  fake::BeforeNextWrite([] { fake::Put("ks", "new", "theirs\n"); });
  EXPECT_EQ(WriteFile("new", "ours\n", O_WRONLY | O_CREAT | O_APPEND), 0);
  EXPECT_EQ(Stored("new"), "theirs\nours\n");
}

TEST_F(MountTest, PartialWritesKeepTheRest) {
  fake::Put("ks", "f", "0123456789");
  Mount();
  const int fd = open(Path("f").c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(fd, "xy", 2, 4), 2);
  ASSERT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f"), "0123xy6789");
  ASSERT_EQ(truncate(Path("f").c_str(), 5), 0);
  EXPECT_EQ(Stored("f"), "0123x");
  ASSERT_EQ(truncate(Path("f").c_str(), 7), 0);
  EXPECT_EQ(Stored("f"), std::string("0123x\0\0", 7));
  fake::BeforeNextWrite([] { fake::Put("ks", "f", "changed"); });
  ASSERT_EQ(truncate(Path("f").c_str(), 3), 0);
  EXPECT_EQ(Stored("f"), "cha");
}

TEST_F(MountTest, ConflictsAreSeenOnDemand) {
  fake::Put("ks", "f", "a");
  Mount("conflict=cas");
  const int fd = open(Path("f").c_str(), O_WRONLY | O_TRUNC);
  ASSERT_EQ(write(fd, "mine", 4), 4);
  fake::Put("ks", "f", "theirs");
  EXPECT_EQ(close(fd), -1);
  EXPECT_EQ(errno, ESTALE);
  EXPECT_EQ(Stored("f"), "theirs");
  EXPECT_EQ(ReadFile("f"), "theirs");
  EXPECT_EQ(WriteFile("f", "later"), 0);
  EXPECT_EQ(Stored("f"), "later");
}

TEST_F(MountTest, IfVersionArmsTheNextPublication) {
  fake::Put("ks", "f", "a");
  Mount();
  const std::string version = std::to_string(fake::VersionOf("ks", "f"));
  for (const bool stale : {false, true}) {
    const int fd = open(Path("f").c_str(), O_WRONLY);
    ASSERT_EQ(fsetxattr(fd, "user.vasto.if_version", version.data(), version.size(), 0), 0);
    ASSERT_EQ(write(fd, "b", 1), 1);
    EXPECT_EQ(close(fd), stale ? -1 : 0);
    EXPECT_TRUE(!stale || errno == ESTALE);
  }
}

TEST_F(MountTest, TheLastEventTimeWinsByDefault) {
  fake::Put("ks", "f", "a");
  Mount();
  const int fd = open(Path("f").c_str(), O_WRONLY | O_TRUNC);
  ASSERT_EQ(write(fd, "mine", 4), 4);
  fake::Put("ks", "f", "theirs");
  EXPECT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f"), "mine");
}

TEST_F(MountTest, AFailedPublicationIsReportedByCloseAndDropped) {
  fake::Put("ks", "f", "old");
  Mount();
  fake::FailNext(0, VASTO_OK);
  const int fd = open(Path("f").c_str(), O_WRONLY | O_TRUNC);
  ASSERT_EQ(write(fd, "new", 3), 3);
  fake::FailNext(1, VASTO_NO_SPACE);
  EXPECT_EQ(close(fd), -1);
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_EQ(Stored("f"), "old");
  EXPECT_EQ(ReadFile("f"), "old");
  EXPECT_EQ(fs_->counters().publish_failures, 1U);
}

TEST_F(MountTest, AnUnlinkedFileStaysReadableAndWritableForThoseWhoHaveIt) {
  fake::Put("ks", "f", "content");
  Mount();
  const int reader = open(Path("f").c_str(), O_RDONLY);
  const int writer = open(Path("f").c_str(), O_RDWR);
  ASSERT_EQ(unlink(Path("f").c_str()), 0);
  EXPECT_EQ(Stored("f"), "(absent)");
  EXPECT_EQ(StatError("f"), ENOENT);
  EXPECT_EQ(ReadAll(reader), "content");
  ASSERT_EQ(pwrite(writer, "X", 1, 0), 1);
  EXPECT_EQ(ReadAll(writer), "Xontent");
  ASSERT_EQ(close(writer), 0);
  close(reader);
  EXPECT_EQ(Stored("f"), "(absent)");
  ASSERT_EQ(WriteFile("f", "another"), 0);
  EXPECT_EQ(Stored("f"), "another");
}

TEST_F(MountTest, RenameReplacesAndKeepsOpenFiles) {
  fake::Put("ks", "a", "A");
  fake::Put("ks", "b", "B");
  Mount();
  const int reader = open(Path("b").c_str(), O_RDONLY);
  const int writer = open(Path("a").c_str(), O_WRONLY | O_APPEND);
  ASSERT_EQ(rename(Path("a").c_str(), Path("b").c_str()), 0);
  EXPECT_EQ(Stored("a"), "(absent)");
  EXPECT_EQ(Stored("b"), "A");
  EXPECT_EQ(ReadAll(reader), "B");
  ASSERT_EQ(write(writer, "2", 1), 1);
  ASSERT_EQ(close(writer), 0);
  close(reader);
  EXPECT_EQ(Stored("b"), "A2");
  EXPECT_EQ(Stored("a"), "(absent)");
}

TEST_F(MountTest, RenameWithFlags) {
  fake::Put("ks", "a", "A");
  fake::Put("ks", "b", "B");
  Mount();
  const auto rename2 = [&](const char* from, const char* to, unsigned int flags) {
    return syscall(SYS_renameat2, AT_FDCWD, Path(from).c_str(), AT_FDCWD, Path(to).c_str(),
                   flags) == 0
               ? 0
               : errno;
  };
  EXPECT_EQ(rename2("a", "b", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(rename2("a", "b", RENAME_EXCHANGE), EINVAL);
  EXPECT_EQ(rename2("a", "c", RENAME_NOREPLACE), 0);
  EXPECT_EQ(Stored("c"), "A");
  // Another client creates the target in the last moment.
  fake::BeforeNextWrite([] { fake::Put("ks", "d", "theirs"); });
  EXPECT_EQ(rename2("c", "d", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(Stored("c"), "A");
}

TEST_F(MountTest, RenameCarriesUnpublishedData) {
  Mount();
  const int fd = open(Path("a").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(write(fd, "data", 4), 4);
  ASSERT_EQ(rename(Path("a").c_str(), Path("b").c_str()), 0);
  EXPECT_EQ(Stored("b"), "data");
  ASSERT_EQ(write(fd, "+", 1), 1);
  ASSERT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("b"), "data+");
  EXPECT_EQ(Stored("a"), "(absent)");
}

TEST_F(MountTest, AStandstillOfTheStoreIsAnErrorAfterTheTimeout) {
  fake::Put("ks", "f", "x");
  Mount("timeout=0.3");
  ASSERT_EQ(StatError("f"), 0);
  fake::SetStalled(true);
  const auto start = Clock::now();
  EXPECT_EQ(StatError("f"), ETIMEDOUT);
  EXPECT_EQ(WriteFile("g", "data"), ETIMEDOUT);
  EXPECT_LT(MillisecondsSince(start), 3000);
}

// Runs stat(2) in a thread, sends it SIGUSR1 when the request has reached the double, and returns
// what stat came to.
int StatWithSignal(const std::string& path) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  int error = 0;
  std::atomic<bool> ended{false};
  const int before = fake::GetCounts().stats;
  std::thread caller([&] {
    struct stat attr {};
    error = stat(path.c_str(), &attr) == 0 ? 0 : errno;
    ended = true;
  });
  while (fake::GetCounts().stats == before && !ended) std::this_thread::yield();
  pthread_kill(caller.native_handle(), SIGUSR1);
  caller.join();
  return error;
}

TEST_F(MountTest, ASignalEndsAWaitThatLasts) {
  fake::Put("ks", "f", "x");
  Mount("timeout=60");
  ASSERT_EQ(StatError("f"), 0);
  fake::SetStalled(true);
  const auto start = Clock::now();
  EXPECT_EQ(StatWithSignal(Path("f")), EINTR);
  EXPECT_LT(MillisecondsSince(start), 5000);
  EXPECT_GE(fs_->counters().interrupted, 1U);
}

TEST_F(MountTest, AfterAnInterruptedFsyncTheDataIsStillThere) {
  Mount("timeout=60");
  const int fd = open(Path("f").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(write(fd, "data", 4), 4);
  fake::SetStalled(true);
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  int error = 0;
  std::thread caller([&] { error = fsync(fd) == 0 ? 0 : errno; });
  while (fake::GetCounts().puts == 0) std::this_thread::yield();
  pthread_kill(caller.native_handle(), SIGUSR1);
  caller.join();
  EXPECT_EQ(error, EINTR);
  fake::SetStalled(false);
  ASSERT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f"), "data");
}

TEST_F(MountTest, ASignalDoesNotSpoilAWaitThatEndsSoon) {
  fake::Put("ks", "f", "x");
  Mount();
  ASSERT_EQ(StatError("f"), 0);
  fake::SetDelayMs(20);
  EXPECT_EQ(StatWithSignal(Path("f")), 0);
}

TEST_F(MountTest, HardMountsTryAgainUntilInterrupted) {
  fake::Put("ks", "f", "x");
  Mount("hard,timeout=0.1");
  fake::FailNext(3, VASTO_UNAVAILABLE);
  EXPECT_EQ(StatError("f"), 0);
  fake::SetStalled(true);
  EXPECT_EQ(StatWithSignal(Path("f")), EINTR);
}

TEST_F(MountTest, ReadersGetOneValueAndFollowAGrowingLog) {
  fake::Put("ks", "f", "first value");
  Mount();
  const int fd = open(Path("f").c_str(), O_RDONLY);
  char buffer[64];
  ASSERT_EQ(read(fd, buffer, 6), 6);
  fake::Put("ks", "f", "FIRST VALUE and more");
  struct stat attr {};
  ASSERT_EQ(fstat(fd, &attr), 0);  // what tail -f does
  EXPECT_EQ(attr.st_size, 20);
  EXPECT_EQ(ReadAll(fd), "value and more");  // old to its end, then what came after it
  EXPECT_EQ(pread(fd, buffer, 5, 0), 5);
  EXPECT_EQ(std::string(buffer, 5), "FIRST");
  close(fd);
}

TEST_F(MountTest, ReadersSeeUnpublishedWritesOfThisMount) {
  fake::Put("ks", "f", "old");
  Mount();
  const int writer = open(Path("f").c_str(), O_WRONLY | O_TRUNC);
  ASSERT_EQ(write(writer, "newer", 5), 5);
  EXPECT_EQ(ReadFile("f"), "newer");
  EXPECT_EQ(Stored("f"), "old");
  ASSERT_EQ(close(writer), 0);
}

TEST_F(MountTest, SharedMappings) {
  fake::Put("ks", "f", std::string(10000, 'a'));
  Mount();
  const int reader = open(Path("f").c_str(), O_RDONLY);
  void* const read_map = mmap(nullptr, 10000, PROT_READ, MAP_SHARED, reader, 0);
  ASSERT_NE(read_map, MAP_FAILED) << std::strerror(errno);
  EXPECT_EQ(static_cast<const char*>(read_map)[9999], 'a');
  munmap(read_map, 10000);
  close(reader);
  const int fd = open(Path("f").c_str(), O_RDWR);
  void* const map = mmap(nullptr, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(map, MAP_FAILED) << std::strerror(errno);
  static_cast<char*>(map)[5000] = 'b';
  ASSERT_EQ(msync(map, 10000, MS_SYNC), 0);
  munmap(map, 10000);
  ASSERT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f")[5000], 'b');
  EXPECT_EQ(Stored("f").size(), 10000U);
}

TEST_F(MountTest, ScratchFilesNeverReachTheCluster) {
  Mount();
  ASSERT_EQ(WriteFile(".f.swp", "swap"), 0);
  EXPECT_EQ(ReadFile(".f.swp"), "swap");
  EXPECT_EQ(WriteFile(".f.swp", "x", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
  EXPECT_EQ(fs_->scratch_bytes(), 4U);
  EXPECT_EQ(fake::KeyCount("ks"), 0U);
  // A scratch file that gets a normal name is published; a normal one that gets a scratch name
  // goes.
  ASSERT_EQ(rename(Path(".f.swp").c_str(), Path("f").c_str()), 0);
  EXPECT_EQ(Stored("f"), "swap");
  EXPECT_EQ(fs_->scratch_bytes(), 0U);
  ASSERT_EQ(rename(Path("f").c_str(), Path("f~").c_str()), 0);
  EXPECT_EQ(Stored("f"), "(absent)");
  EXPECT_EQ(ReadFile("f~"), "swap");
  ASSERT_EQ(unlink(Path("f~").c_str()), 0);
  EXPECT_EQ(StatError("f~"), ENOENT);
  EXPECT_EQ(fs_->scratch_bytes(), 0U);
  // The cluster's own key of such a name is there under another one.
  fake::Put("ks", ".f.swp", "a key");
  EXPECT_EQ(StatError(".f.swp"), ENOENT);
  EXPECT_EQ(ReadFile("%2Ef.swp"), "a key");
}

TEST_F(MountTest, ScratchFilesHaveABound) {
  Mount();
  const int fd = open(Path("big~").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(ftruncate(fd, 64 << 20), 0);
  for (int i = 0; i < 3; ++i) {
    const int other = open(Path(std::to_string(i) + "~").c_str(), O_WRONLY | O_CREAT, 0644);
    ASSERT_EQ(ftruncate(other, 64 << 20), 0);
    close(other);
  }
  EXPECT_EQ(WriteFile("more~", "x"), ENOSPC);
  close(fd);
  for (int i = 0; i < 3; ++i) unlink(Path(std::to_string(i) + "~").c_str());
  EXPECT_EQ(WriteFile("more~", "x"), 0);
}

TEST_F(MountTest, ExtendedAttributes) {
  fake::Put("ks", "a/b", "value");
  Mount();
  const std::string path = Path("a%2Fb");
  char buffer[256];
  const auto get = [&](const char* name) {
    const ssize_t size = getxattr(path.c_str(), name, buffer, sizeof buffer);
    return size < 0 ? "errno " + std::to_string(errno)
                    : std::string(buffer, static_cast<size_t>(size));
  };
  EXPECT_EQ(get("user.vasto.version"), std::to_string(fake::VersionOf("ks", "a/b")));
  EXPECT_EQ(get("user.vasto.key"), "a/b");
  EXPECT_EQ(get("user.vasto.encoding"), "percent");
  EXPECT_EQ(get("user.vasto.expires"), "0");
  EXPECT_EQ(get("user.vasto.shard"), "0");
  EXPECT_EQ(get("user.other"), "errno " + std::to_string(ENODATA));
  EXPECT_EQ(get("security.selinux"), "errno " + std::to_string(EOPNOTSUPP));
  EXPECT_EQ(get("system.posix_acl_access"), "errno " + std::to_string(EOPNOTSUPP));
  EXPECT_EQ(listxattr(path.c_str(), buffer, sizeof buffer), 0);
  EXPECT_EQ(getxattr(path.c_str(), "user.vasto.version", nullptr, 0), 19);
  EXPECT_EQ(getxattr(path.c_str(), "user.vasto.version", buffer, 3), -1);
  EXPECT_EQ(errno, ERANGE);
  ASSERT_EQ(setxattr(path.c_str(), "user.vasto.ttl", "100", 3, 0), 0);
  EXPECT_EQ(get("user.vasto.ttl"), "100");
  EXPECT_EQ(ReadFile("a%2Fb"), "value");
  ASSERT_EQ(removexattr(path.c_str(), "user.vasto.ttl"), 0);
  EXPECT_EQ(get("user.vasto.ttl"), "0");
  EXPECT_EQ(setxattr(path.c_str(), "user.vasto.ttl", "soon", 4, 0), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(setxattr(path.c_str(), "user.vasto.version", "1", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(setxattr(path.c_str(), "user.mine", "1", 1, 0), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(MountTest, AppendingKeepsTheExpiry) {
  fake::Put("ks", "f", "a");
  Mount();
  ASSERT_EQ(setxattr(Path("f").c_str(), "user.vasto.ttl", "1000", 4, 0), 0);
  ASSERT_EQ(WriteFile("f", "b", O_WRONLY | O_APPEND), 0);
  char buffer[32] = {};
  ASSERT_GT(getxattr(Path("f").c_str(), "user.vasto.ttl", buffer, sizeof buffer), 0);
  EXPECT_GT(std::stoi(buffer), 900);
}

TEST_F(MountTest, ValuesHaveAMaximum) {
  Mount("max_value=1M");
  const int fd = open(Path("f").c_str(), O_WRONLY | O_CREAT, 0644);
  EXPECT_EQ(pwrite(fd, "x", 1, 1 << 20), -1);
  EXPECT_EQ(errno, EFBIG);
  EXPECT_EQ(pwrite(fd, "x", 1, (1 << 20) - 1), 1);
  EXPECT_EQ(ftruncate(fd, (1 << 20) + 1), -1);
  EXPECT_EQ(errno, EFBIG);
  EXPECT_EQ(close(fd), 0);
  EXPECT_EQ(Stored("f").size(), 1U << 20);
}

TEST_F(MountTest, ModesOwnersAndLinks) {
  fake::Put("ks", "f", "x");
  Mount();
  const std::string path = Path("f");
  EXPECT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(chmod(path.c_str(), 0600), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(chown(path.c_str(), 0, 0), 0);
  EXPECT_EQ(chown(path.c_str(), 1, 0), -1);
  EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), nullptr, 0), 0);
  EXPECT_EQ(link(path.c_str(), Path("l").c_str()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(symlink("f", Path("l").c_str()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(mkdir(Path("d").c_str(), 0755), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(mknod(Path("fifo").c_str(), S_IFIFO | 0644, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(mknod(Path("node").c_str(), S_IFREG | 0644, 0), 0);
  EXPECT_EQ(Stored("node"), "");
  // What rsync does with its temporary files.
  const int fd = open(Path(".f.X").c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  EXPECT_EQ(fchmod(fd, 0600), 0);
  close(fd);
}

TEST_F(MountTest, NamesThatNoKeyCanHave) {
  Mount();
  EXPECT_EQ(StatError("%2f"), ENOENT);
  EXPECT_EQ(WriteFile("%2f", "x"), EINVAL);
  EXPECT_EQ(WriteFile(".vastoX", "x"), EINVAL);
  EXPECT_EQ(WriteFile("%~0123456789abcdef0123456789abcdef", "x"), EINVAL);
  EXPECT_EQ(WriteFile("%", "the empty key"), 0);
  EXPECT_EQ(Stored(""), "the empty key");
}

// The names of a directory in the order of readdir, without the dots.
std::vector<std::string> List(DIR* dir) {
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

TEST_F(MountTest, ListingsAreCompleteAndCanSeek) {
  constexpr int kKeys = 30'000;
  std::set<std::string> expected;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key" + std::to_string(i * 7919 % kKeys);
    fake::Put("ks", key, "x");
    expected.insert(key);
  }
  Mount();
  DIR* const dir = opendir(folder_.c_str());
  ASSERT_NE(dir, nullptr);
  const std::vector<std::string> names = List(dir);
  EXPECT_EQ(names.size(), expected.size());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), expected);
  rewinddir(dir);
  // Far back, after the window has moved on.
  for (int i = 0; i < 102; ++i) ASSERT_NE(readdir(dir), nullptr);
  const long place = telldir(dir);
  const std::string next = readdir(dir)->d_name;
  const size_t rest = List(dir).size();
  seekdir(dir, place);
  EXPECT_EQ(readdir(dir)->d_name, next);
  EXPECT_EQ(List(dir).size(), rest);
  closedir(dir);
}

TEST_F(MountTest, ListingsShowWhatOnlyThisMountHas) {
  fake::Put("ks", "stored", "x");
  Mount();
  const int fd = open(Path("unpublished").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(WriteFile("scratch~", "x"), 0);
  DIR* const dir = opendir(folder_.c_str());
  const std::vector<std::string> names = List(dir);
  EXPECT_EQ(std::multiset<std::string>(names.begin(), names.end()),
            (std::multiset<std::string>{"scratch~", "stored", "unpublished"}));
  closedir(dir);
  close(fd);
}

TEST_F(MountTest, EveryListedNameLeadsToItsKey) {
  const std::vector<std::string> keys = {"",
                                         ".",
                                         "..",
                                         "a/b",
                                         std::string("nul\0", 4),
                                         "\xff\xfe",
                                         "100%",
                                         "line\nend",
                                         " lead",
                                         "é",
                                         ".vasto",
                                         ".a.swp",
                                         "x~",
                                         "4913",
                                         std::string(4095, 'n'),
                                         std::string(5000, 'h'),
                                         std::string(40'000, '\1')};
  for (const std::string& key : keys) fake::Put("ks", key, "of " + std::to_string(key.size()));
  Mount();
  DIR* const dir = opendir(folder_.c_str());
  const std::vector<std::string> names = List(dir);
  EXPECT_EQ(names.size(), keys.size());
  for (const std::string& name : names) {
    // Relative to the directory: the longest name leaves no room for a path.
    const int fd = openat(dirfd(dir), name.c_str(), O_RDONLY);
    ASSERT_GE(fd, 0) << name << ": " << std::strerror(errno);
    EXPECT_EQ(ReadAll(fd).substr(0, 3), "of ") << name;
    close(fd);
    EXPECT_EQ(unlinkat(dirfd(dir), name.c_str(), 0), 0) << name;
  }
  closedir(dir);
  EXPECT_EQ(fake::KeyCount("ks"), 0U);
}

TEST_F(MountTest, ThePrefixOfTheSourceIsTheRoot) {
  fake::Put("ks", "a/1", "one");
  fake::Put("ks", "a/2", "two");
  fake::Put("ks", "b/1", "other");
  Mount("", "m1:/ks/a/");
  DIR* const dir = opendir(folder_.c_str());
  EXPECT_EQ(List(dir), (std::vector<std::string>{"1", "2"}));
  closedir(dir);
  EXPECT_EQ(ReadFile("1"), "one");
  ASSERT_EQ(WriteFile("3", "three"), 0);
  EXPECT_EQ(Stored("a/3"), "three");
}

TEST_F(MountTest, TheRootShowsKeyspaces) {
  fake::CreateKeyspace("other");
  fake::Put("other", "k", "v");
  Mount("", "m1");
  DIR* const dir = opendir(folder_.c_str());
  EXPECT_EQ(List(dir), (std::vector<std::string>{"ks", "other"}));
  closedir(dir);
  EXPECT_EQ(ReadFile("other/k"), "v");
  EXPECT_EQ(StatError("missing"), ENOENT);
  EXPECT_EQ(StatError("missing/k"), ENOENT);
  EXPECT_EQ(mkdir(Path("new").c_str(), 0755), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(rmdir(Path("ks").c_str()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(WriteFile("file", "x"), EPERM);
  EXPECT_EQ(rename(Path("other/k").c_str(), Path("ks/k").c_str()), -1);
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(MountTest, AdministrationOnDemand) {
  fake::Put("ks", "k", "v");
  Mount("admin", "m1");
  ASSERT_EQ(mkdir(Path("new").c_str(), 0755), 0);
  ASSERT_EQ(WriteFile("new/k", "v"), 0);
  EXPECT_EQ(mkdir(Path("new").c_str(), 0755), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(mkdir(Path("bad name").c_str(), 0755), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(rmdir(Path("ks").c_str()), -1);
  EXPECT_EQ(errno, ENOTEMPTY);
  ASSERT_EQ(unlink(Path("ks/k").c_str()), 0);
  ASSERT_EQ(rmdir(Path("ks").c_str()), 0);
  EXPECT_EQ(StatError("ks"), ENOENT);
}

TEST_F(MountTest, AKeyspaceThatWasDeletedAndCreatedAgainIsANewOne) {
  fake::Put("ks", "k", "old");
  Mount();
  EXPECT_EQ(ReadFile("k"), "old");
  fake::DeleteKeyspace("ks");
  EXPECT_EQ(StatError("k"), ENOENT);
  fake::CreateKeyspace("ks");
  fake::Put("ks", "k", "new");
  EXPECT_EQ(ReadFile("k"), "new");
}

TEST_F(MountTest, ControlFiles) {
  Mount();
  EXPECT_EQ(ReadFile(".vasto/version"), "vasto (a double for tests)\n");
  EXPECT_NE(ReadFile(".vasto/status").find("connected: yes\n"), std::string::npos);
  EXPECT_NE(ReadFile(".vasto/config").find("source=m1:/ks\n"), std::string::npos);
  EXPECT_NE(ReadFile(".vasto/ks/ks/info").find("name: ks\n"), std::string::npos);
  EXPECT_EQ(StatError(".vasto/ks/missing"), ENOENT);
  EXPECT_EQ(StatError(".vasto/nothing"), ENOENT);
  EXPECT_EQ(WriteFile(".vasto/status", "x", O_WRONLY), EACCES);
  EXPECT_EQ(WriteFile(".vasto/new", "x"), EPERM);
  EXPECT_EQ(unlink(Path(".vasto/status").c_str()), -1);
  DIR* const dir = opendir(folder_.c_str());
  EXPECT_TRUE(List(dir).empty());  // not to be found by rm -rf and cp -r
  closedir(dir);
}

TEST_F(MountTest, StatfsTellsSizesAndTheLongestName) {
  Mount();
  struct statvfs numbers {};
  ASSERT_EQ(statvfs(folder_.c_str(), &numbers), 0);
  EXPECT_EQ(numbers.f_blocks * numbers.f_frsize, 1ULL << 40);
  EXPECT_EQ(numbers.f_namemax, kMaxNameMax);
}

TEST_F(MountTest, CachedAttributesComeWithTheListing) {
  fake::Put("ks", "f", "12345");
  Mount("cache=ttl=60");
  DIR* const dir = opendir(folder_.c_str());
  EXPECT_EQ(List(dir).size(), 1U);
  closedir(dir);
  EXPECT_EQ(SizeOf("f"), 5);
  EXPECT_EQ(fake::GetCounts().stats, 0);
  // Attributes may be old, the value must be whole.
  fake::Put("ks", "f", "1234567890");
  EXPECT_EQ(ReadFile("f"), "1234567890");
}

// A directory stands for a device that fails. What libfuse itself says of that goes through a
// stream that a cancelled worker may leave locked for ever.
TEST_F(MountTest, ADeviceThatFailsEndsTheLoopAndIsLoggedByUs) {
  Options options;
  const std::vector<std::string> arguments = {"m1:/ks", folder_, "-o", "threads=2"};
  ASSERT_EQ(ParseOptions(arguments, true, 0, 0, &options), "");
  Filesystem fs(options, &log_);
  Session session(&fs, open("/tmp", O_RDONLY | O_DIRECTORY));
  testing::internal::CaptureStderr();
  ASSERT_EQ(session.Start([] {}), "");
  session.Join();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("device_failed errno=21"), std::string::npos) << said;
  EXPECT_EQ(said.find("reading device"), std::string::npos) << said;
}

TEST_F(MountTest, ReadOnlyAndNoDelete) {
  fake::Put("ks", "f", "x");
  Mount("nodelete");
  EXPECT_EQ(unlink(Path("f").c_str()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(WriteFile("f", "y"), 0);
  EndMount();
  Mount("ro");
  EXPECT_EQ(WriteFile("f", "z"), EROFS);
  EXPECT_EQ(ReadFile("f"), "y");
}

}  // namespace
}  // namespace vasto::fuse
