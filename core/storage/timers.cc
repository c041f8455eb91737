// SPDX-License-Identifier: Apache-2.0
#include "core/storage/timers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/thread_pool.h"

namespace vasto::storage {

Timers::~Timers() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    threads.swap(threads_);
  }
  changed_.SignalAll();
  for (std::thread& thread : threads) thread.join();
}

void Timers::After(int64_t delay_us, const void* owner, Task task) {
  const int64_t due = clock_->MonotonicMicros() + delay_us;
  {
    MutexLock lock(&mu_);
    items_.emplace(due, Item{owner, std::move(task)});
    while (threads_.size() < static_cast<size_t>(thread_count_)) {
      const std::string name = "vasto-timer-" + std::to_string(threads_.size());
      threads_.emplace_back([this, name] {
        SetThreadName(name);
        Run();
      });
    }
  }
  changed_.Signal();
}

void Timers::Cancel(const void* owner) {
  MutexLock lock(&mu_);
  std::erase_if(items_, [owner](const auto& item) { return item.second.owner == owner; });
  while (std::find(running_.begin(), running_.end(), owner) != running_.end()) {
    finished_.Wait(&mu_);
  }
  // A task that ran may have scheduled the next one.
  std::erase_if(items_, [owner](const auto& item) { return item.second.owner == owner; });
}

void Timers::Run() {
  mu_.Lock();
  while (!stopping_) {
    if (items_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    const int64_t wait_us = items_.begin()->first - clock_->MonotonicMicros();
    if (wait_us > 0) {
      // In real time: no condition variable waits for another. The clock is asked again after it.
      changed_.WaitFor(&mu_, wait_us);
      continue;
    }
    Item item = std::move(items_.begin()->second);
    items_.erase(items_.begin());
    running_.push_back(item.owner);
    mu_.Unlock();
    item.task();
    mu_.Lock();
    running_.erase(std::find(running_.begin(), running_.end(), item.owner));
    finished_.SignalAll();
  }
  mu_.Unlock();
}

}  // namespace vasto::storage
