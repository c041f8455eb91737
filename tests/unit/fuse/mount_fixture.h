// SPDX-License-Identifier: Apache-2.0
//
// A test that has the keyspace "ks" of the double mounted, in its own process, on a private folder.
// Skipped without root or /dev/fuse.
//
// Threads: one test at a time.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "fuse/device.h"
#include "fuse/filesystem.h"
#include "fuse/session.h"
#include "tests/fuse/fake/fake_vasto.h"

namespace vasto::fuse {

class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "mounting needs root and /dev/fuse";
    }
    fake::Reset();
    char folder[] = "/tmp/vasto-mount-test-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    StartWatchdog();
    log_.set_level(LogLevel::kError);
  }

  void TearDown() override {
    if (folder_.empty()) return;
    EndMount();
    rmdir(folder_.c_str());
    kill(watchdog_, SIGKILL);
    waitpid(watchdog_, nullptr, 0);
  }

  // Should this process die while one of its threads waits for its own mount, it would wait for
  // ever: the device is only closed when the last thread is gone. So somebody else cuts the mount.
  void StartWatchdog() {
    watchdog_ = fork();
    if (watchdog_ != 0) return;
    sleep(60);
    umount2(folder_.c_str(), MNT_FORCE);
    _exit(0);
  }

  // To be called once, before the mount is used. `more` is an -o list.
  void Mount(const std::string& more = "", const std::string& source = "m1:/ks") {
    Options options;
    std::vector<std::string> arguments = {source, folder_};
    if (!more.empty()) arguments.insert(arguments.end(), {"-o", more});
    ASSERT_EQ(ParseOptions(arguments, true, 0, 0, &options), "");
    fs_ = std::make_unique<Filesystem>(options, &log_);
    fs_->Start();
    ASSERT_TRUE(fs_->Connect().ok());
    std::string problem;
    const int device = MountDevice(options, true, &problem);
    ASSERT_GE(device, 0) << problem;
    session_ = std::make_unique<Session>(fs_.get(), device);
    ASSERT_EQ(session_->Start([] {}), "");
  }

  void EndMount() {
    if (fs_ == nullptr) return;
    fake::SetStalled(false);
    fake::SetDelayMs(0);
    if (Unmount(folder_, true) != 0) {
      UnmountLazily(folder_, true);
      session_->Stop();
    }
    session_->Join();
    EXPECT_EQ(fs_->PublishAll(1000), 0U);
    fs_->Shutdown(1000);
    session_.reset();
    fs_.reset();
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // Each of these returns 0 or an errno value, and closes what it opens.
  int WriteFile(const std::string& name, const std::string& bytes,
                int flags = O_WRONLY | O_CREAT | O_TRUNC) {
    const int fd = open(Path(name).c_str(), flags, 0644);
    if (fd < 0) return errno;
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    const int error = written == static_cast<ssize_t>(bytes.size()) ? 0 : errno;
    return close(fd) != 0 && error == 0 ? errno : error;
  }
  std::string ReadFile(const std::string& name) {
    const int fd = open(Path(name).c_str(), O_RDONLY);
    if (fd < 0) return "errno " + std::to_string(errno);
    const std::string bytes = ReadAll(fd);
    close(fd);
    return bytes;
  }
  static std::string ReadAll(int fd) {
    std::string bytes;
    char buffer[65536];
    while (true) {
      const ssize_t size = read(fd, buffer, sizeof buffer);
      if (size < 0) return "errno " + std::to_string(errno);
      if (size == 0) return bytes;
      bytes.append(buffer, static_cast<size_t>(size));
    }
  }
  int StatError(const std::string& name) {
    struct stat attr {};
    return stat(Path(name).c_str(), &attr) == 0 ? 0 : errno;
  }
  off_t SizeOf(const std::string& name) {
    struct stat attr {};
    return stat(Path(name).c_str(), &attr) == 0 ? attr.st_size : -errno;
  }
  static std::string Stored(const std::string& key) {
    std::string value;
    return fake::Get("ks", key, &value) ? value : "(absent)";
  }

  std::string folder_;
  pid_t watchdog_ = -1;
  Log log_;
  std::unique_ptr<Filesystem> fs_;
  std::unique_ptr<Session> session_;
};

}  // namespace vasto::fuse
