// SPDX-License-Identifier: Apache-2.0
// Stores that replicate one shard over real sockets, each with its own database, server and
// threads.
#include "core/replication/replicator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/codec/change.h"
#include "core/codec/record.h"
#include "core/rpc/protocol_version.h"
#include "core/rpc/server.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::replication {
namespace {

using storage::Get;
using storage::Put;

const Uuid kKeyspace{1, 2};
constexpr int32_t kNumber = 3;
constexpr int64_t kPatienceUs = 5'000'000;

// A store with a replica of the shard.
class Store {
 public:
  Store(int index, const std::string& dir, std::vector<std::unique_ptr<Store>>* all)
      : uuid_{7, static_cast<uint64_t>(index + 1)},
        dir_(dir + "/" + std::to_string(index)),
        all_(all),
        hlc_(SystemClock()),
        pool_("test", 2) {
    Start();
  }
  ~Store() { Stop(); }

  void Start() {
    rpc::SocketTransportOptions transport;
    transport_ = rpc::NewSocketTransport(transport);
    ReplicatorOptions options;
    options.store = uuid_;
    options.transport = transport_.get();
    options.pool = &pool_;
    options.clock = SystemClock();
    options.random = SystemRandom();
    options.logger = Logger::Null();
    options.find_store = [this](const Uuid& store) { return FindStore(store); };
    options.on_copied = [this](const Uuid& /*keyspace*/, int32_t /*number*/) { copied_ = true; };
    replicator_ = std::make_unique<Replicator>(options);
    dispatcher_ = std::make_unique<rpc::Dispatcher>();
    replicator_->Register(dispatcher_.get());
    rpc::ServerOptions server;
    server.listen = "127.0.0.1:0";
    server_ = std::make_unique<rpc::Server>(server, dispatcher_.get());
    ASSERT_TRUE(server_->Start().ok());
    MutexLock lock(&mu_);
    address_ = server_->address();
  }
  void Stop() {
    CloseShard();
    replicator_->Stop();
    server_->Stop();
    transport_->Stop();
  }
  void OpenShard() {
    storage::ShardOptions options;
    options.dir = dir_;
    options.keyspace = kKeyspace;
    options.shard = kNumber;
    options.origin = uuid_.lo;
    options.hlc = &hlc_;
    options.pool = &pool_;
    options.replicated = true;
    options.max_log_bytes = 0;
    storage::EngineOptions engine;
    engine.feed_bytes = feed_bytes_;
    auto shard = storage::Shard::Open(*storage::NewEngine(engine), options);
    ASSERT_TRUE(shard.ok()) << shard.status().ToString();
    shard_ = std::move(*shard);
    replica_ = replicator_->Attach(kKeyspace, kNumber, shard_.get(), false);
  }
  void CloseShard() {
    if (replica_ == nullptr) return;
    replicator_->Detach(replica_, kKeyspace, kNumber);
    replica_.reset();
    shard_.reset();
  }
  void Follow() {
    std::vector<Uuid> peers;
    size_t ahead = 0;
    for (const auto& store : *all_) {
      if (store.get() == this) {
        ahead = peers.size();
      } else {
        peers.push_back(store->uuid_);
      }
    }
    replica_->Configure(peers, ahead);
  }

  std::optional<StoreInfo> FindStore(const Uuid& uuid) const {
    for (const auto& store : *all_) {
      if (store->uuid_ != uuid) continue;
      MutexLock lock(&store->mu_);
      StoreInfo info;
      info.uuid = uuid;
      info.address = store->address_;
      return info;
    }
    return std::nullopt;
  }
  const Uuid& uuid() const { return uuid_; }
  std::string address() const { return server_->address(); }
  storage::Shard* shard() { return shard_.get(); }
  ShardReplica* replica() { return replica_.get(); }
  storage::WriteOutcome Write(storage::TestWrite write) {
    return storage::Apply(shard_.get(), std::move(write));
  }
  bool copied() const { return copied_; }

  size_t feed_bytes_ = 64 << 20;

