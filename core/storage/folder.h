// SPDX-License-Identifier: Apache-2.0
// A shard's folder on disk:
//
//   LOCK       held while the shard is open
//   IDENTITY   whose it is: keyspace, shard number, incarnation
//   FORMAT     the layout's version; written last, so its presence says that the database was made
//   db/        the RocksDB database, which repeats IDENTITY under a meta key
//   INCOMPLETE is there until a replica that was made anew has once had what the others have; the
//              store's (core/store/store_folder.h)
//
// IDENTITY and FORMAT: 8 bytes of magic, a version byte, the fields, then XXH3_64 of all that;
// little-endian. Both are written whole or not at all. A folder whose making was cut short by a
// crash has no FORMAT yet and is completed by the next open.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"

namespace vasto::storage {

constexpr uint8_t kFolderFormat = 1;
constexpr std::string_view kIncompleteFile = "INCOMPLETE";

struct ShardIdentity {
  Uuid keyspace;
  int32_t shard = 0;
  uint64_t incarnation = 0;

  bool operator==(const ShardIdentity&) const = default;
  std::string ToString() const;
};

std::string EncodeIdentity(const ShardIdentity& identity);
// kCorruption, or kNotSupported for a newer version.
StatusOr<ShardIdentity> DecodeIdentity(std::string_view bytes);

class ShardFolder {
 public:
  // Locks the folder, makes it when absent, and checks that it belongs to this keyspace and shard;
  // an empty one gets an identity with a new incarnation, drawn from random. Errors as Shard::Open.
  static StatusOr<std::unique_ptr<ShardFolder>> Open(FileSystem* files, Random* random,
                                                     const std::string& path, const Uuid& keyspace,
                                                     int32_t shard);

  const ShardIdentity& identity() const { return identity_; }
  std::string db_path() const { return path_ + "/db"; }
  // Whether the database was made before: its absence is then a loss, not a beginning.
  bool complete() const { return complete_; }
  // Says that the database is there now. Idempotent.
  Status MarkComplete();

 private:
  ShardFolder(FileSystem* files, std::string path) : files_(files), path_(std::move(path)) {}
  Status CheckFormat();
  Status Claim(const Uuid& keyspace, int32_t shard, Random* random);
  Status CheckOwner(const Uuid& keyspace, int32_t shard) const;

  FileSystem* const files_;  // borrowed; outlives *this
  const std::string path_;
  std::unique_ptr<FolderLock> lock_;
  ShardIdentity identity_;
  bool complete_ = false;
};

}  // namespace vasto::storage
