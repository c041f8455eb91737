// SPDX-License-Identifier: Apache-2.0
#include "core/storage/rocksdb_status.h"

#include <rocksdb/db.h>

namespace vasto::storage {
namespace {

Code CodeOf(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return Code::kNotFound;
    case rocksdb::Status::kCorruption:
      return Code::kCorruption;
    case rocksdb::Status::kNotSupported:
      return Code::kNotSupported;
    case rocksdb::Status::kInvalidArgument:
      return Code::kInvalidArgument;
    case rocksdb::Status::kIOError:
      return status.IsNoSpace() ? Code::kNoSpace : Code::kIoError;
    // A read that would need the disk, or a write that would have to wait.
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
      return Code::kBusy;
    case rocksdb::Status::kTimedOut:
      return Code::kTimeout;
    case rocksdb::Status::kShutdownInProgress:
      return Code::kClosed;
    case rocksdb::Status::kAborted:
      return Code::kCancelled;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Status FromRocksDb(const rocksdb::Status& status) {
  if (status.ok()) return {};
  return {CodeOf(status), status.ToString()};
}

uint64_t IntProperty(rocksdb::DB* db, const std::string& name) {
  uint64_t value = 0;
  return db->GetIntProperty(name, &value) ? value : 0;
}

}  // namespace vasto::storage
