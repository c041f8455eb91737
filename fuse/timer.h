// SPDX-License-Identifier: Apache-2.0
//
// One thread that runs things later: the end of an interrupted operation's grace, and the pauses
// between retries.
//
// Threads: any. Functions run on the thread "vasto-timer", one after the other, and must be short.
#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <map>
#include <thread>

#include "fuse/call.h"
#include "fuse/mutex.h"

namespace vasto::fuse {

class Timer {
 public:
  Timer() = default;
  ~Timer() { Stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Starts the thread. To be called after the process has forked into the background.
  void Start();
  // Runs what is due or not at once, then joins the thread: no sleeper is forgotten.
  void Stop() EXCLUDES(mu_);

  // Runs `function` once, `delay` from now.
  void After(std::chrono::milliseconds delay, std::function<void()> function) EXCLUDES(mu_);

  // co_await Sleep(delay): goes on after the delay, on the timer's thread.
  class [[nodiscard]] Sleeper {
   public:
    Sleeper(Timer* timer, std::chrono::milliseconds delay) : timer_(timer), delay_(delay) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter);
    void await_resume() const noexcept {}

   private:
    Timer* const timer_;
    const std::chrono::milliseconds delay_;
  };
  Sleeper Sleep(std::chrono::milliseconds delay) { return Sleeper(this, delay); }

 private:
  void Run() EXCLUDES(mu_);

  std::thread thread_;
  Mutex mu_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::multimap<Call::Clock::time_point, std::function<void()>> due_ GUARDED_BY(mu_);
};

}  // namespace vasto::fuse
