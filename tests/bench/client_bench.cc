// SPDX-License-Identifier: Apache-2.0
// What a get costs the client: one client with N gets in flight against a server in a child process
// that answers at once from memory. Prints gets per second and the processor time of the client's
// process for each, which also means something while the machine does other things.
//
//   client_bench [seconds per shape]
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/client/client.h"
#include "core/codec/record.h"
#include "core/rpc/server.h"

namespace vasto::client {
namespace {

constexpr char kKey[] = "key:000000001234";

ClusterMap MakeMap(const std::string& address) {
  ClusterMap map;
  map.cluster = {1, 1};
  map.term = map.version = 1;
  const Uuid store{2, 2};
  map.stores[store].uuid = store;
  map.stores[store].address = address;
  KeyspaceDescriptor& ks = map.keyspaces["ks"];
  ks.uuid = {3, 3};
  ks.name = "ks";
  ks.epoch = 1;
  ks.shards.resize(4);
  for (ShardReplicas& shard : ks.shards) shard.replicas.push_back({store, 1});
  return map;
}

// Master and store at once; writes its address to the pipe and serves until it is killed.
void Serve(int pipe) {
  rpc::Dispatcher dispatcher;
  rpc::GetResponse answer;
  answer.code = Code::kOk;
  answer.value.payload.assign(100, 'v');
  answer.value.payload_size = 100;
  answer.value.content_checksum = ContentChecksum(kKey, answer.value.payload);
  dispatcher.Handle<rpc::Get>(
      [&](const rpc::GetRequest&, rpc::Responder<rpc::Get> responder) { responder.Ok(answer); });
  std::string address;
  std::vector<rpc::Responder<rpc::WatchCluster>> parked;
  dispatcher.Handle<rpc::WatchCluster>(
      [&](const rpc::WatchClusterRequest& request, rpc::Responder<rpc::WatchCluster> responder) {
        if (request.known_version == 1) return parked.push_back(std::move(responder));
        responder.Ok({true, MakeMap(address)});
      });
  rpc::ServerOptions options;
  options.io_threads = 1;
  rpc::Server server(options, &dispatcher);
  if (!server.Start().ok()) _exit(1);
  address = server.address();
  if (write(pipe, address.data(), address.size()) <= 0) _exit(1);
  while (true) pause();
}

double ProcessorUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

struct Counts {
  std::atomic<bool> stop{false};
  std::atomic<int> running{0};
  std::atomic<uint64_t> gets{0};
  std::atomic<uint64_t> failures{0};
};

void Count(const StatusOr<ReadResult>& result, Counts* counts) {
  const bool good = result.ok() && result->code == Code::kOk;
  (good ? counts->gets : counts->failures).fetch_add(1, std::memory_order_relaxed);
}

// Each answer starts the next get.
void Chain(Client* client, const KeyspacePtr& ks, Counts* counts) {
  client->Get(ks, {kKey, std::nullopt}, false, {}, [=](const StatusOr<ReadResult>& result) {
    Count(result, counts);
    if (counts->stop) {
      --counts->running;
    } else {
      Chain(client, ks, counts);
    }
  });
}

void Chains(Client* client, const KeyspacePtr& ks, int seconds, int in_flight, Counts* counts) {
  counts->running = in_flight;
  for (int i = 0; i < in_flight; ++i) Chain(client, ks, counts);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  counts->stop = true;
  while (counts->running > 0) std::this_thread::yield();
}

// One thread that waits for each get.
void Blocking(Client* client, const KeyspacePtr& ks, int seconds, int, Counts* counts) {
  const int64_t end_us = SystemClock()->MonotonicMicros() + int64_t{seconds} * 1'000'000;
  while (SystemClock()->MonotonicMicros() < end_us) {
    Waiter waiter;
    client->Get(ks, {kKey, std::nullopt}, false, {}, [&](const StatusOr<ReadResult>& result) {
      Count(result, counts);
      waiter.Done();
    });
    waiter.Wait();
  }
}

void Report(const char* name, const std::string& master, int seconds, int in_flight,
            decltype(&Chains) run) {
  ClientOptions options;
  options.masters = {master};
  auto client = Client::Open(options, 5'000'000);
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", client.status().ToString().c_str());
    return;
  }
  auto ks = (*client)->OpenKeyspace("ks", 0);
  Counts counts;
  const double processor_us = ProcessorUs();
  const int64_t start_us = SystemClock()->MonotonicMicros();
  run(client->get(), *ks, seconds, in_flight, &counts);
  const auto took_us = static_cast<double>(SystemClock()->MonotonicMicros() - start_us);
  const auto gets = static_cast<double>(counts.gets.load());
  std::printf("%-12s %9.0f gets/s  %6.2f us of processor each  failures %llu\n", name,
              gets / took_us * 1e6, (ProcessorUs() - processor_us) / gets,
              static_cast<unsigned long long>(counts.failures.load()));
  std::fflush(stdout);
  (*client)->Close(1'000'000);
}

int Run(int argc, char** argv) {
  const int seconds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) Serve(ends[1]);
  char address[64] = {};
  if (read(ends[0], address, sizeof(address) - 1) <= 0) return 1;
  Report("blocking-1", address, seconds, 1, Blocking);
  Report("async-1", address, seconds, 1, Chains);
  Report("async-50", address, seconds, 50, Chains);
  Report("async-1000", address, seconds, 1000, Chains);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace vasto::client

int main(int argc, char** argv) { return vasto::client::Run(argc, argv); }
