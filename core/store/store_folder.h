// SPDX-License-Identifier: Apache-2.0
// The folder of one store:
//
//   LOCK                              held while a process uses the folder
//   STORE                             identity: format version, store and cluster uuid, highest
//                                     term (text, with a checksum)
//   MAP                               the last cluster map heard of (map_cache.h); may be missing
//   keyspaces/<uuid>.desc             descriptors (core/topology/descriptor_codec.h), deleted ones
//                                     too
//   shards/<keyspace uuid>/<number>/  one RocksDB each
//   removed/<n>-<keyspace>-<number>/  dropped shards, and databases that copies have replaced, that
//                                     wait to be deleted
//   damaged/<n>-<keyspace>-<number>/  what could not be used any more and was made anew, or could
//                                     not be given back to the replicas elsewhere; it stays
//
// Invariants: every file is replaced whole or not at all (FileSystem::WriteAtomically); a folder
// that holds anything but a store is never written to; a format newer than kFolderFormat is refused
// before anything is touched.
//
// Threads: any, after Open.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/store/store_control.h"
#include "core/topology/cluster_map.h"

namespace vasto::store {

constexpr uint32_t kFolderFormat = 1;

class StoreFolder {
 public:
  // What was found when it was opened.
  struct Contents {
    StoreIdentity identity;
    std::vector<KeyspaceDescriptor> descriptors;
    // Descriptor files that could not be read, with the reason. Their shards are left alone until a
    // master installs the keyspace again.
    std::vector<std::pair<std::string, Status>> damaged;
  };

  // Locks the folder, making it when it is not there, and gives an empty one a new identity. Errors
  // a person can act on: kBusy (in use), kInvalidArgument (holds something else), kNotSupported
  // (newer format), kCorruption, kPermission, kIoError. files: borrowed; outlives *this. random:
  // for a new uuid.
  static StatusOr<std::unique_ptr<StoreFolder>> Open(FileSystem* files, const std::string& dir,
                                                     Random* random, Contents* contents);
  StoreFolder(const StoreFolder&) = delete;
  StoreFolder& operator=(const StoreFolder&) = delete;

  const std::string& dir() const { return dir_; }
  Status SaveIdentity(const StoreIdentity& identity);
  Status SaveDescriptor(const KeyspaceDescriptor& descriptor);
  // OK when there is none.
  Status ForgetDescriptor(const Uuid& keyspace);

  std::string ShardDir(const Uuid& keyspace, int32_t shard) const;
  // Whether there is a folder of this shard with something in it.
  bool HasShard(const Uuid& keyspace, int32_t shard) const;
  // Makes the folder of a shard that is about to be made, durably.
  Status PrepareShard(const Uuid& keyspace, int32_t shard);
  // The shards of this keyspace that have a folder, in ascending order.
  StatusOr<std::vector<int32_t>> ShardsOnDisk(const Uuid& keyspace) const;
  // Moves a shard's folder to removed/ and gives back where it is now; OK with an empty path when
  // there is no such folder. REQUIRES: the shard is closed.
  StatusOr<std::string> RemoveShard(const Uuid& keyspace, int32_t shard);
  // Moves the folder of a shard that is none of this store any more to damaged/, where it stays:
  // what it holds could not be given back. As RemoveShard.
  StatusOr<std::string> KeepShard(const Uuid& keyspace, int32_t shard);
  // The same for the database in a shard's folder that a copy of another replica has replaced.
  StatusOr<std::string> RemoveFormer(const Uuid& keyspace, int32_t shard);
  // Moves a shard's folder, which cannot be used any more, to damaged/, where it stays, and makes
  // an empty one that is marked incomplete. Gives back where the former is; empty: there was none.
  StatusOr<std::string> StartAnew(const Uuid& keyspace, int32_t shard);
  // Whether the shard's replica was made anew and has not had all that the others have since.
  bool IsIncomplete(const Uuid& keyspace, int32_t shard) const;
  Status MarkIncomplete(const Uuid& keyspace, int32_t shard);
  // OK when it is complete already, or gone.
  Status MarkComplete(const Uuid& keyspace, int32_t shard);
  // Everything in removed/, as full paths.
  StatusOr<std::vector<std::string>> Removed() const;

 private:
  // Moves it to that folder of the store's under a name that tells whose it was.
  StatusOr<std::string> PutAway(const std::string& what, const std::string& where,
                                const Uuid& keyspace, int32_t shard);
  std::string IncompletePath(const Uuid& keyspace, int32_t shard) const;
  StoreFolder(FileSystem* files, std::string dir, std::unique_ptr<FolderLock> lock);
  static Status CheckUsable(FileSystem* files, const std::string& dir);
  Status Load(Random* random, Contents* contents);
  // Of keyspaces whose shards were dropped since the last start.
  Status RemoveEmptyFolders();
  Status LoadDescriptors(Contents* contents);

  FileSystem* const files_;  // borrowed; outlives *this
  const std::string dir_;
  const std::unique_ptr<FolderLock> lock_;
  std::atomic<uint64_t> next_removed_{0};
};

// The text of STORE. Decoding: kCorruption for a damaged file, kNotSupported for a newer format.
// Pure.
std::string EncodeIdentity(const StoreIdentity& identity);
StatusOr<StoreIdentity> DecodeIdentity(std::string_view text);

}  // namespace vasto::store
