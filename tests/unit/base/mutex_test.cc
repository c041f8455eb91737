// SPDX-License-Identifier: Apache-2.0
#include "core/base/mutex.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace vasto {
namespace {

class CondVarTest : public testing::TestWithParam<int64_t> {};

TEST_P(CondVarTest, ALongWaitEndsWithTheWakeup) {
  Mutex mu;
  CondVar changed;
  bool ready = false;
  std::thread waker;
  bool woken = true;
  {
    MutexLock lock(&mu);
    waker = std::thread([&] {
      MutexLock waker_lock(&mu);  // which the wait gives free
      ready = true;
      changed.Signal();
    });
    while (!ready && woken) woken = changed.WaitFor(&mu, GetParam());
  }
  waker.join();
  EXPECT_TRUE(woken);
}

INSTANTIATE_TEST_SUITE_P(Timeouts, CondVarTest,
                         testing::Values(60'000'000, CondVar::kLongestUs, INT64_MAX / 1000 + 1,
                                         INT64_MAX - 1, INT64_MAX));

TEST(CondVar, AWaitThatNobodyEndsTimesOut) {
  Mutex mu;
  CondVar changed;
  MutexLock lock(&mu);
  for (const int64_t timeout_us : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1000}}) {
    bool woken = true;
    for (int spurious = 0; woken && spurious < 100; ++spurious) {
      woken = changed.WaitFor(&mu, timeout_us);
    }
    EXPECT_FALSE(woken) << timeout_us;
  }
}

}  // namespace
}  // namespace vasto
