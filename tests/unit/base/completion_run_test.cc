// SPDX-License-Identifier: Apache-2.0
#include "core/base/completion_run.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace vasto {
namespace {

struct Counter final : CompletionRun::Sleeper {
  void WakeUp() override {
    ++wakes;
    // The run is over: whoever is woken by what happens here is woken at once.
    put_off = CompletionRun::PutOff(std::make_shared<Counter>());
  }
  int wakes = 0;
  bool put_off = true;
};

TEST(CompletionRun, OutsideOfARunNothingIsPutOff) {
  EXPECT_FALSE(CompletionRun::PutOff(std::make_shared<Counter>()));
}

TEST(CompletionRun, TheOutermostRunWakesWhenItEnds) {
  const auto a = std::make_shared<Counter>();
  const auto b = std::make_shared<Counter>();
  {
    CompletionRun outer;
    {
      CompletionRun inner;
      EXPECT_TRUE(CompletionRun::PutOff(a));
    }
    EXPECT_EQ(a->wakes, 0);
    EXPECT_TRUE(CompletionRun::PutOff(b));
  }
  EXPECT_EQ(a->wakes, 1);
  EXPECT_EQ(b->wakes, 1);
  EXPECT_FALSE(a->put_off);
}

TEST(CompletionRun, BelongsToItsThread) {
  CompletionRun run;
  std::thread([] { EXPECT_FALSE(CompletionRun::PutOff(std::make_shared<Counter>())); }).join();
}

}  // namespace
}  // namespace vasto
