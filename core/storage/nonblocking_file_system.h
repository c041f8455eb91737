// SPDX-License-Identifier: Apache-2.0
// A file system whose tables can be read without waiting for the disk: a thread says for how long
// it must not wait, and a read that the operating system's page cache cannot serve at once then
// fails with Busy (preadv2(2), RWF_NOWAIT) instead of waiting. So an I/O thread serves what is in
// the block cache or in the page cache itself, and only what really needs the disk changes threads.
//
// RocksDB's own way of asking (kBlockCacheTier) looks no further than the block cache, and 7.8.3's
// MultiGet reads blocks all the same.
//
// Where the kernel cannot tell (EOPNOTSUPP, on some network and overlay file systems), every read
// of the disk counts as one that waits.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace vasto::storage {

// While it lives, reads of the thread through a NonBlockingFileSystem do not wait. Scopes nest.
// Threads: the one that made it.
class NonBlockingScope {
 public:
  // on = false changes nothing, so that a caller needs no branch.
  explicit NonBlockingScope(bool on);
  ~NonBlockingScope();
  NonBlockingScope(const NonBlockingScope&) = delete;
  NonBlockingScope& operator=(const NonBlockingScope&) = delete;

  // Whether the calling thread must not wait.
  static bool active();

 private:
  const bool before_;
};

// Everything but the reading of tables goes to the target.
std::shared_ptr<rocksdb::FileSystem> NewNonBlockingFileSystem(
    std::shared_ptr<rocksdb::FileSystem> target);

}  // namespace vasto::storage
