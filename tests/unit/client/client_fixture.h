// SPDX-License-Identifier: Apache-2.0
// A client of a fake cluster with one master, three stores and the keyspace "ks", and blocking
// forms of its operations.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/client.h"
#include "tests/unit/client/fake_cluster.h"

namespace vasto::client {

constexpr int64_t kSecond = 1'000'000;

class ClientTest : public testing::Test {
 protected:
  static constexpr int32_t kShards = 8;

  void SetUp() override {
    master_.Start();
    for (uint64_t n = 1; n <= 3; ++n) {
      stores_.push_back(std::make_unique<FakeStore>(n));
      stores_.back()->Start();
    }
    Publish(1);
    options_.masters = {master_.address()};
    options_.default_timeout_us = 5 * kSecond;
  }
  void TearDown() override {
    ks_.reset();
    if (client_ != nullptr) client_->Close(0);
    client_.reset();
  }

  void Publish(uint64_t version, int32_t replicas = 1) {
    std::vector<const FakeStore*> stores;
    for (const auto& store : stores_) stores.push_back(store.get());
    master_.Publish(MakeMap(stores, kShards, replicas, version));
  }
  // All shards on one store, which it returns.
  FakeStore* OnOneStore() {
    master_.Publish(MakeMap({stores_[0].get()}, kShards, 1, 2));
    return stores_[0].get();
  }
  void Open() {
    auto client = Client::Open(options_, 5 * kSecond);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = *client;
    auto ks = client_->OpenKeyspace("ks", 0);
    ASSERT_TRUE(ks.ok()) << ks.status().ToString();
    ks_ = *ks;
  }
  void SetFault(const std::function<Fault(std::string_view)>& fault) {
    for (const auto& store : stores_) store->SetFault(fault);
  }
  int64_t Requests(const std::string& method) const {
    int64_t sum = 0;
    for (const auto& store : stores_) sum += store->requests(method);
    return sum;
  }
  int64_t Writes(const std::string& key) const {
    int64_t sum = 0;
    for (const auto& store : stores_) sum += store->writes(key);
    return sum;
  }

  StatusOr<ReadResult> Get(const std::string& key, bool meta_only = false) {
    std::promise<StatusOr<ReadResult>> promise;
    client_->Get(ks_, {key, std::nullopt}, meta_only, {},
                 [&](StatusOr<ReadResult> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  static WriteEntry PutEntry(const std::string& key, const std::string& value) {
    WriteEntry entry;
    entry.key = key;
    entry.payload = value;
    return entry;
  }
  StatusOr<WriteResult> Write(WriteEntry entry, int64_t timeout_us = 0) {
    std::promise<StatusOr<WriteResult>> promise;
    client_->Write(ks_, std::move(entry), {timeout_us},
                   [&](StatusOr<WriteResult> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  Status Put(const std::string& key, const std::string& value, int64_t timeout_us = 0) {
    const auto result = Write(PutEntry(key, value), timeout_us);
    if (!result.ok()) return result.status();
    return result->code == Code::kOk ? Status::Ok() : Status(result->code, result->message);
  }
  std::vector<WriteResult> WriteBatch(std::vector<WriteEntry> entries) {
    std::promise<StatusOr<std::vector<WriteResult>>> promise;
    client_->WriteBatch(ks_, std::move(entries), {},
                        [&](auto results) { promise.set_value(std::move(results)); });
    auto results = promise.get_future().get();
    EXPECT_TRUE(results.ok()) << results.status().ToString();
    return std::move(results).value();
  }
  std::vector<ReadResult> MultiGet(const std::vector<std::string>& keys, int64_t timeout_us = 0) {
    std::promise<StatusOr<std::vector<ReadResult>>> promise;
    std::vector<KeyRef> refs;
    for (const std::string& key : keys) refs.push_back({key, std::nullopt});
    client_->MultiGet(ks_, refs, false, {timeout_us},
                      [&](auto results) { promise.set_value(std::move(results)); });
    auto results = promise.get_future().get();
    EXPECT_TRUE(results.ok()) << results.status().ToString();
    return std::move(results).value();
  }

  FakeMaster master_;
  std::vector<std::unique_ptr<FakeStore>> stores_;
  ClientOptions options_;
  std::shared_ptr<Client> client_;
  KeyspacePtr ks_;
};

}  // namespace vasto::client
