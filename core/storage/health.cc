// SPDX-License-Identifier: Apache-2.0
#include "core/storage/health.h"

#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

std::string_view ReasonName(rocksdb::BackgroundErrorReason reason) {
  switch (reason) {
    case rocksdb::BackgroundErrorReason::kFlush:
    case rocksdb::BackgroundErrorReason::kFlushNoWAL:
      return "a flush";
    case rocksdb::BackgroundErrorReason::kCompaction:
      return "a compaction";
    case rocksdb::BackgroundErrorReason::kWriteCallback:
      return "a log write";
    case rocksdb::BackgroundErrorReason::kMemTable:
      return "a memtable insert";
    case rocksdb::BackgroundErrorReason::kManifestWrite:
    case rocksdb::BackgroundErrorReason::kManifestWriteNoWAL:
      return "a manifest write";
  }
  return "background work";
}

std::string_view Advice(Code code) {
  switch (code) {
    case Code::kNoSpace:
      return "writes resume by themselves when there is space";
    case Code::kCorruption:
      return "replace this replica or restore its folder";
    default:
      return "check the disk, then restart the store";
  }
}

}  // namespace

Status ShardHealth::Get() const {
  if (ok()) return {};
  MutexLock lock(&mu_);
  return status_;
}

void ShardHealth::Fail(const Status& error, std::string_view during) {
  if (error.ok()) return;
  bool no_space = false;
  {
    MutexLock lock(&mu_);
    // A full disk may be followed by a worse error, which must not be left by itself.
    if (!status_.ok() && !status_.Is(Code::kNoSpace)) return;
    if (status_.Is(Code::kNoSpace) && error.Is(Code::kNoSpace)) return;
    std::string message = name_;
    message.append(" takes no writes after ").append(during).append(" failed: ");
    message.append(error.message()).append("; ").append(Advice(error.code()));
    status_ = Status(error.code(), std::move(message));
    ok_.store(false, std::memory_order_release);
    no_space = error.Is(Code::kNoSpace);
  }
  VASTO_LOG(logger_, kError, "shard_read_only")
      .With("shard", name_)
      .With("during", during)
      .With("error", error.ToString());
  if (no_space && on_no_space_) on_no_space_();
}

void ShardHealth::LogFailed(const rocksdb::Status& error) {
  {
    MutexLock lock(&mu_);
    log_error_ = error;
  }
  log_failures_.fetch_add(1, std::memory_order_release);
  Fail(FromRocksDb(error), "a log write");
}

rocksdb::Status ShardHealth::log_error() const {
  MutexLock lock(&mu_);
  return log_error_;
}

void ShardHealth::Recovered() {
  {
    MutexLock lock(&mu_);
    if (!status_.Is(Code::kNoSpace)) return;
    status_ = {};
    ok_.store(true, std::memory_order_release);
  }
  VASTO_LOG(logger_, kInfo, "shard_writable").With("shard", name_);
}

void ShardHealth::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  // RocksDB goes on taking writes after soft errors: a compaction that found no space is retried.
  if (error->severity() < rocksdb::Status::Severity::kHardError) {
    VASTO_LOG(logger_, kWarning, "shard_background_error")
        .With("shard", name_)
        .With("during", ReasonName(reason))
        .With("error", error->ToString());
    return;
  }
  Fail(FromRocksDb(*error), ReasonName(reason));
}

void ShardHealth::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                       bool* auto_recovery) {
  *auto_recovery = false;
}

}  // namespace vasto::storage
