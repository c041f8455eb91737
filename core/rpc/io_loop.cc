// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/io_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/clock.h"
#include "core/base/completion_run.h"
#include "core/base/thread_pool.h"

namespace vasto::rpc::internal {
namespace {

constexpr int kEventsAtOnce = 256;
constexpr int64_t kMaxSleepMs = 60'000;
constexpr int64_t kNow = 0;  // a deadline that has passed, whatever the time is

char io_waker_mark;
thread_local const IoLoop* this_thread_loop = nullptr;

}  // namespace

Status IoLoop::Start(const std::string& name) {
  scratch_ = std::make_unique_for_overwrite<char[]>(kScratchBytes);
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return Status::FromErrno(errno, "epoll_create");
  VASTO_RETURN_IF_ERROR(waker_.Open(epoll_.get(), &io_waker_mark));
  {
    MutexLock lock(&mu_);
    stopping_ = false;
  }
  seat_.Open();
  thread_ = std::thread([this, name] {
    SetThreadName(name);
    Run();
  });
  return Status::Ok();
}

void IoLoop::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  inbox_.store(true);
  seat_.Close();
  waker_.Wake();
  if (thread_.joinable()) thread_.join();
  timers_.clear();
  watched_.clear();
}

bool IoLoop::Post(Task* task) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return false;
    tasks_.push_back(std::move(*task));
  }
  inbox_.store(true);
  waker_.Wake();
  return true;
}

void IoLoop::RunAt(int64_t monotonic_us, Task task) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return;
    new_timers_.push_back({monotonic_us, 0, std::move(task)});
  }
  inbox_.store(true);
  waker_.Wake();
}

void IoLoop::Attend(std::shared_ptr<IoHandler> handler) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return;
    attention_.push_back(std::move(handler));
  }
  inbox_.store(true);
  waker_.Wake();
}

bool IoLoop::OnThisThread() const { return this_thread_loop == this; }

Status IoLoop::Watch(int fd, uint32_t events, std::shared_ptr<IoHandler> handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Status::FromErrno(errno, "epoll_ctl");
  watched_[handler.get()] = std::move(handler);
  return Status::Ok();
}

void IoLoop::Forget(int fd, IoHandler* handler) {
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  const auto it = watched_.find(handler);
  if (it == watched_.end()) return;
  forgotten_.push_back(std::move(it->second));
  watched_.erase(it);
}

void IoLoop::Rearm(int fd, uint32_t events, IoHandler* handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler;
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void IoLoop::Run() {
  this_thread_loop = this;
  for (;;) {
    Turn(nullptr, Waiter::kForever);
    if (seat_.wanted()) seat_.Lend();
    MutexLock lock(&mu_);
    if (stopping_ && tasks_.empty() && attention_.empty()) break;
  }
  this_thread_loop = nullptr;
}

void IoLoop::Drive(Waiter* waiter, int64_t deadline_us) {
  if (waiter->done() || !seat_.Take(deadline_us)) return;
  const IoLoop* const outer = std::exchange(this_thread_loop, this);
  waiter->SleepIn(&waker_);
  do {
    const bool came = waiter->expects_one() && spinner_.Spin([&] {
      Turn(waiter, kNow);
      return waiter->done();
    });
    if (!came) Turn(waiter, deadline_us);
  } while (!waiter->done() && now_us_ < deadline_us && !seat_.closed());
  waiter->SleepIn(nullptr);
  this_thread_loop = outer;
  seat_.Leave(SystemClock()->MonotonicMicros() - now_us_);
}

void IoLoop::Visit(PollingVisitor* visitor) {
  if (this_thread_loop != nullptr) return;  // inside a turn
  if (!seat_.TakeNow(visitor)) {
    if (!seat_.lent()) visitor->Unwatch(epoll_.get());
    return;
  }
  {
    // Its callbacks are to know that they run on a thread of the caller.
    Waiter nothing;
    this_thread_loop = this;
    Turn(nullptr, kNow);
    this_thread_loop = nullptr;
  }
  // Until the next visit the epoll descriptor tells of work from other threads, too.
  waker_.AboutToSleep();
  if (inbox_.load()) waker_.Wake();
  visitor->Watch(epoll_.get());
  seat_.Leave(SystemClock()->MonotonicMicros() - now_us_);
}

void IoLoop::Turn(const Waiter* waiter, int64_t deadline_us) {
  epoll_event events[kEventsAtOnce];
  int timeout_ms = TimeoutMs(deadline_us);
  if (timeout_ms != 0) {
    waker_.AboutToSleep();
    if (HasWork() || (waiter != nullptr && waiter->done())) timeout_ms = 0;
  }
  const int count = epoll_wait(epoll_.get(), events, kEventsAtOnce, timeout_ms);
  waker_.Awake();
  now_us_ = SystemClock()->MonotonicMicros();
  {
    CompletionRun run;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == &io_waker_mark) continue;
      static_cast<IoHandler*>(events[i].data.ptr)->OnEvents(events[i].events);
    }
    RunTimers();
  }
  TakeInbox();  // last, so that what the turn's callbacks asked to be sent goes out with it
  forgotten_.clear();
}

int IoLoop::TimeoutMs(int64_t deadline_us) {
  if (deadline_us <= kNow || HasWork()) return 0;
  const int64_t until_us =
      timers_.empty() ? deadline_us : std::min(deadline_us, timers_.front().at_us);
  if (until_us == Waiter::kForever) return static_cast<int>(kMaxSleepMs);
  const int64_t left_us = until_us - SystemClock()->MonotonicMicros();
  return static_cast<int>(std::clamp<int64_t>((left_us + 999) / 1000, 0, kMaxSleepMs));
}

bool IoLoop::HasWork() { return inbox_.load() || seat_.wanted() || seat_.closed(); }

void IoLoop::TakeInbox() {
  if (!inbox_.load(std::memory_order_relaxed) || !inbox_.exchange(false)) return;
  std::vector<Task> tasks;
  std::vector<Timer> timers;
  std::vector<std::shared_ptr<IoHandler>> attention;
  {
    MutexLock lock(&mu_);
    tasks.swap(tasks_);
    timers.swap(new_timers_);
    attention.swap(attention_);
  }
  for (Timer& timer : timers) {
    timer.order = next_order_++;
    timers_.push_back(std::move(timer));
    std::push_heap(timers_.begin(), timers_.end(), Later);
  }
  for (Task& task : tasks) task();
  for (const auto& handler : attention) handler->OnAttention();
}

void IoLoop::RunTimers() {
  while (!timers_.empty() && timers_.front().at_us <= now_us_) {
    std::pop_heap(timers_.begin(), timers_.end(), Later);
    Task task = std::move(timers_.back().task);
    timers_.pop_back();
    task();
  }
}

}  // namespace vasto::rpc::internal
