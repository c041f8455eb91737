// SPDX-License-Identifier: Apache-2.0
#include "core/storage/write_buffers.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/thread_pool.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr size_t kMinBytesPerShard = 64 << 10;
// Beyond any memory: RocksDB's own manager is to count and never to act.
constexpr size_t kNeverFull = size_t{1} << 50;
constexpr int64_t kLongestWaitUs = 1'000'000;
constexpr int64_t kFlushingUs = 1'000;  // between looks at flushes that run
constexpr int64_t kWaitingUs = 5'000;
constexpr int64_t kStuckUs = 100'000;  // until what could not be flushed is tried again

}  // namespace

WriteBuffers::WriteBuffers(size_t budget_bytes)
    : budget_bytes_(budget_bytes),
      manager_(std::make_shared<rocksdb::WriteBufferManager>(kNeverFull)) {
  {
    MutexLock lock(&shards_mu_);
    SetLimits();
  }
  thread_ = std::thread([this] {
    SetThreadName("vasto-buffers");
    Run();
  });
}

WriteBuffers::~WriteBuffers() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.Signal();
  thread_.join();
}

void WriteBuffers::SetLimits() {
  const size_t limit = std::max(budget_bytes_, shards_.size() * kMinBytesPerShard);
  // Flushing does not free what empty memtables have.
  const size_t empty = shards_.size() * kEmptyBytes;
  limit_ = limit;
  crowded_above_ = empty + (limit - empty) / 2;
  flush_down_to_ = empty + (limit - empty) / 8 * 3;
}

void WriteBuffers::Attach(rocksdb::DB* db, const ShardHealth* health) {
  MutexLock lock(&shards_mu_);
  shards_.emplace(db, health);
  SetLimits();
}

void WriteBuffers::Detach(rocksdb::DB* db) {
  MutexLock lock(&shards_mu_);
  shards_.erase(db);
  SetLimits();
}

bool WriteBuffers::HasRoom() {
  if (!IsCrowded()) return true;
  if (idle_.load()) {
    MutexLock lock(&mu_);
    wake_.Signal();
  }
  return !IsFull();
}

void WriteBuffers::WaitForRoom() {
  MutexLock lock(&mu_);
  wake_.Signal();
  if (IsFull() && !stuck_) room_.WaitFor(&mu_, kLongestWaitUs);
}

void WriteBuffers::Run() {
  for (;;) {
    const Pass pass = filling() > crowded_above_.load() ? FlushFullest() : Pass::kFlushing;
    MutexLock lock(&mu_);
    stuck_ = pass == Pass::kNothingToFlush;
    if (stuck_ || !IsFull()) room_.SignalAll();
    if (stopping_) return;
    idle_ = true;
    if (!IsCrowded()) {
      wake_.Wait(&mu_);
      idle_ = false;
      continue;
    }
    idle_ = false;
    wake_.WaitFor(&mu_, pass == Pass::kFlushing  ? kFlushingUs
                        : pass == Pass::kWaiting ? kWaitingUs
                                                 : kStuckUs);
  }
}

WriteBuffers::Pass WriteBuffers::FlushFullest() {
  struct Filling {
    uint64_t bytes;
    rocksdb::DB* db;
  };
  std::vector<Filling> fullest;
  Pass pass = Pass::kNothingToFlush;
  MutexLock lock(&shards_mu_);
  for (const auto& [db, health] : shards_) {
    if (!health->ok()) continue;
    if (IntProperty(db, rocksdb::DB::Properties::kNumImmutableMemTable) > 0) {
      pass = Pass::kWaiting;  // a second one would stop its writes
      continue;
    }
    fullest.push_back({IntProperty(db, rocksdb::DB::Properties::kCurSizeActiveMemTable), db});
  }
  std::sort(fullest.begin(), fullest.end(),
            [](const Filling& a, const Filling& b) { return a.bytes > b.bytes; });
  const size_t target = flush_down_to_.load();
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  for (const Filling& shard : fullest) {
    // One that is below the average of the target is not what the memory is in.
    if (filling() <= target || shard.bytes <= target / shards_.size()) break;
    if (shard.db->Flush(options).ok()) pass = Pass::kFlushing;
  }
  return pass;
}

}  // namespace vasto::storage
