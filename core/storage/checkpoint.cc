// SPDX-License-Identifier: Apache-2.0
#include "core/storage/checkpoint.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/bytes.h"
#include "core/storage/database_join.h"
#include "core/storage/engine.h"
#include "core/storage/feed.h"
#include "core/storage/keys.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr size_t kMaxNameSize = 64;

bool IsPlainName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  return !name.empty() && name.size() <= kMaxNameSize && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), plain);
}

StatusOr<bool> Exists(FileSystem* files, const std::string& path) {
  const auto names = files->List(path);
  if (names.status().Is(Code::kNotFound)) return false;
  if (!names.ok()) return names.status();
  return true;
}

}  // namespace

// ---- To be copied

StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Make(FileSystem* files, rocksdb::DB* db,
                                                       rocksdb::Env* env, const std::string& path) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint(files, env, path));
  VASTO_RETURN_IF_ERROR(files->MakeFolder(path.substr(0, path.rfind('/'))));
  rocksdb::Checkpoint* raw = nullptr;
  VASTO_RETURN_IF_ERROR(FromRocksDb(rocksdb::Checkpoint::Create(db, &raw)));
  const std::unique_ptr<rocksdb::Checkpoint> maker(raw);
  VASTO_RETURN_IF_ERROR(FromRocksDb(maker->CreateCheckpoint(path)));
  VASTO_RETURN_IF_ERROR(checkpoint->ListFiles());
  return checkpoint;
}

Checkpoint::~Checkpoint() { file_system_->RemoveTree(path_).IgnoreError(); }

Status Checkpoint::ListFiles() {
  VASTO_ASSIGN_OR_RETURN(const std::vector<std::string> names, file_system_->List(path_));
  for (const std::string& name : names) {
    CheckpointFile file{name, 0};
    VASTO_RETURN_IF_ERROR(FromRocksDb(env_->GetFileSize(path_ + "/" + name, &file.size)));
    files_.push_back(std::move(file));
  }
  return {};
}

StatusOr<std::string> Checkpoint::Read(size_t file, uint64_t offset, size_t bytes) const {
  if (file >= files_.size() || offset > files_[file].size) {
    return Status::InvalidArgument("the checkpoint has no such file or place");
  }
  std::string data(std::min<uint64_t>(bytes, files_[file].size - offset), '\0');
  if (data.empty()) return data;
  std::unique_ptr<rocksdb::RandomAccessFile> reader;
  VASTO_RETURN_IF_ERROR(FromRocksDb(
      env_->NewRandomAccessFile(path_ + "/" + files_[file].name, &reader, rocksdb::EnvOptions())));
  rocksdb::Slice read;
  VASTO_RETURN_IF_ERROR(FromRocksDb(reader->Read(offset, data.size(), &read, data.data())));
  if (read.size() != data.size()) return Status::IoError("a file of the checkpoint is cut off");
  if (read.data() != data.data()) data.assign(read.data(), read.size());
  return data;
}

// ---- A copy

CheckpointCopy::CheckpointCopy(CopyTarget target) : target_(std::move(target)) {}

CheckpointCopy::~CheckpointCopy() {
  file_.reset();
  // What cannot be removed now goes with the next opening.
  if (!finished_) (void)target_.files->RemoveTree(target_.dir + "/incoming");
}

StatusOr<std::unique_ptr<CheckpointCopy>> CheckpointCopy::Begin(CopyTarget target) {
  std::unique_ptr<CheckpointCopy> copy(new CheckpointCopy(std::move(target)));
  const std::string incoming = copy->target_.dir + "/incoming";
  VASTO_RETURN_IF_ERROR(copy->target_.files->RemoveTree(incoming));
  VASTO_RETURN_IF_ERROR(copy->target_.files->MakeFolder(incoming));
  return copy;
}

Status CheckpointCopy::Check(const std::vector<CheckpointFile>& files) {
  if (files.size() > kMaxFiles) return Status::InvalidArgument("a checkpoint of too many files");
  std::set<std::string_view> names;
  for (const CheckpointFile& file : files) {
    if (!IsPlainName(file.name)) {
      return Status::InvalidArgument("a checkpoint with a file named " + Printable(file.name));
    }
    if (!names.insert(file.name).second) {
      return Status::InvalidArgument("a checkpoint with two files named " + file.name);
    }
  }
  if (!names.contains("CURRENT")) {
    return Status::InvalidArgument("a checkpoint without a database");
  }
  return {};
}

StatusOr<uint64_t> CheckpointCopy::SpareBytes() const {
  VASTO_ASSIGN_OR_RETURN(const DiskUsage usage, target_.files->Usage(target_.dir));
  return usage.free_bytes - std::min(usage.free_bytes, target_.engine->resume_headroom_bytes());
}

Status CheckpointCopy::CheckSpace(const std::vector<CheckpointFile>& files) const {
  VASTO_ASSIGN_OR_RETURN(const uint64_t spare, SpareBytes());
  uint64_t left = spare;
  for (const CheckpointFile& file : files) {
    if (file.size > left) {
      return Status::NoSpace("a copy of the shard does not fit on the disk of " + target_.dir +
                             ", where it may take " + std::to_string(spare) + " bytes");
    }
    left -= file.size;
  }
  return {};
}

