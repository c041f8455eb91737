// SPDX-License-Identifier: Apache-2.0
//
// A few threads for the calls of libvasto that have no asynchronous form and may wait for the
// master: opening a keyspace, describing the cluster, administration. The threads of libfuse and of
// libvasto never make such calls.
//
// Whoever awaits such a call is not bound to it: the wait also ends at a limit and when the
// operation is interrupted. What has not been started by then is not started any more, so that a
// master that stands still does not fill the queue.
//
// Threads: any. Started lazily, at most `max_threads`, named "vasto-blocking".
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "fuse/call.h"
#include "fuse/mutex.h"

namespace vasto::fuse {

class Timer;

// How the wait for a piece of work ended.
enum class WorkEnd { kDone, kInterrupted, kTimedOut };

class BlockingPool {
 public:
  // `timer` is borrowed; outlives *this.
  BlockingPool(size_t max_threads, Timer* timer) : max_threads_(max_threads), timer_(timer) {}
  ~BlockingPool() { Stop(); }
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `work` on a thread of the pool.
  void Post(std::function<void()> work) EXCLUDES(mu_);
  // Finishes all posted work, then joins the threads. Nothing may be posted afterwards.
  void Stop() EXCLUDES(mu_);

  // What a piece of work and the coroutine that waits for it share.
  struct Wait;

  class [[nodiscard]] Runner {
   public:
    Runner(BlockingPool* pool, std::function<void()> work, Call* call, int64_t limit_ms)
        : pool_(pool), work_(std::move(work)), call_(call), limit_ms_(limit_ms) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiter);
    WorkEnd await_resume() noexcept;

   private:
    BlockingPool* const pool_;
    std::function<void()> work_;
    Call* const call_;
    const int64_t limit_ms_;
    std::shared_ptr<Wait> wait_;
  };
  // co_await Run(work, call, limit_ms): runs it on the pool and goes on when it is done, when
  // limit_ms have passed (0: no limit), or when `call` is interrupted. In the latter two cases the
  // work may be running still: it must own what it touches, and not refer to the awaiter's frame.
  Runner Run(std::function<void()> work, Call* call, int64_t limit_ms) {
    return Runner(this, std::move(work), call, limit_ms);
  }

 private:
  void Loop() EXCLUDES(mu_);

  const size_t max_threads_;
  Timer* const timer_;
  Mutex mu_;
  CondVar wake_;
  std::deque<std::function<void()>> work_ GUARDED_BY(mu_);
  std::vector<std::thread> threads_ GUARDED_BY(mu_);
  size_t idle_ GUARDED_BY(mu_) = 0;
  bool stopping_ GUARDED_BY(mu_) = false;
};

}  // namespace vasto::fuse
