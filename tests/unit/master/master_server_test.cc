// SPDX-License-Identifier: Apache-2.0
// A whole master over real sockets, with stores that only know how to register and to note
// descriptors.
#include "core/master/master_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>

#include "core/base/mutex.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/server.h"
#include "tests/unit/master/times.h"

namespace vasto::master {
namespace {

template <typename Method>
StatusOr<typename Method::Response> CallSync(rpc::Channel* channel,
                                             const typename Method::Request& request,
                                             int64_t timeout_us = 10 * kSecond) {
  auto promise = std::make_shared<std::promise<StatusOr<typename Method::Response>>>();
  auto future = promise->get_future();
  channel->Call<Method>(request, SystemClock()->MonotonicMicros() + timeout_us,
                        [promise](StatusOr<typename Method::Response> response) {
                          promise->set_value(std::move(response));
                        });
  return future.get();
}

class FakeStore {
 public:
  explicit FakeStore(uint64_t id) : uuid_{5, id}, transport_(rpc::NewSocketTransport({})) {
    dispatcher_.Handle<rpc::InstallKeyspace>(
        [this](const rpc::InstallKeyspaceRequest& request,
               rpc::Responder<rpc::InstallKeyspace> responder) {
          {
            MutexLock lock(&mu_);
            disk_[request.descriptor.uuid] = request.descriptor;
            term_ = request.term;
          }
          responder.Ok({});
        });
    dispatcher_.Handle<rpc::CompactKeyspace>(
        [](const rpc::CompactKeyspaceRequest&, rpc::Responder<rpc::CompactKeyspace> responder) {
          responder.Ok({});
        });
    server_ = std::make_unique<rpc::Server>(rpc::ServerOptions{}, &dispatcher_);
    EXPECT_TRUE(server_->Start().ok());
  }
  ~FakeStore() {
    transport_->Stop();
    server_->Stop();
  }

  Status Register(const std::string& master) {
    channel_ = transport_->Connect(master);
    rpc::RegisterStoreRequest request;
    {
      MutexLock lock(&mu_);
      request.cluster = cluster_;
      request.max_term = term_;
      for (const auto& [uuid, descriptor] : disk_) request.descriptors.push_back(descriptor);
    }
    request.store.uuid = uuid_;
    request.store.address = server_->address();
    request.store.free_bytes = 1 << 30;
    const auto response = CallSync<rpc::RegisterStore>(channel_.get(), request);
    if (!response.ok()) return response.status();
    MutexLock lock(&mu_);
    cluster_ = response->cluster;
    term_ = response->term;
    return {};
  }
  void Disconnect() { channel_->Close(); }
  std::map<Uuid, KeyspaceDescriptor> disk() {
    MutexLock lock(&mu_);
    return disk_;
  }
  const Uuid& uuid() const { return uuid_; }

 private:
  const Uuid uuid_;
  Mutex mu_;
  Uuid cluster_ GUARDED_BY(mu_);
  uint64_t term_ GUARDED_BY(mu_) = 0;
  std::map<Uuid, KeyspaceDescriptor> disk_ GUARDED_BY(mu_);
  rpc::Dispatcher dispatcher_;
  std::unique_ptr<rpc::Server> server_;
  std::shared_ptr<rpc::Transport> transport_;
  std::shared_ptr<rpc::Channel> channel_;
};

class MasterServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Start("127.0.0.1:0");
    admin_ = transport_->Connect(master_->address());
  }
  void TearDown() override {
    transport_->Stop();
    master_->Stop();
  }
  void Start(const std::string& listen) {
    MasterServerOptions options;
    options.listen = listen;
    options.core.recovery_min_us = 50'000;
    options.metrics = &metrics_;
    options.random = random_;
    auto started = MasterServer::Start(options);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    master_ = std::move(started).value();
  }
  rpc::WaitOperationResponse Finish(const StatusOr<rpc::StartOperationResponse>& started) {
    EXPECT_TRUE(started.ok()) << started.status().ToString();
    if (!started.ok()) return {};
    const auto state = CallSync<rpc::WaitOperation>(
        admin_.get(), {.operation = started->operation, .wait_ms = 5000});
    EXPECT_TRUE(state.ok() && state->done);
    return state.ok() ? *state : rpc::WaitOperationResponse();
  }
  rpc::WaitOperationResponse Create(const std::string& name, int32_t shards, int32_t replicas) {
    rpc::CreateKeyspaceRequest request;
    request.name = name;
    request.shards = shards;
    request.replicas = replicas;
    return Finish(CallSync<rpc::CreateKeyspace>(admin_.get(), request));
  }
  ClusterMap Map() {
    const auto response = CallSync<rpc::WatchCluster>(admin_.get(), {});
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    return response.ok() ? response->map : ClusterMap();
  }

  Random* random_ = SystemRandom();
  Metrics metrics_;
  std::unique_ptr<MasterServer> master_;
  std::shared_ptr<rpc::Transport> transport_ = rpc::NewSocketTransport({});
  std::shared_ptr<rpc::Channel> admin_;
};

TEST_F(MasterServerTest, LifeOfAKeyspace) {
  FakeStore a(1);
  FakeStore b(2);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  ASSERT_TRUE(b.Register(master_->address()).ok());
  EXPECT_EQ(Create("ks", 8, 2).code, Code::kOk);
  const ClusterMap map = Map();
  ASSERT_NE(map.Find("ks"), nullptr);
  EXPECT_EQ(a.disk().begin()->second, *map.Find("ks"));
  EXPECT_EQ(b.disk(), a.disk());
}

