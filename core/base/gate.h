// SPDX-License-Identifier: Apache-2.0
// A Gate lets work in until it is closed, and Close() waits until all that entered has left: how
// every object with requests in flight shuts down (the idea of seastar's gate).
#pragma once

#include <cstdint>

#include "core/base/mutex.h"

namespace vasto {

// Threads: any. Close() must not be called by work that is inside.
class Gate {
 public:
  // False once Close() began: the caller must turn the work away. Each true is paired with one
  // Leave().
  [[nodiscard]] bool Enter() {
    MutexLock lock(&mu_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void Leave() {
    MutexLock lock(&mu_);
    if (--inside_ == 0) empty_.SignalAll();
  }
  // Refuses new work, then waits for what is inside. May be called more than once.
  void Close() {
    MutexLock lock(&mu_);
    closed_ = true;
    while (inside_ > 0) empty_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar empty_;
  int64_t inside_ GUARDED_BY(mu_) = 0;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace vasto
