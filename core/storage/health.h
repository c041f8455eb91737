// SPDX-License-Identifier: Apache-2.0
// Whether a shard takes writes. RocksDB reports background errors here; the first that stops writes
// is kept, with what a person should do, until it is left again.
//
// A full disk is left by itself: somebody (Shard::Impl) resumes the database when there is space
// and calls Recovered(). Failures of the write-ahead log come from LogFileSystem. Corruption and
// I/O errors last until the shard is opened anew: 7.8.3 can lose data in a compaction after a read
// error, so nothing is tried.
//
// Threads: any.
#pragma once

#include <rocksdb/listener.h>

#include <atomic>
#include <functional>
#include <string>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace vasto::storage {

class ShardHealth final : public rocksdb::EventListener {
 public:
  // name: of the shard, for messages. logger: borrowed; outlives *this.
  ShardHealth(std::string name, const Logger* logger) : name_(std::move(name)), logger_(logger) {}

  // on_no_space: called, once for each time the state is entered, when writes stop because the disk
  // is full; any thread, possibly with RocksDB's lock held: it must not call into the database.
  // Set before the database opens.
  void SetNoSpaceCallback(std::function<void()> on_no_space) {
    on_no_space_ = std::move(on_no_space);
  }

  // OK, or why writes are refused. One atomic load while all is well.
  Status Get() const EXCLUDES(mu_);
  bool ok() const { return ok_.load(std::memory_order_acquire); }

  // Reports an error that stops writes; the first one stays. OK is ignored.
  void Fail(const Status& error, std::string_view during) EXCLUDES(mu_);
  // An append or a sync of the log failed: Fail, counted.
  void LogFailed(const rocksdb::Status& error) EXCLUDES(mu_);
  uint64_t log_failures() const { return log_failures_.load(std::memory_order_acquire); }
  // The last of them. REQUIRES: log_failures() > 0.
  rocksdb::Status log_error() const EXCLUDES(mu_);
  // Writes are taken again. Without effect unless the state is a full disk.
  void Recovered() EXCLUDES(mu_);

  // rocksdb::EventListener
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;

 private:
  const std::string name_;
  const Logger* const logger_;  // borrowed; outlives *this
  std::function<void()> on_no_space_;
  std::atomic<bool> ok_{true};
  std::atomic<uint64_t> log_failures_{0};
  mutable Mutex mu_;
  Status status_ GUARDED_BY(mu_);
  rocksdb::Status log_error_ GUARDED_BY(mu_);
};

}  // namespace vasto::storage
