// SPDX-License-Identifier: Apache-2.0
#include "fuse/session.h"

#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "fuse/ops.h"

namespace vasto::fuse {
namespace {

// The wire form of the reply to INIT, from the kernel's linux/fuse.h.
constexpr size_t kFlagsOffset = 12;
constexpr size_t kFlags2Offset = 32;
constexpr uint32_t kParallelDirops = 1U << 18;
constexpr uint32_t kInitExt = 1U << 30;           // flags2 counts
constexpr uint32_t kDirectIoAllowMmap = 1U << 4;  // in flags2
constexpr size_t kMaxInitReply = 256;

constexpr int kWakeSignal = SIGUSR2;  // interrupts the loop's sem_wait

void OrFlags(char* body, size_t offset, uint32_t flags) {
  uint32_t value = 0;
  std::memcpy(&value, body + offset, sizeof value);
  value |= flags;
  std::memcpy(body + offset, &value, sizeof value);
}

ssize_t WriteReply(int fd, iovec* iov, int count, void* userdata) {
  auto* const fs = static_cast<Filesystem*>(userdata);
  if (count != 2 || iov[1].iov_len > kMaxInitReply || !fs->TakeInitReply()) {
    return writev(fd, iov, count);
  }
  char body[kMaxInitReply];
  std::memcpy(body, iov[1].iov_base, iov[1].iov_len);
  PatchInitReply(body, iov[1].iov_len);
  iovec patched[2] = {iov[0], {body, iov[1].iov_len}};
  return writev(fd, patched, 2);
}

// Keeps libfuse from cancelling the worker it is on.
class NotCancelled {
 public:
  NotCancelled() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NotCancelled() { pthread_setcancelstate(before_, nullptr); }
  NotCancelled(const NotCancelled&) = delete;
  NotCancelled& operator=(const NotCancelled&) = delete;

 private:
  int before_ = 0;
};

// libfuse has one sink for a process, so the last session's log gets the messages of all.
std::atomic<const Log*> libfuse_log{nullptr};

// By default libfuse writes to stderr through stdio, on workers that may be cancelled meanwhile:
// the stream would stay locked for ever.
__attribute__((format(printf, 2, 0))) void LogFromLibfuse(fuse_log_level level, const char* format,
                                                          va_list arguments) {
  const NotCancelled guard;
  char text[512];
  const int size = vsnprintf(text, sizeof text, format, arguments);
  if (size > 0 && static_cast<size_t>(size) < sizeof text && text[size - 1] == '\n') {
    text[size - 1] = '\0';
  }
  const LogLevel own = level <= FUSE_LOG_ERR       ? LogLevel::kError
                       : level == FUSE_LOG_WARNING ? LogLevel::kWarning
                                                   : LogLevel::kInfo;
  if (const Log* const log = libfuse_log) log->Write(own, "libfuse message=\"%s\"", text);
}

// libfuse cancels its workers while they wait here, so this frame must let an unwinding pass.
//
// Errors that it does not know it prints with perror, which has that same fault of stdio. Among
// them is ECONNABORTED, of a request that an unmounting caught in the kernel's hands. So all that
// is left for it is to end the loop.
ssize_t ReadRequest(int fd, void* buffer, size_t size, void* userdata) {
  const ssize_t got = read(fd, buffer, size);
  if (got >= 0 || errno == EINTR || errno == EAGAIN || errno == ENOENT || errno == ENODEV)
    return got;
  if (errno != ECONNABORTED) {
    const NotCancelled guard;
    const int error = errno;
    auto* const fs = static_cast<Filesystem*>(userdata);
    fs->log().Write(LogLevel::kError, "device_failed errno=%d", error);
  }
  errno = ENODEV;
  return -1;
}

void IgnoreSignal(int /*number*/) {}

void InstallWakeSignal() {
  struct sigaction action {};
  action.sa_handler = &IgnoreSignal;  // without SA_RESTART: waits return with EINTR
  sigaction(kWakeSignal, &action, nullptr);
}

}  // namespace

void PatchInitReply(char* body, size_t size) {
  if (size < kFlagsOffset + sizeof(uint32_t)) return;
  OrFlags(body, kFlagsOffset, kParallelDirops);
  if (size < kFlags2Offset + sizeof(uint32_t)) return;
  OrFlags(body, kFlagsOffset, kInitExt);
  OrFlags(body, kFlags2Offset, kDirectIoAllowMmap);
}

Session::Session(Filesystem* fs, int device) : fs_(fs), device_(device) {}

Session::~Session() {
  Join();
  libfuse_log = nullptr;
  if (session_ != nullptr) {
    fs_->set_session(nullptr);
    fuse_session_destroy(session_);  // closes the device
  } else {
    close(device_);
  }
}

std::string Session::Start(std::function<void()> on_end) {
  InstallWakeSignal();
  libfuse_log = &fs_->log();
  fuse_set_log_func(&LogFromLibfuse);
  const fuse_lowlevel_ops operations = AssignOperations(fs_->options());
  char program[] = "mount.vasto";
  char allow_root[] = "-oallow_root";
  char* argv[] = {program, allow_root, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(fs_->options().allow_root ? 2 : 1, argv);
  session_ = fuse_session_new(&arguments, &operations, sizeof operations, fs_);
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr) return "libfuse refuses the session";
  fuse_custom_io io{};
  io.writev = &WriteReply;
  io.read = &ReadRequest;
  const int error = fuse_session_custom_io(session_, &io, device_);
  if (error != 0) return "libfuse refuses the device: " + std::string(std::strerror(-error));
  fs_->set_session(session_);
  loop_ = std::thread([this, on_end = std::move(on_end)] {
    pthread_setname_np(pthread_self(), "vasto-fuse-loop");
    fuse_loop_config* const config = fuse_loop_cfg_create();
    const uint32_t threads = fs_->options().threads;
    fuse_loop_cfg_set_max_threads(
        config, threads != 0 ? threads : 2 * std::max(1U, std::thread::hardware_concurrency()) + 8);
    fuse_loop_cfg_set_clone_fd(config, 1);
    const int result = fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    if (result < 0) {
      fs_->log().Write(LogLevel::kError, "loop_ended errno=%d", -result);
    }
    ended_ = true;
    on_end();
  });
  return "";
}

void Session::Stop() {
  if (!loop_.joinable()) return;
  fuse_session_exit(session_);
  // The loop may be about to wait when the signal comes; so until it has ended.
  while (!ended_) {
    pthread_kill(loop_.native_handle(), kWakeSignal);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Session::Join() {
  if (loop_.joinable()) loop_.join();
}

}  // namespace vasto::fuse
