// SPDX-License-Identifier: Apache-2.0
#include "fuse/launcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuse/options.h"

namespace vasto::fuse {
namespace {

// Reads until the child closes its end, by a report or by dying.
std::string ReadAll(int fd) {
  std::string text;
  char buffer[1024];
  while (true) {
    const ssize_t size = read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer, static_cast<size_t>(size));
  }
}

volatile sig_atomic_t child_pid = 0;

void PassOn(int number) {
  const int saved = errno;
  if (child_pid > 0) kill(child_pid, number);
  errno = saved;
}

// The child is in a session of its own, out of the terminal's reach.
void PassSignalsOn(pid_t child) {
  child_pid = child;
  struct sigaction action {};
  action.sa_handler = &PassOn;
  for (const int number : {SIGTERM, SIGINT}) sigaction(number, &action, nullptr);
}

[[noreturn]] void WaitForChild(pid_t child, int fd) {
  // One byte with the exit code, then the message.
  const std::string report = ReadAll(fd);
  if (report.empty()) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == kExitInterrupted) _exit(kExitInterrupted);
    fprintf(stderr, "mount.vasto: the daemon died before the mount was ready\n");
    _exit(kExitInternal);
  }
  const int code = static_cast<unsigned char>(report[0]);
  if (code != 0) fprintf(stderr, "mount.vasto: %s\n", report.c_str() + 1);
  _exit(code);
}

}  // namespace

Launcher::~Launcher() {
  if (pipe_ >= 0) close(pipe_);
}

void Launcher::Detach() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("mount.vasto: pipe");
    std::exit(kExitSystem);
  }
  const pid_t child = fork();
  if (child < 0) {
    perror("mount.vasto: fork");
    std::exit(kExitSystem);
  }
  if (child > 0) {
    close(ends[1]);
    PassSignalsOn(child);
    WaitForChild(child, ends[0]);
  }
  close(ends[0]);
  pipe_ = ends[1];
  setsid();
}

void Launcher::Report(int exit_code, const std::string& message) {
  if (pipe_ < 0) return;
  const std::string report = static_cast<char>(exit_code) + message;
  // A parent that is gone does not want to know.
  const ssize_t written = write(pipe_, report.data(), report.size());
  static_cast<void>(written);
  close(pipe_);
  pipe_ = -1;
  if (exit_code != 0) return;
  if (chdir("/") != 0) return;
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return;
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  if (null > 2) close(null);
}

void NotifyServiceManager(const std::string& state) {
  const char* const path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == '\0') return;
  sockaddr_un address{};
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
  close(fd);
}

}  // namespace vasto::fuse
