// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/daemon.h"

#include <gflags/gflags.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "daemons/common/flags.h"
#include "daemons/common/log_sink.h"

DEFINE_string(log_level, "info", "least level that is logged: debug, info, warning or error");

// Read by jemalloc as the process starts. Freed memory that no cache and no buffer knows of is kept
// apart once for each core, not for each thread, and goes back to the system within 0.2 s.
extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming)
__attribute__((visibility("default"))) const char* malloc_conf =
    "percpu_arena:percpu,background_thread:true,dirty_decay_ms:200,muzzy_decay_ms:0";
}

namespace vasto::daemons {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlow = 4;  // the tests give sanitized programs four times as long
#else
constexpr int kSlow = 1;
#endif
constexpr auto kStopLimit = kSlow * std::chrono::milliseconds(4500);
// A start that takes longer shows what it is doing.
constexpr auto kMaxHold = kSlow * std::chrono::seconds(10);

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);  // the terminal went away
  return set;
}

void PrepareProcess() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

[[noreturn]] void PrintAndExit(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace

Daemon::Daemon(const ProgramInfo& info, int argc, char** argv) : name_(info.name) {
  PrepareProcess();
  const auto outcome = ValueOrExit(ParseFlags({argv + 1, argv + argc}));
  if (outcome == FlagsOutcome::kHelp) PrintAndExit(HelpText(info.name, info.summary));
  if (outcome == FlagsOutcome::kVersion) PrintAndExit(name_ + " " VASTO_BUILD_VERSION "\n");
  const LogLevel level = ValueOrExit(ParseLogLevel(FLAGS_log_level));
  glog_ = ValueOrExit(StartGlog(name_));
  held_ = std::make_unique<HeldLogSink>(glog_.get(), kMaxHold);
  logger_ = std::make_unique<Logger>(held_.get(), level);
}

Daemon::~Daemon() = default;

void Daemon::Fail(const Status& status) const {
  if (held_ && LogsToFiles()) {
    KeepLogOffStderr();
    held_->Release();
  } else if (held_) {
    held_->Discard();
  }
  std::fprintf(stderr, "%s: %s\n", name_.c_str(), status.message().c_str());
  std::fflush(stderr);
  FlushLog();
  // Objects that were made already may have running threads: no destructors.
  std::_Exit(1);
}

void Daemon::Ready(std::string_view address) const {
  held_->Release();
  std::printf("ready %.*s\n", static_cast<int>(address.size()), address.data());
  std::fflush(stdout);
}

void Daemon::WaitForStop() const {
  const sigset_t set = StopSignals();
  int received = 0;
  while (sigwait(&set, &received) != 0) {
  }
  VASTO_LOG(logger_.get(), kInfo, "stopping").With("signal", received);
  std::thread([name = name_] {
    std::this_thread::sleep_for(kStopLimit);
    std::fprintf(stderr, "%s: did not stop in time, giving up\n", name.c_str());
    std::_Exit(1);
  }).detach();
}

}  // namespace vasto::daemons
