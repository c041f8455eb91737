// SPDX-License-Identifier: Apache-2.0
// The client against a fake cluster over real sockets.
#include "core/client/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

TEST_F(ClientTest, WritesAndReads) {
  Open();
  EXPECT_EQ(ks_->name(), "ks");
  EXPECT_EQ(ks_->shard_count(), kShards);
  EXPECT_EQ(ks_->replica_count(), 1);
  const std::string binary("\0\xff key", 6);
  for (const std::string& key : {std::string("a"), std::string(), binary}) {
    ASSERT_TRUE(Put(key, "value of " + key).ok());
    const auto result = Get(key);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->code, Code::kOk);
    EXPECT_EQ(result->value.payload, "value of " + key);
  }
  EXPECT_EQ(Get("absent")->code, Code::kNotFound);
  const auto meta = Get("a", true);
  EXPECT_TRUE(meta->value.payload.empty());
  EXPECT_EQ(meta->value.payload_size, 10u);
}

TEST_F(ClientTest, LimitsAreCheckedBeforeSending) {
  Open();
  EXPECT_TRUE(Put(std::string((64 << 10) + 1, 'k'), "v").Is(Code::kTooLarge));
  EXPECT_TRUE(Put("k", std::string((64 << 20) + 1, 'v')).Is(Code::kTooLarge));
  EXPECT_TRUE(Get(std::string((64 << 10) + 1, 'k')).status().Is(Code::kTooLarge));
  EXPECT_EQ(MultiGet({std::string((64 << 10) + 1, 'k'), "b"})[0].code, Code::kTooLarge);
  EXPECT_EQ(Requests("write") + Requests("get"), 0);
  EXPECT_TRUE(Put(std::string(64 << 10, 'k'), std::string(64 << 20, 'v'), 60 * kSecond).ok());
}

TEST_F(ClientTest, MultiGetIsParallelToItsKeys) {
  Open();
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    keys.push_back("key" + std::to_string(i % 400));  // some twice
    if (i % 3 == 0) {
      ASSERT_TRUE(Put(keys.back(), "v" + keys.back()).ok());
    }
  }
  stores_[0]->answer_keys = 7;  // answers get full
  const auto results = MultiGet(keys);
  ASSERT_EQ(results.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const bool there = Writes(keys[i]) > 0;
    EXPECT_EQ(results[i].code, there ? Code::kOk : Code::kNotFound) << keys[i];
    EXPECT_EQ(results[i].value.payload, there ? "v" + keys[i] : "");
  }
  EXPECT_TRUE(MultiGet({}).empty());
}

