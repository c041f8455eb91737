// SPDX-License-Identifier: Apache-2.0
#include "core/base/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vasto {
namespace {

TEST(GateTest, RefusesAfterClose) {
  Gate gate;
  ASSERT_TRUE(gate.Enter());
  gate.Leave();
  gate.Close();
  EXPECT_FALSE(gate.Enter());
  gate.Close();
}

TEST(GateTest, CloseWaitsForWhatIsInside) {
  Gate gate;
  std::atomic<bool> left{false};
  ASSERT_TRUE(gate.Enter());
  std::thread worker([&] {
    while (gate.Enter()) gate.Leave();  // until the main thread is inside Close
    left = true;
    gate.Leave();
  });
  gate.Close();
  EXPECT_TRUE(left);
  worker.join();
}

TEST(GateTest, NothingIsInsideOnceCloseReturned) {
  Gate gate;
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (gate.Enter()) {
        ++inside;
        --inside;
        gate.Leave();
      }
    });
  }
  gate.Close();
  EXPECT_EQ(inside, 0);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace vasto
