// SPDX-License-Identifier: Apache-2.0
#include "core/base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>

namespace vasto {
namespace {

TEST(ThreadPoolTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  ThreadPool pool("test", 1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.Submit([&order, i] { order.push_back(i); }));
  }
  pool.Stop();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ThreadPoolTest, StopRunsWhatIsQueuedAndRefusesTheRest) {
  std::atomic<int> ran{0};
  ThreadPool pool("test", 3);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.Submit([&ran] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 1000);
  EXPECT_FALSE(pool.Submit([&ran] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 1000);
}

TEST(ThreadPoolTest, TasksMaySubmitTasks) {
  std::atomic<int> ran{0};
  ThreadPool pool("test", 2);
  ASSERT_TRUE(pool.Submit([&] {
    ++ran;
    // Refused when Stop() came first: then it must not run.
    if (!pool.Submit([&ran] { ++ran; })) ++ran;
  }));
  pool.Stop();
  EXPECT_EQ(ran, 2);
}

TEST(ThreadPoolTest, ThreadsHaveNames) {
  char name[16] = {};
  ThreadPool pool("names", 1);
  ASSERT_TRUE(pool.Submit([&name] { pthread_getname_np(pthread_self(), name, sizeof(name)); }));
  pool.Stop();
  EXPECT_STREQ(name, "names-0");
}

}  // namespace
}  // namespace vasto
