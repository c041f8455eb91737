// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/raw_client.h"

namespace vasto::rpc {
namespace {

size_t HeapBytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class ServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    options.io_threads = options.io_threads == 0 ? 2 : options.io_threads;
    options_ = options;
    server_ = std::make_unique<Server>(options, service_.dispatcher());
    const Status status = server_->Start();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  std::string address() const { return server_->address(); }
  static std::string GetFrame(const std::string& key, int32_t seqid) {
    return RawClient::Frame<Get>(EchoService::Request(key), seqid);
  }
  static std::string Payload(const std::optional<RawClient::Reply>& reply) {
    if (!reply.has_value()) return "(no reply)";
    auto response = DecodeResponse<Get>(reply->body);
    return response.ok() ? response->value.payload : response.status().ToString();
  }

  EchoService service_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersACall) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("hello", 7));
  const auto reply = client.Receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->type, MessageType::kReply);
  EXPECT_EQ(reply->name, "get");
  EXPECT_EQ(reply->seqid, 7);
  EXPECT_EQ(Payload(reply), "hello");
}

TEST_F(ServerTest, AnswersFromAnotherThread) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("thread", 1));
  EXPECT_EQ(Payload(client.Receive()), "from a thread");
}

TEST_F(ServerTest, ADroppedResponderAnswersInternal) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("drop", 1) + GetFrame("park", 2));
  EXPECT_EQ(Payload(client.Receive()), "INTERNAL: the request was dropped without an answer");
  service_.AwaitParked(1);
  service_.DropAllParked();
  EXPECT_EQ(Payload(client.Receive()), "INTERNAL: the request was dropped without an answer");
}

TEST_F(ServerTest, AFailureIsAVastoError) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("fail", 1));
  EXPECT_EQ(Payload(client.Receive()), "BUSY: not now");
}

TEST_F(ServerTest, AFrameMayComeByteByByte) {
  Start();
  RawClient client(address());
  for (const char byte : GetFrame("slow", 1) + GetFrame("again", 2))
    client.Send(std::string_view(&byte, 1));
  EXPECT_EQ(Payload(client.Receive()), "slow");
  EXPECT_EQ(Payload(client.Receive()), "again");
}

TEST_F(ServerTest, PipelinedCallsComeBackInOneBatch) {
  Start();
  RawClient client(address());
  std::string frames;
  for (int i = 1; i <= 500; ++i) frames += GetFrame(std::to_string(i), i);
  client.Send(frames);
  std::set<int32_t> seen;
  for (int i = 1; i <= 500; ++i) {
    const auto reply = client.Receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(Payload(reply), std::to_string(reply->seqid));
    seen.insert(reply->seqid);
  }
  EXPECT_EQ(seen.size(), 500u);
  EXPECT_LT(service_.batches(), 100u);
}

// A connection that is looked after with nothing to send leaves nothing behind that would make the
// next one lose its replies.
TEST_F(ServerTest, SmallRepliesOfOneTurnAllArrive) {
  ServerOptions options;
  options.io_threads = 1;
  options.max_buffered_bytes = 64;
  Start(options);
  RawClient paused(address());
  // The fifth call is not served: the connection pauses, with nothing to send.
  std::string frames;
  for (int i = 1; i <= 5; ++i) frames += GetFrame("park", i);
  paused.Send(frames);
  service_.AwaitParked(4);
  RawClient client(address());
  const auto unknown = [](int32_t seqid) {
    std::string frame;
    const size_t start = BeginFrame(MessageType::kCall, "u", seqid, &frame);
    frame.push_back('\0');
    EndFrame(start, &frame);
    return frame;
  };
  client.Send(unknown(1) + unknown(2) + unknown(3));
  for (int32_t seqid = 1; seqid <= 3; ++seqid) {
    const auto reply = client.Receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->seqid, seqid);
  }
}

TEST_F(ServerTest, SequenceIdZeroKeepsTheOrder) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("park", 0) + GetFrame("second", 0) + GetFrame("park", 0) +
              GetFrame("other", 5) + GetFrame("last", 0));
  service_.AwaitParked(2);
  auto reply = client.Receive();  // a call with an id of its own does not wait
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->seqid, 5);
  EXPECT_FALSE(client.Receive(50).has_value());
  service_.AnswerParked(1, "third");
  EXPECT_FALSE(client.Receive(50).has_value());
  service_.AnswerParked(0, "first");
  for (const char* expected : {"first", "second", "third", "last"})
    EXPECT_EQ(Payload(client.Receive()), expected);
}

