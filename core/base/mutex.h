// SPDX-License-Identifier: Apache-2.0
// std::mutex and std::condition_variable with thread-safety annotations, so that clang proves which
// data each lock guards.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/base/thread_annotations.h"

namespace vasto {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mu_.lock(); }
  void Unlock() RELEASE() { mu_.unlock(); }
  bool TryLock() TRY_ACQUIRE(true) { return mu_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mu) ACQUIRE(mu) : mu_(mu) { mu_->Lock(); }
  ~MutexLock() RELEASE() { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mu_;
};

// Wakeups may be spurious: callers wait in a loop.
class CondVar {
 public:
  // A day. The standard library counts in nanoseconds, which overflow.
  static constexpr int64_t kLongestUs = 86'400'000'000;

  void Wait(Mutex* mu) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Returns false when timeout_us, or kLongestUs if that is less, passed without a wakeup. A
  // timeout of 0 or less returns at once.
  bool WaitFor(Mutex* mu, int64_t timeout_us) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    const std::chrono::microseconds timeout(std::clamp<int64_t>(timeout_us, 0, kLongestUs));
    const bool woken = cv_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void Signal() { cv_.notify_one(); }
  void SignalAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace vasto
