// SPDX-License-Identifier: Apache-2.0
// What the client hides from its caller and what not: stores and masters that refuse, stop,
// restart, forget, keep silent or damage what they send.
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/client/routing_table.h"
#include "core/rpc/protocol_version.h"
#include "tests/unit/base/forwarding_files.h"
#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

using ClientFaultsTest = ClientTest;

TEST_F(ClientFaultsTest, ADamagedValueIsCorruption) {
  Open();
  ASSERT_TRUE(Put("a", "value").ok());
  SetFault([](std::string_view) { return Fault::kDamage; });
  EXPECT_EQ(Get("a")->code, Code::kCorruption);
  EXPECT_EQ(MultiGet({"a"})[0].code, Code::kCorruption);
  const auto scanner = client_->Scan(ks_, "", "", {});
  Row row;
  EXPECT_TRUE(scanner->Next(&row).Is(Code::kCorruption));
}

TEST_F(ClientFaultsTest, MastersOfANewerProtocolAreRefusedAtOnceWithBothNumbers) {
  master_.protocol_version = rpc::kProtocolVersion + 1;
  const int64_t start_us = SystemClock()->MonotonicMicros();
  const auto client = Client::Open(options_, 20 * kSecond);
  EXPECT_LT(SystemClock()->MonotonicMicros() - start_us, 10 * kSecond);
  EXPECT_EQ(client.status().ToString(),
            "NOT_SUPPORTED: master " + master_.address() +
                " speaks protocol version 2, this program knows versions up to 1: update this "
                "program");
  master_.protocol_version = rpc::kProtocolVersion;
  Open();
  master_.protocol_version = rpc::kProtocolVersion + 1;
  EXPECT_TRUE(client_->FetchClusterMap(kSecond).status().Is(Code::kNotSupported));
  EXPECT_TRUE(Put("a", "v").ok()) << "what is known stays usable";
}

TEST_F(ClientFaultsTest, AMasterThatRefusesThisProtocolIsNotWaitedFor) {
  master_.watch_code = Code::kNotSupported;
  EXPECT_EQ(Client::Open(options_, 20 * kSecond).status().ToString(),
            "NOT_SUPPORTED: master " + master_.address() + ": refused");
  // One of several may be new while the others are not yet.
  FakeMaster other;
  other.Start();
  other.Publish(MakeMap({stores_[0].get()}, kShards, 1, 1));
  options_.masters.push_back(other.address());
  Open();
}

class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return ++draws; }
  std::atomic<uint64_t> draws{0};
};

TEST_F(ClientFaultsTest, PausesAreDrawnFromTheGivenRandomness) {
  CountingRandom random;
  options_.random = &random;
  Open();
  random.draws = 0;
  SetFault([](std::string_view) { return Fault::kBusy; });
  EXPECT_FALSE(Put("a", "v", kSecond / 5).ok());
  EXPECT_GT(random.draws.load(), 0u);
  SetFault([](std::string_view) { return Fault::kNone; });
  random.draws = 0;
  master_.Stop();
  EXPECT_FALSE(client_->FetchClusterMap(kSecond / 5).ok());
  EXPECT_GT(random.draws.load(), 0u);
  client_->Close(0);  // before the randomness goes
}

TEST_F(ClientFaultsTest, TheHostIsKnownFromTheGivenFiles) {
  class OtherHost final : public ForwardingFiles {
   public:
    StatusOr<std::string> Read(const std::string& path) override {
      read = path;
      return std::string("other\n");
    }
    std::string read;
  } files;
  EXPECT_EQ(LocalHostId(&files), "other");
  files.read.clear();
  options_.files = &files;
  Open();
  EXPECT_NE(files.read.find("boot_id"), std::string::npos);
}

TEST_F(ClientFaultsTest, AnUnreachableShardFailsOnlyItsOwnKeys) {
  Open();
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    keys.push_back("key" + std::to_string(i));
    ASSERT_TRUE(Put(keys.back(), "v").ok());
  }
  stores_[1]->Stop();
  size_t ok = 0;
  size_t unavailable = 0;
  for (const ReadResult& result : MultiGet(keys, kSecond / 5)) {
    ok += result.code == Code::kOk ? 1 : 0;
    unavailable += result.code == Code::kUnavailable ? 1 : 0;
  }
  EXPECT_EQ(ok + unavailable, 100u);
  EXPECT_GT(ok, 20u);
  EXPECT_GT(unavailable, 20u);
}

