// SPDX-License-Identifier: Apache-2.0
// The watchers of one shard, without a network.
#include "core/store/watch_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/wire.h"
#include "tests/unit/storage/feed_fixture.h"

namespace vasto::store {
namespace {

using Given = std::vector<std::string>;

// Where one answer goes.
class Call final : public rpc::ReplySink {
 public:
  std::string* Buffer() override { return &body_; }
  void Send() override { answer_.set_value(rpc::DecodeResponse<rpc::Watch>(body_)); }
  void Drop() override { answer_.set_value(Status::Internal("dropped")); }

  bool answered(int64_t wait_us = 0) {
    return future_.wait_for(std::chrono::microseconds(wait_us)) == std::future_status::ready;
  }
  // Waits for it.
  StatusOr<rpc::WatchResponse> Answer() {
    if (!answered(20'000'000)) return Status::Timeout("no answer");
    return future_.get();
  }

 private:
  std::string body_;
  std::promise<StatusOr<rpc::WatchResponse>> answer_;
  std::shared_future<StatusOr<rpc::WatchResponse>> future_ = answer_.get_future().share();
};

class WatchServerTest : public storage::FeedTest {
 protected:
  static constexpr uint32_t kWaitMs = 1000;

  WatchServerTest() : shard_(Make("a", 1)), places_(2) {
    server_ = WatchServer::Make(shard_->shard(), &places_, &pool_, &clock_);
  }
  ~WatchServerTest() override {
    server_->Close();
    for (const auto& call : calls_) EXPECT_TRUE(call->answered());
  }

  Call* Ask(rpc::WatchRequest request) {
    calls_.push_back(std::make_unique<Call>());
    request.wait_ms = kWaitMs;
    request.ref.timeout_ms = 10 * kWaitMs;
    server_->Watch(std::move(request), {rpc::ReplySinkPtr(calls_.back().get()), {}});
    return calls_.back().get();
  }
  // Where a watcher that begins now stands.
  std::vector<Position> Begin(uint64_t watcher) {
    const auto answer = Ask({.watcher = watcher, .from_now = true})->Answer();
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->at : std::vector<Position>();
  }
  Call* AskAt(uint64_t watcher, const std::vector<Position>& at, std::string prefix = {}) {
    return Ask({.watcher = watcher, .have = at, .prefix = std::move(prefix)});
  }
  static Given KeysOf(const StatusOr<rpc::WatchResponse>& answer) {
    Given keys;
    if (!answer.ok()) return {answer.status().ToString()};
    ChangeReader reader(answer->changes);
    Change change;
    while (reader.Next(&change)) keys.emplace_back(change.key);
    EXPECT_TRUE(reader.status().ok());
    return keys;
  }
  void Pass(int64_t us) {
    clock_.Advance(us);
    server_->Tick();
  }

