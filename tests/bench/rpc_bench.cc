// SPDX-License-Identifier: Apache-2.0
// How many gets a second the RPC layer carries, without any storage: a server and clients in one
// process, 16-byte keys, 100-byte values. Prints one line per shape: connections x calls in flight
// on each, calls per second, percentiles.
//
//   rpc_bench [--spin US] [seconds per shape] [shape...]
//
// A shape is a part of the names below; default: all. --spin sets spin_us of both ends.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/rpc/channel.h"
#include "core/rpc/server.h"
#include "core/rpc/waiter.h"

namespace vasto::rpc {
namespace {

constexpr int64_t kTimeoutUs = 10'000'000;

int64_t NowUs() { return SystemClock()->MonotonicMicros(); }

GetRequest MakeRequest() {
  GetRequest request;
  request.ref.keyspace = {1, 2};
  request.ref.epoch = 3;
  request.ref.shard = 0;
  request.ref.timeout_ms = 10'000;
  request.key.key = "key:000000001234";
  return request;
}

struct Result {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> failures{0};
  Histogram latency;
};

// One call after the other on a channel, each started by the answer to the one before.
class Loop {
 public:
  Loop(std::shared_ptr<Channel> channel, Result* result, std::atomic<bool>* stop,
       std::atomic<int>* running)
      : channel_(std::move(channel)), result_(result), stop_(stop), running_(running) {}
  void Next() {
    start_us_ = NowUs();
    channel_->Call<Get>(request_, start_us_ + kTimeoutUs,
                        [this](const StatusOr<GetResponse>& response) {
                          result_->latency.Record(static_cast<uint64_t>(NowUs() - start_us_));
                          (response.ok() ? result_->calls : result_->failures)
                              .fetch_add(1, std::memory_order_relaxed);
                          if (stop_->load(std::memory_order_relaxed)) {
                            running_->fetch_sub(1);
                          } else {
                            Next();
                          }
                        });
  }

 private:
  const std::shared_ptr<Channel> channel_;
  Result* const result_;
  std::atomic<bool>* const stop_;
  std::atomic<int>* const running_;
  const GetRequest request_ = MakeRequest();
  int64_t start_us_ = 0;
};

void RunAsync(Transport* transport, const std::string& address, int connections, int in_flight,
              int seconds, Result* result) {
  std::atomic<bool> stop{false};
  std::atomic<int> running{connections * in_flight};
  std::vector<std::unique_ptr<Loop>> loops;
  for (int c = 0; c < connections; ++c) {
    auto channel = transport->Connect(address);
    for (int i = 0; i < in_flight; ++i)
      loops.push_back(std::make_unique<Loop>(channel, result, &stop, &running));
  }
  for (auto& loop : loops) loop->Next();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  stop = true;
  while (running.load() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void Block(Channel* channel, const std::atomic<bool>* stop, bool drive, Result* result) {
  const GetRequest request = MakeRequest();
  while (!stop->load(std::memory_order_relaxed)) {
    const int64_t start_us = NowUs();
    bool good = false;
    const auto take = [&](const StatusOr<GetResponse>& response) { good = response.ok(); };
    if (drive) {
      Waiter waiter;
      channel->Call<Get>(request, start_us + kTimeoutUs,
                         [&](const StatusOr<GetResponse>& response) {
                           take(response);
                           waiter.Done();
                         });
      (void)waiter.Wait();
    } else {
      Mutex mu;
      CondVar changed;
      bool done = false;
      channel->Call<Get>(request, start_us + kTimeoutUs,
                         [&](const StatusOr<GetResponse>& response) {
                           MutexLock lock(&mu);
                           take(response);
                           done = true;
                           changed.Signal();
                         });
      MutexLock lock(&mu);
      while (!done) changed.Wait(&mu);
    }
    result->latency.Record(static_cast<uint64_t>(NowUs() - start_us));
    (good ? result->calls : result->failures).fetch_add(1, std::memory_order_relaxed);
  }
}

// Threads that block, spread over channels.
void RunBlocking(Transport* transport, const std::string& address, int connections, int threads,
                 bool drive, int seconds, Result* result) {
  std::atomic<bool> stop{false};
  std::vector<std::shared_ptr<Channel>> channels;
  for (int c = 0; c < connections; ++c) channels.push_back(transport->Connect(address));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Block(channels[static_cast<size_t>(t % connections)].get(), &stop, drive, result);
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  stop = true;
  for (auto& worker : workers) worker.join();
}

struct Shape {
  const char* name;
  int connections;
  int in_flight;  // asynchronous calls on each connection; 0: threads block
  int threads;
  bool drive;
};

constexpr Shape kShapes[] = {
    {"blocking-1", 1, 0, 1, true},          {"blocking-1-hop", 1, 0, 1, false},
    {"async-1x1", 1, 1, 0, false},          {"async-50x1", 50, 1, 0, false},
    {"async-1x50", 1, 50, 0, false},        {"async-50x32", 50, 32, 0, false},
    {"blocking-2-shared", 1, 0, 2, true},   {"blocking-8-shared", 1, 0, 8, true},
    {"blocking-50-shared", 1, 0, 50, true}, {"blocking-50-own", 50, 0, 50, true},
};

void RunShape(const Shape& shape, const char* network, const std::string& address, int seconds,
              int64_t spin_us) {
  SocketTransportOptions options;
  options.spin_us = spin_us;
  auto transport = NewSocketTransport(options);
  Result result;
  const int64_t start_us = NowUs();
  if (shape.in_flight > 0) {
    RunAsync(transport.get(), address, shape.connections, shape.in_flight, seconds, &result);
  } else {
    RunBlocking(transport.get(), address, shape.connections, shape.threads, shape.drive, seconds,
                &result);
  }
  const double took_s = static_cast<double>(NowUs() - start_us) / 1e6;
  std::printf("%-20s %-5s %10.0f calls/s  p50 %llu us  p99 %llu us  failures %llu\n", shape.name,
              network, static_cast<double>(result.calls.load()) / took_s,
              static_cast<unsigned long long>(result.latency.Quantile(0.5)),
              static_cast<unsigned long long>(result.latency.Quantile(0.99)),
              static_cast<unsigned long long>(result.failures.load()));
  std::fflush(stdout);
  transport->Stop();
}

int Run(int argc, char** argv) {
  ServerOptions options;
  if (argc > 2 && std::string(argv[1]) == "--spin") {
    options.spin_us = std::atoi(argv[2]);
    argc -= 2;
    argv += 2;
  }
  const int seconds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  Dispatcher dispatcher;
  GetResponse answer;
  answer.code = Code::kOk;
  answer.value.payload.assign(100, 'v');
  answer.value.payload_size = 100;
  dispatcher.Handle<Get>(
      [&](const GetRequest&, Responder<Get> responder) { responder.Ok(answer); });
  options.io_threads = 1;
  options.unix_path = "/tmp/vasto_rpc_bench_" + std::to_string(getpid()) + ".sock";
  Server server(options, &dispatcher);
  if (const Status status = server.Start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  for (const Shape& shape : kShapes) {
    bool wanted = argc <= 2;
    for (int i = 2; i < argc; ++i)
      wanted = wanted || std::string(shape.name).find(argv[i]) != std::string::npos;
    if (!wanted) continue;
    RunShape(shape, "tcp", server.address(), seconds, options.spin_us);
    RunShape(shape, "unix", "unix:" + options.unix_path, seconds, options.spin_us);
  }
  server.Stop();
  return 0;
}

}  // namespace
}  // namespace vasto::rpc

int main(int argc, char** argv) { return vasto::rpc::Run(argc, argv); }
