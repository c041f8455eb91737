// SPDX-License-Identifier: Apache-2.0
// Waiting for one operation of core/client on the caller's stack: made before the operation starts.
// The waiting thread does the I/O of its operation itself (client::Waiter). The client completes
// every operation exactly once, shortly after its deadline at the latest, so there is no timeout
// here.
//
// Threads: Complete() once from any thread, Wait() once from the caller's.
#pragma once

#include <optional>
#include <utility>

#include "core/base/status.h"
#include "core/client/client.h"

namespace vasto::capi {

template <typename T>
class SyncCall {
 public:
  // *this may be gone when it returns.
  void Complete(StatusOr<T> result) {
    result_ = std::move(result);
    waiter_.Done();
  }

  StatusOr<T> Wait() {
    waiter_.Wait();
    return *std::move(result_);
  }

 private:
  client::Waiter waiter_;
  std::optional<StatusOr<T>> result_;  // written before Done(), read after Wait()
};

}  // namespace vasto::capi
