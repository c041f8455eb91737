// SPDX-License-Identifier: Apache-2.0
#include "fuse/task.h"

#include <vector>

#include "fuse/call.h"

namespace vasto::fuse {
namespace {

thread_local bool resuming = false;
thread_local std::vector<std::coroutine_handle<>> woken;

}  // namespace

void Resume(std::coroutine_handle<> handle) {
  if (resuming) {
    woken.push_back(handle);
    return;
  }
  resuming = true;
  handle.resume();
  // Index by hand: resuming may append.
  for (size_t i = 0; i < woken.size(); ++i) woken[i].resume();
  woken.clear();
  resuming = false;
}

bool AsyncMutex::Waiter::await_suspend(std::coroutine_handle<> awaiter) {
  handle_ = awaiter;
  if (call_ != nullptr && !call_->SetWait(&Abort, this)) return false;
  return mutex_->Enqueue(this);
}

AsyncMutex::Guard AsyncMutex::Waiter::await_resume() noexcept {
  if (call_ != nullptr) call_->ClearWait();
  return acquired_ ? Guard(mutex_) : Guard();
}

std::coroutine_handle<> AsyncMutex::Waiter::Abort(void* self) {
  auto* const waiter = static_cast<Waiter*>(self);
  return waiter->mutex_->Abandon(waiter) ? waiter->handle_ : std::coroutine_handle<>();
}

bool AsyncMutex::Enqueue(Waiter* waiter) {
  MutexLock lock(&mu_);
  if (waiter->abandoned_) return false;
  if (!locked_) {
    locked_ = true;
    waiter->acquired_ = true;
    return false;
  }
  waiter->queued_ = true;
  (first_ == nullptr ? first_ : last_->next_) = waiter;
  last_ = waiter;
  return true;
}

bool AsyncMutex::Abandon(Waiter* waiter) {
  MutexLock lock(&mu_);
  waiter->abandoned_ = true;
  if (!waiter->queued_) return false;
  waiter->queued_ = false;
  Waiter* before = nullptr;
  for (Waiter* w = first_; w != waiter; w = w->next_) before = w;
  (before == nullptr ? first_ : before->next_) = waiter->next_;
  if (last_ == waiter) last_ = before;
  return true;
}

void AsyncMutex::Unlock() {
  std::coroutine_handle<> next;
  {
    MutexLock lock(&mu_);
    if (first_ == nullptr) {
      locked_ = false;
      return;
    }
    Waiter* const waiter = first_;
    first_ = waiter->next_;
    if (first_ == nullptr) last_ = nullptr;
    waiter->queued_ = false;
    waiter->acquired_ = true;
    next = waiter->handle_;
  }
  Resume(next);
}

}  // namespace vasto::fuse