 private:
  const Uuid uuid_;
  const std::string dir_;
  std::vector<std::unique_ptr<Store>>* const all_;
  HybridClock hlc_;
  ThreadPool pool_;
  std::atomic<bool> copied_{false};
  mutable Mutex mu_;
  std::string address_ GUARDED_BY(mu_);
  std::shared_ptr<rpc::Transport> transport_;
  std::unique_ptr<Replicator> replicator_;
  std::unique_ptr<rpc::Dispatcher> dispatcher_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<storage::Shard> shard_;
  std::shared_ptr<ShardReplica> replica_;
};

class ReplicatorTest : public testing::Test {
 protected:
  ReplicatorTest() {
    // All of them before the first looks for another.
    stores_.reserve(3);
    for (int i = 0; i < 3; ++i) {
      stores_.push_back(std::make_unique<Store>(i, folder_.path(), &stores_));
    }
  }
  ~ReplicatorTest() override {
    for (auto& store : stores_) store->Stop();
  }
  void Run() {
    for (auto& store : stores_) store->OpenShard();
    for (auto& store : stores_) store->Follow();
  }
  template <typename Condition>
  void Until(Condition condition) {
    const int64_t end_us = SystemClock()->MonotonicMicros() + kPatienceUs;
    while (!condition()) {
      ASSERT_LT(SystemClock()->MonotonicMicros(), end_us);
      std::this_thread::yield();
    }
  }
  bool AllServe() const {
    for (const auto& store : stores_) {
      if (!store->replica()->serving()) return false;
    }
    return true;
  }
  template <typename Method>
  StatusOr<typename Method::Response> Call(Store* of, const typename Method::Request& request) {
    auto transport = rpc::NewSocketTransport({});
    auto channel = transport->Connect(of->address());
    std::optional<StatusOr<typename Method::Response>> result;
    storage::Latch latch(1);
    channel->Call<Method>(request, SystemClock()->MonotonicMicros() + kPatienceUs,
                          [&](StatusOr<typename Method::Response> response) {
                            result.emplace(std::move(response));
                            latch.CountDown();
                          });
    latch.Wait();
    channel.reset();
    transport->Stop();
    return std::move(*result);
  }
  StatusOr<rpc::PullResponse> Pull(Store* of, const rpc::PullRequest& request) {
    return Call<rpc::Pull>(of, request);
  }
  rpc::PullRequest Request(const Uuid& store) const {
    rpc::PullRequest request;
    request.keyspace = kKeyspace;
    request.shard = kNumber;
    request.store = store;
    return request;
  }

  // The second store serves alone, and its writes wait for the first one, which is what this
  // request makes of the test.
  rpc::PullRequest BeWaitedForByTheSecond() {
    stores_[1]->OpenShard();
    stores_[1]->Follow();
    Until([&] { return stores_[1]->replica()->serving(); });
    rpc::PullRequest request = Request(stores_[0]->uuid());
    request.ready = true;
    asked_us_ = SystemClock()->MonotonicMicros();
    const auto response = Pull(stores_[1].get(), request);
    EXPECT_TRUE(response.ok() && response->waits && !response->gave_up);
    return request;
  }
  // Writes to the second store, and waits for whom it must wait for.
  void BeginWrite(AckWaiter* waiter) {
    stores_[1]->replica()->WaitForReplicas(stores_[1]->Write(Put("k", "v")).position, 0,
                                           SystemClock()->MonotonicMicros() + kPatienceUs, waiter);
  }

