// SPDX-License-Identifier: Apache-2.0
#include "core/storage/engine.h"

#include <rocksdb/cache.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/sst_file_manager.h>

#include <algorithm>
#include <string>

#include "core/storage/nonblocking_file_system.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr int kTimerThreads = 2;
// A flush mostly waits for the disk, and what waits for a flush is memory beyond the budget.
constexpr int kFlushThreads = 3;
// Below this RocksDB would open and close files all the time.
constexpr int kMinFilesPerShard = 32;
// What a write buffer takes while it is empty grows with its size.
constexpr size_t kMinWriteBuffer = 256 << 10;
// Larger ones cost more cache misses for each write than they save in compactions.
constexpr size_t kMaxWriteBuffer = 32 << 20;
// An idle shard costs one arena block.
constexpr size_t kBlocksPerWriteBuffer = 256;
// What an open database takes outside of caches and memtables, measured with hundreds of them.
constexpr size_t kBytesPerShard = 96 << 10;
// The caches change their sizes in so many steps: a smaller record cache is an empty one.
constexpr size_t kSizesOfCaches = 32;

// Below this all of the memory for caching goes to blocks: filters and indexes come first.
constexpr size_t kMinBytesForRecords = 64 << 20;

// Half for records makes reads of single keys about twice as fast where the data, or what is asked
// for most, fits; where keys are asked for evenly and twice the memory would not hold them, it
// costs a fifth.
size_t RecordCacheBytes(const EngineOptions& options) {
  return options.block_cache_bytes < kMinBytesForRecords ? 0 : options.block_cache_bytes / 2;
}

size_t ArenaBlock(size_t write_buffer) { return write_buffer / kBlocksPerWriteBuffer; }

}  // namespace

Engine::Engine(const EngineOptions& options, rocksdb::Env* env)
    : options_(options),
      env_(rocksdb::NewCompositeEnv(NewNonBlockingFileSystem(env->GetFileSystem()))),
      write_buffers_(options.write_buffer_bytes),
      record_cache_(RecordCacheBytes(options)),
      feed_budget_(options.feed_bytes),
      timers_(kTimerThreads, options.clock),
      cache_bytes_(options.block_cache_bytes) {
  shared_.env = env_.get();
  shared_.env->IncBackgroundThreadsIfNeeded(options.background_threads, rocksdb::Env::LOW);
  shared_.env->IncBackgroundThreadsIfNeeded(kFlushThreads, rocksdb::Env::HIGH);
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_bytes - RecordCacheBytes(options);
  // Index and filter blocks are asked for by every read: a scan must not drive them out.
  cache.high_pri_pool_ratio = 0.5;
  shared_.block_cache = rocksdb::NewLRUCache(cache);
  shared_.write_buffers = write_buffers_.manager();
  if (options.background_bytes_per_second > 0) {
    shared_.rate_limiter.reset(rocksdb::NewGenericRateLimiter(options.background_bytes_per_second));
  }
  shared_.sst_files.reset(rocksdb::NewSstFileManager(shared_.env));
  shared_.background_threads = options.background_threads;
}

int Engine::FilesPerShard() const {
  return std::max(kMinFilesPerShard, options_.max_open_files / divisor_);
}

size_t Engine::WriteBufferPerShard() const {
  const size_t budget = options_.write_buffer_bytes;
  const size_t most = std::clamp(budget / 2, kMinWriteBuffer, kMaxWriteBuffer);
  return std::clamp(8 * budget / static_cast<size_t>(divisor_), kMinWriteBuffer, most);
}

rocksdb::Options Engine::MakeDbOptions() const {
  rocksdb::Options options = MakeOptions(shared_);
  MutexLock lock(&mu_);
  options.max_open_files = FilesPerShard();
  options.write_buffer_size = WriteBufferPerShard();
  options.arena_block_size = ArenaBlock(options.write_buffer_size);
  return options;
}

void Engine::SizeCaches() {
  const size_t most = options_.block_cache_bytes;
  const size_t taken = std::min(most / 4 * 3, shards_.size() * kBytesPerShard);
  const size_t step = std::max<size_t>(most / kSizesOfCaches, 1);
  const size_t left = most - taken / step * step;
  if (left == cache_bytes_) return;
  const size_t records = RecordCacheBytes(options_) == 0 ? 0 : left / 2;
  cache_bytes_ = left;
  record_cache_.Limit(records);
  shared_.block_cache->SetCapacity(left - records);
}

Status Engine::Attach(rocksdb::DB* db, const ShardHealth* health) {
  write_buffers_.Attach(db, health);
  MutexLock lock(&mu_);
  shards_.insert(db);
  SizeCaches();
  return shards_.size() <= static_cast<size_t>(divisor_) ? Status::Ok() : DivideAnew();
}

Status Engine::DivideAnew() {
  const int files_before = FilesPerShard();
  const size_t buffer_before = WriteBufferPerShard();
  divisor_ *= 2;
  const std::string files = std::to_string(FilesPerShard());
  const std::string buffer = std::to_string(WriteBufferPerShard());
  const std::string block = std::to_string(ArenaBlock(WriteBufferPerShard()));
  for (rocksdb::DB* shard : shards_) {
    if (FilesPerShard() != files_before) {
      VASTO_RETURN_IF_ERROR(FromRocksDb(shard->SetDBOptions({{"max_open_files", files}})));
    }
    if (WriteBufferPerShard() != buffer_before) {
      VASTO_RETURN_IF_ERROR(FromRocksDb(
          shard->SetOptions({{"write_buffer_size", buffer}, {"arena_block_size", block}})));
    }
  }
  return {};
}

void Engine::Detach(rocksdb::DB* db) {
  write_buffers_.Detach(db);
  MutexLock lock(&mu_);
  shards_.erase(db);
  SizeCaches();
}

StatusOr<std::shared_ptr<Engine>> NewEngine(const EngineOptions& options) {
  if (options.background_threads < 1 || options.max_open_files < 1 ||
      options.background_bytes_per_second < 0) {
    return Status::InvalidArgument("engine: threads and open files must be at least 1");
  }
  if (options.write_buffer_bytes < (1 << 20)) {
    return Status::InvalidArgument("engine: write buffers need at least 1 MiB");
  }
  return std::make_shared<Engine>(options);
}

}  // namespace vasto::storage
