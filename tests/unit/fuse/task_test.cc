// SPDX-License-Identifier: Apache-2.0
#include "fuse/task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <vector>

#include "fuse/blocking_pool.h"
#include "fuse/call.h"
#include "fuse/timer.h"

namespace vasto::fuse {
namespace {

Async<int> Twice(int x) { co_return 2 * x; }

Async<int> FourTimes(int x) {
  const int twice = co_await Twice(x);
  const int result = co_await Twice(twice);
  co_return result;
}

Task Store(int x, int* out) { *out = co_await FourTimes(x); }

TEST(TaskTest, AwaitedPartsRunToTheEnd) {
  int result = 0;
  Store(5, &result);
  EXPECT_EQ(result, 20);
}

// Suspends until the test resumes it.
struct Gate {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  void await_resume() const noexcept {}
};

Task HoldThenNote(AsyncMutex* mutex, Gate* gate, Call* call, int name, std::vector<int>* order) {
  const AsyncMutex::Guard guard = co_await mutex->Lock(call);
  if (!guard) {
    order->push_back(-name);
    co_return;
  }
  if (gate != nullptr) co_await *gate;
  order->push_back(name);
}

TEST(AsyncMutexTest, WaitersAreServedInOrder) {
  AsyncMutex mutex;
  Gate gate;
  std::vector<int> order;
  HoldThenNote(&mutex, &gate, nullptr, 1, &order);
  for (int name = 2; name <= 5; ++name) HoldThenNote(&mutex, nullptr, nullptr, name, &order);
  EXPECT_TRUE(order.empty());
  Resume(gate.waiting);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(AsyncMutexTest, AWaiterCanBeInterrupted) {
  AsyncMutex mutex;
  Gate gate;
  std::vector<int> order;
  Call second(0);
  Call third(0);
  HoldThenNote(&mutex, &gate, nullptr, 1, &order);
  HoldThenNote(&mutex, nullptr, &second, 2, &order);
  HoldThenNote(&mutex, nullptr, &third, 3, &order);
  HoldThenNote(&mutex, nullptr, nullptr, 4, &order);
  third.Interrupt();
  EXPECT_EQ(order, (std::vector<int>{-3}));
  Resume(gate.waiting);
  EXPECT_EQ(order, (std::vector<int>{-3, 1, 2, 4}));
  second.Interrupt();  // too late to matter
  HoldThenNote(&mutex, nullptr, &second, 5, &order);
  EXPECT_EQ(order.back(), -5);
}

TEST(AsyncMutexTest, ManyWaitersNeedNoStack) {
  AsyncMutex mutex;
  Gate gate;
  std::vector<int> order;
  HoldThenNote(&mutex, &gate, nullptr, 1, &order);
  for (int i = 0; i < 200'000; ++i) HoldThenNote(&mutex, nullptr, nullptr, 2, &order);
  Resume(gate.waiting);
  EXPECT_EQ(order.size(), 200'001U);
}

TEST(CallTest, RemainingTimeIsNeverZeroUnlessUnlimited) {
  Call unlimited(0);
  EXPECT_EQ(unlimited.RemainingMs(), 0U);
  EXPECT_FALSE(unlimited.expired());
  Call limited(50);
  EXPECT_GE(limited.RemainingMs(), 1U);
  EXPECT_LE(limited.RemainingMs(), 50U);
}

struct Flag {
  Mutex mu;
  CondVar changed;
  bool set GUARDED_BY(mu) = false;
  void Set() {
    MutexLock lock(&mu);
    set = true;
    changed.SignalAll();
  }
  void Wait() {
    MutexLock lock(&mu);
    while (!set) changed.Wait(&mu);
  }
};

Task WorkElsewhere(BlockingPool* pool, Timer* timer, int* result, Flag* done) {
  // By value: in general the wait may end before the work.
  std::function<void()> work = [result] { *result += 1; };
  co_await pool->Run(std::move(work), nullptr, 0);
  co_await timer->Sleep(std::chrono::milliseconds(1));
  *result += 10;
  done->Set();
}

TEST(TaskTest, PoolAndTimerResumeTheirAwaiters) {
  Timer timer;
  timer.Start();
  BlockingPool pool(2, &timer);
  int result = 0;
  Flag done;
  WorkElsewhere(&pool, &timer, &result, &done);
  done.Wait();
  EXPECT_EQ(result, 11);
}

Task AwaitWork(BlockingPool* pool, std::function<void()> work, Call* call, int64_t limit_ms,
               WorkEnd* end, Flag* done) {
  *end = co_await pool->Run(std::move(work), call, limit_ms);
  done->Set();
}

TEST(BlockingPoolTest, NobodyIsBoundToWorkThatDoesNotEnd) {
  Timer timer;
  timer.Start();
  BlockingPool pool(1, &timer);
  Flag release;
  WorkEnd end = WorkEnd::kTimedOut;
  Flag ended;
  AwaitWork(
      &pool, [&release] { release.Wait(); }, nullptr, 0, &end, &ended);
  // The only thread is busy: the others wait in the queue, and must not run once nobody waits.
  std::atomic<int> ran{0};
  WorkEnd limited_end = WorkEnd::kDone;
  Flag limited_ended;
  AwaitWork(
      &pool, [&ran] { ++ran; }, nullptr, 20, &limited_end, &limited_ended);
  limited_ended.Wait();
  EXPECT_EQ(limited_end, WorkEnd::kTimedOut);
  Call call(0);
  for (int i = 0; i < 2; ++i) {  // interrupted while it waits, and before
    WorkEnd interrupted_end = WorkEnd::kDone;
    Flag interrupted_ended;
    AwaitWork(
        &pool, [&ran] { ++ran; }, &call, 0, &interrupted_end, &interrupted_ended);
    call.Interrupt();
    interrupted_ended.Wait();
    EXPECT_EQ(interrupted_end, WorkEnd::kInterrupted);
  }
  release.Set();
  ended.Wait();
  EXPECT_EQ(end, WorkEnd::kDone);
  pool.Stop();
  EXPECT_EQ(ran, 0);
}

TEST(TimerTest, StopRunsWhatIsNotDueYet) {
  Timer timer;
  timer.Start();
  bool ran = false;
  timer.After(std::chrono::hours(1), [&] { ran = true; });
  timer.Stop();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace vasto::fuse
