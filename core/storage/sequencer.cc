// SPDX-License-Identifier: Apache-2.0
#include "core/storage/sequencer.h"

#include <algorithm>
#include <thread>

#include "core/storage/log_file_system.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

// How many batches a leader does before somebody else has to go on: a submitter wants its thread
// back, and other shards want the pool's.
constexpr int kCallerBatches = 4;
constexpr int kPoolBatches = 64;
// What a queued write costs besides its bytes.
constexpr size_t kWriteOverhead = 128;

bool IsFence(const Write& write) {
  return write.kind == WriteKind::kFence || write.kind == WriteKind::kUnfence;
}

}  // namespace

Sequencer::Sequencer(rocksdb::DB* db, const RecordCache::Owner& owner, const ShardOptions& options,
                     EventTime bound, const GcFloors* floors, Feed* feed,
                     const std::atomic<EventTime>* agreed, ShardHealth* health, Engine* engine)
    : db_(db),
      cache_(owner.cache),
      buffers_(engine->write_buffers()),
      feed_(feed),
      health_(health),
      timers_(engine->timers()),
      pool_(options.pool),
      durability_(options.durability),
      sync_interval_us_(options.sync_interval_us),
      max_queued_bytes_(options.max_queued_bytes),
      replicated_(options.replicated),
      builder_(db, owner, options, bound, floors, feed, agreed) {}

size_t Sequencer::BytesOf(const Write& write) {
  const size_t applied = write.applied == nullptr ? 0 : write.applied->changes.size();
  return write.key.size() + write.payload.size() + applied + kWriteOverhead;
}

void Sequencer::RefuseAll(Write* list, const Status& status) {
  while (list != nullptr) {
    Write* const next = list->next;
    list->outcome = {};
    list->outcome.status = status;
    list->Done();
    list = next;
  }
}

void Sequencer::Submit(Write* list) {
  if (list == nullptr) return;
  if (closing_.load(std::memory_order_acquire)) {
    return RefuseAll(list, Status::Closed("the shard is closing"));
  }
  size_t bytes = 0;
  for (const Write* w = list; w != nullptr; w = w->next) bytes += BytesOf(*w);
  const size_t before = queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before > 0 && before + bytes > max_queued_bytes_ && !IsFence(*list)) {
    queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return RefuseAll(list, Status::Busy("too many writes wait for this shard"));
  }
  switch (queue_.Push(list)) {
    case WriteQueue::PushResult::kQueued:
      return;
    case WriteQueue::PushResult::kClosed:
      queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return RefuseAll(list, Status::Closed("the shard is closed"));
    case WriteQueue::PushResult::kLeader:
      if (durability_ == Durability::kAlways) return HandOver(Where::kCaller);
      return Lead(Where::kCaller);
  }
}

void Sequencer::Close() {
  closing_.store(true, std::memory_order_release);
  pool_leaders_.Close();
  // Only a Submit that has not returned, against the contract, could make this wait.
  while (!queue_.TryClose()) std::this_thread::yield();
}

void Sequencer::HandOver(Where where) {
  if (where == Where::kCaller && !pool_leaders_.Enter()) return Lead(Where::kDrain);
  if (pool_->Submit([this] { Lead(Where::kPool); })) return;
  Lead(Where::kDrain);
  pool_leaders_.Leave();
}

void Sequencer::Lead(Where where) {
  const int max_batches = where == Where::kCaller ? kCallerBatches : kPoolBatches;
  for (int batches = 0;; ++batches) {
    if (stage_ == Stage::kTake && waiting_ == nullptr) {
      Write* const taken = queue_.TakeOrRetire();
      if (taken == nullptr) {  // retired: the leader's members may be another thread's already
        if (where == Where::kPool) pool_leaders_.Leave();
        return;
      }
      waiting_ = taken;
    }
    const bool tired = where != Where::kDrain && batches == max_batches;
    if (tired || !Step(where)) return HandOver(where);
  }
}