TEST_F(ClientTest, ABatchKeepsTheOrderOfOneKeyAcrossRequests) {
  Open();
  std::vector<WriteEntry> entries;
  for (int i = 0; i < 25'000; ++i) entries.push_back(PutEntry("same", std::to_string(i)));
  entries.push_back(PutEntry("other", "x"));
  const auto results = WriteBatch(std::move(entries));
  ASSERT_EQ(results.size(), 25'001u);
  for (const WriteResult& result : results) ASSERT_EQ(result.code, Code::kOk);
  EXPECT_EQ(Requests("write_batch"), 4);
  EXPECT_EQ(Get("same")->value.payload, "24999");
  EXPECT_TRUE(WriteBatch({}).empty());
}

TEST_F(ClientTest, TooManyInFlightAreBusy) {
  options_.max_in_flight = 2;
  Open();
  SetFault([](std::string_view) { return Fault::kSilent; });
  std::atomic<int> ended = 0;
  for (int i = 0; i < 2; ++i) {
    client_->Get(ks_, {"a", std::nullopt}, false, {}, [&](const auto&) { ++ended; });
  }
  EXPECT_TRUE(Get("a").status().Is(Code::kBusy));
  client_->Close(0);
  EXPECT_EQ(ended, 2);
}

TEST_F(ClientTest, CloseEndsEveryOperationOnce) {
  Open();
  SetFault([](std::string_view method) {
    return method == "get" ? Fault::kSilent : Fault::kMoved;  // under way, and pausing
  });
  std::atomic<int> ended = 0;
  std::atomic<int> closed = 0;
  const auto count = [&](const auto& result) {
    ++ended;
    closed += result.status().Is(Code::kClosed) ? 1 : 0;
  };
  std::vector<KeyRef> keys(100, KeyRef{"a", std::nullopt});
  for (int i = 0; i < 100; ++i) {
    client_->Get(ks_, {"key" + std::to_string(i), std::nullopt}, false, {}, count);
    client_->Write(ks_, PutEntry("key" + std::to_string(i), "v"), {}, count);
  }
  std::atomic<int> batches = 0;
  client_->MultiGet(ks_, keys, false, {}, [&](const auto& results) {
    ++batches;
    EXPECT_EQ((*results)[0].code, Code::kClosed);
  });
  const auto scanner = client_->Scan(ks_, "", "", {});
  auto scan = std::async(std::launch::async, [&] {
    Row row;
    return scanner->Next(&row);
  });
  while (Requests("scan") == 0) std::this_thread::yield();
  client_->Close(10'000);
  EXPECT_EQ(ended, 200);
  EXPECT_EQ(closed, 200);
  EXPECT_EQ(batches, 1);
  EXPECT_TRUE(scan.get().Is(Code::kClosed));
  EXPECT_TRUE(Get("a").status().Is(Code::kClosed));
  EXPECT_TRUE(client_->FetchClusterMap(kSecond).status().Is(Code::kClosed));
  client_->Close(0);
}

TEST_F(ClientTest, CloseWaitsForWhatIsAboutToEnd) {
  Open();
  std::atomic<int> ok = 0;
  for (int i = 0; i < 1000; ++i) {
    client_->Write(ks_, PutEntry("key" + std::to_string(i), "v"), {},
                   [&](const auto& result) { ok += result.ok() ? 1 : 0; });
  }
  client_->Close(10 * kSecond);
  EXPECT_EQ(ok, 1000);
}

TEST_F(ClientTest, TheLastReferenceMayGoInACallback) {
  Open();
  std::promise<void> ended;
  struct Chain {
    std::shared_ptr<Client> client;
    KeyspacePtr ks;
  };
  auto chain = std::make_shared<Chain>(Chain{std::move(client_), std::move(ks_)});
  auto* client = chain->client.get();
  const KeyspacePtr ks = chain->ks;
  auto weak = std::weak_ptr<Client>(chain->client);
  client->Get(ks, {"a", std::nullopt}, false, {}, [&ended, chain](const auto&) mutable {
    chain.reset();
    ended.set_value();
  });
  chain.reset();
  ended.get_future().wait();
}

TEST_F(ClientTest, WaitingInACallbackIsRefused) {
  Open();
  std::promise<void> ended;
  client_->Get(ks_, {"a", std::nullopt}, false, {}, [&](const auto&) {
    EXPECT_TRUE(client_->FetchClusterMap(0).status().Is(Code::kWrongThread));
    EXPECT_TRUE(client_->OpenKeyspace("ks", 0).status().Is(Code::kWrongThread));
    Row row;
    EXPECT_TRUE(client_->Scan(ks_, "", "", {})->Next(&row).Is(Code::kWrongThread));
    client_->Close(0);  // ignored
    // Starting is allowed.
    client_->Get(ks_, {"b", std::nullopt}, false, {}, [&](const auto& result) {
      EXPECT_TRUE(result.ok());
      ended.set_value();
    });
  });
  ended.get_future().wait();
}

TEST_F(ClientTest, OpenNamesTheMastersItTried) {
  options_.masters = {"127.0.0.1:1", "127.0.0.1:2"};
  const auto client = Client::Open(options_, kSecond / 5);
  EXPECT_TRUE(client.status().Is(Code::kUnavailable));
  EXPECT_NE(client.status().message().find("127.0.0.1:2"), std::string::npos);
  options_.masters = {};
  EXPECT_TRUE(Client::Open(options_, kSecond).status().Is(Code::kInvalidArgument));
}

TEST_F(ClientTest, AdminCallsGoToTheMasterThatAnswers) {
  options_.masters = {"127.0.0.1:1", master_.address()};
  Open();
  rpc::CreateKeyspaceRequest request;
  request.name = "new";
  const auto operation = client_->CreateKeyspace(request, 0);
  ASSERT_TRUE(operation.ok()) << operation.status().ToString();
  EXPECT_EQ(*operation, 7u);
  EXPECT_EQ(*client_->CompactKeyspace("ks", 0), 7u);
  const auto progress = client_->WaitOperation(7, kSecond);
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(progress->done);
  EXPECT_TRUE(progress->result.Is(Code::kNoSpace));
  EXPECT_TRUE(client_->WaitOperation(8, 0).status().Is(Code::kNotFound));
  EXPECT_EQ(client_->FetchClusterMap(0)->version, 1u);
  request.name = "no/good";
  EXPECT_TRUE(client_->CreateKeyspace(request, 0).status().Is(Code::kInvalidArgument));
}

TEST_F(ClientTest, AdminCallsWaitForAMasterThatCannotServeYet) {
  Open();
  master_.admin_code = Code::kUnavailable;
  auto operation =
      std::async(std::launch::async, [this] { return client_->DeleteKeyspace("ks", 0); });
  while (master_.admin_calls < 3) std::this_thread::yield();
  master_.admin_code = Code::kOk;
  EXPECT_EQ(*operation.get(), 7u);
  master_.admin_code = Code::kAlreadyExists;
  EXPECT_TRUE(client_->DeleteKeyspace("ks", 0).status().Is(Code::kAlreadyExists));
}

TEST_F(ClientTest, AnAdminCallThatMayHaveHappenedIsNotRepeated) {
  Open();
  master_.silent = true;
  rpc::CreateKeyspaceRequest request;
  request.name = "new";
  const auto operation = client_->CreateKeyspace(request, kSecond / 10);
  EXPECT_TRUE(operation.status().Is(Code::kTimeout)) << operation.status().ToString();
  EXPECT_TRUE(IsInDoubt(operation.status().message()));
  EXPECT_EQ(master_.admin_calls, 1);
}

TEST_F(ClientTest, ManyThreadsAtOnce) {
  options_.io_threads = 2;
  options_.connections_per_store = 2;
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        ASSERT_TRUE(Put(key, key).ok());
        ASSERT_EQ(Get(key)->value.payload, key);
      }
    });
  }
  for (uint64_t version = 2; version < 20; ++version) Publish(version);
  for (auto& thread : threads) thread.join();
}

TEST(PrefixEndTest, IsTheFirstKeyAfterThePrefix) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
  EXPECT_EQ(PrefixEnd(std::string("\0", 1)), "\x01");
}

}  // namespace
}  // namespace vasto::client