  std::unique_ptr<storage::Replica> shard_;
  WatchPlaces places_;
  std::shared_ptr<WatchServer> server_;
  std::vector<std::unique_ptr<Call>> calls_;
};

TEST_F(WatchServerTest, ARequestWaitsForAChange) {
  const auto at = Begin(1);
  Call* const call = AskAt(1, at);
  EXPECT_FALSE(call->answered(20'000));
  shard_->Write(storage::Put("k", "v"));
  const auto answer = call->Answer();
  EXPECT_EQ(KeysOf(answer), Given{"k"});
  EXPECT_EQ(VersionVector(answer->at), shard_->Has());
}

TEST_F(WatchServerTest, WhatIsThereIsGivenAtOnce) {
  const auto at = Begin(1);
  shard_->Write(storage::Put("k", "v"));
  EXPECT_EQ(KeysOf(AskAt(1, at)->Answer()), Given{"k"});
  // Again, as after a lost answer, and to somebody who comes with the place of another.
  EXPECT_EQ(KeysOf(AskAt(1, at)->Answer()), Given{"k"});
  EXPECT_EQ(KeysOf(AskAt(2, at)->Answer()), Given{"k"});
}

TEST_F(WatchServerTest, TheAnswerAfterTheWaitSaysHowFarItWent) {
  const auto at = Begin(1);
  Call* const call = AskAt(1, at, "u/");
  shard_->Write(storage::Put("other", "v"));
  EXPECT_FALSE(call->answered(20'000));
  // While it is read there is no answer.
  for (int i = 0; i < 1000 && !call->answered(1000); ++i) Pass(int64_t{kWaitMs} * 1000);
  const auto answer = call->Answer();
  EXPECT_EQ(KeysOf(answer), Given{});
  EXPECT_EQ(VersionVector(answer->at), shard_->Has());
}

TEST_F(WatchServerTest, AFurtherRequestEndsTheOneBefore) {
  const auto at = Begin(1);
  Call* const first = AskAt(1, at);
  Call* const second = AskAt(1, at);
  EXPECT_EQ(KeysOf(first->Answer()), Given{});
  shard_->Write(storage::Put("k", "v"));
  EXPECT_EQ(KeysOf(second->Answer()), Given{"k"});
}

TEST_F(WatchServerTest, ThereAreOnlySoManyPlacesAndTheyAreGivenBack) {
  const auto at = Begin(1);
  Begin(2);
  EXPECT_EQ(Ask({.watcher = 3, .from_now = true})->Answer().status().code(), Code::kBusy);
  Pass(WatchServer::kIdleUs);
  Begin(3);
  // One that lost its place goes on where it was.
  shard_->Write(storage::Put("k", "v"));
  EXPECT_EQ(KeysOf(AskAt(1, at)->Answer()), Given{"k"});
}

TEST_F(WatchServerTest, OneThatIsTooFarBehindIsToldAndTakesNoPlace) {
  const auto at = Begin(1);
  server_->Close();
  shard_->options_.max_log_bytes = 0;
  shard_->Reopen();
  for (int i = 0; i < 2; ++i) {
    shard_->Write(storage::Put("k", "v"));
    ASSERT_TRUE(shard_->shard()->Flush().ok());
  }
  ASSERT_TRUE(shard_->feed()->PurgeLog().ok());
  server_ = WatchServer::Make(shard_->shard(), &places_, &pool_, &clock_);
  for (uint64_t watcher = 1; watcher <= 5; ++watcher) {
    const Status status = AskAt(watcher, at)->Answer().status();
    EXPECT_EQ(status.code(), Code::kTooOld);
    EXPECT_NE(status.message().find("scan"), std::string::npos) << status.message();
  }
  Begin(6);
}

TEST_F(WatchServerTest, OneThatRestsHasNoLogOpenAndGoesOn) {
  const auto logs_open = [] {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto target = std::filesystem::read_symlink(file.path(), gone);
      if (target.string().find(".log") != std::string::npos) ++count;
    }
    return count;
  };
  auto at = Begin(1);
  const int before = logs_open();
  shard_->Write(storage::Put("1", "v"));
  at = AskAt(1, at)->Answer()->at;
  Call* const call = AskAt(1, at);
  EXPECT_EQ(logs_open(), before + 1);
  clock_.Advance(WatchServer::kRestUs);
  server_->Tick();
  EXPECT_EQ(logs_open(), before);
  EXPECT_EQ(KeysOf(call->Answer()), Given{}) << "its time has come as well";
  Call* const answer = AskAt(1, at);
  shard_->Write(storage::Put("2", "v"));
  EXPECT_EQ(KeysOf(answer->Answer()), Given{"2"});
}

TEST_F(WatchServerTest, CloseEndsWhatWaits) {
  Call* const call = AskAt(1, Begin(1));
  server_->Close();
  EXPECT_EQ(call->Answer().status().code(), Code::kUnavailable);
  EXPECT_EQ(AskAt(1, {})->Answer().status().code(), Code::kUnavailable);
  EXPECT_TRUE(places_.Take() && places_.Take());
}

}  // namespace
}  // namespace vasto::store
