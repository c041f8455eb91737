// SPDX-License-Identifier: Apache-2.0
// Watches of a fake cluster, whose stores give what they are told to.
#include "core/client/watcher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/client/client_fixture.h"

namespace vasto::client {
namespace {

class WatcherTest : public ClientTest {
 protected:
  // On one store.
  void Begin() {
    store_ = OnOneStore();
    Open();
    watcher_ = Watch();
  }
  void TearDown() override {
    watcher_.reset();
    ClientTest::TearDown();
  }
  std::unique_ptr<Watcher> Watch(const std::string& token = {}) {
    auto watcher = client_->Watch(ks_, {.resume_token = token});
    EXPECT_TRUE(watcher.ok()) << watcher.status().ToString();
    return watcher.ok() ? std::move(*watcher) : nullptr;
  }
  // Changes 0, 1, … of every shard; named "SHARD/NUMBER".
  void Change(int count) {
    for (int i = 0; i < count; ++i, ++made_) {
      for (int32_t shard = 0; shard < kShards; ++shard) {
        const std::string key = std::to_string(shard) + "/" + std::to_string(made_);
        for (const auto& store : stores_) store->AddChange(shard, key, "v");
      }
    }
  }
  // The next ones, until there are so many.
  std::vector<std::string> Take(size_t count, size_t max = 100) {
    std::vector<std::string> keys;
    std::vector<WatchedChange> changes;
    while (keys.size() < count) {
      const Status status = watcher_->Next(max, 5 * kSecond, &changes);
      EXPECT_TRUE(status.ok()) << status.ToString();
      if (changes.empty()) break;
      for (const WatchedChange& change : changes) keys.emplace_back(change.key);
    }
    return keys;
  }
  Status Next(int64_t timeout_us) {
    std::vector<WatchedChange> changes;
    return watcher_->Next(100, timeout_us, &changes);
  }
  // What was made, in the order of its shard.
  void ExpectAll(const std::vector<std::string>& keys, int from = 0) {
    std::map<std::string, int> next;
    for (const std::string& key : keys) {
      const std::string shard = key.substr(0, key.find('/'));
      EXPECT_EQ(key, shard + "/" + std::to_string(from + next[shard]++));
    }
    EXPECT_EQ(next.size(), size_t{kShards});
    for (const auto& [shard, count] : next) EXPECT_EQ(count, made_ - from) << shard;
  }

  FakeStore* store_ = nullptr;
  std::unique_ptr<Watcher> watcher_;
  int made_ = 0;
};

TEST_F(WatcherTest, GivesTheChangesOfEveryShardInOrder) {
  store_ = OnOneStore();
  store_->AddChange(0, "before", "v");
  Open();
  watcher_ = Watch();
  Change(20);
  ExpectAll(Take(20 * kShards, 7));
  EXPECT_TRUE(Next(0).ok());
}

TEST_F(WatcherTest, AChangeHasAllThatAReadOfItHas) {
  Begin();
  store_->AddChange(3, "k", "value");
  store_->AddChange(3, "k", "");
  std::vector<WatchedChange> changes;
  ASSERT_TRUE(watcher_->Next(10, 5 * kSecond, &changes).ok());
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].key, "k");
  EXPECT_EQ(changes[0].payload, "value");
  EXPECT_FALSE(changes[0].deleted);
  EXPECT_EQ(changes[0].event_time, 1u);
  EXPECT_TRUE(changes[1].deleted);
}

TEST_F(WatcherTest, ATokenLosesNothing) {
  Begin();
  Change(10);
  std::set<std::string> seen;
  // In the middle of an answer, too.
  for (const std::string& key : Take(13, 1)) seen.insert(key);
  watcher_ = Watch(watcher_->ResumeToken());
  while (seen.size() < 10 * kShards) {
    const auto more = Take(1);
    ASSERT_FALSE(more.empty()) << "only " << seen.size() << " came";
    seen.insert(more.begin(), more.end());
  }
  // All of it was taken: nothing comes again.
  EXPECT_TRUE(Next(0).ok());
  const std::string token = watcher_->ResumeToken();
  Change(1);
  watcher_ = Watch(token);
  ExpectAll(Take(kShards), 10);
}

TEST_F(WatcherTest, NobodyIsAskedWhileNobodyTakes) {
  Begin();
  Change(10);
  Take(10 * kShards);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const int64_t requests = store_->requests("watch");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(store_->requests("watch"), requests);
}

TEST_F(WatcherTest, AnotherReplicaGoesOn) {
  Publish(1, 3);
  Open();
  watcher_ = Watch();
  Change(5);
  Take(5 * kShards);
  stores_[0]->Stop();
  Change(5);
  ExpectAll(Take(5 * kShards), 5);
}

TEST_F(WatcherTest, AShardThatCannotBeReachedIsTold) {
  Begin();
  store_->SetFault([](std::string_view) { return Fault::kMoved; });
  options_.default_timeout_us = kSecond / 5;
  ks_.reset();
  watcher_.reset();
  client_.reset();
  Open();
  const auto refused = client_->Watch(ks_, {});
  EXPECT_EQ(refused.status().code(), Code::kUnavailable) << refused.status().ToString();
  store_->ClearFault();
  watcher_ = Watch();
  Change(1);
  ExpectAll(Take(kShards));
}

TEST_F(WatcherTest, OneThatIsTooFarBehindIsTold) {
  Begin();
  const std::string token = watcher_->ResumeToken();
  Change(1);
  ExpectAll(Take(kShards));
  store_->ForgetChanges();
  Change(1);
  ExpectAll(Take(kShards), 1);
  watcher_ = Watch(token);
  EXPECT_EQ(Next(5 * kSecond).code(), Code::kTooOld);
  EXPECT_EQ(Next(0).code(), Code::kTooOld) << "it stays so";
}

TEST_F(WatcherTest, TokensOfOthersAreRefused) {
  Begin();
  const auto code = [&](const std::string& token) {
    return client_->Watch(ks_, {.resume_token = token}).status().code();
  };
  EXPECT_EQ(code("no token"), Code::kInvalidArgument);
  std::string damaged = watcher_->ResumeToken();
  damaged.back() ^= 1;
  EXPECT_EQ(code(damaged), Code::kInvalidArgument);
}

TEST_F(WatcherTest, CancelEndsAWaitingCall) {
  Begin();
  std::thread other([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    watcher_->Cancel();
  });
  EXPECT_EQ(Next(-1).code(), Code::kCancelled);
  other.join();
}

TEST_F(WatcherTest, TheEndOfTheClientEndsIt) {
  Begin();
  std::thread other([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // Close does not wait for it.
    const auto began = std::chrono::steady_clock::now();
    client_->Close(20 * kSecond);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  });
  EXPECT_EQ(Next(-1).code(), Code::kClosed);
  other.join();
}

}  // namespace
}  // namespace vasto::client
