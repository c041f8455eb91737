// SPDX-License-Identifier: Apache-2.0
// A fixed number of named threads that run closures in the order they were given.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"

namespace vasto {

// Threads: Submit from any thread. Stop from the owner, not from a task.
class ThreadPool {
 public:
  using Task = std::function<void()>;

  // name: at most 12 characters; thread i is "<name>-<i>". REQUIRES: threads > 0.
  ThreadPool(const std::string& name, int threads);
  ~ThreadPool() { Stop(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Queues the task; it runs exactly once. Returns false, dropping the task, once Stop() began.
  [[nodiscard]] bool Submit(Task task);
  // Tasks queued and not started.
  size_t queued() const;
  // Refuses new tasks, runs all queued ones, joins the threads. May be called more than once.
  void Stop();

 private:
  void Run();

  mutable Mutex mu_;
  CondVar ready_;
  std::deque<Task> tasks_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // owner's thread only
};

// Names the calling thread for debuggers and top; cut to 15 characters.
void SetThreadName(const std::string& name);

}  // namespace vasto
