// SPDX-License-Identifier: Apache-2.0
// Which of its channels a store's link picks.
#include <gtest/gtest.h>

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

TEST_F(StoreLinkTest, ATurnEndsWhenWhatWasGatheredIsSent) {
  for (auto& channel : transport_.channels) channel->gathers = true;
  const rpc::Channel* const first = link_->PickChannel(0).channel;
  EXPECT_EQ(link_->PickChannel(0).channel, first);
  for (auto& channel : transport_.channels) channel->gathers = false;
  EXPECT_NE(link_->PickChannel(0).channel, first);
}

}  // namespace
}  // namespace vasto::client
