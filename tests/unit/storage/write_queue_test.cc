// SPDX-License-Identifier: Apache-2.0
#include "core/storage/write_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/storage/timers.h"

namespace vasto::storage {
namespace {

struct QueuedWrite final : Write {
  void Done() override {}
  int thread = 0;
  int number = 0;
};

std::vector<int> Numbers(Write* list) {
  std::vector<int> numbers;
  for (; list != nullptr; list = list->next) {
    numbers.push_back(static_cast<QueuedWrite*>(list)->number);
  }
  return numbers;
}

TEST(WriteQueue, KeepsTheOrderOfListsAndWithinThem) {
  WriteQueue queue;
  QueuedWrite w[5];
  for (int i = 0; i < 5; ++i) w[i].number = i;
  w[0].next = &w[1];
  w[2].next = &w[3];
  EXPECT_EQ(queue.Push(&w[0]), WriteQueue::PushResult::kLeader);
  EXPECT_EQ(queue.Push(&w[2]), WriteQueue::PushResult::kQueued);
  EXPECT_FALSE(queue.TryClose());
  EXPECT_EQ(Numbers(queue.TakeOrRetire()), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(queue.Push(&w[4]), WriteQueue::PushResult::kQueued);
  EXPECT_EQ(Numbers(queue.TakeOrRetire()), std::vector<int>{4});
  EXPECT_FALSE(queue.TryClose());
  EXPECT_EQ(queue.TakeOrRetire(), nullptr);
  EXPECT_EQ(queue.Push(&w[4]), WriteQueue::PushResult::kLeader);
  EXPECT_EQ(Numbers(queue.TakeOrRetire()), std::vector<int>{4});
  EXPECT_EQ(queue.TakeOrRetire(), nullptr);
}

TEST(WriteQueue, AClosedOneLeavesTheListAsItWas) {
  WriteQueue queue;
  EXPECT_TRUE(queue.TryClose());
  EXPECT_TRUE(queue.TryClose());
  QueuedWrite w[3];
  for (int i = 0; i < 3; ++i) w[i].number = i;
  w[0].next = &w[1];
  w[1].next = &w[2];
  EXPECT_EQ(queue.Push(&w[0]), WriteQueue::PushResult::kClosed);
  EXPECT_EQ(Numbers(&w[0]), (std::vector<int>{0, 1, 2}));
}

TEST(WriteQueue, OneLeaderAtATimeTakesEachWriteOnceInOrder) {
  WriteQueue queue;
  constexpr int kThreads = 4;
  constexpr int kWrites = 20'000;
  std::vector<std::vector<QueuedWrite>> writes;
  for (int t = 0; t < kThreads; ++t) writes.emplace_back(kWrites);
  std::atomic<int> leaders{0};
  // Of the leader, handed on by the queue: plain, so that a race shows.
  std::map<int, int> next;
  int taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) {
        QueuedWrite& w = writes[static_cast<size_t>(t)][static_cast<size_t>(i)];
        w.thread = t;
        w.number = i;
        if (queue.Push(&w) != WriteQueue::PushResult::kLeader) continue;
        EXPECT_EQ(leaders.fetch_add(1), 0);
        while (true) {
          // Before retiring, so that the next leader finds none.
          leaders.fetch_sub(1);
          Write* list = queue.TakeOrRetire();
          if (list == nullptr) break;
          leaders.fetch_add(1);
          for (; list != nullptr; list = list->next, ++taken) {
            auto* mine = static_cast<QueuedWrite*>(list);
            EXPECT_EQ(mine->number, next[mine->thread]++);
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kThreads * kWrites);
}

TEST(Timers, RunInOrderOfTheirTime) {
  Timers timers(1, SystemClock());
  Mutex mu;
  CondVar changed;
  std::string order;
  const auto note = [&](char c) {
    MutexLock lock(&mu);
    order.push_back(c);
    changed.SignalAll();
  };
  timers.After(20'000, &mu, [&] { note('b'); });
  timers.After(1'000, &mu, [&] { note('a'); });
  MutexLock lock(&mu);
  while (order.size() < 2) changed.Wait(&mu);
  EXPECT_EQ(order, "ab");
}

TEST(Timers, NothingRunsBeforeTheGivenClockSaysSo) {
  class AskedClock final : public ManualClock {
   public:
    int64_t MonotonicMicros() const override {
      ++asked;
      return ManualClock::MonotonicMicros();
    }
    mutable std::atomic<int> asked{0};
  };
  AskedClock clock;
  Timers timers(1, &clock);
  std::atomic<bool> ran{false};
  timers.After(5'000, &ran, [&] { ran = true; });
  // Once by After; then whenever the delay has really passed.
  while (clock.asked < 5) std::this_thread::yield();
  EXPECT_FALSE(ran);
  clock.Advance(5'000);
  while (!ran) std::this_thread::yield();
}

TEST(Timers, CancelDropsWhatHasNotBegunAndWaitsForWhatRuns) {
  Timers timers(2, SystemClock());
  std::atomic<bool> started{false};
  std::atomic<bool> finished{false};
  std::atomic<bool> never{false};
  std::atomic<bool> other{false};
  int owner = 0;
  // Gone when Cancel has dropped the task that holds it, and so is on its way.
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> dropped = held;
  timers.After(0, &owner, [&] {
    started = true;
    while (!dropped.expired()) std::this_thread::yield();
    // A chance for a Cancel that does not wait to be found out.
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    finished = true;
  });
  timers.After(3'600'000'000, &owner, [&never, held = std::move(held)] { never = true; });
  timers.After(0, &other, [&] { other = true; });
  while (!started) std::this_thread::yield();
  timers.Cancel(&owner);
  EXPECT_TRUE(finished);
  EXPECT_FALSE(never);
  while (!other) std::this_thread::yield();
}

}  // namespace
}  // namespace vasto::storage
