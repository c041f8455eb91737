// SPDX-License-Identifier: Apache-2.0
// Closures that run once after a delay, on a few threads of their own: the syncing of logs and the
// return from a full disk. The threads start with the first timer, so that a process that needs
// none has none.
//
// Threads: all methods from any thread; the destructor from the owner, when nothing is scheduled.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace vasto::storage {

class Timers {
 public:
  using Task = std::function<void()>;

  // clock: borrowed; outlives *this. A task never runs before it says so; a clock that is ahead of
  // the real time is noticed when the delay has really passed. REQUIRES: threads > 0.
  Timers(int threads, const Clock* clock) : thread_count_(threads), clock_(clock) {}
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Runs the task once, delay_us from now, unless Cancel(owner) comes first. Tasks of one owner may
  // run at the same time. owner: only compared; says which tasks belong together.
  void After(int64_t delay_us, const void* owner, Task task) EXCLUDES(mu_);

  // Drops the owner's tasks that have not begun and waits for those that run. Not to be called by a
  // task.
  void Cancel(const void* owner) EXCLUDES(mu_);

 private:
  struct Item {
    const void* owner;
    Task task;
  };

  void Run() EXCLUDES(mu_);

  const int thread_count_;
  const Clock* const clock_;
  Mutex mu_;
  CondVar changed_;                                     // an earlier item, or stopping_
  CondVar finished_;                                    // a task returned
  std::multimap<int64_t, Item> items_ GUARDED_BY(mu_);  // by due time of clock_
  std::vector<const void*> running_ GUARDED_BY(mu_);    // owners of tasks that run now
  std::vector<std::thread> threads_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
};

}  // namespace vasto::storage
