// SPDX-License-Identifier: Apache-2.0
#include "fuse/timer.h"

#include <pthread.h>

#include <utility>

#include "fuse/task.h"

namespace vasto::fuse {

void Timer::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "vasto-timer");
    Run();
  });
}

void Timer::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void Timer::After(std::chrono::milliseconds delay, std::function<void()> function) {
  MutexLock lock(&mu_);
  due_.emplace(Call::Clock::now() + delay, std::move(function));
  wake_.Signal();
}

void Timer::Sleeper::await_suspend(std::coroutine_handle<> awaiter) {
  timer_->After(delay_, [awaiter] { Resume(awaiter); });
}

void Timer::Run() {
  mu_.Lock();
  while (!stopping_ || !due_.empty()) {
    if (due_.empty()) {
      wake_.Wait(&mu_);
      continue;
    }
    const auto first = due_.begin();
    if (!stopping_ && first->first > Call::Clock::now()) {
      wake_.WaitUntil(&mu_, first->first);
      continue;
    }
    const std::function<void()> function = std::move(first->second);
    due_.erase(first);
    mu_.Unlock();
    function();
    mu_.Lock();
  }
  mu_.Unlock();
}

}  // namespace vasto::fuse
