// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/spinner.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vasto::rpc::internal {
namespace {

class SpinnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "there is one processor only";
  }
  // How many chances are passed over until one is used, in vain.
  int PassedOver() {
    for (int chances = 0;; ++chances) {
      bool looked = false;
      EXPECT_FALSE(spinner_.Spin([&] {
        looked = true;
        return false;
      }));
      if (looked) return chances;
    }
  }
  std::vector<int> PassedOver(int times) {
    std::vector<int> passed;
    while (times-- > 0) passed.push_back(PassedOver());
    return passed;
  }
  // The same until one is used that finds something.
  int PassedOverUntilFound() {
    int chances = 0;
    while (!spinner_.Spin([] { return true; })) ++chances;
    return chances;
  }

  Spinner spinner_{10};
};

TEST_F(SpinnerTest, LooksMoreSeldomWhereItDoesNotPay) {
  EXPECT_EQ(PassedOver(13), (std::vector<int>{0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 63, 63, 63}));
}

TEST_F(SpinnerTest, LooksEachTimeAgainOnceItPays) {
  PassedOver(7);
  EXPECT_EQ(PassedOverUntilFound(), 7);
  EXPECT_EQ(PassedOver(6), (std::vector<int>{0, 0, 0, 0, 0, 1}));
}

TEST_F(SpinnerTest, SeveralAtOnceAreNoConversation) {
  const int peer = 0;
  spinner_.Came(1, &peer);
  EXPECT_EQ(PassedOverUntilFound(), 63);  // it was not known before
  spinner_.Came(1, &peer);
  EXPECT_EQ(PassedOverUntilFound(), 0);
  spinner_.Came(2, &peer);
  EXPECT_EQ(PassedOverUntilFound(), 63);
}

TEST_F(SpinnerTest, WithoutATimeToLookItNeverDoes) {
  Spinner never(0);
  EXPECT_FALSE(never.Spin([] { return true; }));
}

}  // namespace
}  // namespace vasto::rpc::internal
