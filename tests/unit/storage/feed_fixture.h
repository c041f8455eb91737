// SPDX-License-Identifier: Apache-2.0
// Replicas of a shard that follow one another, with the test as the network between them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/storage/engine.h"
#include "core/storage/feed.h"
#include "core/storage/feed_cursor.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {

inline constexpr size_t kMany = 1 << 20;

// One replica of the shard.
class Replica {
 public:
  Replica(const std::string& dir, uint64_t origin, Clock* clock, ThreadPool* pool) : hlc_(clock) {
    options_.dir = dir;
    options_.keyspace = {1, 2};
    options_.origin = origin;
    options_.clock = clock;
    options_.hlc = &hlc_;
    options_.pool = pool;
    options_.replicated = true;
    Open();
  }
  ~Replica() { Close(); }

  void Open() {
    auto engine = std::make_shared<Engine>(engine_options_, env_);
    auto shard = Shard::Open(std::move(engine), options_);
    ASSERT_TRUE(shard.ok()) << shard.status().ToString();
    shard_ = std::move(*shard);
  }
  void Close() {
    cursors_.clear();
    shard_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }

  Shard* shard() { return shard_.get(); }
  Feed* feed() { return shard_->feed(); }
  VersionVector Has() { return feed()->Positions(); }
  WriteOutcome Write(TestWrite write) { return Apply(shard_.get(), std::move(write)); }

  // The next changes for a follower that has this.
  StatusOr<ChangeBatch> Next(const VersionVector& have, const std::vector<LogId>& relay = {},
                             size_t max_bytes = kMany, bool may_wait = true) {
    auto& cursor = cursors_[relay];
    if (cursor == nullptr) cursor = std::make_unique<FeedCursor>(feed());
    return cursor->Read(have, relay, max_bytes, may_wait);
  }
  WriteOutcome Take(const ChangeBatch& batch) {
    TestWrite write;
    write.kind = WriteKind::kApply;
    write.applied = &batch;
    return Write(std::move(write));
  }
  // Takes over what the source has of its own logs and of those in relay, all of it.
  Status Follow(Replica* source, const std::vector<LogId>& relay = {}, size_t max_bytes = kMany) {
    for (;;) {
      auto batch = source->Next(Has(), relay, max_bytes);
      if (!batch.ok()) return batch.status();
      if (batch->log == 0) return {};
      const WriteOutcome outcome = Take(*batch);
      if (!outcome.status.ok()) return outcome.status;
    }
  }
  // Everything the source has from anybody.
  Status FollowAll(Replica* source) {
    std::vector<LogId> logs;
    const VersionVector there = source->Has();
    for (const Position& position : there.positions()) {
      if (position.log != source->feed()->log() && position.log != feed()->log()) {
        logs.push_back(position.log);
      }
    }
    return Follow(source, logs);
  }

  std::string Get(std::string_view key) { return storage::Get(*shard_, key); }
  std::vector<std::string> Rows() { return ScanAll(*shard_, {}); }

  EngineOptions engine_options_;
  rocksdb::Env* env_ = rocksdb::Env::Default();  // of the next opening
  ShardOptions options_;
  HybridClock hlc_;

 private:
  std::unique_ptr<Shard> shard_;
  std::map<std::vector<LogId>, std::unique_ptr<FeedCursor>> cursors_;
};

class FeedTest : public testing::Test {
 protected:
  FeedTest() : pool_("test", 2) {}
  std::unique_ptr<Replica> Make(const std::string& name, uint64_t origin) {
    return std::make_unique<Replica>(folder_.path() + "/" + name, origin, &clock_, &pool_);
  }
  EventTime At(int64_t us_from_now) const {
    return MakeEventTime(clock_.WallMicros() + us_from_now);
  }

  TempFolder folder_;
  ManualClock clock_;
  ThreadPool pool_;
};

}  // namespace vasto::storage
