// SPDX-License-Identifier: Apache-2.0
#include "core/storage/log_file_system.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

namespace vasto::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// RocksDB syncs the folder of a log once, which may have been before a late one was in it.
IOStatus CreateForGood(rocksdb::FileSystem* files, const std::string& path,
                       const rocksdb::FileOptions& options,
                       std::unique_ptr<rocksdb::FSWritableFile>* file) {
  IOStatus status = files->NewWritableFile(path, options, file, nullptr);
  if (!status.ok()) return status;
  std::unique_ptr<rocksdb::FSDirectory> folder;
  const std::string name = std::filesystem::path(path).parent_path().string();
  status = files->NewDirectory(name, options.io_options, &folder, nullptr);
  return status.ok() ? folder->Fsync(options.io_options, nullptr) : status;
}

// A log for which there was no space, not even for its name. It is created with the first append:
// RocksDB itself takes a failure at that moment for one that only a restart can mend.
class LateFile final : public rocksdb::FSWritableFile {
 public:
  using Create = std::function<IOStatus(std::unique_ptr<rocksdb::FSWritableFile>*)>;
  explicit LateFile(Create create) : create_(std::move(create)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (file_ == nullptr) {
      std::unique_ptr<rocksdb::FSWritableFile> file;
      const IOStatus status = create_(&file);
      if (!status.ok()) return status;
      owner_ = std::move(file);
      file_.store(owner_.get());
    }
    return file_.load()->Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return IfCreated([&](auto* file) { return file->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return IfCreated([&](auto* file) { return file->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return IfCreated([&](auto* file) { return file->Fsync(options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return IfCreated([&](auto* file) { return file->Close(options, debug); });
  }
  bool IsSyncThreadSafe() const override { return true; }

 private:
  template <typename CallFn>
  IOStatus IfCreated(CallFn call) {
    rocksdb::FSWritableFile* const file = file_.load();
    return file == nullptr ? IOStatus::OK() : call(file);
  }

  const Create create_;
  std::unique_ptr<rocksdb::FSWritableFile> owner_;
  std::atomic<rocksdb::FSWritableFile*> file_{nullptr};  // owner_'s, once it is there
};

// Threads: RocksDB appends from one at a time, and may sync from another meanwhile.
class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<rocksdb::FSWritableFile>&& target, std::shared_ptr<ShardHealth> health)
      : FSWritableFileOwnerWrapper(std::move(target)), health_(std::move(health)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (broken_.load()) return Failed(broken_with_);
    const IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    return status.ok() ? status : Broken(status);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return Reported(FSWritableFileOwnerWrapper::Flush(options, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Reported(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Reported(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t size, const IOOptions& options,
                     IODebugContext* debug) override {
    return Reported(FSWritableFileOwnerWrapper::RangeSync(offset, size, options, debug));
  }

 private:
  // The end of the file is not known any more: what came after it could not be read.
  IOStatus Broken(const IOStatus& status) {
    broken_with_ = status;
    broken_.store(true);
    return Failed(status);
  }
  IOStatus Reported(const IOStatus& status) { return status.ok() ? status : Failed(status); }
  IOStatus Failed(const IOStatus& status) {
    health_->LogFailed(status);
    return IOStatus::OK();
  }

  const std::shared_ptr<ShardHealth> health_;
  std::atomic<bool> broken_{false};
  IOStatus broken_with_;  // by the appending thread
};

class LogFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  LogFileSystem(std::shared_ptr<rocksdb::FileSystem> target, std::shared_ptr<ShardHealth> health)
      : FileSystemWrapper(std::move(target)), health_(std::move(health)) {}
  const char* Name() const override { return "VastoLogFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewWritableFile(path, options, result, debug);
    if (!path.ends_with(".log")) return status;
    if (status.IsNoSpace()) {
      *result = std::make_unique<LateFile>([target = target_, path, options](auto* file) {
        return CreateForGood(target.get(), path, options, file);
      });
      status = IOStatus::OK();
    }
    if (status.ok()) *result = std::make_unique<LogFile>(std::move(*result), health_);
    return status;
  }

 private:
  const std::shared_ptr<ShardHealth> health_;
};

rocksdb::Status Checked(const rocksdb::Status& status, const ShardHealth& health,
                        uint64_t failures_before) {
  if (!status.ok() || health.log_failures() == failures_before) return status;
  return health.log_error();
}

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewLogFileSystem(std::shared_ptr<rocksdb::FileSystem> target,
                                                      std::shared_ptr<ShardHealth> health) {
  return std::make_shared<LogFileSystem>(std::move(target), std::move(health));
}

rocksdb::Status WriteLogged(rocksdb::DB* db, const ShardHealth& health,
                            const rocksdb::WriteOptions& options, rocksdb::WriteBatch* batch,
                            bool* visible) {
  const uint64_t before = health.log_failures();
  const rocksdb::Status status = db->Write(options, batch);
  if (visible != nullptr) *visible = status.ok();
  return Checked(status, health, before);
}

rocksdb::Status SyncLog(rocksdb::DB* db, const ShardHealth& health) {
  const uint64_t before = health.log_failures();
  return Checked(db->SyncWAL(), health, before);
}

}  // namespace vasto::storage
