// SPDX-License-Identifier: Apache-2.0
#include "core/store/shard_tasks.h"

namespace vasto::store {

void ShardTasks::Add(const Key& key, ThreadPool::Task task) {
  {
    MutexLock lock(&mu_);
    std::deque<ThreadPool::Task>& tasks = tasks_[key];
    tasks.push_back(std::move(task));
    if (tasks.size() > 1) return;
  }
  if (!pool_->Submit([this, key] { Run(key); })) Run(key);
}

void ShardTasks::Run(const Key& key) {
  for (;;) {
    ThreadPool::Task task;
    {
      MutexLock lock(&mu_);
      task = std::move(tasks_[key].front());
    }
    task();
    // What it holds goes before the next one begins.
    task = nullptr;
    MutexLock lock(&mu_);
    std::deque<ThreadPool::Task>& tasks = tasks_[key];
    tasks.pop_front();
    if (!tasks.empty()) continue;
    tasks_.erase(key);
    return;
  }
}

}  // namespace vasto::store
