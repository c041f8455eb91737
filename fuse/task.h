// SPDX-License-Identifier: Apache-2.0
//
// The coroutines the mount's operations are written in: an operation reads top to bottom, yet no
// thread waits while the cluster works.
//
//   Task       a whole operation: starts at once on the caller's thread, owned by nobody, ends by
//              itself after it has replied.
//   Async<T>   a part of an operation: starts when it is awaited, by exactly one awaiter.
//   AsyncMutex a lock that is held across awaits; waiters are served in order.
//
// Rules for coroutines here: 1. parameters by value, or references to objects that live in the
// frame of the awaiter; never a view of somebody's buffer. 2. no Mutex is held at a co_await. 3. an
// operation may go on on another thread after each co_await.
//
// Threads: a coroutine runs on one thread at a time. Resume() never nests: a coroutine that is
// woken while another one runs on this thread goes on after it, so that chains of waiters need no
// stack.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "fuse/mutex.h"

namespace vasto::fuse {

// Continues a suspended coroutine on this thread: now, or as soon as the one running here suspends.
void Resume(std::coroutine_handle<> handle);

struct Task {
  struct promise_type {
    Task get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

template <typename T>
class [[nodiscard]] Async {
 public:
  struct promise_type {
    struct FinalAwaiter {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().awaiter;
      }
      void await_resume() noexcept {}
    };
    Async get_return_object() noexcept {
      return Async(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    void return_value(T value) { result.emplace(std::move(value)); }
    void unhandled_exception() noexcept { std::terminate(); }

    std::coroutine_handle<> awaiter;
    std::optional<T> result;
  };

  Async(Async&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Async(const Async&) = delete;
  Async& operator=(const Async&) = delete;
  Async& operator=(Async&&) = delete;
  ~Async() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().result); }

 private:
  explicit Async(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

class Call;

class AsyncMutex {
 public:
  // Unlocks when it goes. Empty if the wait was interrupted. Movable, so that it can be handed up.
  class [[nodiscard]] Guard {
   public:
    Guard() = default;
    explicit Guard(AsyncMutex* mutex) : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      std::swap(mutex_, other.mutex_);
      return *this;
    }
    ~Guard() { Release(); }
    explicit operator bool() const { return mutex_ != nullptr; }
    void Release() {
      if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->Unlock();
    }

   private:
    AsyncMutex* mutex_ = nullptr;
  };

  // One coroutine's place in the queue; lives in its frame while it waits.
  class [[nodiscard]] Waiter {
   public:
    Waiter(AsyncMutex* mutex, Call* call) : mutex_(mutex), call_(call) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiter);
    Guard await_resume() noexcept;

   private:
    friend class AsyncMutex;
    static std::coroutine_handle<> Abort(void* self);

    AsyncMutex* const mutex_;
    Call* const call_;
    std::coroutine_handle<> handle_;
    Waiter* next_ = nullptr;
    bool queued_ = false;  // guarded by the mutex's mu_, as are the next two
    bool abandoned_ = false;
    bool acquired_ = false;
  };

  AsyncMutex() = default;
  AsyncMutex(const AsyncMutex&) = delete;
  AsyncMutex& operator=(const AsyncMutex&) = delete;

  // `co_await Lock(call)` yields a Guard; an empty one if `call` was interrupted meanwhile. With
  // call NULL the wait cannot be interrupted.
  Waiter Lock(Call* call) { return Waiter(this, call); }

 private:
  // True if the waiter has to wait; false if it need not: it has the lock, or was abandoned.
  bool Enqueue(Waiter* waiter) EXCLUDES(mu_);
  bool Abandon(Waiter* waiter) EXCLUDES(mu_);
  void Unlock() EXCLUDES(mu_);

  Mutex mu_;
  bool locked_ GUARDED_BY(mu_) = false;
  Waiter* first_ GUARDED_BY(mu_) = nullptr;
  Waiter* last_ GUARDED_BY(mu_) = nullptr;
};

}  // namespace vasto::fuse
