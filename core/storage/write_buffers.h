// SPDX-License-Identifier: Apache-2.0
// Keeps the memtables of all shards of a process part within one budget.
//
// RocksDB's write-buffer manager counts them, but acts on the database that is being written only:
// what idle shards hold stays, and the busy one flushes ever smaller tables. Here a thread flushes
// the fullest memtables, whosever they are, once half of the budget is filled; and writers wait
// for flushes while all of it is in use.
//
// Invariants
//  1. Memory is at most the limit (the budget, or 64 KiB for each shard if that is more) and what
//     was being written when it was reached, as long as flushes end.
//  2. Nobody waits for what does not come: when nothing is being flushed and nothing can be (the
//     disk is full, a shard is broken), or after a second, writes go on. Then the limits of each
//     database hold, two write buffers.
//
// Threads: any; one of its own. HasRoom costs two atomic loads while there is plenty.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <thread>

#include "core/base/mutex.h"
#include "core/storage/health.h"

namespace vasto::storage {

class WriteBuffers {
 public:
  // What an empty memtable has at most when there are many: its filter and such.
  static constexpr size_t kEmptyBytes = 5 << 10;

  explicit WriteBuffers(size_t budget_bytes);
  // REQUIRES: all are detached.
  ~WriteBuffers();
  WriteBuffers(const WriteBuffers&) = delete;
  WriteBuffers& operator=(const WriteBuffers&) = delete;

  // Counts; for the options of every database that is attached.
  const std::shared_ptr<rocksdb::WriteBufferManager>& manager() const { return manager_; }

  // db, health: borrowed until Detach, which waits for a flush that is being started.
  void Attach(rocksdb::DB* db, const ShardHealth* health) EXCLUDES(shards_mu_);
  void Detach(rocksdb::DB* db) EXCLUDES(shards_mu_);

  // To be asked before each write. False: it should wait.
  bool HasRoom() EXCLUDES(mu_);
  // Blocks until room has been made, for a second at most; not at all when waiting does not help.
  // May return early: there can still be none.
  void WaitForRoom() EXCLUDES(mu_);

 private:
  enum class Pass { kFlushing, kWaiting, kNothingToFlush };

  size_t filling() const { return manager_->mutable_memtable_memory_usage(); }
  bool IsFull() const { return manager_->memory_usage() >= limit_.load(); }
  bool IsCrowded() const { return filling() > crowded_above_.load() || IsFull(); }
  void SetLimits() REQUIRES(shards_mu_);
  void Run() EXCLUDES(mu_, shards_mu_);
  // Starts flushes of the fullest until three eighths of the limit are filled.
  Pass FlushFullest() EXCLUDES(shards_mu_);

  const size_t budget_bytes_;
  const std::shared_ptr<rocksdb::WriteBufferManager> manager_;
  // Of the memory in use, and of the part of it that is filling.
  std::atomic<size_t> limit_, crowded_above_, flush_down_to_;
  std::atomic<bool> idle_{false};  // the thread waits to be woken

  Mutex shards_mu_;  // held while flushes are started
  std::map<rocksdb::DB*, const ShardHealth*> shards_ GUARDED_BY(shards_mu_);

  Mutex mu_;
  CondVar wake_;  // for the thread
  CondVar room_;  // for writers
  bool stuck_ GUARDED_BY(mu_) = false;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace vasto::storage