TEST_F(ClientFaultsTest, RefusalsAreInvisibleToTheCaller) {
  Open();
  for (const Fault fault : {Fault::kMoved, Fault::kUnknown, Fault::kBusy}) {
    std::atomic<int> left = 3;
    SetFault([&](std::string_view) { return left-- > 0 ? fault : Fault::kNone; });
    EXPECT_TRUE(Put("a", "v").ok());
    left = 3;
    WriteEntry conditional = PutEntry("new" + std::to_string(static_cast<int>(fault)), "v");
    conditional.condition = rpc::Condition::kIfAbsent;
    const auto result = Write(conditional);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->code, Code::kOk);
    left = 3;
    EXPECT_EQ(MultiGet({"a"})[0].code, Code::kOk);
  }
}

TEST_F(ClientFaultsTest, AStoreThatRestartsIsWaitedFor) {
  CountingRandom random;
  options_.random = &random;
  Open();
  ASSERT_TRUE(Put("a", "v").ok());
  for (const auto& store : stores_) store->Stop();
  const uint64_t before = random.draws;
  auto get = std::async(std::launch::async, [this] { return Get("a"); });
  // Each pause is drawn.
  while (random.draws < before + 5) std::this_thread::yield();
  for (const auto& store : stores_) store->Start();
  const auto result = get.get();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->code, Code::kOk);
  client_->Close(0);  // before the randomness goes
}

TEST_F(ClientFaultsTest, TheMasterIsNotNeededForData) {
  Open();
  master_.Stop();
  ASSERT_TRUE(Put("a", "v").ok());
  EXPECT_EQ(Get("a")->code, Code::kOk);
  EXPECT_TRUE(client_->OpenKeyspace("ks", kSecond / 10).ok());
  EXPECT_EQ(client_->OpenKeyspace("other", kSecond / 10).status().code(), Code::kUnavailable);
}

TEST_F(ClientFaultsTest, FollowsANewMapOfTheMaster) {
  Open();
  ASSERT_TRUE(Put("a", "old").ok());
  stores_.push_back(std::make_unique<FakeStore>(4));
  stores_.back()->Start();
  for (size_t i = 0; i < 3; ++i)
    stores_[i]->SetFault([](std::string_view) { return Fault::kMoved; });
  const auto result_later = std::async(std::launch::async, [this] { return Put("a", "new"); });
  ClusterMap map = MakeMap({stores_[3].get()}, kShards, 1, 2);
  for (size_t i = 0; i < 3; ++i) map.stores[stores_[i]->uuid()] = stores_[i]->info();
  master_.Publish(map);
  result_later.wait();
  EXPECT_TRUE(Put("a", "new").ok());
  EXPECT_GE(stores_[3]->writes("a"), 1);
  EXPECT_EQ(client_->cluster_map()->version, 2u);
}

TEST_F(ClientFaultsTest, FollowsAStoresViewWhileTheMasterIsAway) {
  Open();
  master_.Stop();
  ClusterMap map = MakeMap({stores_[2].get()}, kShards, 1, 2);
  for (const auto& store : stores_) store->SetView(map);
  for (size_t i = 0; i < 2; ++i)
    stores_[i]->SetFault([](std::string_view) { return Fault::kMoved; });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("key" + std::to_string(i), "v").ok());
  EXPECT_EQ(stores_[2]->size(), 20u);
}

TEST_F(ClientFaultsTest, TheNextReplicaAnswersAtOnce) {
  Publish(2, 2);
  Open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("key" + std::to_string(i), "v").ok());
  stores_[0]->Stop();
  // Keys of the stopped store are absent at its neighbour in this fake, but they are answered.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Get("key" + std::to_string(i)).ok());
    EXPECT_TRUE(Put("other" + std::to_string(i), "v").ok());
  }
}

TEST_F(ClientFaultsTest, ADeletedKeyspaceIsNotFound) {
  Open();
  ASSERT_TRUE(Put("a", "v").ok());
  ClusterMap map = *client_->cluster_map();
  map.version = 2;
  map.keyspaces.clear();
  master_.Publish(map);
  SetFault([](std::string_view) { return Fault::kUnknown; });
  EXPECT_TRUE(Get("a").status().Is(Code::kNotFound));
  EXPECT_TRUE(client_->OpenKeyspace("ks", 0).status().Is(Code::kNotFound));
}

