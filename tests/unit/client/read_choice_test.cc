// SPDX-License-Identifier: Apache-2.0
// Reads that choose their replica, of a client of fake stores: which stores are asked, and for
// what.
#include "core/client/read_choice.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

constexpr ReadChoice kAny{.from = ReadFrom::kAny};
constexpr ReadChoice kBoundedAny{.from = ReadFrom::kAny, .max_staleness_ms = 100};
constexpr ReadChoice kNearest{.from = ReadFrom::kNearest};

class ReadChoiceTest : public ClientTest {
 protected:
  void SetUp() override {
    ClientTest::SetUp();
    Publish(2, 3);
    options_.use_unix_sockets = false;
    Open();
  }
  void Get(const ReadChoice& choice, int times) {
    for (int i = 0; i < times; ++i) {
      std::promise<StatusOr<ReadResult>> promise;
      client_->Get(ks_, {"k" + std::to_string(i % 100), std::nullopt}, false, {.read = choice},
                   [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
      const auto result = promise.get_future().get();
      ASSERT_TRUE(result.ok()) << result.status().ToString();
    }
  }
  // Gets that each store has seen since the last call.
  std::vector<int64_t> Seen() {
    std::vector<int64_t> seen;
    for (size_t i = 0; i < stores_.size(); ++i) {
      const int64_t all = stores_[i]->requests("get");
      seen.push_back(all - before_[i]);
      before_[i] = all;
    }
    return seen;
  }

  std::vector<int64_t> before_ = std::vector<int64_t>(3);
};

TEST_F(ReadChoiceTest, AnySpreadsTheReadsOfEveryShard) {
  // Of one shard: with the primary each store would have a third of all shards anyway.
  for (int i = 0; i < 300; ++i) {
    std::promise<void> done;
    client_->Get(ks_, {"same", std::nullopt}, false, {.read = kAny},
                 [&](const StatusOr<ReadResult>&) { done.set_value(); });
    done.get_future().get();
  }
  for (const int64_t seen : Seen()) EXPECT_GT(seen, 50);
}

TEST_F(ReadChoiceTest, TheBoundIsKeptByTheOthersAndThePrimaryAnswersInTheEnd) {
  SetFault([](std::string_view) { return Fault::kBehind; });
  Get(kBoundedAny, 1);
  Get(kBoundedAny, 400);
  // Who was behind is not asked again each time.
  EXPECT_LT(Requests("get"), 401 + 2 * kShards * 4);
}

TEST_F(ReadChoiceTest, WithoutABoundNobodyIsBehind) {
  SetFault([](std::string_view) { return Fault::kBehind; });
  Get(kAny, 100);
  EXPECT_EQ(Requests("get"), 100);
}

TEST_F(ReadChoiceTest, ABehindReplicaIsNoReasonForANewMap) {
  SetFault([](std::string_view) { return Fault::kBehind; });
  const int64_t before = Requests("watch_cluster");
  Get(kBoundedAny, 100);
  EXPECT_EQ(Requests("watch_cluster"), before);
}

TEST_F(ReadChoiceTest, TheNearestIsTheOneWhosePingsAreBackFirst) {
  stores_[0]->ping_ms = stores_[1]->ping_ms = 30;
  const int64_t until_us = SystemClock()->MonotonicMicros() + 10 * kSecond;
  int64_t third = 0;
  while (third < 50 && SystemClock()->MonotonicMicros() < until_us) {
    Seen();
    Get(kNearest, 50);
    third = Seen()[2];
  }
  EXPECT_EQ(third, 50);
}

TEST_F(ReadChoiceTest, AStoreThatIsGoneIsPassedOver) {
  stores_[1]->Stop();
  Get(kAny, 100);
  Get(kNearest, 100);
}

TEST_F(ReadChoiceTest, ManyKeysAreReadFromTheChosenReplicasToo) {
  SetFault([](std::string_view) { return Fault::kBehind; });
  for (int i = 0; i < 20; ++i) {
    std::vector<KeyRef> keys;
    const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h"};
    for (const std::string& name : names) keys.push_back({name, std::nullopt});
    std::promise<StatusOr<std::vector<ReadResult>>> promise;
    client_->MultiGet(ks_, keys, false, {.read = kBoundedAny},
                      [&](auto results) { promise.set_value(std::move(results)); });
    const auto results = promise.get_future().get();
    ASSERT_TRUE(results.ok());
    for (const ReadResult& result : *results) EXPECT_EQ(result.code, Code::kNotFound);
  }
}

}  // namespace
}  // namespace vasto::client