Status CheckpointCopy::EndFile() {
  if (file_ == nullptr) return {};
  VASTO_RETURN_IF_ERROR(FromRocksDb(file_->Sync()));
  VASTO_RETURN_IF_ERROR(FromRocksDb(file_->Close()));
  file_.reset();
  return {};
}

Status CheckpointCopy::NextFile(const std::string& name) {
  VASTO_RETURN_IF_ERROR(EndFile());
  appended_ = written_back_ = 0;
  return FromRocksDb(rocksdb::Env::Default()->NewWritableFile(target_.dir + "/incoming/" + name,
                                                              &file_, rocksdb::EnvOptions()));
}

Status CheckpointCopy::Append(std::string_view bytes) {
  VASTO_RETURN_IF_ERROR(FromRocksDb(file_->Append(ToSlice(bytes))));
  appended_ += bytes.size();
  if (appended_ - written_back_ < kWriteBackBytes) return {};
  // The disk begins with it now, not only when the whole file is waited for.
  const uint64_t from = std::exchange(written_back_, appended_);
  return FromRocksDb(file_->RangeSync(from, appended_ - from));
}

Status CheckpointCopy::Finish(const VersionVector& source_had,
                              const std::function<bool()>& cancelled) {
  const std::string incoming = target_.dir + "/incoming";
  VASTO_RETURN_IF_ERROR(EndFile());
  VASTO_RETURN_IF_ERROR(Adopt(source_had, cancelled));
  VASTO_RETURN_IF_ERROR(target_.files->RemoveTree(target_.dir + "/ready"));
  // The names in the folder, before the name of the folder.
  std::unique_ptr<rocksdb::Directory> folder;
  VASTO_RETURN_IF_ERROR(FromRocksDb(rocksdb::Env::Default()->NewDirectory(incoming, &folder)));
  VASTO_RETURN_IF_ERROR(FromRocksDb(folder->Fsync()));
  VASTO_RETURN_IF_ERROR(target_.files->Rename(incoming, target_.dir + "/ready"));
  finished_ = true;
  return {};
}

Status CheckpointCopy::Adopt(const VersionVector& source_had,
                             const std::function<bool()>& cancelled) {
  rocksdb::Options options = target_.engine->MakeDbOptions();
  options.create_if_missing = false;
  options.disable_auto_compactions = true;
  // What the source had of its log is all there is; a part of it would be a loss.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, target_.dir + "/incoming", &raw);
  std::unique_ptr<rocksdb::DB> db(raw);
  VASTO_RETURN_IF_ERROR(FromRocksDb(opened).Prefixed("open the copy"));
  VASTO_RETURN_IF_ERROR(CheckSource(db.get()));
  VASTO_ASSIGN_OR_RETURN(VersionVector positions, Feed::PositionsOfCopy(db.get(), source_had));
  if (target_.joined != nullptr) {
    const auto go_on = [&]() -> Status {
      if (cancelled()) return Status::Cancelled("the copy is not wanted any more");
      VASTO_ASSIGN_OR_RETURN(const uint64_t spare, SpareBytes());
      if (spare > 0) return {};
      return Status::NoSpace("the disk of " + target_.dir + " is full");
    };
    VASTO_RETURN_IF_ERROR(
        JoinDatabases({target_.joined, db.get(), go_on}).Prefixed("join the copy"));
    positions.Raise(target_.joined_has);
  }
  rocksdb::WriteBatch batch;
  VASTO_RETURN_IF_ERROR(Feed::StartFrom(positions, db.get(), &batch));
  VASTO_RETURN_IF_ERROR(
      FromRocksDb(batch.Put(ToSlice(kIdentityKey), EncodeIdentity(target_.identity))));
  rocksdb::WriteOptions write;
  write.sync = true;
  VASTO_RETURN_IF_ERROR(FromRocksDb(db->Write(write, &batch)));
  return FromRocksDb(db->Close());
}

Status CheckpointCopy::CheckSource(rocksdb::DB* db) const {
  VASTO_RETURN_IF_ERROR(FromRocksDb(db->VerifyChecksum()).Prefixed("verify the copy"));
  std::string stored;
  VASTO_RETURN_IF_ERROR(
      FromRocksDb(db->Get(rocksdb::ReadOptions(), ToSlice(kIdentityKey), &stored)));
  VASTO_ASSIGN_OR_RETURN(const ShardIdentity source, DecodeIdentity(stored));
  if (source.keyspace == target_.identity.keyspace && source.shard == target_.identity.shard) {
    return {};
  }
  return Status::InvalidArgument("the copy is of " + source.ToString());
}

// ---- Taking it

Status InstallCopy(FileSystem* files, const std::string& dir) {
  VASTO_ASSIGN_OR_RETURN(const bool ready, Exists(files, dir + "/ready"));
  if (!ready) return {};
  VASTO_ASSIGN_OR_RETURN(const bool old, Exists(files, dir + "/db"));
  if (old) {
    VASTO_RETURN_IF_ERROR(files->RemoveTree(dir + "/former"));
    VASTO_RETURN_IF_ERROR(files->Rename(dir + "/db", dir + "/former"));
  }
  return files->Rename(dir + "/ready", dir + "/db");
}

Status RemoveLeftovers(FileSystem* files, const std::string& dir) {
  VASTO_RETURN_IF_ERROR(files->RemoveTree(dir + "/checkpoints"));
  return files->RemoveTree(dir + "/incoming");
}

}  // namespace vasto::storage
