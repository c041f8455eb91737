// SPDX-License-Identifier: Apache-2.0
// Sessions of a client of fake stores: what each read asks for, and who answers it.
#include "core/client/session.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/hash/partition.h"
#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

class SessionTest : public ClientTest {
 protected:
  void SetUp() override {
    ClientTest::SetUp();
    Publish(2, 3);
    Open();
    session_ = std::make_shared<Session>(ks_->uuid());
  }
  // All stores are this far.
  void SetPosition(uint64_t position) {
    for (const auto& store : stores_) store->position = position;
  }
  CallOptions Options(ReadFrom from = ReadFrom::kPrimary) const {
    return {.timeout_us = timeout_us_, .read = {.from = from}, .session = session_};
  }
  StatusOr<ReadResult> Get(ReadFrom from = ReadFrom::kPrimary) {
    std::promise<StatusOr<ReadResult>> promise;
    client_->Get(ks_, {"k", std::nullopt}, false, Options(from),
                 [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  Status Write(WriteEntry entry) {
    std::promise<StatusOr<WriteResult>> promise;
    client_->Write(ks_, std::move(entry), Options(),
                   [&](StatusOr<WriteResult> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get().status();
  }
  StatusOr<std::vector<ReadResult>> MultiGet(const std::vector<KeyRef>& keys) {
    std::promise<StatusOr<std::vector<ReadResult>>> promise;
    client_->MultiGet(ks_, keys, false, Options(ReadFrom::kAny),
                      [&](auto results) { promise.set_value(std::move(results)); });
    return promise.get_future().get();
  }
  // The shard of the key.
  std::vector<Position> Needs(const std::string& key = "k") const {
    return session_->Needs(ShardOf(key, std::nullopt, kShards));
  }
  // The store of the key's primary, and those after it.
  FakeStore* Store(int replica) {
    const int32_t shard = ShardOf("k", std::nullopt, kShards);
    return stores_[static_cast<size_t>(shard + replica) % stores_.size()].get();
  }

  std::shared_ptr<Session> session_;
  int64_t timeout_us_ = 5 * kSecond;
};

TEST_F(SessionTest, WritesAndReadsSayWhatTheySaw) {
  EXPECT_TRUE(Write(PutEntry("k", "v")).ok());
  EXPECT_EQ(Needs(), (std::vector<Position>{{1, 1}}));
  Store(0)->position = 7;
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(Needs(), (std::vector<Position>{{1, 7}}));
}

TEST_F(SessionTest, AReplicaThatLacksSomethingDoesNotAnswer) {
  SetPosition(3);
  EXPECT_TRUE(Write(PutEntry("k", "v")).ok());
  for (int i = 0; i < 50; ++i) {
    const auto result = Get(ReadFrom::kAny);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->value.payload, "v") << "of another store than the primary";
  }
}

TEST_F(SessionTest, AReadWaitsForAReplicaThatIsAboutToHaveIt) {
  SetPosition(3);
  EXPECT_TRUE(Write(PutEntry("k", "v")).ok());
  Store(0)->position = 3;
  std::promise<StatusOr<ReadResult>> promise;
  client_->Get(ks_, {"k", std::nullopt}, false, Options(),
               [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
  const int64_t until_us = SystemClock()->MonotonicMicros() + timeout_us_;
  while (Requests("get") < 6 && SystemClock()->MonotonicMicros() < until_us) {
    std::this_thread::yield();
  }
  Store(0)->position = 4;
  const auto result = promise.get_future().get();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->value.payload, "v");
}

TEST_F(SessionTest, WhatNobodyHasFailsAtTheDeadline) {
  SetPosition(3);
  EXPECT_TRUE(Write(PutEntry("k", "v")).ok());
  SetPosition(3);
  timeout_us_ = kSecond / 5;
  for (const ReadFrom from : {ReadFrom::kPrimary, ReadFrom::kAny, ReadFrom::kNearest}) {
    const auto result = Get(from);
    EXPECT_TRUE(result.status().Is(Code::kUnavailable)) << result.status().ToString();
    EXPECT_NE(result.status().message().find("behind"), std::string::npos);
  }
}

TEST_F(SessionTest, OtherOperationsAskForNothing) {
  SetPosition(3);
  EXPECT_TRUE(Write(PutEntry("k", "v")).ok());
  SetPosition(0);
  EXPECT_TRUE(ClientTest::Get("k").ok());
  EXPECT_TRUE(ClientTest::Put("k", "w").ok());
  EXPECT_EQ(Needs(), (std::vector<Position>{{1, 4}}));
}

TEST_F(SessionTest, ManyKeysAndScansAreReadWithItToo) {
  std::vector<std::string> names;
  std::vector<WriteEntry> entries;
  for (int i = 0; i < 40; ++i) {
    names.push_back("n" + std::to_string(i));
    entries.push_back(PutEntry(names.back(), "v"));
  }
  SetPosition(10);
  std::promise<void> written;
  client_->WriteBatch(ks_, entries, Options(), [&](const auto& results) {
    for (const WriteResult& result : *results) EXPECT_EQ(result.code, Code::kOk);
    written.set_value();
  });
  written.get_future().get();
  for (const std::string& name : names) ASSERT_EQ(Needs(name).size(), 1u) << name;
  // Of each store only the primary's shards have moved on. It has all that it took since.
  std::vector<KeyRef> keys;
  for (const std::string& name : names) keys.push_back({name, std::nullopt});
  const auto results = MultiGet(keys);
  ASSERT_TRUE(results.ok());
  for (const ReadResult& result : *results) EXPECT_FALSE(IsRetryable(result.code));
  SetPosition(10);
  timeout_us_ = kSecond / 5;
  const auto refused = MultiGet(keys);
  ASSERT_TRUE(refused.ok());
  for (const ReadResult& result : *refused) EXPECT_EQ(result.code, Code::kUnavailable);
  const auto scan = client_->Scan(ks_, "", "", {.timeout_us = timeout_us_, .session = session_});
  Row row;
  EXPECT_TRUE(scan->Next(&row).Is(Code::kUnavailable));
  SetPosition(100);
  Status next = scan->Next(&row);
  // The pages of other shards failed meanwhile, too.
  for (int i = 1; i < kShards && !next.ok(); ++i) next = scan->Next(&row);
  EXPECT_TRUE(next.ok()) << next.ToString();
  EXPECT_EQ(Needs("n0"), (std::vector<Position>{{1, 100}}));
}

TEST_F(SessionTest, AStoreThatTellsNothingIsNoneForSessions) {
  SetFault([](std::string_view) { return Fault::kUntold; });
  EXPECT_TRUE(Get().status().Is(Code::kNotSupported));
  EXPECT_TRUE(Write(PutEntry("k", "v")).Is(Code::kNotSupported));
  EXPECT_TRUE(ClientTest::Get("k").ok());
}

TEST_F(SessionTest, ASessionOfAnotherKeyspaceIsRefused) {
  session_ = std::make_shared<Session>(Uuid{9, 9});
  EXPECT_TRUE(Get().status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(Write(PutEntry("k", "v")).Is(Code::kInvalidArgument));
  EXPECT_TRUE(MultiGet({{"k", std::nullopt}}).status().Is(Code::kInvalidArgument));
  Row row;
  EXPECT_TRUE(
      client_->Scan(ks_, "", "", {.session = session_})->Next(&row).Is(Code::kInvalidArgument));
}

TEST_F(SessionTest, OtherShardsAreNoShardsOfTheSession) {
  session_->Add(0, 2 * kShards, {{1, 1}});
  const auto result = Get();
  EXPECT_TRUE(result.status().Is(Code::kInvalidArgument)) << result.status().ToString();
  EXPECT_EQ(Requests("get"), 0);
}

}  // namespace
}  // namespace vasto::client