bool Sequencer::Step(Where where) {
  const bool may_wait = where != Where::kCaller;
  if (stage_ == Stage::kTake) {
    TakeBatch();
    if (CompleteAtFence()) return true;
    if (const Status health = health_->Get(); !health.ok()) {
      for (Write* w : writes_) w->outcome = {};
      Complete(health);
      return true;
    }
    builder_.Prepare(writes_.data(), writes_.size());
    stage_ = Stage::kFetch;
  }
  if (stage_ == Stage::kFetch) {
    if (!builder_.Fetch(may_wait)) return false;
    const Status status = builder_.Resolve();
    if (!status.ok()) {
      Complete(status);
      return true;
    }
    stage_ = Stage::kWrite;
  }
  Status result;
  if (!builder_.empty() && !WriteBatch(where, &result)) return false;
  Complete(result);
  return true;
}

bool Sequencer::IsAlone(const Write& write) const {
  const bool rewrites = write.kind == WriteKind::kTouch || write.kind == WriteKind::kAppend;
  const bool large = replicated_ && rewrites;
  return large || write.kind == WriteKind::kApply || IsFence(write);
}

void Sequencer::TakeBatch() {
  writes_.clear();
  writes_bytes_ = 0;
  do {
    writes_bytes_ += BytesOf(*waiting_);
    writes_.push_back(waiting_);
    waiting_ = waiting_->next;
  } while (waiting_ != nullptr && writes_.size() < kMaxBatchWrites && !IsAlone(*writes_.back()) &&
           !IsAlone(*waiting_) && writes_bytes_ + BytesOf(*waiting_) <= kMaxBatchBytes);
}

bool Sequencer::CompleteAtFence() {
  const WriteKind kind = writes_.front()->kind;
  const bool fence = IsFence(*writes_.front());
  if (fence) fenced_ = kind == WriteKind::kFence;
  if (!fence && (!fenced_ || kind == WriteKind::kApply)) return false;
  for (Write* w : writes_) w->outcome = {};
  Complete(fence ? Status::Ok()
                 : Status::Unavailable("this replica takes no writes of clients now"));
  return true;
}

bool Sequencer::WriteBatch(Where where, Status* result) {
  if (!buffers_->HasRoom()) {
    if (where == Where::kCaller) return false;
    if (where == Where::kPool) buffers_->WaitForRoom();
  }
  rocksdb::WriteOptions options;
  options.sync = durability_ == Durability::kAlways;
  options.no_slowdown = where == Where::kCaller;
  const RecordCache::WriteScope scope(cache_, &builder_.changed());
  bool visible = false;
  const rocksdb::Status status = WriteLogged(db_, *health_, options, builder_.batch(), &visible);
  if (status.IsIncomplete() && options.no_slowdown) return false;
  *result = FromRocksDb(status);
  if (visible) builder_.Committed(result->ok());
  if (!result->ok()) {
    health_->Fail(*result, "a log write");
  } else if (durability_ == Durability::kInterval) {
    ScheduleSync();
  }
  return true;
}

void Sequencer::Complete(const Status& status) {
  stage_ = Stage::kTake;
  queued_bytes_.fetch_sub(writes_bytes_, std::memory_order_relaxed);
  const Position position = replicated_ ? feed_->OwnPosition() : Position{};
  for (Write* w : writes_) {
    if (!status.ok() && w->outcome.status.ok()) {
      w->outcome = {};
      w->outcome.status = status;
    }
    w->outcome.position = position;
    w->Done();
  }
  feed_->NotifyListener();
}

void Sequencer::ScheduleSync() {
  if (sync_scheduled_.exchange(true, std::memory_order_acq_rel)) return;
  // Half the interval, so that the sync itself has the other half.
  timers_->After(sync_interval_us_ / 2, this, [this] { Sync(); });
}

void Sequencer::Sync() {
  // Before the sync: what is written while it runs schedules the next one.
  sync_scheduled_.store(false, std::memory_order_release);
  health_->Fail(FromRocksDb(SyncLog(db_, *health_)), "a log sync");
}

}  // namespace vasto::storage
