// SPDX-License-Identifier: Apache-2.0
// Copies of a whole shard, for a replica that lacks more than any log still holds.
//
//   <shard>/checkpoints/N   what others are copying: hard links to the database's files
//   <shard>/incoming        a copy on its way here
//   <shard>/ready           a whole one, checked: the next opening takes it in place of db/
//   <shard>/former          the database that it took the place of
//
// A copy holds its positions as it holds its data (feed.h), so the logs go on exactly behind it. A
// copy may be joined with the database that it replaces (database_join.h): then it has the
// positions of both.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/codec/positions.h"
#include "core/storage/folder.h"

namespace rocksdb {
class DB;
class Env;
class WritableFile;
}  // namespace rocksdb

namespace vasto::storage {

class Engine;

struct CheckpointFile {
  std::string name;
  uint64_t size = 0;
};

// A shard as it was at one moment. Takes disk as long as it lives: what compactions replace stays.
class Checkpoint {
 public:
  // files, db, env: borrowed; files and env outlive *this. path: made, and removed in the end.
  static StatusOr<std::unique_ptr<Checkpoint>> Make(FileSystem* files, rocksdb::DB* db,
                                                    rocksdb::Env* env, const std::string& path);
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::vector<CheckpointFile>& files() const { return files_; }
  // Up to so many bytes of the file; fewer at its end. kInvalidArgument for what is not there.
  StatusOr<std::string> Read(size_t file, uint64_t offset, size_t bytes) const;

 private:
  Checkpoint(FileSystem* file_system, rocksdb::Env* env, std::string path)
      : file_system_(file_system), env_(env), path_(std::move(path)) {}
  Status ListFiles();

  FileSystem* const file_system_;  // borrowed; outlives *this
  rocksdb::Env* const env_;        // borrowed; outlives *this
  const std::string path_;
  std::vector<CheckpointFile> files_;
};

// Where a copy goes, and what it is joined with.
struct CopyTarget {
  // Borrowed, both; outlive the copy.
  Engine* engine = nullptr;
  FileSystem* files = nullptr;
  std::string dir;  // the shard's folder
  ShardIdentity identity;
  // Into which nothing comes any more; nullptr: the copy is not joined.
  rocksdb::DB* joined = nullptr;
  VersionVector joined_has;
};

// A copy of another replica's checkpoint, written file by file from the front. One that is not
// finished goes with the object.
class CheckpointCopy {
 public:
  static constexpr size_t kMaxFiles = 1'000'000;
  static constexpr uint64_t kWriteBackBytes = 4 << 20;

  // What an earlier copy left in the shard's incoming/ goes.
  static StatusOr<std::unique_ptr<CheckpointCopy>> Begin(CopyTarget target);
  ~CheckpointCopy();
  CheckpointCopy(const CheckpointCopy&) = delete;
  CheckpointCopy& operator=(const CheckpointCopy&) = delete;

  // What the files are called and how large they are. kInvalidArgument for names that are none of
  // RocksDB's or come twice, and for too many.
  static Status Check(const std::vector<CheckpointFile>& files);

  // kNoSpace: the disk has not the room for them and for what the shard itself needs to go on.
  Status CheckSpace(const std::vector<CheckpointFile>& files) const;

  // The file that is written from now on; the one before is complete.
  Status NextFile(const std::string& name);
  Status Append(std::string_view bytes);
  // All files are there: makes them durable, verifies every block of them, makes the database this
  // shard's, and puts it where the next opening takes it. source_had: the source's positions before
  // it made the checkpoint. cancelled: asked now and then. kCorruption when it is not sound.
  Status Finish(const VersionVector& source_had, const std::function<bool()>& cancelled);

 private:
  explicit CheckpointCopy(CopyTarget target);
  Status EndFile();
  // Verifies the database in incoming/, joins it, and gives it the identity.
  Status Adopt(const VersionVector& source_had, const std::function<bool()>& cancelled);
  Status CheckSource(rocksdb::DB* db) const;
  // What is free beyond what the shard itself needs to go on.
  StatusOr<uint64_t> SpareBytes() const;

  const CopyTarget target_;
  std::unique_ptr<rocksdb::WritableFile> file_;
  uint64_t appended_ = 0;      // to it
  uint64_t written_back_ = 0;  // of that, what the disk was told to write
  bool finished_ = false;
};

// Takes what is in ready/, if there is something, in place of the database. To be called with the
// shard's lock. Goes on where a crash has cut it short.
Status InstallCopy(FileSystem* files, const std::string& dir);
// Removes what copies and checkpoints of earlier openings have left. The same.
Status RemoveLeftovers(FileSystem* files, const std::string& dir);

}  // namespace vasto::storage
