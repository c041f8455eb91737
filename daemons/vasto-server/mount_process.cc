// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto-server/mount_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/base/clock.h"
#include "core/base/file.h"

extern char** environ;

namespace vasto::daemons {
namespace {

constexpr int64_t kStopUs = 3'000'000;
constexpr int kPollMs = 10;

// Waits for a moment; the end of a child or of a mount is no event that poll(2) knows.
void Pause() { ::poll(nullptr, 0, kPollMs); }

StatusOr<std::string> ProgramPath() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Status::FromErrno(error.value(), "find mount.vasto");
  const auto path = self.parent_path() / "mount.vasto";
  if (!std::filesystem::exists(path, error))
    return Status::NotFound("--mount: " + path.string() + " is missing");
  return path.string();
}

// The device the folder is on: it changes when something is mounted there.
StatusOr<dev_t> DeviceOf(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return Status::FromErrno(errno, "--mount " + folder);
  return info.st_dev;
}

StatusOr<pid_t> Spawn(const std::string& program, const std::string& master,
                      const std::string& folder) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // A group of its own: what timeout(1) or a terminal sends to the server's group must not reach
  // it, since only the server knows when to unmount.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::string words[] = {program, master, folder, "-o", "foreground,stop_with_parent"};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(),
                  words[3].data(), words[4].data(), nullptr};
  // The server's stdout belongs to its ready line.
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &files, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return Status::FromErrno(error, "start " + program);
  return pid;
}

}  // namespace

Status MountProcess::Check(const std::string& folder) {
  VASTO_RETURN_IF_ERROR(ProgramPath().status());
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTCONN) return {};
    return Status::FromErrno(errno, "--mount " + folder);
  }
  if (!S_ISDIR(info.st_mode)) return Status::FromErrno(ENOTDIR, "--mount " + folder);
  return {};
}

StatusOr<std::unique_ptr<MountProcess>> MountProcess::Start(const std::string& master,
                                                            const std::string& folder,
                                                            int64_t timeout_us) {
  VASTO_ASSIGN_OR_RETURN(const std::string program, ProgramPath());
  auto before = DeviceOf(folder);
  if (!before.ok() && before.status().Is(Code::kNotFound)) {
    VASTO_RETURN_IF_ERROR(PosixFileSystem()->MakeFolder(folder));
    before = DeviceOf(folder);
  }
  if (!before.ok()) return std::move(before).status();
  VASTO_ASSIGN_OR_RETURN(const pid_t pid, Spawn(program, master, folder));
  std::unique_ptr<MountProcess> process(new MountProcess(pid, folder));
  VASTO_RETURN_IF_ERROR(process->WaitMounted(*before, timeout_us));
  return process;
}

Status MountProcess::WaitMounted(dev_t before, int64_t timeout_us) {
  const int64_t deadline = SystemClock()->MonotonicMicros() + timeout_us;
  for (;;) {
    auto now = DeviceOf(folder_);
    if (now.ok() && *now != before) return {};
    if (Ended())
      return Status::IoError("--mount " + folder_ + ": mount.vasto ended; its message is above");
    if (SystemClock()->MonotonicMicros() >= deadline)
      return Status::Timeout("--mount " + folder_ + ": not mounted in time");
    Pause();
  }
}

bool MountProcess::Ended() {
  if (pid_ < 0) return true;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = -1;
  return true;
}

MountProcess::~MountProcess() { Stop(); }

void MountProcess::Stop() {
  if (Ended()) return;
  ::kill(pid_, SIGTERM);
  const int64_t deadline = SystemClock()->MonotonicMicros() + kStopUs;
  while (!Ended()) {
    if (SystemClock()->MonotonicMicros() >= deadline) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
      // What a killed program leaves is a mount that answers nothing.
      ::umount2(folder_.c_str(), MNT_DETACH);
      return;
    }
    Pause();
  }
}

}  // namespace vasto::daemons
