// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/in_memory_transport.h"

#include <gtest/gtest.h>

#include "tests/unit/rpc/echo_service.h"

namespace vasto::rpc {
namespace {

using Verdict = InMemoryNetwork::Verdict;

class InMemoryTransportTest : public ::testing::Test {
 protected:
  InMemoryTransportTest() { network_.Serve("store:1", service_.dispatcher()); }
  ~InMemoryTransportTest() override { transport_->Stop(); }

  // Starts a get; its outcome appears in the returned place.
  std::shared_ptr<std::string> Get(Channel* channel, const std::string& key,
                                   int64_t timeout_us = 1'000'000) {
    auto outcome = std::make_shared<std::string>("pending");
    channel->Call<rpc::Get>(EchoService::Request(key), clock_.MonotonicMicros() + timeout_us,
                            [outcome](const StatusOr<GetResponse>& result) {
                              *outcome =
                                  result.ok() ? result->value.payload : result.status().ToString();
                            });
    return outcome;
  }

  ManualClock clock_;
  InMemoryNetwork network_{&clock_};
  EchoService service_;
  std::shared_ptr<Transport> transport_ = network_.NewTransport("client");
  std::shared_ptr<Channel> channel_ = transport_->Connect("store:1");
};

TEST_F(InMemoryTransportTest, NothingHappensWithoutAStep) {
  const auto outcome = Get(channel_.get(), "x");
  EXPECT_EQ(*outcome, "pending");
  EXPECT_EQ(service_.gets(), 0u);
  EXPECT_TRUE(network_.Step());  // the request
  EXPECT_EQ(service_.gets(), 1u);
  EXPECT_EQ(service_.batches(), 1u);
  EXPECT_EQ(*outcome, "pending");
  EXPECT_TRUE(network_.Step());  // the reply
  EXPECT_EQ(*outcome, "x");
  EXPECT_FALSE(network_.Step());
}

TEST_F(InMemoryTransportTest, ErrorsComeThrough) {
  const auto fail = Get(channel_.get(), "fail");
  const auto drop = Get(channel_.get(), "drop");
  auto nowhere = transport_->Connect("nobody:1");
  const auto refused = Get(nowhere.get(), "x");
  std::string scan;
  channel_->Call<Scan>({}, 1'000'000,
                       [&](const StatusOr<ScanResponse>& r) { scan = r.status().ToString(); });
  network_.RunUntilIdle();
  EXPECT_EQ(*fail, "BUSY: not now");
  EXPECT_EQ(*drop, "INTERNAL: the request was dropped without an answer");
  EXPECT_EQ(*refused, "UNAVAILABLE: not sent: connect to nobody:1: refused");
  EXPECT_EQ(scan, "NOT_SUPPORTED: unknown method 'scan'");
}

TEST_F(InMemoryTransportTest, DroppedMessagesTimeOutByTheClock) {
  network_.SetFault([](const InMemoryNetwork::Message& m) {
    return m.is_reply ? Verdict::kDeliver : Verdict::kDrop;
  });
  const auto request = Get(channel_.get(), "x", 500);
  network_.Advance(499);
  EXPECT_EQ(*request, "pending");
  network_.Advance(1);
  EXPECT_EQ(*request, "TIMEOUT: get to store:1: no answer in time");
  EXPECT_EQ(service_.gets(), 0u);
  network_.SetFault([](const InMemoryNetwork::Message& m) {
    return m.is_reply ? Verdict::kDrop : Verdict::kDeliver;
  });
  const auto reply = Get(channel_.get(), "x", 500);
  network_.Advance(500);
  EXPECT_EQ(reply->substr(0, 7), "TIMEOUT");
  EXPECT_EQ(service_.gets(), 1u);
}

TEST_F(InMemoryTransportTest, ADisconnectTellsBothEndsAndSparesOthers) {
  int downs = 0;
  channel_->OnDisconnect([&] { ++downs; });
  auto other_transport = network_.NewTransport("other");
  auto other = other_transport->Connect("store:1");
  const auto parked = Get(channel_.get(), "park");
  const auto spared = Get(other.get(), "park");
  network_.RunUntilIdle();
  const auto unsent = Get(channel_.get(), "x");
  network_.Disconnect("client", "store:1");
  EXPECT_EQ(*parked, "UNAVAILABLE: connection to store:1 lost");
  EXPECT_EQ(*unsent, "UNAVAILABLE: not sent: connection to store:1 lost");
  EXPECT_EQ(*spared, "pending");
  EXPECT_EQ(downs, 1);
  ASSERT_EQ(service_.disconnected().size(), 1u);
  const auto again = Get(channel_.get(), "again");
  network_.RunUntilIdle();
  EXPECT_EQ(*again, "again");
  EXPECT_NE(service_.last_connection(), service_.disconnected()[0]);
  service_.DropAllParked();
  network_.RunUntilIdle();
  EXPECT_EQ(spared->substr(0, 8), "INTERNAL");
}

TEST_F(InMemoryTransportTest, AMessageMayCutItsConnection) {
  network_.SetFault([](const InMemoryNetwork::Message& m) {
    return m.is_reply && m.method == "get" && m.from == "client" ? Verdict::kDisconnect
                                                                 : Verdict::kDeliver;
  });
  const auto outcome = Get(channel_.get(), "x");
  network_.RunUntilIdle();
  EXPECT_EQ(*outcome, "UNAVAILABLE: connection to store:1 lost");
  EXPECT_EQ(service_.gets(), 1u);
}

TEST_F(InMemoryTransportTest, ARemovedPeerIsGone) {
  const auto parked = Get(channel_.get(), "park");
  network_.RunUntilIdle();
  network_.Remove("store:1");
  EXPECT_EQ(*parked, "UNAVAILABLE: connection to store:1 lost");
  const auto refused = Get(channel_.get(), "x");
  network_.RunUntilIdle();
  EXPECT_EQ(*refused, "UNAVAILABLE: not sent: connect to store:1: refused");
}

TEST_F(InMemoryTransportTest, CloseCancelsAndTellsThePeer) {
  const auto parked = Get(channel_.get(), "park");
  network_.RunUntilIdle();
  channel_->Close();
  EXPECT_EQ(*parked, "CANCELLED: the channel to store:1 was closed");
  const auto later = Get(channel_.get(), "x");
  EXPECT_EQ(*later, "pending");
  network_.RunUntilIdle();
  EXPECT_EQ(later->substr(0, 9), "CANCELLED");
  EXPECT_EQ(service_.disconnected().size(), 1u);
}

TEST_F(InMemoryTransportTest, TimersRunByTheClockInOrder) {
  std::string order;
  transport_->RunAt(200, [&] { order += "b"; });
  transport_->RunAt(100, [&] {
    order += "a";
    EXPECT_EQ(clock_.MonotonicMicros(), 100);
    transport_->RunAt(150, [&] { order += "n"; });
  });
  transport_->RunAt(300, [&] { order += "c"; });
  network_.Advance(250);
  EXPECT_EQ(order, "anb");
  transport_->Stop();
  network_.Advance(250);
  EXPECT_EQ(order, "anb");
}

TEST_F(InMemoryTransportTest, AReplyMayComeFromAnotherThread) {
  const auto outcome = Get(channel_.get(), "thread");
  network_.RunUntilIdle();
  service_.Join();
  network_.RunUntilIdle();
  EXPECT_EQ(*outcome, "from a thread");
}

}  // namespace
}  // namespace vasto::rpc
