// SPDX-License-Identifier: Apache-2.0
// Sockets as values: addresses, listening, connecting, and an epoll waker. System calls only, no
// threads of its own.
//
// An address is HOST:PORT, [IPV6]:PORT or unix:/path.
// Threads: any.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace vasto::rpc {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { Reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Reset();

 private:
  int fd_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool is_unix() const { return storage.ss_family == AF_UNIX; }
};

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};

// kInvalidArgument unless it is HOST:PORT with a port in [0, 65535].
StatusOr<HostPort> ParseHostPort(std::string_view address);
StatusOr<SocketAddress> UnixAddress(const std::string& path);
// The addresses of a host in the order to try. numeric_only: never asks the name service, so never
// blocks; kNotFound for a name then. kUnavailable when the name service knows no such host.
StatusOr<std::vector<SocketAddress>> Resolve(const HostPort& address, bool numeric_only);

// A listening, non-blocking socket. kAlreadyExists, with what to do, when somebody else listens
// there.
StatusOr<Fd> ListenTcp(const std::string& address);
// A socket file nobody listens on is replaced.
StatusOr<Fd> ListenUnix(const std::string& path);
// "HOST:PORT" of a listening socket: the host as it was given, the port as it is.
StatusOr<std::string> ListeningAddress(int fd, const std::string& requested);

// Starts to connect a non-blocking socket; writable once it is done, then SocketError tells the
// result.
StatusOr<Fd> StartConnect(const SocketAddress& address);
// The pending error of a socket (SO_ERROR); OK when there is none.
Status SocketError(int fd, std::string_view what);

// No delay, keep-alive probes after idle_s, and for unacknowledged data a limit of user_timeout_ms
// (0: the system's).
void TuneTcp(int fd, int idle_s, int user_timeout_ms);

// Wakes a thread that sleeps in epoll_wait, with one system call per sleep however many wake it.
//
// The sleeper: AboutToSleep(); look at all queues once more; epoll_wait; Awake(). The others: put
// into a queue; Wake().
class Waker {
 public:
  // Adds itself to the epoll set with `data`.
  Status Open(int epoll_fd, void* data);
  void Wake() {
    if (asleep_.load() && asleep_.exchange(false)) Signal();
  }
  void AboutToSleep() { asleep_.store(true); }
  void Awake() { asleep_.store(false, std::memory_order_relaxed); }

 private:
  void Signal();

  Fd fd_;
  std::atomic<bool> asleep_{false};
};

}  // namespace vasto::rpc
