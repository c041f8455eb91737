// SPDX-License-Identifier: Apache-2.0
// A former replica gives what only it has to another one; both are shards, between them is nothing.
#include "core/replication/give_back.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/protocol_version.h"
#include "core/storage/feed.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::replication {
namespace {

using storage::Apply;
using storage::Get;
using storage::Put;
using storage::Shard;

const Uuid kHeir{0, 1}, kOther{0, 2};

class GiveBackTest : public testing::Test {
 protected:
  GiveBackTest() {
    former_ = Open("former", 1);
    heir_ = Open("heir", 2);
    options_.store = {0, 3};
    options_.keyspace = {1, 2};
    options_.shard = former_.get();
    options_.heirs = {kHeir};
    options_.clock = &clock_;
    options_.cancelled = [this] { return cancelled_; };
    options_.send = [this](const Uuid& heir, const rpc::GiveBackRequest& request, int64_t,
                           rpc::UniqueFunction<void(StatusOr<rpc::GiveBackResponse>)> done) {
      ++asked_[heir];
      // Time passes, so that patience ends.
      clock_.Advance(1'000'000);
      if (heir != kHeir || deaf_) return done(Status::Unavailable("gone"));
      done(Take(request));
    };
  }

  std::unique_ptr<Shard> Open(const std::string& name, uint64_t origin) {
    storage::ShardOptions options;
    options.dir = folder_.path() + "/" + name;
    options.keyspace = {1, 2};
    options.origin = origin;
    options.clock = &clock_;
    options.hlc = &hlc_;
    options.pool = &pool_;
    options.replicated = true;
    options.max_log_bytes = 0;
    auto shard = Shard::Open(engine_, options);
    EXPECT_TRUE(shard.ok()) << shard.status().ToString();
    return shard.ok() ? std::move(*shard) : nullptr;
  }
  StatusOr<rpc::GiveBackResponse> Take(const rpc::GiveBackRequest& request) {
    if (request.batch.log != 0) {
      storage::TestWrite write;
      write.kind = storage::WriteKind::kApply;
      write.applied = &request.batch;
      write.late = true;
      const Status status = Apply(heir_.get(), std::move(write)).status;
      if (!status.ok() && !status.Is(Code::kAlreadyExists)) return status;
      ++batches_;
    }
    rpc::GiveBackResponse response;
    if (!forgetful_) response.has = heir_->feed()->Positions().positions();
    response.protocol_version = rpc::kProtocolVersion;
    return response;
  }

  storage::TempFolder folder_;
  ManualClock clock_;
  HybridClock hlc_{&clock_};
  ThreadPool pool_{"test", 2};
  std::shared_ptr<storage::Engine> engine_ = *storage::NewEngine({});
  std::unique_ptr<Shard> former_;
  std::unique_ptr<Shard> heir_;
  GiveBackOptions options_;
  std::map<Uuid, int> asked_;
  int batches_ = 0;
  bool deaf_ = false;
  bool forgetful_ = false;
  bool cancelled_ = false;
};

TEST_F(GiveBackTest, WhatOnlyItHasComesToTheOther) {
  for (int i = 0; i < 100; ++i) Apply(former_.get(), Put("k" + std::to_string(i), "v"));
  Apply(heir_.get(), Put("k5", "newer"));
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(Get(*heir_, "k99"), "v");
  EXPECT_EQ(Get(*heir_, "k5"), "newer");
  EXPECT_TRUE(heir_->feed()->Positions().Covers(former_->feed()->Positions()));
}

// Also of earlier openings, from the log on the disk.
TEST_F(GiveBackTest, ItGivesWhatItHadBeforeItWasOpenedAnew) {
  Apply(former_.get(), Put("first", "1"));
  former_.reset();
  former_ = Open("former", 1);
  options_.shard = former_.get();
  Apply(former_.get(), Put("second", "2"));
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(Get(*heir_, "first"), "1");
  EXPECT_EQ(Get(*heir_, "second"), "2");
}

TEST_F(GiveBackTest, NothingIsSentTwice) {
  Apply(former_.get(), Put("k", "v"));
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(batches_, 1);
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(batches_, 1);
}

TEST_F(GiveBackTest, AfterItNoClientWrites) {
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(Apply(former_.get(), Put("late", "v")).status.code(), Code::kUnavailable);
}

TEST_F(GiveBackTest, OneThatCannotBeReachedIsPassedOver) {
  Apply(former_.get(), Put("k", "v"));
  options_.heirs = {kOther, kHeir};
  ASSERT_TRUE(GiveBackAll(options_).ok());
  EXPECT_EQ(Get(*heir_, "k"), "v");
}

TEST_F(GiveBackTest, ItSaysWhyNobodyTookIt) {
  Apply(former_.get(), Put("k", "v"));
  deaf_ = true;
  options_.heirs = {kOther, kHeir};
  EXPECT_EQ(GiveBackAll(options_).code(), Code::kUnavailable);
  EXPECT_GT(asked_[kHeir], 3) << "it tries for a while";
}

TEST_F(GiveBackTest, OneThatDoesNotTakeItIsNotAskedForEver) {
  Apply(former_.get(), Put("k", "v"));
  forgetful_ = true;
  EXPECT_EQ(GiveBackAll(options_).code(), Code::kInternal);
}

TEST_F(GiveBackTest, WhatNoLogHoldsAnyMoreIsSaidAtOnce) {
  Apply(former_.get(), Put("k", "v"));
  ASSERT_TRUE(former_->Flush().ok());
  const auto gone = [this] {
    return former_->feed()->PurgeLog().ok() &&
           former_->feed()->Locate(former_->feed()->log(), 0).status().Is(Code::kNotFound);
  };
  for (int i = 0; i < 200 && !gone(); ++i) {
    Apply(former_.get(), Put("more" + std::to_string(i), std::string(1000, 'x')));
    ASSERT_TRUE(former_->Flush().ok());
  }
  ASSERT_TRUE(gone());
  former_->feed()->Trim(former_->feed()->Positions());
  EXPECT_EQ(GiveBackAll(options_).code(), Code::kNotFound);
  EXPECT_EQ(asked_[kHeir], 1);
}

TEST_F(GiveBackTest, CanBeCancelled) {
  cancelled_ = true;
  EXPECT_EQ(GiveBackAll(options_).code(), Code::kCancelled);
}

}  // namespace
}  // namespace vasto::replication
