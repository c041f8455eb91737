// SPDX-License-Identifier: Apache-2.0
#include "core/master/store_table.h"
#include "tests/unit/master/times.h"

#include <gtest/gtest.h>

namespace vasto::master {
namespace {

class StoreTableTest : public testing::Test {
 protected:
  static StoreInfo Info(uint64_t id, const std::string& address) {
    StoreInfo info;
    info.uuid = {1, id};
    info.address = address;
    return info;
  }
  StoreState State(uint64_t id) { return table_.Find({1, id})->info.state; }
  Status Beat(uint64_t connection, uint64_t id, int64_t now_us) {
    rpc::HeartbeatRequest request;
    request.store = {1, id};
    request.free_bytes = 5;
    return table_.Heartbeat(connection, request, now_us, &changed_);
  }

  StoreTable table_{3 * kSecond, 10 * kSecond};
  bool changed_ = false;
};

TEST_F(StoreTableTest, SilenceMakesSuspectThenDownThenAHeartbeatUp) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  EXPECT_EQ(table_.next_wake_us(), 3 * kSecond);
  EXPECT_FALSE(table_.Sweep(3 * kSecond - 1));
  EXPECT_EQ(State(1), StoreState::kUp);
  EXPECT_TRUE(table_.Sweep(3 * kSecond));
  EXPECT_EQ(State(1), StoreState::kSuspect);
  EXPECT_EQ(table_.next_wake_us(), 10 * kSecond);
  EXPECT_FALSE(table_.Sweep(10 * kSecond - 1));
  EXPECT_TRUE(table_.Sweep(10 * kSecond));
  EXPECT_EQ(State(1), StoreState::kDown);
  EXPECT_EQ(table_.next_wake_us(), INT64_MAX);
  ASSERT_TRUE(Beat(7, 1, 11 * kSecond).ok());
  EXPECT_TRUE(changed_);
  EXPECT_EQ(State(1), StoreState::kUp);
  EXPECT_EQ(table_.Find({1, 1})->info.free_bytes, 5u);
  EXPECT_LE(table_.next_wake_us(), 14 * kSecond);
}

TEST_F(StoreTableTest, HeartbeatsKeepItUp) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  for (int64_t now = 0; now < 60 * kSecond; now += kSecond / 2) {
    ASSERT_TRUE(Beat(7, 1, now).ok());
    EXPECT_FALSE(changed_);
    EXPECT_FALSE(table_.Sweep(now));
  }
}

TEST_F(StoreTableTest, ALostConnectionIsSuspectAtOnceAndDownAfterSilence) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  EXPECT_TRUE(table_.Disconnect(8).nil());
  EXPECT_EQ(table_.Disconnect(7), (Uuid{1, 1}));
  EXPECT_EQ(State(1), StoreState::kSuspect);
  EXPECT_EQ(table_.next_wake_us(), 3 * kSecond);  // may be early, must not be late
  EXPECT_FALSE(table_.Sweep(3 * kSecond));
  EXPECT_EQ(table_.next_wake_us(), 10 * kSecond);
  EXPECT_TRUE(table_.Sweep(10 * kSecond));
  EXPECT_EQ(State(1), StoreState::kDown);
  EXPECT_EQ(Beat(7, 1, 11 * kSecond).code(), Code::kNotFound);
  ASSERT_TRUE(table_.Register(9, Info(1, "h:2"), 11 * kSecond).ok());
  EXPECT_EQ(State(1), StoreState::kUp);
  EXPECT_EQ(table_.all().size(), 1u);
}

TEST_F(StoreTableTest, TheSameStoreAtTwoLiveAddressesIsRefused) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  const Status twice = table_.Register(8, Info(1, "h:2"), kSecond);
  EXPECT_EQ(twice.code(), Code::kAlreadyExists);
  EXPECT_NE(twice.message().find("h:1"), std::string::npos);
  EXPECT_NE(twice.message().find("h:2"), std::string::npos);
  EXPECT_TRUE(Beat(7, 1, kSecond).ok());
  EXPECT_EQ(table_.Find({1, 1})->info.address, "h:1");
}

TEST_F(StoreTableTest, ANewConnectionFromTheSameAddressReplacesTheOld) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  ASSERT_TRUE(table_.Register(8, Info(1, "h:1"), 1).ok());
  EXPECT_TRUE(table_.Disconnect(7).nil());
  EXPECT_EQ(State(1), StoreState::kUp);
  EXPECT_EQ(Beat(7, 1, 2).code(), Code::kNotFound);
  EXPECT_TRUE(Beat(8, 1, 2).ok());
}

TEST_F(StoreTableTest, ASilentStoreMayMove) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  ASSERT_TRUE(table_.Register(8, Info(1, "h:2"), 4 * kSecond).ok());
  EXPECT_EQ(table_.Find({1, 1})->info.address, "h:2");
}

TEST_F(StoreTableTest, OneConnectionStandsForOneStore) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  ASSERT_TRUE(table_.Register(7, Info(2, "h:2"), 0).ok());
  EXPECT_EQ(State(1), StoreState::kSuspect);
  EXPECT_EQ(table_.Disconnect(7), (Uuid{1, 2}));
}

TEST_F(StoreTableTest, PushesAreBoundedAndOnePerKeyspaceAtATime) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  StoreRecord* store = table_.Find({1, 1});
  for (uint64_t i = 1; i <= 40; ++i) store->lacking.insert(Uuid{2, i});
  std::vector<Uuid> pushed;
  while (const auto next = table_.NextPush(store, 0)) pushed.push_back(*next);
  EXPECT_EQ(pushed.size(), StoreTable::kMaxPushes);
  store->lacking.insert(pushed[0]);  // changed again while under way
  table_.PushEnded(store, pushed[1], true, 0);
  const auto next = table_.NextPush(store, 0);
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(*next, pushed[0]);
}

TEST_F(StoreTableTest, AFailedPushComesBackAfterAPause) {
  ASSERT_TRUE(table_.Register(7, Info(1, "h:1"), 0).ok());
  StoreRecord* store = table_.Find({1, 1});
  store->lacking.insert(Uuid{2, 1});
  ASSERT_TRUE(table_.NextPush(store, 0).has_value());
  table_.PushEnded(store, {2, 1}, false, 10);
  EXPECT_FALSE(table_.NextPush(store, 11).has_value());
  const int64_t again = 10 + StoreTable::kPushPauseUs;
  EXPECT_LE(table_.next_wake_us(), again);
  EXPECT_TRUE(table_.NextPush(store, again).has_value());
  table_.Disconnect(7);
  table_.PushEnded(store, {2, 1}, false, again);
  EXPECT_FALSE(table_.NextPush(store, again * 10).has_value()) << "nothing goes to a lost store";
}

}  // namespace
}  // namespace vasto::master
