// SPDX-License-Identifier: Apache-2.0
// One T for each thread that asks, owned by the object and not by the thread: unlike a thread_local
// it can belong to one of several objects, and all of them can be looked at together.
//
// The T of a thread that has ended stays until the object goes, so this is for threads that live
// about as long as it does.
//
// Threads: Get from any; the T it gives is the calling thread's. ForEach from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/mutex.h"

namespace vasto::store {

template <typename T>
class PerThread {
 public:
  PerThread() = default;
  PerThread(const PerThread&) = delete;
  PerThread& operator=(const PerThread&) = delete;

  // The calling thread's T, made at its first call. Owned by *this.
  T* Get() {
    // Most threads use one object of a kind; a process with several stores may have threads that
    // use more.
    thread_local std::vector<std::pair<uint64_t, T*>> known;
    for (const auto& [id, value] : known) {
      if (id == id_) return value;
    }
    MutexLock lock(&mu_);
    values_.push_back(std::make_unique<T>());
    known.emplace_back(id_, values_.back().get());
    return values_.back().get();
  }

  // Calls visit(T*) for every T there is, with a lock held.
  template <typename Visit>
  void ForEach(Visit visit) {
    MutexLock lock(&mu_);
    for (const auto& value : values_) visit(value.get());
  }

 private:
  static uint64_t NextId() {
    static std::atomic<uint64_t> next{1};
    return next.fetch_add(1);
  }

  // Never used twice in a process, so that a thread never takes another object's T, even at the
  // same address, for its own.
  const uint64_t id_ = NextId();
  Mutex mu_;
  std::vector<std::unique_ptr<T>> values_ GUARDED_BY(mu_);
};

}  // namespace vasto::store
