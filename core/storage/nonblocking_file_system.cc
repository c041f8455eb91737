// SPDX-License-Identifier: Apache-2.0
#include "core/storage/nonblocking_file_system.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace vasto::storage {
namespace {

thread_local bool must_not_wait = false;

rocksdb::IOStatus WouldWait() { return rocksdb::IOStatus::Busy("not in memory"); }

rocksdb::IOStatus Failed(const char* what, const std::string& path, int error) {
  const std::string text = std::string("While ") + what + ": " + path;
  if (error == ENOENT) return rocksdb::IOStatus::PathNotFound(text, std::strerror(error));
  return rocksdb::IOStatus::IOError(text, std::strerror(error));
}

// A table, opened for reading anywhere. Threads: any.
class TableFile final : public rocksdb::FSRandomAccessFile {
 public:
  TableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~TableFile() override { close(fd_); }

  rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& /*options*/,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* /*debug*/) const override {
    *result = rocksdb::Slice();
    const int flags = must_not_wait ? RWF_NOWAIT : 0;
    size_t done = 0;
    while (done < size) {
      const iovec rest{scratch + done, size - done};
      const ssize_t n = preadv2(fd_, &rest, 1, static_cast<off_t>(offset + done), flags);
      if (n > 0) {
        done += static_cast<size_t>(n);
      } else if (n == 0) {
        break;  // the end of the file
      } else if (flags != 0 && (errno == EAGAIN || errno == EOPNOTSUPP)) {
        return WouldWait();
      } else if (errno != EINTR) {
        return Failed("pread", path_, errno);
      }
    }
    *result = rocksdb::Slice(scratch, done);
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus Prefetch(uint64_t offset, size_t size, const rocksdb::IOOptions& /*options*/,
                             rocksdb::IODebugContext* /*debug*/) override {
    if (readahead(fd_, static_cast<off_t>(offset), size) == 0) return rocksdb::IOStatus::OK();
    return Failed("readahead", path_, errno);
  }

  void Hint(AccessPattern pattern) override {
    static constexpr int kAdvice[] = {POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL,
                                      POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED};
    posix_fadvise(fd_, 0, 0, kAdvice[pattern]);
  }

  rocksdb::IOStatus InvalidateCache(size_t offset, size_t size) override {
    posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
    return rocksdb::IOStatus::OK();
  }

 private:
  const int fd_;
  const std::string path_;
};

class NonBlockingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "VastoNonBlockingFileSystem"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& /*options*/,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* /*debug*/) override {
    if (must_not_wait) return WouldWait();  // a table that is opened is read at three places
    int fd;
    do {
      fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return Failed("open", path, errno);
    *result = std::make_unique<TableFile>(fd, path);
    return rocksdb::IOStatus::OK();
  }
};

}  // namespace

NonBlockingScope::NonBlockingScope(bool on) : before_(must_not_wait) {
  must_not_wait = must_not_wait || on;
}
NonBlockingScope::~NonBlockingScope() { must_not_wait = before_; }

bool NonBlockingScope::active() { return must_not_wait; }

std::shared_ptr<rocksdb::FileSystem> NewNonBlockingFileSystem(
    std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<NonBlockingFileSystem>(std::move(target));
}

}  // namespace vasto::storage
