// SPDX-License-Identifier: Apache-2.0
#include "core/replication/copier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "core/storage/feed.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::replication {
namespace {

// A store that begins a copy, and then says nothing any more: as one that was stopped.
class SilentSource final : public CopySource {
 public:
  void Begin(const rpc::BeginCopyRequest& /*request*/, int64_t /*deadline_us*/,
             rpc::UniqueFunction<void(StatusOr<rpc::BeginCopyResponse>)> done) override {
    if (begins) {
      rpc::BeginCopyResponse response;
      response.copy = 1;
      response.files = {{"CURRENT", 16}};
      response.has = has;
      done(response);
    } else {
      kept_begin_ = std::move(done);
    }
    asked.CountDown();
  }
  void Read(const rpc::ReadCopyRequest& /*request*/, int64_t /*deadline_us*/,
            rpc::UniqueFunction<void(StatusOr<rpc::ReadCopyResponse>)> done) override {
    kept_read_ = std::move(done);
  }
  void End(const rpc::EndCopyRequest& /*request*/, int64_t /*deadline_us*/) override {
    ended = true;
  }

  bool begins = true;
  std::vector<Position> has;
  storage::Latch asked{1};
  std::atomic<bool> ended{false};

 private:
  rpc::UniqueFunction<void(StatusOr<rpc::BeginCopyResponse>)> kept_begin_;
  rpc::UniqueFunction<void(StatusOr<rpc::ReadCopyResponse>)> kept_read_;
};

class CopierTest : public testing::Test {
 protected:
  CopierTest() : hlc_(SystemClock()), pool_("test", 2) {
    storage::ShardOptions options;
    options.dir = folder_.path() + "/shard";
    options.keyspace = {1, 2};
    options.hlc = &hlc_;
    options.pool = &pool_;
    options.replicated = true;
    shard_ = *storage::Shard::Open(*storage::NewEngine({}), options);
    source_.has = shard_->feed()->Positions().positions();
  }
  Status Run() {
    CopierOptions options;
    options.keyspace = {1, 2};
    options.shard = shard_.get();
    options.source = &source_;
    options.clock = SystemClock();
    options.logger = Logger::Null();
    options.cancelled = [this] { return cancelled_.load(); };
    return Copier(options).Run();
  }
  // Cancels it once it waits.
  Status RunCancelled() {
    std::thread canceller([this] {
      source_.asked.Wait();
      cancelled_ = true;
    });
    const Status result = Run();
    canceller.join();
    return result;
  }

  storage::TempFolder folder_;
  HybridClock hlc_;
  ThreadPool pool_;
  std::unique_ptr<storage::Shard> shard_;
  SilentSource source_;
  std::atomic<bool> cancelled_{false};
};

TEST_F(CopierTest, IsCancelledWhileTheOtherSaysNothing) {
  EXPECT_EQ(RunCancelled().code(), Code::kCancelled);
  EXPECT_TRUE(source_.ended) << "the other one need not keep the checkpoint";
}

TEST_F(CopierTest, IsCancelledBeforeTheOtherBegins) {
  source_.begins = false;
  EXPECT_EQ(RunCancelled().code(), Code::kCancelled);
}

TEST_F(CopierTest, TakesNoCopyThatWouldLoseSomething) {
  storage::Apply(shard_.get(), storage::Put("k", "v"));
  EXPECT_EQ(Run().code(), Code::kBusy);
  EXPECT_TRUE(source_.ended);
}

}  // namespace
}  // namespace vasto::replication
