// SPDX-License-Identifier: Apache-2.0
// Channels of the socket transport against a real server, and against peers that misbehave.
#include "core/rpc/channel.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/rpc/server.h"
#include "core/rpc/socket.h"
#include "core/rpc/waiter.h"
#include "tests/unit/rpc/echo_service.h"

namespace vasto::rpc {
namespace {

std::string Text(const StatusOr<GetResponse>& result) {
  return result.ok() ? result->value.payload : result.status().ToString();
}

class ChannelTest : public ::testing::Test {
 protected:
  void SetUp() override { StartServer(); }
  void TearDown() override {
    if (transport_ != nullptr) transport_->Stop();
    server_.reset();
  }
  void StartServer() {
    ServerOptions options;
    options.io_threads = 1;
    if (!address_.empty()) options.listen = address_;
    options.unix_path = unix_path_;
    server_ = std::make_unique<Server>(options, service_.dispatcher());
    const Status status = server_->Start();
    ASSERT_TRUE(status.ok()) << status.ToString();
    address_ = server_->address();
  }
  std::shared_ptr<Channel> Connect() { return transport_->Connect(address_); }

  static std::future<StatusOr<GetResponse>> Start(Channel* channel, const std::string& key,
                                                  int64_t timeout_us = kLong) {
    auto promise = std::make_shared<std::promise<StatusOr<GetResponse>>>();
    auto future = promise->get_future();
    channel->Call<Get>(
        EchoService::Request(key), In(timeout_us),
        [promise](StatusOr<GetResponse> result) { promise->set_value(std::move(result)); });
    return future;
  }
  // As a blocking caller does it.
  static StatusOr<GetResponse> Await(Channel* channel, const std::string& key,
                                     int64_t timeout_us = kLong) {
    StatusOr<GetResponse> answer = Status::Internal("not called");
    Waiter waiter;
    channel->Call<Get>(EchoService::Request(key), In(timeout_us),
                       [&](StatusOr<GetResponse> result) {
                         answer = std::move(result);
                         waiter.Done();
                       });
    EXPECT_TRUE(waiter.Wait());
    return answer;
  }

