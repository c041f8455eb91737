// SPDX-License-Identifier: Apache-2.0
#include "fuse/log.h"

#include <fcntl.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace vasto::fuse {
namespace {

constexpr char kLetters[] = {'D', 'I', 'W', 'E'};
constexpr int kPriorities[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

std::string TimeStamp() {
  timeval now{};
  gettimeofday(&now, nullptr);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[48];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + size, sizeof text - size, ".%06ldZ", static_cast<long>(now.tv_usec));
  return text;
}

}  // namespace

Log::~Log() {
  if (fd_ >= 0) close(fd_);
}

int Log::OpenFile(const std::string& path) {
  MutexLock lock(&mu_);
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) return errno;
  path_ = path;
  sink_ = Sink::kFile;
  return 0;
}

void Log::OpenSyslog() {
  openlog("mount.vasto", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  sink_ = Sink::kSyslog;
}

void Log::Reopen() {
  if (sink_ != Sink::kFile) return;
  MutexLock lock(&mu_);
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;  // the old file stays better than none
  close(fd_);
  fd_ = fd;
}

void Log::Write(LogLevel level, const char* format, ...) const {
  if (level < level_) return;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const auto index = static_cast<size_t>(level);
  if (sink_ == Sink::kSyslog) {
    syslog(kPriorities[index], "%s", text);
    return;
  }
  const std::string line = TimeStamp() + " " + kLetters[index] + " mount.vasto " + text + "\n";
  MutexLock lock(&mu_);
  const int fd = sink_ == Sink::kFile ? fd_ : STDERR_FILENO;
  // A log that cannot be written to must not stop the mount.
  if (write(fd, line.data(), line.size()) < 0) return;
}

}  // namespace vasto::fuse
