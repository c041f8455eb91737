// SPDX-License-Identifier: Apache-2.0
// Slow work on shards: opening, closing, dropping. What is to be done to one shard is done in the
// order in which it was asked for; different shards do not wait for each other.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/base/uuid.h"

namespace vasto::store {

class ShardTasks {
 public:
  using Key = std::pair<Uuid, int32_t>;  // keyspace and number

  // pool: borrowed; to be stopped before *this goes. Once it has stopped, tasks run on the caller's
  // thread, or on that of the task before.
  explicit ShardTasks(ThreadPool* pool) : pool_(pool) {}
  ShardTasks(const ShardTasks&) = delete;
  ShardTasks& operator=(const ShardTasks&) = delete;

  void Add(const Key& key, ThreadPool::Task task) EXCLUDES(mu_);

 private:
  // Runs the first of the key's tasks, and then those that came meanwhile.
  void Run(const Key& key) EXCLUDES(mu_);

  ThreadPool* const pool_;
  Mutex mu_;
  // Those of a key that have not ended; the first one runs.
  std::map<Key, std::deque<ThreadPool::Task>> tasks_ GUARDED_BY(mu_);
};

}  // namespace vasto::store
