// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/socket.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace vasto::rpc {
namespace {

constexpr int kBacklog = 1024;

void SetInt(int fd, int level, int option, int value) {
  // These only tune; a kernel that refuses one still carries the bytes.
  (void)setsockopt(fd, level, option, &value, sizeof(value));
}

const sockaddr* AsSockaddr(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

// Whether a process accepts connections on the socket file.
bool SomebodyListens(const SocketAddress& address) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(fd.get(), AsSockaddr(address), address.size) == 0) return true;
  return errno == EAGAIN || errno == EINPROGRESS;  // its backlog is full
}

}  // namespace

void Fd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

StatusOr<HostPort> ParseHostPort(std::string_view address) {
  const auto bad = [&] {
    return Status::InvalidArgument("address '" + std::string(address) + "' is not HOST:PORT");
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.front() == '[') {
    if (host.back() != ']') return bad();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc() || end != port.data() + port.size() || number > 65535)
    return bad();
  if (host.empty()) return bad();
  return HostPort{std::string(host), std::string(port)};
}

StatusOr<SocketAddress> UnixAddress(const std::string& path) {
  SocketAddress address;
  auto* un = reinterpret_cast<sockaddr_un*>(&address.storage);
  un->sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(un->sun_path)) {
    return Status::InvalidArgument("unix socket path '" + path + "' must have 1 to " +
                                   std::to_string(sizeof(un->sun_path) - 1) + " bytes");
  }
  std::memcpy(un->sun_path, path.c_str(), path.size() + 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

StatusOr<std::vector<SocketAddress>> Resolve(const HostPort& address, bool numeric_only) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : AI_ADDRCONFIG);
  addrinfo* list = nullptr;
  const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &list);
  if (error != 0) {
    if (numeric_only) return Status::NotFound("'" + address.host + "' is a name");
    return Status::Unavailable("host '" + address.host + "': " + gai_strerror(error));
  }
  std::vector<SocketAddress> result;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    auto& entry = result.emplace_back();
    std::memcpy(&entry.storage, info->ai_addr, info->ai_addrlen);
    entry.size = info->ai_addrlen;
  }
  freeaddrinfo(list);
  return result;
}

StatusOr<Fd> ListenTcp(const std::string& address) {
  VASTO_ASSIGN_OR_RETURN(const auto host_port, ParseHostPort(address));
  auto resolved = Resolve(host_port, false);
  if (!resolved.ok())
    return Status::InvalidArgument("cannot listen on " + address + ": " +
                                   resolved.status().message());
  const SocketAddress& first = resolved->front();
  Fd fd(socket(first.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Status::FromErrno(errno, "socket");
  // Not SO_REUSEPORT: two processes on one port must be an error.
  SetInt(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd.get(), AsSockaddr(first), first.size) != 0 || listen(fd.get(), kBacklog) != 0) {
    if (errno == EADDRINUSE) {
      return Status::AlreadyExists(
          "cannot listen on " + address +
          ": the port is in use; stop the other process or choose another port");
    }
    if (errno == EADDRNOTAVAIL)
      return Status::InvalidArgument("cannot listen on " + address +
                                     ": not an address of this machine");
    return Status::FromErrno(errno, "cannot listen on " + address);
  }
  return fd;
}

StatusOr<Fd> ListenUnix(const std::string& path) {
  VASTO_ASSIGN_OR_RETURN(const auto address, UnixAddress(path));
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode) || SomebodyListens(address)) {
      return Status::AlreadyExists(
          "cannot listen on unix:" + path + ": " +
          (S_ISSOCK(info.st_mode) ? "another process does" : "it is another kind of file"));
    }
    (void)unlink(path.c_str());
  }
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Status::FromErrno(errno, "socket");
  if (bind(fd.get(), AsSockaddr(address), address.size) != 0 || listen(fd.get(), kBacklog) != 0) {
    if (errno == EADDRINUSE)
      return Status::AlreadyExists("cannot listen on unix:" + path + ": another process does");
    return Status::FromErrno(errno, "cannot listen on unix:" + path);
  }
  return fd;
}

StatusOr<std::string> ListeningAddress(int fd, const std::string& requested) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return Status::FromErrno(errno, "getsockname");
  }
  const auto port = address.storage.ss_family == AF_INET6
                        ? reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port
                        : reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port;
  return requested.substr(0, requested.rfind(':') + 1) + std::to_string(ntohs(port));
}

StatusOr<Fd> StartConnect(const SocketAddress& address) {
  Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Status::FromErrno(errno, "socket");
  if (connect(fd.get(), AsSockaddr(address), address.size) != 0 && errno != EINPROGRESS) {
    return Status::FromErrno(errno, "connect");
  }
  return fd;
}

Status SocketError(int fd, std::string_view what) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? Status::Ok() : Status::FromErrno(error, what);
}

void TuneTcp(int fd, int idle_s, int user_timeout_ms) {
  SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, idle_s);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (user_timeout_ms > 0) SetInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
}

Status Waker::Open(int epoll_fd, void* data) {
  fd_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd_.valid()) return Status::FromErrno(errno, "eventfd");
  epoll_event event{};
  // Edge-triggered: each signal is one event, and nobody has to read the counter back.
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = data;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_.get(), &event) != 0)
    return Status::FromErrno(errno, "epoll_ctl");
  return Status::Ok();
}

void Waker::Signal() {
  const uint64_t one = 1;
  (void)!write(fd_.get(), &one, sizeof(one));
}

}  // namespace vasto::rpc
