// SPDX-License-Identifier: Apache-2.0
// The result of a call, for a thread that waits. Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/status.h"

namespace vasto::replication {

template <typename Response>
class Awaited {
 public:
  static constexpr int64_t kLookUs = 50'000;  // between two looks whether it is cancelled

  void Set(StatusOr<Response> result) {
    MutexLock lock(&mu_);
    result_.emplace(std::move(result));
    set_.SignalAll();
  }
  // kCancelled: it is not wanted any more.
  StatusOr<Response> Wait(const std::function<bool()>& cancelled) {
    MutexLock lock(&mu_);
    while (!result_) {
      if (cancelled()) return Status::Cancelled("it is not wanted any more");
      set_.WaitFor(&mu_, kLookUs);
    }
    return std::move(*result_);
  }
  void Pause(int64_t us) {
    MutexLock lock(&mu_);
    if (!result_) set_.WaitFor(&mu_, us);
  }

 private:
  Mutex mu_;
  CondVar set_;
  std::optional<StatusOr<Response>> result_ GUARDED_BY(mu_);
};

}  // namespace vasto::replication
