// SPDX-License-Identifier: Apache-2.0
//
// Messages of the mount: one line each, an event name and then key=value pairs.
//
// They go to stderr while the program is in the foreground, to a file with -o log=FILE, and to
// syslog otherwise. Failed operations are the caller's business and are logged only if the caller
// cannot learn of them (an error at release, a dropped buffer).
//
// Threads: any.
#pragma once

#include <string>

#include "fuse/mutex.h"

namespace vasto::fuse {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

class Log {
 public:
  Log() = default;
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set_level(LogLevel level) { level_ = level; }
  // Returns 0 or an errno value; until one of these succeeds messages go to stderr.
  int OpenFile(const std::string& path) EXCLUDES(mu_);
  void OpenSyslog();
  bool to_stderr() const { return sink_ == Sink::kStderr; }
  // Opens the file anew, for log rotation. A no-op without a file.
  void Reopen() EXCLUDES(mu_);

  void Write(LogLevel level, const char* format, ...) const __attribute__((format(printf, 3, 4)))
  EXCLUDES(mu_);

 private:
  enum class Sink { kStderr, kFile, kSyslog };

  // Set before threads are started.
  LogLevel level_ = LogLevel::kInfo;
  Sink sink_ = Sink::kStderr;
  std::string path_;

  mutable Mutex mu_;
  int fd_ GUARDED_BY(mu_) = -1;
};

}  // namespace vasto::fuse