  storage::TempFolder folder_;
  std::vector<std::unique_ptr<Store>> stores_;
  int64_t asked_us_ = 0;  // when BeWaitedForByTheSecond did
};

// Learns how a write ended.
struct Waiter final : AckWaiter {
  void Ended(bool acknowledged) override {
    enough = acknowledged;
    latch.CountDown();
  }
  bool Wait() {
    latch.Wait();
    return enough;
  }
  storage::Latch latch{1};
  bool enough = false;
};

TEST_F(ReplicatorTest, WhatOneAcceptsAllGet) {
  Run();
  Until([&] { return AllServe(); });
  std::vector<std::thread> writers;
  for (size_t i = 0; i < 3; ++i) {
    writers.emplace_back([&, i] {
      for (int n = 0; n < 300; ++n) {
        stores_[i]->Write(Put(std::to_string(i) + "/" + std::to_string(n % 50), std::to_string(n)));
        stores_[i]->Write(Put("shared" + std::to_string(n % 5), std::to_string(i)));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  Until([&] {
    const auto rows = storage::ScanAll(*stores_[0]->shard(), {});
    return rows.size() == 155 && rows == storage::ScanAll(*stores_[1]->shard(), {}) &&
           rows == storage::ScanAll(*stores_[2]->shard(), {});
  });
  for (auto& store : stores_) {
    EXPECT_EQ(store->replica()->State().unreachable, 0u);
    EXPECT_FALSE(store->replica()->State().out_of_log);
  }
}

TEST_F(ReplicatorTest, AWriteIsConfirmedByThoseThatHaveIt) {
  Run();
  Until([&] { return AllServe(); });
  for (const int others : {1, 2}) {
    const Position position = stores_[0]->Write(Put("k", std::to_string(others))).position;
    Waiter waiter;
    stores_[0]->replica()->WaitForReplicas(position, others,
                                           SystemClock()->MonotonicMicros() + kPatienceUs, &waiter);
    EXPECT_TRUE(waiter.Wait());
    int have = 0;
    for (size_t i : {1, 2}) have += Get(*stores_[i]->shard(), "k") == std::to_string(others);
    EXPECT_GE(have, others);
  }
}

TEST_F(ReplicatorTest, WithoutTheOthersNothingIsConfirmed) {
  stores_[0]->OpenShard();
  stores_[0]->Follow();
  EXPECT_EQ(stores_[0]->replica()->CheckFollowers(1).code(), Code::kUnavailable);
  const Position position = stores_[0]->Write(Put("k", "v")).position;
  Waiter late;
  stores_[0]->replica()->WaitForReplicas(position, 1, SystemClock()->MonotonicMicros() + 50'000,
                                         &late);
  EXPECT_FALSE(late.Wait());
  Waiter closed;
  stores_[0]->replica()->WaitForReplicas(position, 1,
                                         SystemClock()->MonotonicMicros() + kPatienceUs, &closed);
  stores_[0]->CloseShard();
  EXPECT_FALSE(closed.Wait());
}

TEST_F(ReplicatorTest, OneThatStoodStillAndIsAloneGoesOnServing) {
  Run();
  Until([&] { return AllServe(); });
  stores_[1]->Stop();
  stores_[2]->Stop();
  Until([&] { return stores_[0]->replica()->State().unreachable == 2; });
  // Those that are gone confirm nothing, once the last they asked for is answered.
  Until([&] { return stores_[0]->replica()->CheckFollowers(1).Is(Code::kUnavailable); });
  stores_[0]->replica()->Resume();
  // On a machine that is busy its beat may find that it stood still once more.
  Until([&] {
    return stores_[0]->replica()->serving() && stores_[0]->Write(Put("k", "v")).status.ok();
  });
}

TEST_F(ReplicatorTest, WhoStandsInKnowsThatThoseBeforeItDoNotRun) {
  Run();
  Until([&] { return AllServe(); });
  const auto stands_in = [&](size_t i) { return stores_[i]->replica()->StandsIn(); };
  EXPECT_TRUE(stands_in(0)) << "there is none before it";
  EXPECT_FALSE(stands_in(1));
  // Without the replica the store is still there, and may serve again without a word.
  stores_[0]->CloseShard();
  Until([&] { return stores_[1]->replica()->State().unreachable == 1; });
  EXPECT_FALSE(stands_in(1));
  stores_[0]->Stop();
  Until([&] { return stands_in(1); });
  EXPECT_FALSE(stands_in(2));
  stores_[1]->Stop();
  Until([&] { return stands_in(2); });
}

TEST_F(ReplicatorTest, OneThatWasNotWaitedForHearsOfIt) {
  rpc::PullRequest request = BeWaitedForByTheSecond();
  Waiter waiter;
  BeginWrite(&waiter);
  EXPECT_TRUE(waiter.Wait()) << "it is not waited for for ever";
  for (int i = 0; i < 2; ++i) {
    request.wait_ms = 60'000;
    const auto response = Pull(stores_[1].get(), request);
    ASSERT_TRUE(response.ok());
    EXPECT_FALSE(response->waits);
    EXPECT_TRUE(response->gave_up) << "until it is known that it knows";
    EXPECT_FALSE(response->batch.changes.empty());
  }
  request.wait_ms = 0;
  request.ready = false;
  EXPECT_FALSE(Pull(stores_[1].get(), request)->gave_up);
  request.ready = true;
  EXPECT_TRUE(Pull(stores_[1].get(), request)->waits);
}

TEST_F(ReplicatorTest, OneThatIsTakenForSilentIsWaitedForAsLongAsItMayNotKnow) {
  BeWaitedForByTheSecond();
  stores_[1]->replica()->Silent(stores_[0]->uuid());
  Waiter waiter;
  BeginWrite(&waiter);
  EXPECT_TRUE(waiter.Wait());
  EXPECT_GE(SystemClock()->MonotonicMicros(), asked_us_ + ShardReplica::kUnawareUs);
}

TEST_F(ReplicatorTest, OneThatLearnsThatItWasTakenForSilentHoldsNobodyUp) {
  rpc::PullRequest request = BeWaitedForByTheSecond();
  stores_[1]->replica()->Silent(stores_[0]->uuid());
  Waiter waiter;
  BeginWrite(&waiter);
  EXPECT_TRUE(Pull(stores_[1].get(), request)->gave_up);
  request.ready = false;
  EXPECT_FALSE(Pull(stores_[1].get(), request)->gave_up);
  EXPECT_FALSE(stores_[1]->replica()->WaitsForPreferred());
  EXPECT_TRUE(waiter.Wait());
}

TEST_F(ReplicatorTest, AStoreWithoutAReplicaIsRefused) {
  Run();
  EXPECT_EQ(Pull(stores_[0].get(), Request({9, 9})).status().code(), Code::kPermission);
  rpc::PullRequest other = Request(stores_[1]->uuid());
  other.shard = 77;
  EXPECT_EQ(Pull(stores_[0].get(), other).status().code(), Code::kUnavailable);
}

// A store that is no replica any more gives what it had.
class TakeBackTest : public ReplicatorTest {
 protected:
  void SetUp() override {
    Run();
    Until([this] { return AllServe(); });
    request_.keyspace = kKeyspace;
    request_.shard = kNumber;
    request_.store = {9, 9};
    request_.protocol_version = rpc::kProtocolVersion;
    request_.batch.log = 77;
    request_.batch.first = 1;
    request_.batch.last = 1;
    Record record;
    record.event_time = 5;
    record.payload = "given";
    std::string bytes;
    EncodeRecord(record, ContentChecksum("k", "given"), &bytes);
    AppendChange("k", bytes, &request_.batch.changes);
    request_.batch.checksum = ChecksumOf(request_.batch);
  }
  StatusOr<rpc::GiveBackResponse> Give() { return Call<rpc::GiveBack>(stores_[0].get(), request_); }

  rpc::GiveBackRequest request_;
};

TEST_F(TakeBackTest, WhatIsGivenReachesAll) {
  const auto taken = Give();
  ASSERT_TRUE(taken.ok()) << taken.status().ToString();
  EXPECT_EQ(VersionVector(taken->has).Of(77), 1u);
  for (const auto& store : stores_) {
    Until([&] { return Get(*store->shard(), "k") == "given"; });
  }
  EXPECT_TRUE(Give().ok()) << "a repetition is none";
}

TEST_F(TakeBackTest, WhatIsNotSoundIsRefused) {
  const rpc::GiveBackRequest sound = request_;
  request_.store = stores_[1]->uuid();
  EXPECT_EQ(Give().status().code(), Code::kInvalidArgument) << "it has a replica";
  request_ = sound;
  request_.shard = 4;
  EXPECT_EQ(Give().status().code(), Code::kUnavailable);
  request_ = sound;
  request_.batch.changes[5] = static_cast<char>(request_.batch.changes[5] ^ 1);
  EXPECT_EQ(Give().status().code(), Code::kCorruption);
  request_ = sound;
  request_.batch.log = stores_[0]->shard()->feed()->log();
  request_.batch.checksum = ChecksumOf(request_.batch);
  EXPECT_EQ(Give().status().code(), Code::kInvalidArgument) << "its own log";
  request_ = sound;
  request_.batch.first = 9;
  request_.batch.last = 9;
  request_.batch.checksum = ChecksumOf(request_.batch);
  EXPECT_EQ(Give().status().code(), Code::kStaleWrite) << "a gap";
  EXPECT_EQ(Get(*stores_[0]->shard(), "k"), "NOT_FOUND");
}

TEST_F(ReplicatorTest, AVectorFromTheFutureIsRefused) {
  Run();
  rpc::PullRequest request = Request(stores_[1]->uuid());
  request.have = {{stores_[0]->shard()->feed()->log(), 1'000'000}};
  EXPECT_EQ(Pull(stores_[0].get(), request).status().code(), Code::kInvalidArgument);
}

TEST_F(ReplicatorTest, AnswersAreBounded) {
  stores_[0]->OpenShard();
  stores_[0]->Follow();
  for (int i = 0; i < 100; ++i) stores_[0]->Write(Put(std::to_string(i), std::string(1000, 'v')));
  rpc::PullRequest request = Request(stores_[1]->uuid());
  request.max_bytes = 5000;
  const auto response = Pull(stores_[0].get(), request);
  ASSERT_TRUE(response.ok());
  EXPECT_LE(response->batch.changes.size(), 5000u);
  EXPECT_GT(response->batch.changes.size(), 2000u);
  EXPECT_TRUE(CheckChangeBatch(response->batch).ok());
}

TEST_F(ReplicatorTest, AParkedPullIsAnsweredByTheNextWrite) {
  stores_[0]->OpenShard();
  stores_[0]->Follow();
  rpc::PullRequest request = Request(stores_[1]->uuid());
  request.wait_ms = 60'000;
  std::thread writer([&] {
    Until([&] { return stores_[0]->replica()->CheckFollowers(1).ok(); });
    stores_[0]->Write(Put("k", "v"));
  });
  const auto response = Pull(stores_[0].get(), request);
  writer.join();
  ASSERT_TRUE(response.ok());
  EXPECT_FALSE(response->batch.changes.empty());
}

TEST_F(ReplicatorTest, WhoIsBeyondTheLogsCopiesTheShard) {
  for (size_t i : {0, 1}) {
    stores_[i]->feed_bytes_ = 100;
    stores_[i]->OpenShard();
  }
  for (size_t i : {0, 1}) stores_[i]->Follow();
  for (int i = 0; i < 100; ++i) stores_[0]->Write(Put(std::to_string(i), "v"));
  Until([&] { return storage::ScanAll(*stores_[1]->shard(), {}).size() == 100; });
  // Nothing of it stays in a log: they are kept for others only, and not at all here.
  for (size_t i : {0, 1}) {
    ASSERT_TRUE(stores_[i]->shard()->Flush().ok());
    const std::string db = folder_.path() + "/" + std::to_string(i) + "/db";
    Until([&] {
      stores_[i]->replica()->TidyUp();
      return !std::filesystem::exists(db + "/000004.log") &&
             !std::filesystem::exists(db + "/archive/000004.log");
    });
  }
  stores_[2]->OpenShard();
  stores_[2]->Follow();
  Until([&] { return stores_[2]->copied(); });
  EXPECT_FALSE(stores_[2]->replica()->serving());
  stores_[2]->CloseShard();
  stores_[2]->OpenShard();
  EXPECT_EQ(storage::ScanAll(*stores_[2]->shard(), {}).size(), 100u);
  stores_[2]->Follow();
  Until([&] { return stores_[2]->replica()->serving(); });
  stores_[0]->Write(Put("later", "v"));
  Until([&] { return Get(*stores_[2]->shard(), "later") == "v"; });
}

}  // namespace
}  // namespace vasto::replication
