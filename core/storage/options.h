// SPDX-License-Identifier: Apache-2.0
// The options of a shard's database: what makes one fast, hundreds of them small, and keeps clear
// of what is broken in RocksDB 7.8.3 or would break the feed of changes that a shard's log is.
//
// Threads: any; pure functions.
#pragma once

#include <rocksdb/options.h>

#include <memory>

#include "core/base/status.h"

namespace vasto::storage {

// What the shards of a process share.
struct SharedParts {
  rocksdb::Env* env = nullptr;  // borrowed; lives for ever
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::shared_ptr<rocksdb::RateLimiter> rate_limiter;  // may be null
  std::shared_ptr<rocksdb::SstFileManager> sst_files;
  int background_threads = 2;
};

// The options of every shard but for what differs: listeners, filter, logger, max_open_files,
// write_buffer_size, arena_block_size, create_if_missing.
rocksdb::Options MakeOptions(const SharedParts& shared);

// kInvalidArgument naming the first option that must not be set this way, with the reason. For the
// options that a database really runs with (DB::GetOptions).
Status CheckOptions(const rocksdb::Options& options);

}  // namespace vasto::storage
