// SPDX-License-Identifier: Apache-2.0
// Reads that ask a second replica when the first is slow: when, how often, and what comes of it.
#include "core/client/hedge.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/hash/partition.h"
#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

TEST(LatencyEstimateTest, ItComesToRestWhere95Of100AreBelow) {
  const auto random = SeededRandom(1);
  LatencyEstimate estimate;
  for (const int64_t most : {100'000, 20'000, 200'000}) {
    for (int i = 0; i < 20'000; ++i) {
      estimate.Add(static_cast<int64_t>(random->Below(static_cast<uint64_t>(most))));
    }
    EXPECT_NEAR(static_cast<double>(estimate.p95_us()), 0.95 * static_cast<double>(most),
                0.15 * static_cast<double>(most));
  }
}

TEST(LatencyEstimateTest, ItStaysWithinItsLimits) {
  LatencyEstimate estimate;
  for (int i = 0; i < 10'000; ++i) estimate.Add(3);
  EXPECT_EQ(estimate.p95_us(), LatencyEstimate::kLeastUs);
  for (int i = 0; i < 10'000; ++i) estimate.Add(5'000'000);
  EXPECT_EQ(estimate.p95_us(), LatencyEstimate::kMostUs);
}

TEST(HedgeBudgetTest, OneForTwentyReadsAndAFewSavedUp) {
  HedgeBudget budget;
  const auto spend = [&budget] {
    int spent = 0;
    while (budget.Spend()) ++spent;
    return spent;
  };
  EXPECT_EQ(spend(), HedgeBudget::kMostSaved);
  for (int i = 0; i < HedgeBudget::kReadsPerHedge - 1; ++i) budget.Earn();
  EXPECT_EQ(spend(), 0);
  budget.Earn();
  EXPECT_EQ(spend(), 1);
  for (int i = 0; i < 100'000; ++i) budget.Earn();
  EXPECT_EQ(spend(), HedgeBudget::kMostSaved);
}

class HedgeTest : public ClientTest {
 protected:
  void SetUp() override {
    ClientTest::SetUp();
    Publish(2, 3);
    options_.use_unix_sockets = false;
    Open();
  }
  // How long a read took.
  int64_t Get(const ReadChoice& choice) {
    const int64_t began_us = SystemClock()->MonotonicMicros();
    std::promise<StatusOr<ReadResult>> promise;
    client_->Get(ks_, {"k", std::nullopt}, false, {.read = choice},
                 [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
    const auto result = promise.get_future().get();
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return SystemClock()->MonotonicMicros() - began_us;
  }
  int64_t MultiGet(const ReadChoice& choice) {
    const int64_t began_us = SystemClock()->MonotonicMicros();
    std::promise<StatusOr<std::vector<ReadResult>>> promise;
    client_->MultiGet(ks_, {{"k", std::nullopt}}, false, {.read = choice},
                      [&](auto results) { promise.set_value(std::move(results)); });
    const auto results = promise.get_future().get();
    EXPECT_TRUE(results.ok() && results->front().code == Code::kNotFound);
    return SystemClock()->MonotonicMicros() - began_us;
  }
  // From now on the key's primary answers no reads.
  void SilencePrimary() {
    const int32_t shard = ShardOf("k", std::nullopt, kShards);
    stores_[static_cast<size_t>(shard) % stores_.size()]->SetFault([this](std::string_view) {
      silenced_ = true;
      return Fault::kSilent;
    });
  }

  // What a router waits for a silent replica, and what a hedge is done in even here.
  static constexpr int64_t kSilenceUs = 800'000;
  static constexpr int64_t kQuickUs = 500'000;
  static constexpr ReadChoice kHedged{.from = ReadFrom::kAny, .hedge = true};
  std::atomic<bool> silenced_{false};
};

TEST_F(HedgeTest, ASilentReplicaHoldsNobodyUp) {
  SilencePrimary();
  for (int i = 0; i < 200 && !silenced_; ++i) EXPECT_LT(Get(kHedged), kQuickUs);
  EXPECT_TRUE(silenced_);
}

TEST_F(HedgeTest, ManyKeysAreHedgedToo) {
  SilencePrimary();
  for (int i = 0; i < 200 && !silenced_; ++i) EXPECT_LT(MultiGet(kHedged), kQuickUs);
  EXPECT_TRUE(silenced_);
}

TEST_F(HedgeTest, WithoutItOneWaits) {
  SilencePrimary();
  int64_t longest_us = 0;
  for (int i = 0; i < 200 && !silenced_; ++i) {
    longest_us = std::max(longest_us, Get({.from = ReadFrom::kAny}));
  }
  EXPECT_GT(longest_us, kSilenceUs);
}

TEST_F(HedgeTest, AReadOfThePrimaryIsNeverHedged) {
  SilencePrimary();
  EXPECT_GT(Get({.from = ReadFrom::kPrimary, .hedge = true}), kSilenceUs);
}

TEST_F(HedgeTest, NoMoreRequestsThanTheBudgetAllows) {
  constexpr int kReads = 2000;
  for (int i = 0; i < kReads; ++i) Get(kHedged);
  EXPECT_LE(Requests("get"),
            kReads + kReads / HedgeBudget::kReadsPerHedge + HedgeBudget::kMostSaved);
}

TEST_F(HedgeTest, WhatAllRefuseFailsOnceWithWhatTheySaid) {
  SetFault([](std::string_view) { return Fault::kMoved; });
  std::promise<StatusOr<ReadResult>> promise;
  client_->Get(ks_, {"k", std::nullopt}, false, {.timeout_us = kSecond / 5, .read = kHedged},
               [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
  const auto result = promise.get_future().get();
  EXPECT_TRUE(result.status().Is(Code::kUnavailable)) << result.status().ToString();
}

TEST_F(HedgeTest, SilenceIsHedgedWithinTheBudgetAndEndsWithTheClient) {
  constexpr int kReads = HedgeBudget::kReadsPerHedge;
  constexpr int kMost = kReads + HedgeBudget::kMostSaved + 1;
  SetFault([](std::string_view) { return Fault::kSilent; });
  const int64_t began_us = SystemClock()->MonotonicMicros();
  std::vector<std::future<Status>> ends;
  for (int i = 0; i < kReads; ++i) {
    auto promise = std::make_shared<std::promise<Status>>();
    ends.push_back(promise->get_future());
    client_->Get(
        ks_, {"k", std::nullopt}, false, {.read = kHedged},
        [promise](const StatusOr<ReadResult>& result) { promise->set_value(result.status()); });
  }
  const int64_t until_us = began_us + 5 * kSecond;
  while (Requests("get") < kMost - 1 && SystemClock()->MonotonicMicros() < until_us) {
    std::this_thread::yield();
  }
  EXPECT_GE(Requests("get"), kMost - 1);
  // The timers of all reads have come when this one has.
  std::promise<void> later;
  client_->RunAt(SystemClock()->MonotonicMicros() + 50'000, [&later] { later.set_value(); });
  later.get_future().get();
  const int64_t requests = Requests("get");
  // Later they ask again anyway.
  const bool in_time = SystemClock()->MonotonicMicros() < began_us + kSilenceUs;
  EXPECT_TRUE(!in_time || requests <= kMost) << requests;
  client_->Close(0);
  for (auto& end : ends) EXPECT_TRUE(end.get().Is(Code::kClosed));
}

}  // namespace
}  // namespace vasto::client
