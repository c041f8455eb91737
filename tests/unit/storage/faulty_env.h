// SPDX-License-Identifier: Apache-2.0
// A file system for RocksDB that fails on demand and knows what a loss of power would leave.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/base/mutex.h"

namespace vasto::storage {

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  // What happens to log files (".log") from now on. Appends: success, an I/O error, a full disk. Or
  // no further one can be created, as when the disk has no inodes left.
  enum class Logs { kWork, kFail, kFull, kNoFile };
  void SetLogs(Logs logs) { logs_ = logs; }
  // Called when a table (".sst") is created, before anything is in it. Set while nothing is
  // written.
  void OnNewTable(std::function<void()> call) { on_new_table_ = std::move(call); }
  int log_syncs() const { return log_syncs_; }
  int folder_syncs() const { return folder_syncs_; }

  // Copies a folder tree as a kill -9 at this moment would leave it. No file appears, goes or gets
  // a name while it runs, and no sync ends.
  void Copy(const std::string& from, const std::string& to) {
    MutexLock lock(&mu_);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }

  // The same for a loss of power: files written through *this are cut back to what was synced.
  void CopySynced(const std::string& from, const std::string& to) {
    MutexLock lock(&mu_);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    for (const auto& [path, synced] : synced_bytes_) {
      if (!path.starts_with(from)) continue;
      const std::string copied = to + path.substr(from.size());
      std::error_code ignored;
      const auto size = std::filesystem::file_size(copied, ignored);
      if (!ignored && size > synced) std::filesystem::resize_file(copied, synced);
    }
  }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (logs_ == Logs::kNoFile && path.ends_with(".log")) {
      return rocksdb::IOStatus::NoSpace("injected");
    }
    if (on_new_table_ && path.ends_with(".sst")) on_new_table_();
    std::unique_ptr<rocksdb::FSWritableFile> file;
    MutexLock lock(&mu_);
    auto status = FileSystemWrapper::NewWritableFile(path, options, &file, debug);
    if (!status.ok()) return status;
    synced_bytes_[path] = 0;
    *result = std::make_unique<File>(std::move(file), path, this);
    return status;
  }

  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    auto status = FileSystemWrapper::NewDirectory(path, options, &folder, debug);
    if (status.ok()) *result = std::make_unique<Folder>(std::move(folder), this);
    return status;
  }

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    MutexLock lock(&mu_);
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    MutexLock lock(&mu_);
    auto status = FileSystemWrapper::RenameFile(from, to, options, debug);
    auto found = synced_bytes_.find(from);
    if (status.ok() && found != synced_bytes_.end()) {
      synced_bytes_[to] = found->second;
      synced_bytes_.erase(from);
    }
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::string path, FaultyFileSystem* fs)
        : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), fs_(fs) {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      const Logs logs = IsLog() ? fs_->logs_.load() : Logs::kWork;
      if (logs == Logs::kFail) return rocksdb::IOStatus::IOError("injected");
      if (logs == Logs::kFull) return rocksdb::IOStatus::NoSpace("injected");
      bytes_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& /*info*/,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      return Synced(FSWritableFileOwnerWrapper::Sync(options, debug));
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      return Synced(FSWritableFileOwnerWrapper::Fsync(options, debug));
    }

   private:
    bool IsLog() const { return path_.ends_with(".log"); }
    rocksdb::IOStatus Synced(rocksdb::IOStatus status) {
      if (status.ok()) fs_->SetSynced(path_, bytes_);
      if (status.ok() && IsLog()) ++fs_->log_syncs_;
      return status;
    }

    const std::string path_;
    FaultyFileSystem* const fs_;  // borrowed; outlives *this
    std::atomic<uint64_t> bytes_{0};
  };

  class Folder final : public rocksdb::FSDirectoryWrapper {
   public:
    Folder(std::unique_ptr<rocksdb::FSDirectory>&& folder, FaultyFileSystem* fs)
        : FSDirectoryWrapper(std::move(folder)), fs_(fs) {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      ++fs_->folder_syncs_;
      return FSDirectoryWrapper::Fsync(options, debug);
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                          rocksdb::IODebugContext* debug,
                                          const rocksdb::DirFsyncOptions& why) override {
      ++fs_->folder_syncs_;
      return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
    }

   private:
    FaultyFileSystem* const fs_;  // borrowed; outlives *this
  };

  void SetSynced(const std::string& path, uint64_t bytes) {
    MutexLock lock(&mu_);
    synced_bytes_[path] = bytes;
  }

  std::function<void()> on_new_table_;
  std::atomic<Logs> logs_{Logs::kWork};
  std::atomic<int> log_syncs_{0};
  std::atomic<int> folder_syncs_{0};
  Mutex mu_;
  std::map<std::string, uint64_t> synced_bytes_ GUARDED_BY(mu_);
};

}  // namespace vasto::storage
