// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "daemons/cli/outcome.h"

namespace vasto::tool {
namespace {

constexpr std::array kEndingSignals = {SIGHUP, SIGINT, SIGTERM};

// For the signal handler, which may neither allocate nor lock.
char file_to_remove[PATH_MAX];

void RemoveAndDie(int number) {
  ::unlink(file_to_remove);
  // It was reset when it was caught.
  ::raise(number);
}

void RemoveOnSignal(const std::string& path) {
  if (path.size() >= sizeof(file_to_remove)) return;
  std::memcpy(file_to_remove, path.c_str(), path.size() + 1);
  for (const int number : kEndingSignals) {
    struct sigaction action {};
    // nohup and scripts have a reason when they let it be ignored.
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action.sa_handler = &RemoveAndDie;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(number, &action, nullptr);
  }
}

void KeepOnSignal() {
  for (const int number : kEndingSignals) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler != &RemoveAndDie) continue;
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
}

std::string Resolved(const std::string& path) {
  char* const resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) cli::FailErrno("open " + path);
  std::string result(resolved);
  std::free(resolved);
  return result;
}

void SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::fsync(fd) != 0) cli::FailErrno("sync folder " + folder);
  ::close(fd);
}

mode_t NewFileMode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
  if (path == "-") {
    path_ = "stdout";
    file_ = stdout;
    return;
  }
  if (path.empty()) throw cli::UsageError("FILE is empty");
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) cli::FailErrno("open " + path);
  } else {
    path_ = Resolved(path);
    if (::stat(path_.c_str(), &info) != 0) cli::FailErrno("open " + path);
    if (S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      cli::FailErrno("open " + path);
    }
    if (!S_ISREG(info.st_mode)) {
      const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
      file_ = fd < 0 ? nullptr : ::fdopen(fd, "w");
      if (file_ == nullptr) cli::FailErrno("open " + path);
      return;
    }
  }
  OpenTemporary();
}

OutputFile::~OutputFile() {
  if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  KeepOnSignal();
}

void OutputFile::OpenTemporary() {
  struct stat old {};
  const bool replaces = ::stat(path_.c_str(), &old) == 0;
  std::string name = path_ + ".XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) cli::FailErrno("create a file beside " + path_);
  temporary_ = name;
  RemoveOnSignal(temporary_);
  file_ = ::fdopen(fd, "w");
  if (file_ == nullptr) cli::FailErrno("create " + temporary_);
  // The owner first: that takes set-user-ID bits away. Only root can give a file to somebody else.
  if (replaces && ::fchown(fd, old.st_uid, old.st_gid) != 0 && errno != EPERM) {
    cli::FailErrno("change the owner of " + temporary_);
  }
  if (::fchmod(fd, replaces ? old.st_mode & 07777 : NewFileMode()) != 0) {
    cli::FailErrno("change the mode of " + temporary_);
  }
}

void OutputFile::Write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
    cli::FailErrno("write " + path_);
}

void OutputFile::Line(const std::string& text) {
  Write(text);
  Write("\n");
}

void OutputFile::Finish() {
  if (std::fflush(file_) != 0) cli::FailErrno("write " + path_);
  if (temporary_.empty()) return;
  if (::fsync(fileno(file_)) != 0) cli::FailErrno("sync " + path_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) cli::FailErrno("rename to " + path_);
  temporary_.clear();
  KeepOnSignal();
  SyncFolderOf(path_);
}

}  // namespace vasto::tool
