// SPDX-License-Identifier: Apache-2.0
#include "core/store/shard_tasks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

namespace vasto::store {
namespace {

const ShardTasks::Key kOne{Uuid{1, 2}, 0}, kOther{Uuid{1, 2}, 1};

TEST(ShardTasksTest, ThoseOfOneShardRunOneAfterTheOther) {
  ThreadPool pool("test", 4);
  ShardTasks tasks(&pool);
  std::vector<int> order;  // not guarded: that is what is tested, also by the thread sanitizer
  for (int i = 0; i < 1000; ++i) tasks.Add(kOne, [&order, i] { order.push_back(i); });
  pool.Stop();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ShardTasksTest, DifferentShardsDoNotWaitForEachOther) {
  ThreadPool pool("test", 2);
  ShardTasks tasks(&pool);
  std::latch other(1), done(2);
  tasks.Add(kOne, [&] {
    other.wait();
    done.count_down();
  });
  tasks.Add(kOther, [&] {
    other.count_down();
    done.count_down();
  });
  done.wait();
  pool.Stop();
}

TEST(ShardTasksTest, ATaskMayAskForTheNext) {
  ThreadPool pool("test", 1);
  ShardTasks tasks(&pool);
  std::latch done(1);
  tasks.Add(kOne, [&] { tasks.Add(kOne, [&] { done.count_down(); }); });
  done.wait();
  pool.Stop();
}

TEST(ShardTasksTest, WhatComesAfterTheEndOfThePoolIsDoneAtOnce) {
  ThreadPool pool("test", 1);
  ShardTasks tasks(&pool);
  pool.Stop();
  bool done = false;
  tasks.Add(kOne, [&] { done = true; });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace vasto::store