TEST_F(ClientFaultsTest, AMasterThatForgotDoesNotTurnKeysAway) {
  Open();
  ASSERT_TRUE(Put("a", "v").ok());
  ClusterMap map = *client_->cluster_map();
  map.version = 2;
  map.keyspaces.clear();
  map.stores.clear();
  master_.Publish(map);
  while (client_->cluster_map()->version != 2) std::this_thread::yield();
  EXPECT_EQ(Get("a")->code, Code::kOk);
}

TEST_F(ClientFaultsTest, AWriteWithoutAnswerIsInDoubt) {
  Open();
  SetFault([](std::string_view) { return Fault::kApplySilently; });
  const Status status = Put("a", "v", kSecond / 10);
  EXPECT_TRUE(status.Is(Code::kTimeout)) << status.ToString();
  EXPECT_TRUE(IsInDoubt(status.message())) << status.ToString();
  WriteEntry conditional = PutEntry("b", "v");
  conditional.condition = rpc::Condition::kIfAbsent;
  const auto result = Write(conditional, kSecond / 10);
  EXPECT_TRUE(IsInDoubt(result.status().message()));
  EXPECT_EQ(Writes("b"), 1);
}

TEST_F(ClientFaultsTest, OnlyTheUnconfirmedEntriesOfABatchAreInDoubt) {
  Open();
  WriteEntry first = PutEntry("a", "v");
  WriteEntry second = PutEntry("b", "v");
  first.partition_hash = second.partition_hash = 7;  // of one shard, so in one request
  SetFault([](std::string_view) { return Fault::kUnconfirmed; });
  const auto results = WriteBatch({first, second});
  EXPECT_EQ(results[0].code, Code::kOk);
  EXPECT_EQ(results[1].code, Code::kTimeout);
  EXPECT_TRUE(IsInDoubt(results[1].message)) << results[1].message;
}

TEST_F(ClientFaultsTest, ARepetitionUndoesNothingThatOthersWroteMeanwhile) {
  Open();
  ASSERT_TRUE(Put("b", "first").ok());
  SetFault([](std::string_view) { return Fault::kSilent; });
  const int64_t before = Requests("write");
  std::promise<StatusOr<WriteResult>> promise;
  client_->Write(ks_, PutEntry("b", "mine"), {},
                 [&](auto result) { promise.set_value(std::move(result)); });
  while (Requests("write") == before) std::this_thread::yield();
  for (const auto& store : stores_) store->ClearFault();
  ASSERT_TRUE(Put("b", "theirs").ok());
  for (const auto& store : stores_) store->Stop();  // the connection breaks
  for (const auto& store : stores_) store->Start();
  const auto result = promise.get_future().get();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->code, Code::kOk);
  EXPECT_FALSE(result->superseded) << "whoever names no event time cannot be too late";
  EXPECT_EQ(Get("b")->value.payload, "theirs");
}

TEST_F(ClientFaultsTest, ARepetitionSaysWhatTheFirstAttemptMayHaveGot) {
  FakeStore* const store = OnOneStore();
  Open();
  ASSERT_TRUE(Put("a", "v").ok());  // tells the time
  EXPECT_EQ(store->last_clock_floor(), 0u) << "nothing was attempted";
  const auto repeat = [&](const std::function<void(std::function<void()>)>& start) {
    const EventTime given = store->last_given();
    // Done much later than it was sent.
    store->SetFault([](std::string_view method) {
      if (!method.starts_with("write")) return Fault::kNone;
      const int64_t until_us = SystemClock()->MonotonicMicros() + kSecond / 50;
      while (SystemClock()->MonotonicMicros() < until_us) std::this_thread::yield();
      return Fault::kApplySilently;
    });
    std::promise<void> ended;
    start([&] { ended.set_value(); });
    while (store->last_given() == given) std::this_thread::yield();
    store->Stop();  // the connection breaks
    store->ClearFault();
    store->Start();
    ended.get_future().wait();
    EXPECT_GE(store->last_clock_floor(), store->last_given());
    EXPECT_LE(EventTimeMicros(store->last_clock_floor()), SystemClock()->WallMicros() + kSecond);
  };
  repeat([&](const std::function<void()>& ended) {
    client_->Write(ks_, PutEntry("a", "w"), {}, [ended](auto result) {
      EXPECT_TRUE(result.ok()) << result.status().ToString();
      ended();
    });
  });
  repeat([&](const std::function<void()>& ended) {
    client_->WriteBatch(ks_, {PutEntry("a", "x")}, {}, [ended](auto results) {
      ASSERT_TRUE(results.ok());
      EXPECT_EQ((*results)[0].code, Code::kOk) << (*results)[0].message;
      ended();
    });
  });
}

