// SPDX-License-Identifier: Apache-2.0
#include "core/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace vasto {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

Status SyncFolder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || ::fsync(fd.get()) != 0) return Status::FromErrno(errno, "sync folder " + folder);
  return {};
}

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::FromErrno(errno, "write " + path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

class PosixFolderLock final : public FolderLock {
 public:
  explicit PosixFolderLock(int fd) : fd_(fd) {}

 private:
  Fd fd_;
};

class Posix final : public FileSystem {
 public:
  StatusOr<std::string> Read(const std::string& path) override {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok()) return Status::FromErrno(errno, "open " + path);
    std::string content;
    char buffer[16384];
    for (;;) {
      const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Status::FromErrno(errno, "read " + path);
      if (n == 0) return content;
      content.append(buffer, static_cast<size_t>(n));
    }
  }

  Status WriteAtomically(const std::string& path, std::string_view content) override {
    const std::string tmp = path + ".tmp";
    {
      Fd fd(::open(tmp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
      if (!fd.ok()) return Status::FromErrno(errno, "create " + tmp);
      VASTO_RETURN_IF_ERROR(WriteAll(fd.get(), content, tmp));
      if (::fsync(fd.get()) != 0) return Status::FromErrno(errno, "sync " + tmp);
    }
    return Rename(tmp, path);
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return Status::FromErrno(errno, "remove " + path);
    return SyncFolder(FolderOf(path));
  }

  Status RemoveTree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Status::FromErrno(error.value(), "remove " + path);
    return {};
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return Status::FromErrno(errno, "rename " + from + " to " + to);
    VASTO_RETURN_IF_ERROR(SyncFolder(FolderOf(to)));
    return FolderOf(from) == FolderOf(to) ? Status() : SyncFolder(FolderOf(from));
  }

  Status MakeFolder(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Status::FromErrno(error.value(), "make folder " + path);
    return SyncFolder(FolderOf(path));
  }

  StatusOr<std::vector<std::string>> List(const std::string& path) override {
    std::error_code error;
    std::filesystem::directory_iterator it(path, error);
    if (error) return Status::FromErrno(error.value(), "list " + path);
    std::vector<std::string> names;
    while (it != std::filesystem::directory_iterator()) {
      names.push_back(it->path().filename().string());
      it.increment(error);
      if (error) return Status::FromErrno(error.value(), "list " + path);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  StatusOr<DiskUsage> Usage(const std::string& path) override {
    struct statvfs fs {};
    if (::statvfs(path.c_str(), &fs) != 0) return Status::FromErrno(errno, "disk usage of " + path);
    return DiskUsage{.capacity_bytes = fs.f_blocks * fs.f_frsize,
                     .free_bytes = fs.f_bavail * fs.f_frsize};
  }

  StatusOr<std::unique_ptr<FolderLock>> Lock(const std::string& folder) override {
    const std::string path = folder + "/LOCK";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return Status::FromErrno(errno, "open " + path);
    auto lock = std::make_unique<PosixFolderLock>(fd);
    // flock belongs to the open file, so a second lock in this process fails as well.
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return Status::Busy(folder + " is in use by another process");
      return Status::FromErrno(errno, "lock " + path);
    }
    return std::unique_ptr<FolderLock>(std::move(lock));
  }
};

}  // namespace

FileSystem* PosixFileSystem() {
  static Posix files;
  return &files;
}

}  // namespace vasto