TEST_F(ServerTest, OtherSequenceIdsComeAsTheyFinish) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("park", 1) + GetFrame("park", 2));
  service_.AwaitParked(2);
  service_.AnswerParked(1, "two");
  EXPECT_EQ(Payload(client.Receive()), "two");
  service_.AnswerParked(0, "one");
  EXPECT_EQ(Payload(client.Receive()), "one");
}

TEST_F(ServerTest, AnUnknownMethodIsAnsweredAndTheConnectionLives) {
  Start();
  RawClient client(address());
  std::string frame;
  const size_t start = BeginFrame(MessageType::kCall, "no_such_method", 3, &frame);
  frame.push_back('\0');
  EndFrame(start, &frame);
  client.Send(frame);
  const auto reply = client.Receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->type, MessageType::kException);
  EXPECT_EQ(reply->name, "no_such_method");
  EXPECT_EQ(reply->seqid, 3);
  int32_t error = 0;
  std::string text;
  ASSERT_TRUE(DecodeAppError(reply->body, &error, &text));
  EXPECT_EQ(error, static_cast<int32_t>(AppError::kUnknownMethod));
  EXPECT_EQ(text, "unknown method 'no_such_method'");
  client.Send(GetFrame("alive", 4));
  EXPECT_EQ(Payload(client.Receive()), "alive");
}

TEST_F(ServerTest, ABodyThatIsNoRequestIsAnsweredAndTheConnectionLives) {
  Start();
  RawClient client(address());
  std::string frame;
  const size_t start = BeginFrame(MessageType::kCall, "get", 3, &frame);
  frame.append("\x0c\x00\x01garbage");
  EndFrame(start, &frame);
  client.Send(frame + GetFrame("alive", 4));
  EXPECT_EQ(Payload(client.Receive()).substr(0, 17), "INVALID_ARGUMENT:");
  EXPECT_EQ(Payload(client.Receive()), "alive");
}

TEST_F(ServerTest, AOnewayMessageIsRefusedAndTheConnectionClosed) {
  Start();
  RawClient client(address());
  std::string frame;
  const size_t start = BeginFrame(MessageType::kOneway, "get", 3, &frame);
  EncodeRequest<Get>(EchoService::Request("x"), &frame);
  EndFrame(start, &frame);
  client.Send(frame);
  const auto reply = client.Receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->type, MessageType::kException);
  EXPECT_TRUE(client.PeerCloses());
}

TEST_F(ServerTest, BadLengthsCloseOnlyTheirConnection) {
  Start();
  RawClient good(address());
  for (const std::string_view bytes :
       {std::string_view("\x00\x00\x00\x00", 4), std::string_view("\xff\xff\xff\xff", 4),
        std::string_view("\x80\x00\x00\x00", 4), std::string_view("\x7f\xff\xff\xff", 4),
        std::string_view("GET / HTTP/1.1\r\n\r\n")}) {
    RawClient bad(address());
    bad.Send(bytes);
    EXPECT_TRUE(bad.PeerCloses()) << ToHex(bytes);
  }
  good.Send(GetFrame("fine", 1));
  EXPECT_EQ(Payload(good.Receive()), "fine");
}

TEST_F(ServerTest, AFrameThatIsNoMessageClosesAfterTheRepliesBefore) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("before", 1) + std::string("\x00\x00\x00\x05hello", 9));
  EXPECT_EQ(Payload(client.Receive()), "before");
  EXPECT_TRUE(client.PeerCloses());
}

TEST_F(ServerTest, RandomBytesNeverHurtOthers) {
  ServerOptions options;
  options.max_frame_bytes = 1 << 20;
  Start(options);
  auto random = SeededRandom(5);
  RawClient good(address());
  for (int round = 0; round < 200; ++round) {
    RawClient client(address());
    std::string bytes = round % 2 == 0 ? std::string() : GetFrame("x", 1);
    for (uint64_t n = random->Below(2000); n > 0; --n)
      bytes.push_back(static_cast<char>(random->Next()));
    if (round % 4 == 1) {  // a frame of a fair length with a broken inside
      bytes = GetFrame(std::string(random->Below(100), 'k'), 1);
      bytes[4 + random->Below(bytes.size() - 4)] = static_cast<char>(random->Next());
    }
    client.Send(bytes);
  }
  good.Send(GetFrame("fine", 1));
  EXPECT_EQ(Payload(good.Receive()), "fine");
}