  std::string unix_path_ =
      testing::TempDir() + "/vasto_channel_" + std::to_string(getpid()) + ".sock";
  std::string address_;
  EchoService service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<Transport> transport_ = NewSocketTransport({});
};

TEST_F(ChannelTest, CallsOverTcpAndUnix) {
  auto tcp = Connect();
  EXPECT_EQ(Text(Start(tcp.get(), "tcp").get()), "tcp");
  auto local = transport_->Connect("unix:" + unix_path_);
  EXPECT_EQ(Text(Start(local.get(), "unix").get()), "unix");
}

TEST_F(ChannelTest, DroppingAChannelClosesIt) {
  auto channel = Connect();
  auto parked = Start(channel.get(), "park");
  service_.AwaitParked(1);
  channel.reset();
  EXPECT_EQ(Text(parked.get()), "CANCELLED: the channel to " + address_ + " was closed");
}

TEST_F(ChannelTest, ANameIsResolvedOffTheLoop) {
  auto channel = transport_->Connect("localhost:" + address_.substr(address_.rfind(':') + 1));
  EXPECT_EQ(Text(Start(channel.get(), "by name").get()), "by name");
}

TEST_F(ChannelTest, ThePeersErrorComesThrough) {
  auto channel = Connect();
  EXPECT_EQ(Text(Start(channel.get(), "fail").get()), "BUSY: not now");
  std::promise<Status> scan;
  channel->Call<Scan>({}, In(kLong),
                      [&](StatusOr<ScanResponse> result) { scan.set_value(result.status()); });
  EXPECT_EQ(scan.get_future().get().ToString(), "NOT_SUPPORTED: unknown method 'scan'");
}

TEST_F(ChannelTest, ManyCallsAtOnceEachGetTheirOwnReply) {
  auto channel = Connect();
  constexpr int kCalls = 20'000;
  std::atomic<int> right{0};
  std::promise<void> all;
  std::atomic<int> left{kCalls};
  for (int i = 0; i < kCalls; ++i) {
    const std::string key = std::to_string(i);
    channel->Call<Get>(EchoService::Request(key), In(kLong),
                       [&, key](const StatusOr<GetResponse>& result) {
                         if (Text(result) == key) ++right;
                         if (--left == 0) all.set_value();
                       });
  }
  all.get_future().wait();
  EXPECT_EQ(right.load(), kCalls);
}

TEST_F(ChannelTest, RepliesMayComeInAnyOrder) {
  auto channel = Connect();
  auto first = Start(channel.get(), "park");
  auto second = Start(channel.get(), "park");
  service_.AwaitParked(2);
  service_.AnswerParked(1, "two");
  EXPECT_EQ(Text(second.get()), "two");
  service_.AnswerParked(0, "one");
  EXPECT_EQ(Text(first.get()), "one");
}

TEST_F(ChannelTest, LargeRequestsAndReplies) {
  auto channel = Connect();
  WriteRequest request;
  request.entry.payload.assign(kMaxValueSize, 'p');
  std::promise<StatusOr<WriteResponse>> written;
  channel->Call<Write>(request, In(60'000'000), [&](StatusOr<WriteResponse> result) {
    written.set_value(std::move(result));
  });
  auto small = Start(channel.get(), "behind");
  const auto result = written.get_future().get();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->event_time, kMaxValueSize);
  EXPECT_EQ(Text(small.get()), "behind");
  const auto big = Await(channel.get(), "size " + std::to_string(kMaxValueSize), 60'000'000);
  ASSERT_TRUE(big.ok());
  EXPECT_EQ(big->value.payload.size(), kMaxValueSize);
}

TEST_F(ChannelTest, ACallTimesOutAndItsLateReplyIsIgnored) {
  auto channel = Connect();
  auto parked = Start(channel.get(), "park", 50'000);
  service_.AwaitParked(1);
  EXPECT_EQ(Text(parked.get()), "TIMEOUT: get to " + address_ + ": no answer in time");
  service_.AnswerParked(0, "late");
  EXPECT_EQ(Text(Start(channel.get(), "next").get()), "next");
}

TEST_F(ChannelTest, DeadlinesPassInTheirOrder) {
  auto channel = Connect();
  std::vector<std::future<StatusOr<GetResponse>>> calls;
  const int64_t start = In(0);
  for (const int64_t ms : {300, 100, 200}) calls.push_back(Start(channel.get(), "park", ms * 1000));
  EXPECT_TRUE(calls[1].get().status().Is(Code::kTimeout));
  EXPECT_GE(In(0) - start, 100'000);
  EXPECT_EQ(calls[2].wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_TRUE(calls[2].get().status().Is(Code::kTimeout));
  EXPECT_TRUE(calls[0].get().status().Is(Code::kTimeout));
  EXPECT_GE(In(0) - start, 300'000);
}

TEST_F(ChannelTest, ARefusedConnectionIsNotSent) {
  server_->Stop();
  auto channel = Connect();
  EXPECT_EQ(Text(Start(channel.get(), "x").get()),
            "UNAVAILABLE: not sent: connect to " + address_ + ": connect: Connection refused");
  EXPECT_TRUE(Await(channel.get(), "x").status().Is(Code::kUnavailable));
  auto nowhere = transport_->Connect("unix:/nonexistent/socket");
  EXPECT_TRUE(Start(nowhere.get(), "x").get().status().Is(Code::kUnavailable));
  auto nonsense = transport_->Connect("nonsense");
  EXPECT_EQ(Start(nonsense.get(), "x").get().status().message().substr(0, 9), "not sent:");
}

TEST_F(ChannelTest, ALostConnectionIsToldApartAndMadeAgain) {
  std::atomic<int> downs{0};
  auto channel = Connect();
  channel->OnDisconnect([&] { ++downs; });
  auto parked = Start(channel.get(), "park");
  service_.AwaitParked(1);
  server_->Stop(0);
  const Status status = parked.get().status();
  EXPECT_TRUE(status.Is(Code::kUnavailable));
  EXPECT_EQ(status.message().substr(0, 11), "connection ");  // may have reached the peer
  service_.DropAllParked();
  StartServer();
  EXPECT_EQ(Text(Start(channel.get(), "again").get()), "again");
  EXPECT_EQ(downs.load(), 1);
}

// A peer that accepts and never reads: what does not fit the sockets has not been sent.
TEST_F(ChannelTest, WhatIsStillQueuedWhenTheConnectionGoesIsNotSent) {
  auto listener = ListenTcp("127.0.0.1:0");
  ASSERT_TRUE(listener.ok());
  const std::string address = ListeningAddress(listener->get(), "127.0.0.1:0").value();
  auto channel = transport_->Connect(address);
  std::vector<std::future<Status>> results;
  for (int i = 0; i < 40; ++i) {
    WriteRequest request;
    request.entry.payload.assign(1 << 20, 'x');
    auto promise = std::make_shared<std::promise<Status>>();
    results.push_back(promise->get_future());
    channel->Call<Write>(request, In(kLong), [promise](const StatusOr<WriteResponse>& r) {
      promise->set_value(r.status());
    });
  }
  Fd peer;
  while (!peer.valid()) peer = Fd(accept(listener->get(), nullptr, nullptr));
  char byte;
  ASSERT_EQ(recv(peer.get(), &byte, 1, 0), 1);
  peer.Reset();
  const Status first = results.front().get();
  const Status last = results.back().get();
  EXPECT_TRUE(first.Is(Code::kUnavailable)) << first.ToString();
  EXPECT_EQ(last.message().substr(0, 9), "not sent:") << last.ToString();
}

TEST_F(ChannelTest, TooMuchWaitingToBeSentIsBusy) {
  SocketTransportOptions options;
  options.max_buffered_bytes = 8 << 20;
  auto transport = NewSocketTransport(options);
  auto listener = ListenTcp("127.0.0.1:0");
  auto channel = transport->Connect(ListeningAddress(listener->get(), "127.0.0.1:0").value());
  std::atomic<int> busy{0};
  for (int i = 0; i < 40; ++i) {
    WriteRequest request;
    request.entry.payload.assign(1 << 20, 'x');
    channel->Call<Write>(request, In(kLong), [&](const StatusOr<WriteResponse>& r) {
      busy += r.status().Is(Code::kBusy);
    });
  }
  transport->Stop();
  EXPECT_GT(busy.load(), 10);
  EXPECT_LT(busy.load(), 36);
}

TEST_F(ChannelTest, ConnectingGivesUpAfterItsLimit) {
  SocketTransportOptions options;
  options.connect_timeout_us = 100'000;
  auto transport = NewSocketTransport(options);
  auto channel =
      transport->Connect("192.0.2.1:9");  // a documentation address: nobody answers, or no route
  const Status status = Start(channel.get(), "x").get().status();
  EXPECT_TRUE(status.Is(Code::kUnavailable)) << status.ToString();
  EXPECT_EQ(status.message().substr(0, 9), "not sent:");
}

TEST_F(ChannelTest, APeerThatSendsGarbageLosesItsConnection) {
  for (const std::string_view bytes :
       {std::string_view("\xff\xff\xff\xff", 4), std::string_view("\0\0\0\5hello", 9)}) {
    auto listener = ListenTcp("127.0.0.1:0");
    auto channel = transport_->Connect(ListeningAddress(listener->get(), "127.0.0.1:0").value());
    auto call = Start(channel.get(), "x");
    Fd peer;
    while (!peer.valid()) peer = Fd(accept(listener->get(), nullptr, nullptr));
    ASSERT_GT(send(peer.get(), bytes.data(), bytes.size(), 0), 0);
    EXPECT_EQ(call.get().status().message(),
              "connection to " + ListeningAddress(listener->get(), "127.0.0.1:0").value() +
                  " lost: the peer sent bytes that are no reply");
  }
}

TEST_F(ChannelTest, CloseCancelsWhatIsOutstandingAndWhatComesLater) {
  auto channel = Connect();
  auto parked = Start(channel.get(), "park");
  service_.AwaitParked(1);
  channel->Close();
  EXPECT_TRUE(parked.get().status().Is(Code::kCancelled));
  channel->Close();
  EXPECT_TRUE(Start(channel.get(), "later").get().status().Is(Code::kCancelled));
  service_.AwaitDisconnects(1);  // the connection is really closed
}

TEST_F(ChannelTest, StopClosesAllAndIsIdempotent) {
  auto channel = Connect();
  auto parked = Start(channel.get(), "park");
  service_.AwaitParked(1);
  transport_->Stop();
  EXPECT_TRUE(parked.get().status().Is(Code::kCancelled));
  service_.AwaitDisconnects(1);
  transport_->Stop();
  EXPECT_TRUE(Start(channel.get(), "later").get().status().Is(Code::kCancelled));
  EXPECT_TRUE(Start(Connect().get(), "new").get().status().Is(Code::kCancelled));
  EXPECT_TRUE(Await(channel.get(), "waiting").status().Is(Code::kCancelled));
}

TEST_F(ChannelTest, CallbacksNeverRunInsideCall) {
  auto channel = Connect();
  channel->Close();
  std::atomic<bool> inside{true};
  std::promise<bool> result;
  channel->Call<Get>({}, In(kLong),
                     [&](const StatusOr<GetResponse>&) { result.set_value(inside.load()); });
  inside = false;
  // Either thread may win the race for the store above; what counts is the thread.
  result.get_future().wait();
  std::promise<std::thread::id> thread;
  channel->Call<Get>({}, In(kLong), [&](const StatusOr<GetResponse>&) {
    thread.set_value(std::this_thread::get_id());
  });
  EXPECT_NE(thread.get_future().get(), std::this_thread::get_id());
}

TEST_F(ChannelTest, ACallbackMayCallAgain) {
  auto channel = Connect();
  std::promise<std::string> result;
  channel->Call<Get>(
      EchoService::Request("one"), In(kLong), [&](const StatusOr<GetResponse>& first) {
        channel->Call<Get>(
            EchoService::Request(Text(first) + " two"), In(kLong),
            [&](const StatusOr<GetResponse>& second) { result.set_value(Text(second)); });
      });
  EXPECT_EQ(result.get_future().get(), "one two");
}

TEST_F(ChannelTest, RunAtRunsInOrderAndNotBefore) {
  std::promise<void> done;
  std::vector<int> order;
  const int64_t start = In(0);
  transport_->RunAt(start + 60'000, [&] {
    order.push_back(2);
    EXPECT_GE(In(0), start + 60'000);
    done.set_value();
  });
  transport_->RunAt(start + 30'000, [&] { order.push_back(1); });
  transport_->RunAt(0, [&] { order.push_back(0); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

// Waiting threads.

TEST_F(ChannelTest, AWaiterDrivesItsConnection) {
  auto channel = Connect();
  for (int i = 0; i < 2000; ++i)
    ASSERT_EQ(Text(Await(channel.get(), std::to_string(i))), std::to_string(i));
}

TEST_F(ChannelTest, WaitersAndOthersShareAConnection) {
  auto channel = Connect();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        const std::string key = std::to_string(t) + "." + std::to_string(i);
        if (Text(Await(channel.get(), key)) != key) ++wrong;
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      if (Text(Start(channel.get(), "other").get()) != "other") ++wrong;
    }
  });
  for (size_t t = 0; t < 4; ++t) threads[t].join();
  stop = true;
  threads.back().join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_F(ChannelTest, AnAsynchronousCallAfterADrivenOneIsRead) {
  auto channel = Connect();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(Text(Await(channel.get(), "driven")), "driven");
    ASSERT_EQ(Text(Start(channel.get(), "not driven").get()), "not driven");
  }
}

TEST_F(ChannelTest, ADriversOwnDeadlinePasses) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  const int64_t start = In(0);
  EXPECT_TRUE(Await(channel.get(), "park", 100'000).status().Is(Code::kTimeout));
  EXPECT_LT(In(0) - start, 5'000'000);
}

TEST_F(ChannelTest, CloseWakesADriver) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  std::thread closer([&] {
    service_.AwaitParked(1);
    channel->Close();
  });
  EXPECT_TRUE(Await(channel.get(), "park").status().Is(Code::kCancelled));
  closer.join();
}

TEST_F(ChannelTest, ADriverSeesItsConnectionGo) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  std::thread stopper([&] {
    service_.AwaitParked(1);
    server_->Stop(0);
  });
  EXPECT_TRUE(Await(channel.get(), "park").status().Is(Code::kUnavailable));
  stopper.join();
  service_.DropAllParked();
  StartServer();
  EXPECT_EQ(Text(Await(channel.get(), "again")), "again");
}

TEST_F(ChannelTest, AnIdleDrivenConnectionNoticesItsLoss) {
  std::promise<void> down;
  auto channel = Connect();
  channel->OnDisconnect([&] { down.set_value(); });
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  server_->Stop(0);
  down.get_future().wait();
}

TEST_F(ChannelTest, OneWaiterForSeveralCalls) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> left{3};
    Waiter waiter;
    for (int i = 0; i < 3; ++i) {
      channel->Call<Get>(EchoService::Request("x"), In(kLong), [&](const StatusOr<GetResponse>&) {
        if (--left == 0) waiter.Done();
      });
    }
    ASSERT_TRUE(waiter.Wait());
  }
}

TEST_F(ChannelTest, AWaiterMayGiveUp) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  auto result = std::make_shared<std::promise<std::string>>();
  {
    // Done after the Waiter is gone would be wrong; the promise takes the answer instead.
    Waiter waiter;
    channel->Call<Get>(EchoService::Request("park"), In(kLong),
                       [result](const StatusOr<GetResponse>& r) { result->set_value(Text(r)); });
    EXPECT_FALSE(waiter.Wait(In(50'000)));
  }
  service_.AwaitParked(1);
  service_.AnswerParked(0, "much later");
  EXPECT_EQ(result->get_future().get(), "much later");
}

TEST_F(ChannelTest, AWaiterThatNeverWaitsDoesNotStrandItsCall) {
  auto channel = Connect();
  ASSERT_TRUE(Await(channel.get(), "warm").ok());
  std::future<StatusOr<GetResponse>> call;
  {
    Waiter waiter;
    call = Start(channel.get(), "x");
  }
  EXPECT_EQ(Text(call.get()), "x");
}

// Random faults: whatever happens, every call completes exactly once.
TEST_F(ChannelTest, EveryCallCompletesExactlyOnceUnderFaults) {
  std::map<int, std::atomic<int>> completions;
  constexpr int kCalls = 4000;
  for (int i = 0; i < kCalls; ++i) completions[i] = 0;
  auto random = SeededRandom(9);
  std::atomic<int> done{0};
  std::shared_ptr<Channel> channels[3] = {Connect(), Connect(), Connect()};
  for (int i = 0; i < kCalls; ++i) {
    Channel* const channel = channels[random->Below(3)].get();
    const int64_t timeout_us =
        random->Below(4) == 0 ? static_cast<int64_t>(random->Below(3000)) : kLong;
    const std::string key = random->Below(10) == 0 ? "size 200000" : "k";
    channel->Call<Get>(EchoService::Request(key), In(timeout_us),
                       [&, i](const StatusOr<GetResponse>&) {
                         ++completions[i];
                         ++done;
                       });
    if (random->Below(400) == 0) {
      server_->Stop(0);
      StartServer();
    }
  }
  channels[1]->Close();
  while (done < kCalls) std::this_thread::yield();
  transport_->Stop();
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(completions[i].load(), 1) << i;
}

}  // namespace
}  // namespace vasto::rpc
