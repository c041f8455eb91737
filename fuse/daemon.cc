// SPDX-License-Identifier: Apache-2.0
#include "fuse/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "fuse/device.h"
#include "fuse/filesystem.h"
#include "fuse/launcher.h"
#include "fuse/log.h"
#include "fuse/mutex.h"
#include "fuse/session.h"

namespace vasto::fuse {
namespace {

// What woke the main thread; each adds its own number to the eventfd.
constexpr uint64_t kStopWanted = 1;
constexpr uint64_t kReloadWanted = 1ULL << 20;
constexpr uint64_t kSessionEnded = 1ULL << 40;

// How long a stop may publish, and how long what still runs may take to end then: a daemon that is
// told to stop has 5 s in all.
constexpr int64_t kStopPublishMs = 3500;
constexpr int64_t kStopEndMs = 500;

int wake_fd = -1;
std::atomic<bool> mounted{false};

void Wake(uint64_t reason) {
  const ssize_t written = write(wake_fd, &reason, sizeof reason);
  static_cast<void>(written);
}

void OnSignal(int number) {
  const int saved = errno;
  if (number == SIGHUP) {
    Wake(kReloadWanted);
  } else if (!mounted) {
    // Nothing to clean up yet, and connecting may take long.
    _exit(kExitInterrupted);
  } else {
    Wake(kStopWanted);
  }
  errno = saved;
}

void InstallSignals() {
  wake_fd = eventfd(0, EFD_CLOEXEC);
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

// Unpublished large files take a descriptor each.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t MillisecondsUntil(Call::Clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(when - Call::Clock::now()).count();
}

// One event at the time, for the start.
class Event {
 public:
  void Set() EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    set_ = true;
    changed_.SignalAll();
  }
  bool Wait(int64_t timeout_ms) EXCLUDES(mu_) {
    const auto deadline = Call::Clock::now() + std::chrono::milliseconds(timeout_ms);
    MutexLock lock(&mu_);
    bool in_time = true;
    while (!set_ && in_time) in_time = changed_.WaitUntil(&mu_, deadline);
    return set_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool set_ GUARDED_BY(mu_) = false;
};

class Daemon {
 public:
  Daemon(const Options& options, bool is_root)
      : options_(options), is_root_(is_root), parent_(getppid()), fs_(options, &log_) {}

  int Run() {
    const std::string problem = Start();
    if (!problem.empty()) return Fail(problem);
    launcher_.Report(0, "");
    log_.Write(LogLevel::kInfo, "mounted source=%s directory=%s", options_.source.c_str(),
               options_.directory.c_str());
    NotifyServiceManager("READY=1");
    if (options_.foreground) {
      printf("ready %s\n", options_.directory.c_str());
      fflush(stdout);
    }
    Serve();
    return Finish();
  }

 private:
  // False when it is too late.
  bool StopWithParent() const {
    return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent_;
  }

  std::string Start() {
    if (!options_.foreground) launcher_.Detach();
    InstallSignals();
    if (options_.foreground && options_.stop_with_parent && !StopWithParent()) {
      return "the program that started this one has ended";
    }
    RaiseFileLimit();
    const std::string log_problem = OpenLog();
    if (!log_problem.empty()) return log_problem;
    fs_.Start();
    const Outcome connected = fs_.Connect();
    if (!connected.ok() && !options_.background) return ConnectProblem(connected);
    mounted = true;
    std::string problem;
    const int device = MountDevice(options_, is_root_, &problem);
    if (device < 0) return problem;
    problem = Talk(device);
    if (!problem.empty()) UnmountLazily(options_.directory, is_root_);
    if (problem.empty() && !connected.ok()) fs_.ConnectInBackground();
    return problem;
  }

  std::string OpenLog() {
    log_.set_level(options_.verbose ? std::min(options_.log_level, LogLevel::kInfo)
                                    : options_.log_level);
    if (!options_.log_file.empty()) {
      const int error = log_.OpenFile(options_.log_file);
      if (error != 0) return "log file " + options_.log_file + ": " + std::strerror(error);
    } else if (!options_.foreground) {
      log_.OpenSyslog();
    }
    return "";
  }

  std::string ConnectProblem(const Outcome& outcome) const {
    if (outcome.code == VASTO_NOT_FOUND)
      return "keyspace '" + options_.keyspace + "' does not exist";
    std::string text = "cannot reach the cluster at " + options_.masters;
    if (!outcome.message.empty()) text += ": " + outcome.message;
    return text;
  }