TEST_F(ClientFaultsTest, AWriteMayBeDoneForAsLongAsItsCallerWaits) {
  FakeStore* const store = OnOneStore();
  Open();
  const auto put = [&](int64_t timeout_us) {
    const int64_t before_us = SystemClock()->WallMicros();
    EXPECT_TRUE(Put("a", "v", timeout_us).ok());
    return EventTimeMicros(store->last_not_after()) - before_us;
  };
  const int64_t first_us = put(30 * kSecond);
  EXPECT_GE(first_us, 30 * kSecond) << "nothing is known of the store's clock";
  EXPECT_LE(first_us, 40 * kSecond);
  store->AdvanceClock(3600 * kSecond);
  ASSERT_TRUE(Put("a", "v").ok());
  const int64_t next_us = put(30 * kSecond) - 3600 * kSecond;
  EXPECT_GE(next_us, 29 * kSecond) << "the clock stands where it was set";
  EXPECT_LE(next_us, 40 * kSecond);
}

TEST_F(ClientFaultsTest, AStoreWhoseClockIsFarAheadIsWrittenTo) {
  FakeStore* const store = OnOneStore();
  Open();
  store->AdvanceClock(3600 * kSecond);
  EXPECT_TRUE(Put("a", "v").ok());
  EXPECT_EQ(store->writes("a"), 1);
  EXPECT_EQ(store->requests("write"), 2) << "the first one told the time";
  EXPECT_TRUE(Put("a", "w").ok());
  EXPECT_EQ(store->requests("write"), 3);
  store->AdvanceClock(3600 * kSecond);
  rpc::WriteEntry entry = PutEntry("b", "v");
  entry.condition = rpc::Condition::kIfAbsent;
  const auto result = Write(std::move(entry), kSecond);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->code, Code::kOk) << "a refusal leaves no doubt";
}

TEST_F(ClientFaultsTest, AConditionalWriteNeverMeetsItself) {
  Open();
  SetFault([](std::string_view) { return Fault::kApplySilently; });
  std::promise<StatusOr<WriteResult>> promise;
  WriteEntry conditional = PutEntry("b", "v");
  conditional.condition = rpc::Condition::kIfAbsent;
  client_->Write(ks_, conditional, {}, [&](auto result) { promise.set_value(std::move(result)); });
  while (Writes("b") == 0) std::this_thread::yield();
  for (const auto& store : stores_) store->Stop();  // the connection breaks
  for (const auto& store : stores_) {
    store->ClearFault();
    store->Start();
  }
  const auto result = promise.get_future().get();
  EXPECT_TRUE(result.status().Is(Code::kUnavailable)) << result.status().ToString();
  EXPECT_TRUE(IsInDoubt(result.status().message()));
}

TEST_F(ClientFaultsTest, NothingOutlivesItsDeadline) {
  Open();
  SetFault([](std::string_view) { return Fault::kSilent; });
  const auto start = std::chrono::steady_clock::now();
  std::promise<StatusOr<ReadResult>> promise;
  client_->Get(ks_, {"a", std::nullopt}, false, {kSecond / 10},
               [&](auto result) { promise.set_value(std::move(result)); });
  EXPECT_TRUE(promise.get_future().get().status().Is(Code::kTimeout));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(ClientFaultsTest, AUnixSocketIsPreferredAndNotNeeded) {
  const std::string path = testing::TempDir() + "vasto_client_" + std::to_string(getpid());
  stores_.clear();
  stores_.push_back(std::make_unique<FakeStore>(1, path));
  stores_[0]->Start();
  ASSERT_EQ(access(path.c_str(), F_OK), 0);
  StoreInfo info = stores_[0]->info();
  ClusterMap map = MakeMap({stores_[0].get()}, 1, 1, 2);
  map.stores[info.uuid].address = "127.0.0.1:1";  // nobody there: only the socket works
  master_.Publish(map);
  Open();
  EXPECT_TRUE(Put("a", "v").ok());
  // Without the socket file TCP is used, here with an address that works.
  map.stores[info.uuid].address = info.address;
  map.version = 3;
  ASSERT_EQ(rename(path.c_str(), (path + ".gone").c_str()), 0);
  master_.Publish(map);
  EXPECT_EQ(Get("a")->code, Code::kOk);
  ASSERT_EQ(rename((path + ".gone").c_str(), path.c_str()), 0);
}

}  // namespace
}  // namespace vasto::client
