// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/polling_visitor.h"

#include <sys/epoll.h>

#include <cerrno>

namespace vasto::rpc {
namespace {

bool Add(int epoll_fd, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Status PollingVisitor::Open(int own_fd) {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid() || !Add(epoll.get(), own_fd)) return Status::FromErrno(errno, "epoll");
  epoll_ = std::move(epoll);
  return Status::Ok();
}

void PollingVisitor::Watch(int epoll_fd) {
  const int before = watched_.exchange(epoll_fd);
  if (before == epoll_fd) return;
  if (before >= 0) (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, before, nullptr);
  // Should it fail, the I/O thread takes its place back when nobody comes.
  (void)Add(epoll_.get(), epoll_fd);
}

void PollingVisitor::Unwatch(int epoll_fd) {
  if (!watched_.compare_exchange_strong(epoll_fd, -1)) return;
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, epoll_fd, nullptr);
}

}  // namespace vasto::rpc