  // Starts the session and waits until the kernel has greeted it and the directory answers.
  std::string Talk(int device) {
    fs_.set_on_init([this] { init_.Set(); });
    session_ = std::make_unique<Session>(&fs_, device);
    const std::string problem = session_->Start([] { Wake(kSessionEnded); });
    if (!problem.empty()) return problem;
    if (!init_.Wait(options_.mount_timeout_ms)) return "the kernel did not start the session";
    struct stat attr {};
    if (stat(options_.directory.c_str(), &attr) != 0 && errno != EACCES) {
      return "the mounted directory does not answer: " + std::string(std::strerror(errno));
    }
    if (is_root_ && options_.readahead_kb != 0) SetReadAhead(attr.st_dev, options_.readahead_kb);
    return "";
  }

  // Returns when the directory has been unmounted, by whomever.
  void Serve() {
    while (true) {
      uint64_t reasons = 0;
      if (read(wake_fd, &reasons, sizeof reasons) < 0) continue;
      if (reasons >= kSessionEnded) return;
      if (reasons % kSessionEnded >= kReloadWanted) {
        log_.Reopen();
        fs_.ForgetKeyspaces();
      }
      if (reasons % kReloadWanted >= kStopWanted) {
        StopServing();
        return;
      }
    }
  }

  void StopServing() {
    log_.Write(LogLevel::kInfo, "stopping");
    NotifyServiceManager("STOPPING=1");
    // While the directory is still there: closes that come meanwhile publish as ever.
    stop_by_ = Call::Clock::now() + std::chrono::milliseconds(kStopPublishMs);
    lost_before_ = fs_.counters().publish_failures;
    fs_.PublishAll(kStopPublishMs);
    const int error = Unmount(options_.directory, is_root_);
    if (error == 0 || error == EINVAL || error == ENOENT) {
      // The loop ends by itself, unless another mount namespace has a copy of the mount.
      if (!WaitForEnd(kStopEndMs)) session_->Stop();
      return;
    }
    for (const std::string& holder : FindHolders(options_.directory)) {
      log_.Write(LogLevel::kWarning, "busy holder=\"%s\"", holder.c_str());
    }
    UnmountLazily(options_.directory, is_root_);
    session_->Stop();
  }

  // Whether the session ends within timeout_ms.
  static bool WaitForEnd(int64_t timeout_ms) {
    const auto deadline = Call::Clock::now() + std::chrono::milliseconds(timeout_ms);
    while (true) {
      const int64_t left_ms = MillisecondsUntil(deadline);
      pollfd wake{wake_fd, POLLIN, 0};
      const int ready = poll(&wake, 1, static_cast<int>(std::max<int64_t>(0, left_ms)));
      uint64_t reasons = 0;
      if (ready > 0 && read(wake_fd, &reasons, sizeof reasons) > 0 && reasons >= kSessionEnded) {
        return true;
      }
      if (ready == 0 || left_ms <= 0) return false;
    }
  }

  int Finish() {
    session_->Join();
    // What came after the stop began, and what a signal kept from being published, has what is
    // left.
    int64_t left_ms = kStopPublishMs;
    if (stop_by_.has_value()) {
      left_ms = std::max<int64_t>(100, MillisecondsUntil(*stop_by_));
    } else {
      lost_before_ = fs_.counters().publish_failures;
    }
    fs_.PublishAll(left_ms);
    fs_.Shutdown(kStopEndMs);
    const size_t lost = fs_.counters().publish_failures - lost_before_ + fs_.Unpublished().size();
    session_.reset();
    log_.Write(LogLevel::kInfo, "unmounted unpublished=%zu", lost);
    return lost == 0 ? 0 : kExitFailure;
  }

  int Fail(const std::string& problem) {
    // Once in the log, and once for whoever called.
    if (!log_.to_stderr()) {
      log_.Write(LogLevel::kError, "mount_failed error=\"%s\"", problem.c_str());
    }
    if (launcher_.detached()) {
      launcher_.Report(kExitFailure, problem);
    } else {
      fprintf(stderr, "mount.vasto: %s\n", problem.c_str());
    }
    if (session_ != nullptr) {
      session_->Stop();
      session_->Join();
    }
    fs_.Shutdown(0);
    session_.reset();
    return kExitFailure;
  }

  const Options options_;
  const bool is_root_;
  const pid_t parent_;  // that started the program
  Log log_;
  Launcher launcher_;
  Event init_;
  Filesystem fs_;
  std::unique_ptr<Session> session_;
  std::optional<Call::Clock::time_point> stop_by_;  // once a stop was asked for
  size_t lost_before_ = 0;  // publications that had failed before the end began
};

}  // namespace

int RunMount(const Options& options, bool is_root) {
  const std::string problem = PrepareDirectory(options, is_root);
  if (!problem.empty()) {
    fprintf(stderr, "mount.vasto: %s\n", problem.c_str());
    return kExitFailure;
  }
  if (options.fake) return 0;
  Daemon daemon(options, is_root);
  return daemon.Run();
}

}  // namespace vasto::fuse
