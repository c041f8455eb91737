// SPDX-License-Identifier: Apache-2.0
// Somebody who waits for results in a poll of its own, such as the event loop of another language,
// and comes to take them (Drivable::Visit). It has one descriptor to poll, which is readable while
// something it watches is: what the results are put into and, as long as it has the place of the
// I/O thread, that thread's epoll set. So a result takes one wake-up instead of two.
//
// The descriptor may be readable although there is nothing to take, and a visit is what makes it
// unreadable then.
//
// Threads: any.
#pragma once

#include <atomic>

#include "core/base/status.h"
#include "core/rpc/socket.h"

namespace vasto::rpc {

class PollingVisitor {
 public:
  PollingVisitor() = default;
  PollingVisitor(const PollingVisitor&) = delete;
  PollingVisitor& operator=(const PollingVisitor&) = delete;

  // own_fd: watched all the time; borrowed for as long as this lives. Once.
  Status Open(int own_fd);
  // -1 before Open.
  int fd() const { return epoll_.get(); }

  // From now on the descriptor is readable while epoll_fd is, too. One at a time: the last counts.
  void Watch(int epoll_fd);
  void Unwatch(int epoll_fd);

 private:
  Fd epoll_;
  std::atomic<int> watched_{-1};
};

}  // namespace vasto::rpc
