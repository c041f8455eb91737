// SPDX-License-Identifier: Apache-2.0
// Which of its channels a store's link picks.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/client/routing_table.h"

namespace vasto::client {
namespace {

struct FakeChannel final : rpc::Channel {
  void CallRaw(std::string_view, std::string, int64_t, RawCallback) override {}
  bool gathering() const override { return gathers; }
  void Close() override {}
  void OnDisconnect(std::function<void()>) override {}
  bool gathers = false;
};

struct FakeTransport final : rpc::Transport {
  std::shared_ptr<rpc::Channel> Connect(const std::string& address) override {
    channels.push_back(std::make_shared<FakeChannel>());
    addresses.push_back(address);
    return channels.back();
  }
  void RunAt(int64_t, std::function<void()>) override {}
  const Clock* clock() const override { return SystemClock(); }
  void Stop() override {}

  std::vector<std::shared_ptr<FakeChannel>> channels;
  std::vector<std::string> addresses;
};

class StoreLinkTest : public testing::Test {
 protected:
  StoreLinkTest() {
    options_.connections_per_store = 3;
    options_.use_unix_sockets = false;
    link_ = std::make_unique<StoreLink>(Uuid{1, 2}, &transport_, options_);
    StoreInfo info;
    info.address = "127.0.0.1:1";
    std::vector<std::shared_ptr<rpc::Channel>> retired;
    link_->Update(info, &retired);
  }
  // How often each channel is picked.
  std::map<const rpc::Channel*, int> Pick(int times) {
    std::map<const rpc::Channel*, int> picks;
    for (int i = 0; i < times; ++i) ++picks[link_->PickChannel(0).channel];
    return picks;
  }

  FakeTransport transport_;
  LinkOptions options_;
  std::unique_ptr<StoreLink> link_;
};

TEST_F(StoreLinkTest, ChannelsTakeTurns) {
  const auto picks = Pick(300);
  ASSERT_EQ(picks.size(), 3u);
  for (const auto& [channel, count] : picks) EXPECT_EQ(count, 100);
}

TEST_F(StoreLinkTest, AChannelThatGathersKeepsItsTurnForAWhile) {
  for (auto& channel : transport_.channels) channel->gathers = true;
  const rpc::Channel* const first = link_->PickChannel(0).channel;
  int run = 1;
  while (link_->PickChannel(0).channel == first) ++run;
  EXPECT_EQ(run, 32);
  // And no channel goes short in the long run.
  const auto picks = Pick(3 * 32 * 10);
  ASSERT_EQ(picks.size(), 3u);
  for (const auto& [channel, count] : picks) EXPECT_EQ(count, 320);
}

TEST_F(StoreLinkTest, ADistanceIsAMeanThatForgets) {
  EXPECT_EQ(link_->DistanceUs(0), INT64_MAX);
  link_->Measured(1000);
  EXPECT_EQ(link_->DistanceUs(0), 1000);
  link_->Measured(200);
  EXPECT_EQ(link_->DistanceUs(0), 800);
  for (int i = 0; i < 30; ++i) link_->Measured(200);
  EXPECT_NEAR(static_cast<double>(link_->DistanceUs(0)), 200, 5);
}

TEST_F(StoreLinkTest, ADistanceIsMeasuredOnceInAWhile) {
  EXPECT_TRUE(link_->ClaimMeasurement(5));
  EXPECT_FALSE(link_->ClaimMeasurement(999'999));
  EXPECT_TRUE(link_->ClaimMeasurement(1'000'005));
}

TEST_F(StoreLinkTest, AStoreThatIsReachedOverItsUnixSocketIsHere) {
  const std::string path = testing::TempDir() + "/store_link_test." + std::to_string(getpid());
  std::ofstream(path) << "";
  options_.use_unix_sockets = true;
  options_.host_id = "h";
  StoreLink link(Uuid{1, 3}, &transport_, options_);
  StoreInfo info;
  info.address = "127.0.0.1:1";
  info.unix_path = path;
  info.host_id = "h";
  std::vector<std::shared_ptr<rpc::Channel>> retired;
  link.Update(info, &retired);
  link.Measured(70);
  EXPECT_EQ(link.DistanceUs(0), 0);
  const StoreLink::Pick pick = link.PickChannel(0);
  ASSERT_TRUE(pick.is_unix);
  EXPECT_FALSE(link.OnUnreachable(pick, Status::Unavailable("refused"), 0));
  EXPECT_FALSE(link.suspect()) << "TCP has its chance";
  EXPECT_EQ(link.DistanceUs(1), 70);
  EXPECT_EQ(link.DistanceUs(10'000'000), 0);
  EXPECT_TRUE(link.OnUnreachable(pick, Status::Timeout("no answer"), 10'000'000));
  EXPECT_TRUE(link.suspect()) << "one that is silent is so over TCP as well";
  EXPECT_FALSE(link.OnUnreachable(pick, Status::Timeout("no answer"), 10'000'000)) << "told once";
  std::remove(path.c_str());
}

TEST_F(StoreLinkTest, ATurnEndsWhenWhatWasGatheredIsSent) {
  for (auto& channel : transport_.channels) channel->gathers = true;
  const rpc::Channel* const first = link_->PickChannel(0).channel;
  EXPECT_EQ(link_->PickChannel(0).channel, first);
  for (auto& channel : transport_.channels) channel->gathers = false;
  EXPECT_NE(link_->PickChannel(0).channel, first);
}

TEST(ShardLinksTest, ItIsRememberedSinceWhenOneIsTurnedAwayFrom) {
  ShardLinks links;
  links.count = 3;
  EXPECT_EQ(links.TurnedFrom(1, 100), 100);
  EXPECT_EQ(links.TurnedFrom(1, 200), 100);
  EXPECT_EQ(links.TurnedFrom(2, 300), 300) << "from the second only now";
  EXPECT_EQ(links.TurnedFrom(1, 400), 100);
  links.turned_us[0] = 0;  // it has answered
  EXPECT_EQ(links.TurnedFrom(1, 500), 500);
}

}  // namespace
}  // namespace vasto::client
