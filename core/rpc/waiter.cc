// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/waiter.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/clock.h"
#include "core/rpc/socket.h"

namespace vasto::rpc {
namespace {

thread_local Waiter* current = nullptr;

// One event descriptor a thread, made when first needed.
int EventFdOfThisThread() {
  thread_local Fd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  return fd.get();
}

timespec* TimeoutUntil(int64_t deadline_us, timespec* space) {
  if (deadline_us == Waiter::kForever) return nullptr;
  const int64_t left_us = std::max<int64_t>(deadline_us - SystemClock()->MonotonicMicros(), 0);
  *space = {left_us / 1'000'000, left_us % 1'000'000 * 1000};
  return space;
}

}  // namespace

Waiter::Waiter() : outer_(std::exchange(current, this)) {}

Waiter::~Waiter() {
  current = outer_;
  // A call whose reply nobody waits for any more: the I/O threads have to take the connection back.
  if (source_ != nullptr) std::exchange(source_, nullptr)->Drive(this, 0);
}

Waiter* Waiter::Current() { return current; }

void Waiter::ExpectFrom(std::shared_ptr<Drivable> source) {
  if (source_ != nullptr && source_ != source) {
    // Only one is driven; the I/O threads have to take the other back. Nothing is read here, where
    // no callback may run.
    Waiter nothing;
    nothing.Done();
    source_->Drive(&nothing, 0);
  }
  source_ = std::move(source);
}

void Waiter::Done() {
  // Under the lock to the end: the waiting thread destroys *this once it has seen done_ with the
  // lock held.
  MutexLock lock(&mu_);
  done_.store(true);
  changed_.Signal();
  if (waker_ != nullptr) waker_->Wake();
  if (polling_ >= 0) {
    const uint64_t one = 1;
    (void)!write(polling_, &one, sizeof(one));
  }
}

bool Waiter::Wait(int64_t deadline_us) {
  while (!done() && source_ != nullptr) std::exchange(source_, nullptr)->Drive(this, deadline_us);
  MutexLock lock(&mu_);
  while (!done()) {
    if (deadline_us == kForever) {
      changed_.Wait(&mu_);
      continue;
    }
    const int64_t left_us = deadline_us - SystemClock()->MonotonicMicros();
    if (left_us <= 0) return false;
    changed_.WaitFor(&mu_, left_us);
  }
  return true;
}

void Waiter::SleepIn(Waker* waker) {
  MutexLock lock(&mu_);
  waker_ = waker;
}

bool Waiter::Poll(int fd, int64_t deadline_us) {
  const int event_fd = EventFdOfThisThread();
  {
    MutexLock lock(&mu_);
    if (done()) return false;
    polling_ = event_fd;
  }
  pollfd entries[2] = {{fd, POLLIN, 0}, {event_fd, POLLIN, 0}};
  timespec space;
  const int ready = ppoll(entries, 2, TimeoutUntil(deadline_us, &space), nullptr);
  {
    MutexLock lock(&mu_);
    polling_ = -1;
  }
  if (ready > 0 && entries[1].revents != 0) {
    uint64_t count;
    (void)!read(event_fd, &count, sizeof(count));
  }
  return ready > 0 && entries[0].revents != 0;
}

}  // namespace vasto::rpc