TEST_F(MasterServerTest, IdentitiesAreDrawnFromTheGivenRandomness) {
  class Same final : public Random {
   public:
    uint64_t Next() override { return 42; }
  } random;
  master_->Stop();
  random_ = &random;
  Start("127.0.0.1:0");
  admin_ = transport_->Connect(master_->address());
  FakeStore store(1);
  ASSERT_TRUE(store.Register(master_->address()).ok());
  EXPECT_EQ(Map().cluster, Uuid::Generate(&random));
  master_->Stop();  // before the randomness goes
}

TEST_F(MasterServerTest, DeleteAndCompactReachTheStores) {
  FakeStore a(1);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  EXPECT_EQ(Create("ks", 8, 1).code, Code::kOk);
  EXPECT_EQ(Finish(CallSync<rpc::StartCompaction>(admin_.get(), {.name = "ks"})).code, Code::kOk);
  EXPECT_EQ(Finish(CallSync<rpc::DeleteKeyspace>(admin_.get(), {.name = "ks"})).code, Code::kOk);
  EXPECT_TRUE(a.disk().begin()->second.deleted());
  EXPECT_EQ(Map().keyspaces.size(), 0u);
}

TEST_F(MasterServerTest, ALostConnectionWakesThoseWhoWatch) {
  FakeStore a(1);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  const ClusterMap map = Map();
  EXPECT_EQ(map.FindStore(a.uuid())->state, StoreState::kUp);
  std::promise<StatusOr<rpc::WatchClusterResponse>> promise;
  admin_->Call<rpc::WatchCluster>(
      {.known_term = map.term, .known_version = map.version, .wait_ms = 30'000},
      SystemClock()->MonotonicMicros() + 40 * kSecond,
      [&promise](StatusOr<rpc::WatchClusterResponse> r) { promise.set_value(std::move(r)); });
  a.Disconnect();
  auto future = promise.get_future();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  const auto next = future.get();
  ASSERT_TRUE(next.ok() && next->changed);
  EXPECT_EQ(next->map.FindStore(a.uuid())->state, StoreState::kSuspect);
}

TEST_F(MasterServerTest, ARestartedMasterKnowsEverythingAgain) {
  FakeStore a(1);
  FakeStore b(2);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  ASSERT_TRUE(b.Register(master_->address()).ok());
  EXPECT_EQ(Create("ks", 8, 1).code, Code::kOk);
  const ClusterMap before = Map();
  const std::string address = master_->address();
  master_.reset();
  Start(address);
  ASSERT_TRUE(a.Register(address).ok());
  ASSERT_TRUE(b.Register(address).ok());
  admin_ = transport_->Connect(address);
  const ClusterMap after = Map();
  EXPECT_EQ(after.keyspaces, before.keyspaces);
  EXPECT_EQ(after.cluster, before.cluster);
  EXPECT_GT(after.term, before.term);
}

TEST_F(MasterServerTest, StopDoesNotWaitForLongPolls) {
  FakeStore a(1);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  const ClusterMap map = Map();
  std::vector<std::future<StatusOr<rpc::WatchClusterResponse>>> watches;
  std::vector<std::shared_ptr<rpc::Channel>> clients;
  for (int i = 0; i < 200; ++i) {
    if (i % 10 == 0) clients.push_back(transport_->Connect(master_->address()));
    auto promise = std::make_shared<std::promise<StatusOr<rpc::WatchClusterResponse>>>();
    watches.push_back(promise->get_future());
    clients.back()->Call<rpc::WatchCluster>(
        {.known_term = map.term, .known_version = map.version, .wait_ms = 60'000},
        SystemClock()->MonotonicMicros() + 60 * kSecond,
        [promise](StatusOr<rpc::WatchClusterResponse> r) { promise->set_value(std::move(r)); });
  }
  for (const auto& client : clients) {  // once this is answered its watches have arrived
    EXPECT_TRUE(CallSync<rpc::ClusterStats>(client.get(), {}).ok());
  }
  const auto start = std::chrono::steady_clock::now();
  master_->Stop();
  for (auto& watch : watches) EXPECT_EQ(watch.get().status().code(), Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(MasterServerTest, APortInUseIsRefused) {
  MasterServerOptions options;
  options.listen = master_->address();
  EXPECT_EQ(MasterServer::Start(options).status().code(), Code::kAlreadyExists);
  options.listen = "nonsense";
  EXPECT_EQ(MasterServer::Start(options).status().code(), Code::kInvalidArgument);
}

TEST_F(MasterServerTest, StatusAndMetricsTellWhatItKnows) {
  FakeStore a(1);
  ASSERT_TRUE(a.Register(master_->address()).ok());
  EXPECT_EQ(Create("ks", 8, 1).code, Code::kOk);
  const std::string status = master_->Status();
  EXPECT_NE(status.find("\"name\": \"ks\""), std::string::npos) << status;
  EXPECT_NE(status.find("\"state\": \"up\""), std::string::npos) << status;
  const std::string metrics = metrics_.ToText();
  EXPECT_NE(metrics.find("vasto_master_stores{state=\"up\"} 1\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("vasto_master_keyspaces 1\n"), std::string::npos);
  master_.reset();
  EXPECT_EQ(metrics_.ToText().find("vasto_master_keyspaces"), std::string::npos);
  Start("127.0.0.1:0");
}

}  // namespace
}  // namespace vasto::master
