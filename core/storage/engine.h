// SPDX-License-Identifier: Apache-2.0
// What the shards of one process part share: caches, write buffers, background threads, timers and
// the budget of open files.
//
// What a shard may have of the files and the write buffers is divided anew each time the number of
// open shards doubles, so that a store with few shards keeps all their files open and writes large
// tables, and one with hundreds stays below its limits. What an open shard costs besides, about
// 96 KiB, is taken from the caches, up to three quarters of them.
//
// Threads: any. Each shard holds a shared_ptr and calls Detach before its database goes.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <set>

#include "core/base/mutex.h"
#include "core/storage/feed_ring.h"
#include "core/storage/options.h"
#include "core/storage/record_cache.h"
#include "core/storage/shard.h"
#include "core/storage/timers.h"
#include "core/storage/write_buffers.h"

namespace vasto::storage {

class Engine {
 public:
  // env: what the shards' files are reached through; borrowed; lives for ever, or longer than *this
  // when a test brings its own.
  explicit Engine(const EngineOptions& options, rocksdb::Env* env = rocksdb::Env::Default());
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The options for the next database to open; the caller adds what is its own.
  rocksdb::Options MakeDbOptions() const EXCLUDES(mu_);
  // Counts an open database in, and out again. db, health: borrowed until Detach.
  Status Attach(rocksdb::DB* db, const ShardHealth* health) EXCLUDES(mu_);
  void Detach(rocksdb::DB* db) EXCLUDES(mu_);

  RecordCache* record_cache() { return &record_cache_; }
  WriteBuffers* write_buffers() { return &write_buffers_; }
  Timers* timers() { return &timers_; }
  FeedBudget* feed_budget() { return &feed_budget_; }
  // Bytes that must be free before a shard whose disk was full tries to write again.
  uint64_t resume_headroom_bytes() const { return options_.write_buffer_bytes / 8 + (1 << 20); }

 private:
  int FilesPerShard() const REQUIRES(mu_);
  size_t WriteBufferPerShard() const REQUIRES(mu_);
  void SizeCaches() REQUIRES(mu_);
  Status DivideAnew() REQUIRES(mu_);

  const EngineOptions options_;
  const std::unique_ptr<rocksdb::Env>
      env_;  // the given one's files, read without waiting on demand
  WriteBuffers write_buffers_;
  SharedParts shared_;
  RecordCache record_cache_;
  FeedBudget feed_budget_;
  Timers timers_;
  mutable Mutex mu_;
  std::set<rocksdb::DB*> shards_ GUARDED_BY(mu_);
  size_t cache_bytes_ GUARDED_BY(mu_);  // of both caches, now
  int divisor_ GUARDED_BY(mu_) = 8;     // what the budgets are divided by; only grows
};

}  // namespace vasto::storage
