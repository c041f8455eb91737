// SPDX-License-Identifier: Apache-2.0
//
// Mutex, MutexLock and CondVar of the mount, with clang's thread-safety attributes, so that the
// compiler proves which data each lock guards. The mount is a customer of libvasto and shares no
// code with its inside, hence its own copy of these few lines.
//
// Lock order of the mount: an AsyncMutex (fuse/task.h) before any Mutex; a stripe of the node table
// before Node::mu; nothing is locked while Node::mu is held. No Mutex is held across a co_await or
// while a reply is sent to the kernel.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define VASTO_FS_ATTRIBUTE(x) __attribute__((x))
#else
#define VASTO_FS_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) VASTO_FS_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY VASTO_FS_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) VASTO_FS_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) VASTO_FS_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) VASTO_FS_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) VASTO_FS_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) VASTO_FS_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS VASTO_FS_ATTRIBUTE(no_thread_safety_analysis)

namespace vasto::fuse {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mu_.lock(); }
  void Unlock() RELEASE() { mu_.unlock(); }

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
  void Wait(Mutex* mu) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Returns false when `deadline` passed without a wakeup.
  bool WaitUntil(Mutex* mu, std::chrono::steady_clock::time_point deadline) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    const bool woken = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void Signal() { cv_.notify_one(); }
  void SignalAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace vasto::fuse
