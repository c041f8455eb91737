// SPDX-License-Identifier: Apache-2.0
#include "fuse/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace vasto::fuse {
namespace {

constexpr char kType[] = "fuse.vasto";

std::string ErrnoText(int error) { return std::strerror(error); }

int MountAsRoot(const Options& options, std::string* problem) {
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    *problem = "cannot open /dev/fuse: " + ErrnoText(errno);
    if (errno == ENOENT || errno == ENODEV) *problem += " (is the fuse module loaded?)";
    return -1;
  }
  char data[160];
  snprintf(data, sizeof data, "fd=%d,rootmode=40000,user_id=%u,group_id=%u%s%s", fd, getuid(),
           getgid(), options.allow_other || options.allow_root ? ",allow_other" : "",
           options.default_permissions ? ",default_permissions" : "");
  if (mount(options.source.c_str(), options.directory.c_str(), kType, options.mount_flags, data) ==
      0) {
    return fd;
  }
  *problem = "cannot mount " + options.directory + ": " + ErrnoText(errno);
  close(fd);
  return -1;
}

// Receives a file descriptor over a socket; -1 if there is none.
int ReceiveDescriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0) return -1;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

std::string FusermountOptions(const Options& options) {
  std::string text = options.read_only ? "ro" : "rw";
  text += ",nosuid,nodev";
  // The others it does not know.
  const std::pair<unsigned long, const char*> flags[] = {{MS_NOEXEC, ",noexec"},
                                                         {MS_NOATIME, ",noatime"},
                                                         {MS_SYNCHRONOUS, ",sync"},
                                                         {MS_DIRSYNC, ",dirsync"}};
  for (const auto& [flag, name] : flags) {
    if ((options.mount_flags & flag) != 0) text += name;
  }
  text += ",subtype=vasto,fsname=";
  for (const char c : options.source) {
    if (c == ',' || c == '\\') text += '\\';
    text += c;
  }
  if (options.allow_other || options.allow_root) text += ",allow_other";
  if (options.default_permissions) text += ",default_permissions";
  return text;
}

// Runs fusermount3 with these arguments; its messages go to our stderr. True if it succeeded.
bool RunFusermount(const std::vector<std::string>& arguments, int keep_fd) {
  std::vector<char*> argv;
  std::string program = "fusermount3";
  argv.push_back(program.data());
  std::vector<std::string> copy = arguments;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string number = std::to_string(keep_fd);
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    if (keep_fd >= 0) {
      fcntl(keep_fd, F_SETFD, 0);
      setenv("_FUSE_COMMFD", number.c_str(), 1);
    }
    execvp(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int MountAsUser(const Options& options, std::string* problem) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    *problem = "socketpair: " + ErrnoText(errno);
    return -1;
  }
  const bool ran =
      RunFusermount({"-o", FusermountOptions(options), "--", options.directory}, sockets[1]);
  close(sockets[1]);
  const int fd = ran ? ReceiveDescriptor(sockets[0]) : -1;
  close(sockets[0]);
  if (fd < 0) *problem = "fusermount3 could not mount " + options.directory;
  return fd;
}

// mountinfo writes space, tab, line end and backslash as octal.
std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Whether the topmost mount on `directory` is ours, of the same source.
bool IsMountedAlready(const std::string& directory, const std::string& source) {
  std::ifstream file("/proc/self/mountinfo");
  std::string line;
  bool found = false;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    std::string word;
    while (words >> word) fields.push_back(word);
    size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (fields.size() < dash + 3 || Unescape(fields[4]) != directory) continue;
    found = fields[dash + 1] == kType && Unescape(fields[dash + 2]) == source;
  }
  return found;
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return path.compare(0, directory.size(), directory) == 0 &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string ReadLink(const std::string& path) {
  char target[4096];
  const ssize_t size = readlink(path.c_str(), target, sizeof target);
  return size <= 0 ? "" : std::string(target, static_cast<size_t>(size));
}

bool Holds(const std::string& process, const std::string& directory) {
  if (IsBelow(ReadLink(process + "/cwd"), directory)) return true;
  DIR* const fds = opendir((process + "/fd").c_str());
  if (fds == nullptr) return false;
  bool holds = false;
  while (const dirent* entry = readdir(fds)) {
    holds = holds || IsBelow(ReadLink(process + "/fd/" + entry->d_name), directory);
  }
  closedir(fds);
  return holds;
}

}  // namespace

int MountDevice(const Options& options, bool is_root, std::string* problem) {
  return is_root ? MountAsRoot(options, problem) : MountAsUser(options, problem);
}

std::string PrepareDirectory(const Options& options, bool is_root) {
  struct stat attr {};
  // A daemon that was killed leaves a mount on which everything fails with ENOTCONN; but the kernel
  // may still remember the attributes, so they alone do not tell.
  for (int layer = 0; layer < 16; ++layer) {
    struct statfs numbers {};
    if (statfs(options.directory.c_str(), &numbers) == 0 &&
        stat(options.directory.c_str(), &attr) == 0) {
      break;
    }
    if (errno != ENOTCONN && errno != ECONNABORTED) {
      return "mount point " + options.directory + ": " + ErrnoText(errno);
    }
    const int error = UnmountLazily(options.directory, is_root);
    if (error != 0) {
      return "a dead mount on " + options.directory + " cannot be removed: " + ErrnoText(error);
    }
  }
  if (!S_ISDIR(attr.st_mode)) return "mount point " + options.directory + " is not a directory";
  char* const real = realpath(options.directory.c_str(), nullptr);
  const std::string resolved = real == nullptr ? options.directory : real;
  std::free(real);
  if (IsMountedAlready(resolved, options.source)) {
    return options.source + " is already mounted on " + resolved;
  }
  return "";
}

int Unmount(const std::string& directory, bool is_root) {
  if (!is_root) return RunFusermount({"-u", "--", directory}, -1) ? 0 : EBUSY;
  return umount2(directory.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

int UnmountLazily(const std::string& directory, bool is_root) {
  if (!is_root) return RunFusermount({"-u", "-z", "--", directory}, -1) ? 0 : EIO;
  return umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

void SetReadAhead(dev_t device, uint32_t readahead_kb) {
  char path[64];
  snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(device), minor(device));
  std::ofstream file(path);
  file << readahead_kb << "\n";
}

std::vector<std::string> FindHolders(const std::string& directory) {
  std::vector<std::string> holders;
  DIR* const processes = opendir("/proc");
  if (processes == nullptr) return holders;
  while (const dirent* entry = readdir(processes)) {
    const std::string pid = entry->d_name;
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!Holds("/proc/" + pid, directory)) continue;
    std::ifstream file("/proc/" + pid + "/comm");
    std::string command;
    std::getline(file, command);
    holders.push_back(pid + " (" + command + ")");
  }
  closedir(processes);
  return holders;
}

size_t KernelNameMax() {
  utsname name{};
  int major_version = 0;
  int minor_version = 0;
  if (uname(&name) != 0 || sscanf(name.release, "%d.%d", &major_version, &minor_version) != 2) {
    return kOldKernelNameMax;
  }
  const bool recent = major_version > 6 || (major_version == 6 && minor_version >= 14);
  return recent ? kMaxNameMax : kOldKernelNameMax;
}

}  // namespace vasto::fuse
