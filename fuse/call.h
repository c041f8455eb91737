// SPDX-License-Identifier: Apache-2.0
//
// The clock and the interruption of one operation: how much time it has left, and how to wake it
// when the process that asked for it has got a signal.
//
// What an operation waits for registers itself with SetWait, so that Interrupt can abort it. An
// operation without a process behind it (a publication at release or at unmount) has a Call that
// nobody interrupts.
//
// Threads: deadline accessors any; SetWait and ClearWait by the operation; Interrupt any.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "fuse/mutex.h"

namespace vasto::fuse {

class Call : public std::enable_shared_from_this<Call> {
 public:
  using Clock = std::chrono::steady_clock;
  // Aborts a wait. Returns the coroutine to be resumed if the abort itself ended the wait; none if
  // whatever is waited for will resume it. Runs with the call's lock held: must not call back.
  using Abort = std::coroutine_handle<> (*)(void* self);

  // The operation has `timeout_ms` from now; 0: no limit (it can still be interrupted).
  explicit Call(int64_t timeout_ms)
      : limited_(timeout_ms > 0), deadline_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Milliseconds left, at least 1: an operation of libvasto may always be tried. 0: no limit.
  uint64_t RemainingMs() const {
    if (!limited_) return 0;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    return left < 1 ? 1 : static_cast<uint64_t>(left);
  }
  bool expired() const { return limited_ && Clock::now() >= deadline_; }

  // Called once, before the first wait of the operation: where interruptions are asked for.
  void set_arm(std::function<void()> arm) { arm_ = std::move(arm); }
  bool armed() const { return armed_; }
  // What to do when a signal is reported; to be set by arm.
  void set_on_interrupt(std::function<void()> function) { on_interrupt_ = std::move(function); }
  void NotifyInterrupt() { on_interrupt_(); }

  // From now on the operation waits for something that `abort(self)` can end. False, and nothing is
  // registered, if the operation has been interrupted already.
  bool SetWait(Abort abort, void* self) EXCLUDES(mu_);
  // The wait is over. When this returns, abort is not running and will not run.
  void ClearWait() EXCLUDES(mu_);
  // Ends the current wait, if any, and all later ones.
  void Interrupt() EXCLUDES(mu_);
  bool interrupted() const EXCLUDES(mu_);

 private:
  // Constant after construction, or used by the operation only.
  const bool limited_;
  const Clock::time_point deadline_;
  std::function<void()> arm_;
  std::function<void()> on_interrupt_;
  bool armed_ = false;

  mutable Mutex mu_;
  bool interrupted_ GUARDED_BY(mu_) = false;
  Abort abort_ GUARDED_BY(mu_) = nullptr;
  void* self_ GUARDED_BY(mu_) = nullptr;
};

using CallPtr = std::shared_ptr<Call>;

}  // namespace vasto::fuse
