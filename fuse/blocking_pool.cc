// SPDX-License-Identifier: Apache-2.0
#include "fuse/blocking_pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "fuse/task.h"
#include "fuse/timer.h"

namespace vasto::fuse {

struct BlockingPool::Wait {
  explicit Wait(std::coroutine_handle<> waiting) : awaiter(waiting) {}

  // True for the first who asks: that one resumes the coroutine.
  bool End(WorkEnd how) {
    if (ended.exchange(true)) return false;
    end = how;
    return true;
  }
  static std::coroutine_handle<> Abort(void* self) {
    auto* const wait = static_cast<Wait*>(self);
    return wait->End(WorkEnd::kInterrupted) ? wait->awaiter : std::coroutine_handle<>();
  }

  const std::coroutine_handle<> awaiter;
  std::atomic<bool> ended{false};
  WorkEnd end = WorkEnd::kDone;  // written by the one who ended it, read by the coroutine
};

bool BlockingPool::Runner::await_suspend(std::coroutine_handle<> awaiter) {
  wait_ = std::make_shared<Wait>(awaiter);
  if (call_ != nullptr && !call_->SetWait(&Wait::Abort, wait_.get())) {
    wait_->End(WorkEnd::kInterrupted);
    return false;
  }
  // From the first line below that can wake the coroutine this object may be gone.
  const std::shared_ptr<Wait> wait = wait_;
  BlockingPool* const pool = pool_;
  const int64_t limit_ms = limit_ms_;
  std::function<void()> work = std::move(work_);
  if (limit_ms > 0) {
    pool->timer_->After(std::chrono::milliseconds(limit_ms), [wait] {
      if (wait->End(WorkEnd::kTimedOut)) Resume(wait->awaiter);
    });
  }
  pool->Post([wait, work = std::move(work)] {
    if (wait->ended) return;
    work();
    if (wait->End(WorkEnd::kDone)) Resume(wait->awaiter);
  });
  return true;
}

WorkEnd BlockingPool::Runner::await_resume() noexcept {
  if (call_ != nullptr) call_->ClearWait();
  return wait_->end;
}

void BlockingPool::Post(std::function<void()> work) {
  MutexLock lock(&mu_);
  work_.push_back(std::move(work));
  if (idle_ < work_.size() && threads_.size() < max_threads_) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "vasto-blocking");
      Loop();
    });
  }
  wake_.Signal();
}

void BlockingPool::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    threads.swap(threads_);
    wake_.SignalAll();
  }
  for (std::thread& thread : threads) thread.join();
}

void BlockingPool::Loop() {
  mu_.Lock();
  while (true) {
    if (work_.empty()) {
      if (stopping_) break;
      ++idle_;
      wake_.Wait(&mu_);
      --idle_;
      continue;
    }
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    mu_.Unlock();
    work();
    mu_.Lock();
  }
  mu_.Unlock();
}

}  // namespace vasto::fuse