TEST_F(ServerTest, AValueOf64MiBGoesBothWays) {
  Start();
  RawClient client(address());
  WriteRequest request;
  request.entry.key = "big";
  request.entry.payload.assign(kMaxValueSize, 'p');
  client.Send(RawClient::Frame<Write>(request, 1));
  const auto reply = client.Receive(60'000);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(DecodeResponse<Write>(reply->body)->event_time, kMaxValueSize);
  client.Send(GetFrame("size " + std::to_string(kMaxValueSize), 2) + GetFrame("after", 3));
  EXPECT_EQ(Payload(client.Receive(60'000)).size(), kMaxValueSize);
  EXPECT_EQ(Payload(client.Receive()), "after");
}

TEST_F(ServerTest, TheDisconnectCallbackNamesTheConnection) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("x", 1));
  ASSERT_TRUE(client.Receive().has_value());
  const ConnectionId connection = service_.last_connection();
  client.Send(GetFrame("park", 2));
  service_.AwaitParked(1);
  client.Close();
  service_.AwaitDisconnects(1);
  EXPECT_EQ(service_.disconnected(), std::vector<ConnectionId>{connection});
  service_.AnswerParked(0, "too late");  // nobody is there: nothing happens
  RawClient next(address());
  next.Send(GetFrame("x", 1));
  ASSERT_TRUE(next.Receive().has_value());
  EXPECT_NE(service_.last_connection(), connection);
}

// A peer that asks and never reads: its requests are no longer taken, and after the stall limit it
// is closed.
TEST_F(ServerTest, APeerThatNeverReadsIsHeldBackThenClosed) {
  ServerOptions options;
  options.max_buffered_bytes = 1 << 20;
  options.write_stall_ms = 1500;
  Start(options);
  RawClient client(address(), 16 << 10);
  const std::string frame = GetFrame("size 65536", 1);
  std::thread sender([&] {
    // 400 MiB of replies, were they all made.
    for (int i = 0; i < 6400 && client.Send(frame); ++i) {
    }
  });
  service_.AwaitDisconnects(1);
  EXPECT_LT(service_.gets(),
            600u);  // far below 6400: bounded by the buffer, the sockets' and a batch
  sender.join();
}

// Calls parked side by side may all end with large replies at once: what is too much becomes BUSY.
TEST_F(ServerTest, RepliesThatNobodyReadsBecomeBusy) {
  ServerOptions options;
  options.max_buffered_bytes = 1 << 20;
  Start(options);
  RawClient client(address(), 16 << 10);
  for (int i = 1; i <= 4; ++i) client.Send(GetFrame("park", i));
  service_.AwaitParked(4);
  for (int i = 1; i <= 4; ++i) service_.AnswerParked(0, std::string(16 << 20, 'x'));
  EXPECT_EQ(Payload(client.Receive()).size(), size_t{16 << 20});
  for (int i = 2; i <= 4; ++i) {
    EXPECT_EQ(Payload(client.Receive()),
              "BUSY: too many replies of this connection wait to be read");
  }
}

// It never catches up, so the server's buffer never runs empty; and yet it must not grow.
TEST_F(ServerTest, APausedPeerThatReadsGetsEverything) {
  ServerOptions options;
  options.max_buffered_bytes = 16 << 20;  // more than the sockets take
  Start(options);
  RawClient client(address(), 64 << 10);
  constexpr int kCalls = 8000;
  const size_t before = HeapBytes();
  size_t most = 0;
  std::thread sender([&] {
    for (int i = 1; i <= kCalls; ++i) client.Send(GetFrame("size 30000", i));
  });
  for (int i = 1; i <= kCalls; ++i) {
    ASSERT_EQ(Payload(client.Receive()).size(), 30000u) << i;
    most = std::max(most, HeapBytes() - std::min(before, HeapBytes()));
  }
  sender.join();
  EXPECT_LT(most, size_t{80 << 20});
}

TEST_F(ServerTest, APortInUseIsOneClearLine) {
  Start();
  ServerOptions options;
  options.listen = address();
  Server second(options, service_.dispatcher());
  const Status status = second.Start();
  EXPECT_TRUE(status.Is(Code::kAlreadyExists));
  EXPECT_EQ(status.message(),
            "cannot listen on " + address() +
                ": the port is in use; stop the other process or choose another port");
}

TEST_F(ServerTest, AnAddressThatIsNoneIsInvalid) {
  for (const char* listen : {"", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", ":80",
                             "::1:80", "203.0.113.9:0"}) {
    ServerOptions options;
    options.listen = listen;
    Server server(options, service_.dispatcher());
    const Status status = server.Start();
    EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << listen << " " << status.ToString();
  }
}

TEST_F(ServerTest, UnixSocketReplacesAStaleFileButNotALiveOne) {
  const std::string path = testing::TempDir() + "/vasto_rpc_" + std::to_string(getpid()) + ".sock";
  ServerOptions options;
  options.unix_path = path;
  Start(options);
  RawClient client("unix:" + path);
  client.Send(GetFrame("local", 1));
  EXPECT_EQ(Payload(client.Receive()), "local");

  Server second(options, service_.dispatcher());
  EXPECT_TRUE(second.Start().Is(Code::kAlreadyExists));
  server_->Stop();
  EXPECT_FALSE(std::filesystem::exists(path));
  { auto stale = ListenUnix(path); }  // a dead process leaves its file
  ASSERT_TRUE(std::filesystem::exists(path));
  Server third(options, service_.dispatcher());
  EXPECT_TRUE(third.Start().ok());
  third.Stop();

  std::ofstream(path) << "precious";
  EXPECT_TRUE(Server(options, service_.dispatcher()).Start().Is(Code::kAlreadyExists));
  std::filesystem::remove(path);
}

TEST_F(ServerTest, StopAnswersWhatIsInFlightAndIsIdempotent) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("park", 1));
  service_.AwaitParked(1);
  // Its connection is known to the server. One that meets the closing of the listener half-way is
  // the kernel's, which may tell its client only when that sends something.
  RawClient idle(address());
  idle.Send(GetFrame("x", 2));
  ASSERT_EQ(Payload(idle.Receive()), "x");
  std::thread stopper([&] { server_->Stop(10'000); });
  EXPECT_TRUE(idle.PeerCloses());
  service_.AnswerParked(0, "in time");
  EXPECT_EQ(Payload(client.Receive()), "in time");
  EXPECT_TRUE(client.PeerCloses());
  stopper.join();
  server_->Stop();
}

TEST_F(ServerTest, StopDoesNotWaitLongerThanItsGrace) {
  Start();
  RawClient client(address());
  client.Send(GetFrame("park", 1));
  service_.AwaitParked(1);
  const int64_t start = SystemClock()->MonotonicMicros();
  server_->Stop(100);
  EXPECT_LT(SystemClock()->MonotonicMicros() - start, 2'000'000);
  EXPECT_TRUE(client.PeerCloses());
  server_.reset();
  service_.AnswerParked(0, std::string(100'000, 'x'));  // the server is gone: must not touch it
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreClosed) {
  ServerOptions options;
  options.max_connections = 2;
  Start(options);
  RawClient first(address());
  RawClient second(address());
  first.Send(GetFrame("1", 1));
  second.Send(GetFrame("2", 1));
  EXPECT_EQ(Payload(first.Receive()), "1");
  EXPECT_EQ(Payload(second.Receive()), "2");
  EXPECT_TRUE(RawClient(address()).PeerCloses());
  first.Close();
  service_.AwaitDisconnects(1);
  RawClient third(address());
  third.Send(GetFrame("3", 1));
  EXPECT_EQ(Payload(third.Receive()), "3");
}

TEST_F(ServerTest, FiveThousandIdleConnectionsCostLittle) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "memory is measured without sanitizers";
#endif
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 10'100) GTEST_SKIP() << "needs 10,100 file descriptors";
  Start();
  constexpr size_t kCount = 5000;
  std::vector<std::unique_ptr<RawClient>> clients;
  clients.reserve(kCount);
  const std::string frame = GetFrame("hello", 1);
  // Warm the pools, so that what is measured are the connections.
  for (size_t i = 0; i < 10; ++i) {
    RawClient client(address());
    client.Send(frame);
    ASSERT_TRUE(client.Receive().has_value());
  }
  const size_t before = HeapBytes();
  for (size_t i = 0; i < kCount; ++i) {
    clients.push_back(std::make_unique<RawClient>(address()));
    clients.back()->Send(frame);
    ASSERT_EQ(Payload(clients.back()->Receive()), "hello");
  }
  const size_t grown = HeapBytes() - before;
  RecordProperty("bytes_per_connection", static_cast<int>(grown / kCount));
  std::printf("%zu bytes per idle connection, the test's own end included\n", grown / kCount);
  EXPECT_LT(grown / kCount, 1024u);
}

}  // namespace
}  // namespace vasto::rpc
