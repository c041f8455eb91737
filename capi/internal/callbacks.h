// SPDX-License-Identifier: Apache-2.0
// Running the caller's callbacks: on which thread, and what is forbidden inside.
//
// A CallbackScope marks the calling thread while it runs a callback; functions that would wait ask
// InCallback() and return WRONG_THREAD instead of a deadlock.
//
// CallbackRunner is the thread for callbacks that no network thread is about to run: of futures
// that are cancelled, or done already when the callback comes. It starts with its first task.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "core/base/mutex.h"
#include "core/base/status.h"

namespace vasto::capi {

class CallbackScope {
 public:
  CallbackScope();
  ~CallbackScope();
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
};

// Whether the calling thread is inside a callback of this library.
bool InCallback();

// OK, or WRONG_THREAD for a call that may wait inside a callback.
Status CheckMayWait();

// Threads: any. Every task runs exactly once, at the latest before the destructor returns; when the
// destructor runs on the thread itself (a callback dropped the last reference), the thread finishes
// what is queued on its own.
class CallbackRunner {
 public:
  CallbackRunner();
  ~CallbackRunner();
  CallbackRunner(const CallbackRunner&) = delete;
  CallbackRunner& operator=(const CallbackRunner&) = delete;

  void Run(std::function<void()> task);
  // Waits until every task given before has returned. Not from a callback.
  void Drain();

 private:
  // Shared with the thread, which may outlive *this.
  struct State {
    Mutex mu;
    CondVar changed;
    std::deque<std::function<void()>> tasks GUARDED_BY(mu);
    bool busy GUARDED_BY(mu) = false;
    bool stopping GUARDED_BY(mu) = false;
  };
  static void Loop(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
  Mutex start_mu_;  // held before state_->mu when both are
  std::thread thread_ GUARDED_BY(start_mu_);
};

}  // namespace vasto::capi
