// SPDX-License-Identifier: Apache-2.0
// What every daemon's main has in common: flags, logging, the ready line, a clean stop. A main
// reads:
//
//   int main(int argc, char** argv) {
//     vasto::daemons::Daemon daemon({.name = "vasto-master", .summary = "…"}, argc, argv);
//     … make the objects from the flags; daemon.Check(status) after each step …
//     daemon.Ready(server.address());
//     daemon.WaitForStop();
//     … stop the objects …
//   }
//
// Contract with users and scripts: --help and --version exit 0; a wrong flag or a failed start is
// one line "NAME: what" on stderr and exit code 1; "ready HOST:PORT" on stdout once it serves;
// SIGTERM and SIGINT stop it within 5 s, and more of them change nothing. So that the one line
// stands alone, log entries are held back until Ready() (held_log_sink.h).
//
// Signals: the constructor blocks SIGTERM and SIGINT in its thread, and so in all threads made
// later; WaitForStop receives them. A child process inherits the mask: give it an empty one
// (posix_spawnattr_setsigmask). SIGPIPE is ignored. Limits: the soft limit of open files is raised
// to the hard one.
//
// Threads: everything from the main thread; logger() may be used from any.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/log.h"
#include "core/base/status.h"
#include "daemons/common/held_log_sink.h"

namespace vasto::daemons {

struct ProgramInfo {
  std::string_view name;     // "vasto-master"
  std::string_view summary;  // one sentence for --help
};

class Daemon {
 public:
  // Parses the flags (flags.h) and starts logging; exits for --help, --version and errors.
  // REQUIRES: no other thread runs; one per process.
  Daemon(const ProgramInfo& info, int argc, char** argv);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Writes through glog: to stderr, or to files in --log_dir; entries below --log_level are
  // dropped. What is written before Ready() appears then. Lives as long as *this.
  const Logger* logger() const { return logger_.get(); }

  // Does nothing when ok; else prints "NAME: message" and exits 1 at once, without destructors.
  // The log of a start that failed goes to the files of --log_dir, never to stderr.
  void Check(const Status& status) const {
    if (!status.ok()) Fail(status);
  }
  // The value, or as Check.
  template <typename T>
  T ValueOrExit(StatusOr<T> result) const {
    Check(result.status());
    return std::move(result).value();
  }
  [[noreturn]] void Fail(const Status& status) const;

  // Prints "ready ADDRESS" on stdout. address: the one that clients use, with its real port.
  void Ready(std::string_view address) const;
  // Waits for SIGTERM or SIGINT. From then on the process has 4.5 s (18 s under a sanitizer) to
  // return from main before it is ended with exit code 1. The signals stay blocked: timeout(1) and
  // service managers send them to the process and to its group, and a stop that has begun must end
  // well all the same.
  void WaitForStop() const;

 private:
  std::string name_;
  std::unique_ptr<LogSink> glog_;
  std::unique_ptr<HeldLogSink> held_;
  std::unique_ptr<Logger> logger_;
};

}  // namespace vasto::daemons
