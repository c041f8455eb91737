// SPDX-License-Identifier: Apache-2.0
#include "core/store/write_queue.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/codec/limits.h"
#include "core/store/route.h"
#include "core/store/seen.h"

namespace vasto::store {
namespace {

storage::WriteKind ToStorage(rpc::WriteKind kind) {
  switch (kind) {
    case rpc::WriteKind::kPut:
      return storage::WriteKind::kPut;
    case rpc::WriteKind::kDelete:
      return storage::WriteKind::kDelete;
    case rpc::WriteKind::kTouch:
      return storage::WriteKind::kTouch;
    case rpc::WriteKind::kAppend:
      return storage::WriteKind::kAppend;
    default:
      return storage::WriteKind::kMerge;
  }
}

// REQUIRES: IsMerge(kind). The operations have the same order on the wire and in records.
MergeOp ToMergeOp(rpc::WriteKind kind) {
  static_assert(static_cast<int>(rpc::WriteKind::kMaxFloat64) -
                    static_cast<int>(rpc::WriteKind::kAddInt64) ==
                static_cast<int>(MergeOp::kMaxFloat64) - static_cast<int>(MergeOp::kAddInt64));
  return static_cast<MergeOp>(static_cast<int>(MergeOp::kAddInt64) + static_cast<int>(kind) -
                              static_cast<int>(rpc::WriteKind::kAddInt64));
}

storage::Condition ToStorage(rpc::Condition condition) {
  switch (condition) {
    case rpc::Condition::kNone:
      return storage::Condition::kNone;
    case rpc::Condition::kIfAbsent:
      return storage::Condition::kIfAbsent;
    case rpc::Condition::kIfVersion:
      return storage::Condition::kIfVersion;
  }
  return storage::Condition::kNone;
}

// Moves a checked entry of the request into the sequencer's form.
template <typename Request>
void Fill(const Request& request, const rpc::CallContext& context, rpc::WriteEntry* entry,
          storage::Write* write) {
  write->kind = ToStorage(entry->kind);
  if (rpc::IsMerge(entry->kind)) write->merge_op = ToMergeOp(entry->kind);
  write->key = std::move(entry->key);
  write->payload = std::move(entry->payload);
  write->partition_hash = entry->partition_hash;
  write->value_type = entry->value_type;
  write->content_checksum = entry->content_checksum;
  write->event_time = entry->event_time;
  write->ttl_seconds = entry->ttl_seconds;
  write->expires_at_us = entry->expires_at_us;
  write->condition = ToStorage(entry->condition);
  write->if_version = entry->if_version;
  write->deadline_us = DeadlineOf(request.ref, context);
  write->not_after = request.not_after;
  write->clock_floor = request.clock_floor;
}

// What a write met that the shard could not carry out may be there after all (shard.h), but another
// replica may take it for sure. kTimeout is how a client hears that it does not know and may repeat
// it.
Code CodeOf(const ShardHandle& shard, const Status& status) {
  const bool failed = status.Is(Code::kNoSpace) || status.Is(Code::kIoError);
  return failed && shard.OthersMayWrite() ? Code::kTimeout : status.code();
}

void Fill(const ShardHandle& shard, const storage::WriteOutcome& outcome,
          rpc::WriteResult* result) {
  result->code = CodeOf(shard, outcome.status);
  result->event_time = outcome.event_time;
  result->superseded = outcome.superseded;
  if (!outcome.status.ok()) result->message = outcome.status.message();
}

void Fill(const Status& failure, rpc::WriteResult* result) {
  result->code = failure.code();
  result->message = failure.message();
}

// How many replicas besides this one must have a write before it is answered.
int OthersNeeded(const KeyspaceView& view, const std::optional<AckLevel>& asked) {
  switch (asked.value_or(view.acks)) {
    case AckLevel::kOne:
      return 0;
    case AckLevel::kQuorum:
      return view.replica_count / 2;
    case AckLevel::kAll:
      return view.replica_count - 1;
  }
  return view.replica_count - 1;
}

Status NotConfirmed(int others) {
  return Status::Timeout("the write is done on this store, but " + std::to_string(others) +
                         (others == 1 ? " other replica" : " other replicas") +
                         " did not confirm it in time; they get it later");
}

// What others did not confirm is in doubt.
void FailUnconfirmed(int others, rpc::WriteResult* result) {
  const EventTime event_time = result->event_time;
  Fill(NotConfirmed(others), result);
  result->event_time = event_time;
}

// When to give up waiting for other replicas, for a call without a deadline.
constexpr int64_t kDefaultConfirmUs = 10'000'000;

// How long before its deadline a caller is told that nobody confirmed: it hears it in time, and
// what it then knows of the write it would not know of silence.
constexpr int64_t kAnswerUs = 30'000;

int64_t ConfirmDeadline(const rpc::ShardRef& ref, const rpc::CallContext& context) {
  const int64_t deadline_us = DeadlineOf(ref, context);
  if (deadline_us == 0) return context.received_us + kDefaultConfirmUs;
  return deadline_us - std::min(kAnswerUs, (deadline_us - context.received_us) / 8);
}

// Whether so many other replicas are there to confirm a write. OK; kUnavailable when not.
Status CheckOthers(const ShardHandle& shard, int others) {
  return others == 0 || shard.replica == nullptr ? Status::Ok()
                                                 : shard.replica->CheckFollowers(others);
}

// Whether a write that was made here must wait for other replicas.
bool MustWait(const ShardHandle& shard, int others) {
  return others > 0 || (shard.replica != nullptr && shard.replica->WaitsForPreferred());
}

// A condition that did not hold is an answer, not an error.
bool IsError(const Status& status) {
  return !status.ok() && !status.Is(Code::kNotFound) && !status.Is(Code::kAlreadyExists) &&
         !status.Is(Code::kStaleWrite);
}

}  // namespace

class WriteQueue::Single final : public storage::Write, public replication::AckWaiter {
 public:
  Single(rpc::WriteRequest request, rpc::Responder<rpc::Write> responder)
      : request_(std::move(request)), responder_(std::move(responder)) {}

  void Done() override {
    if (!outcome.status.ok() || !MustWait(*shard_, others_)) return Answer(true);
    shard_->replica->WaitForReplicas(outcome.position, others_,
                                     ConfirmDeadline(request_.ref, responder_.context()), this);
  }
  void Ended(bool acknowledged) override { Answer(acknowledged); }

  Status Route(const RoutingTable& table, const KeyspaceView** view, ShardHandle** shard) {
    const rpc::WriteEntry& entry = request_.entry;
    VASTO_RETURN_IF_ERROR(FindKeyspace(table, request_.ref, view));
    VASTO_RETURN_IF_ERROR(CheckWrite(entry));
    VASTO_RETURN_IF_ERROR(FindShardOfKey(**view, request_.ref, responder_.context().received_us,
                                         entry.key, entry.partition_hash, shard));
    shard_ = *shard;
    VASTO_RETURN_IF_ERROR(CheckTakesWrites(*shard_, request_.stand_in));
    others_ = shard_->replica == nullptr ? 0 : OthersNeeded(**view, request_.acks);
    return CheckOthers(*shard_, others_);
  }
  void Fail(const Status& status) { responder_.Fail(status); }
  // The last step before the sequencer.
  void Prepare(KeyspaceMetrics* metrics, const Clock* clock) {
    metrics_ = metrics;
    clock_ = clock;
    vasto::store::Fill(request_, responder_.context(), &request_.entry, this);
    log_anyway = others_ > 0 || request_.tell_seen;
  }

 private:
  // confirmed: by as many other replicas as are needed. Ends *this.
  void Answer(bool confirmed) {
    rpc::WriteResponse response;
    vasto::store::Fill(*shard_, outcome, &response);
    if (!confirmed) FailUnconfirmed(others_, &response);
    if (request_.tell_seen) {
      response.seen = SeenByWrite(*shard_, outcome.position, outcome.status.ok());
    }
    const int64_t received_us = responder_.context().received_us;
    responder_.Ok(response);
    if (IsError(outcome.status) || !confirmed) metrics_->write.errors->Add();
    metrics_->keys_written->Add();
    metrics_->write.Count(received_us, clock_);
    delete this;
  }

  rpc::WriteRequest request_;
  rpc::Responder<rpc::Write> responder_;
  ShardHandle* shard_ = nullptr;        // borrowed; its replica ends all waiting before it goes
  int others_ = 0;                      // replicas that must confirm
  KeyspaceMetrics* metrics_ = nullptr;  // borrowed, like clock_; outlive the shard
  const Clock* clock_ = nullptr;
};

// A write_batch on its way. Deletes itself after the last of its entries.
class WriteQueue::Batch final : public replication::AckWaiter {
 public:
  Batch(rpc::WriteBatchRequest request, rpc::Responder<rpc::WriteBatch> responder)
      : request_(std::move(request)), responder_(std::move(responder)) {}

  // One entry in the sequencer.
  class Item final : public storage::Write {
   public:
    void Done() override {
      vasto::store::Fill(*batch->shard_, outcome, result);
      if (IsError(outcome.status)) batch->metrics_->write_batch.errors->Add();
      if (!outcome.status.ok()) batch->all_done_.store(false, std::memory_order_relaxed);
      // Of one sequencer: the last to come has the greatest.
      batch->position_ = outcome.position;
      batch->Finished(1);
    }
    Batch* batch = nullptr;
    rpc::WriteResult* result = nullptr;
  };

  // All entries belong to one shard. An entry that breaks a limit has its own result and stops no
  // other.
  Status Route(const RoutingTable& table, const KeyspaceView** view, ShardHandle** shard);
  // Calls append(Write*) for every entry that goes to the sequencer. *this may be gone afterwards.
  template <typename AppendFn>
  void Submit(KeyspaceMetrics* metrics, const Clock* clock, AppendFn append);
  void Fail(const Status& status) { responder_.Fail(status); }
  // n entries have their result; after the last one it waits for other replicas if it must, then
  // answers and deletes *this.
  void Finished(uint32_t n);
  void Ended(bool acknowledged) override;

 private:
  void Answer();

  rpc::WriteBatchRequest request_;
  rpc::Responder<rpc::WriteBatch> responder_;
  rpc::WriteBatchResponse response_;
  std::unique_ptr<Item[]> items_;
  std::atomic<uint32_t> left_{0};
  ShardHandle* shard_ = nullptr;        // borrowed; its replica ends all waiting before it goes
  int others_ = 0;                      // replicas that must confirm
  Position position_;                   // of the entries that have their result
  std::atomic<bool> all_done_{true};    // all that have it were carried out
  KeyspaceMetrics* metrics_ = nullptr;  // borrowed, like clock_; outlive the shard
  const Clock* clock_ = nullptr;
};

Status WriteQueue::Batch::Route(const RoutingTable& table, const KeyspaceView** view,
                                ShardHandle** shard) {
  VASTO_RETURN_IF_ERROR(FindKeyspace(table, request_.ref, view));
  if (request_.entries.size() > kMaxBatchEntries) {
    return Status::TooLarge("batch of " + std::to_string(request_.entries.size()) +
                            " writes; the limit is " + std::to_string(kMaxBatchEntries));
  }
  for (const rpc::WriteEntry& entry : request_.entries) {
    ShardHandle* own = nullptr;
    VASTO_RETURN_IF_ERROR(FindShardOfKey(**view, request_.ref, responder_.context().received_us,
                                         entry.key, entry.partition_hash, &own));
    if (*shard != nullptr && own != *shard) {
      return Status::InvalidArgument("the entries of a batch belong to one shard");
    }
    *shard = own;
  }
  shard_ = *shard;
  if (shard_ == nullptr || shard_->replica == nullptr) return {};
  VASTO_RETURN_IF_ERROR(CheckTakesWrites(*shard_, request_.stand_in));
  others_ = OthersNeeded(**view, request_.acks);
  return CheckOthers(*shard_, others_);
}

template <typename AppendFn>
void WriteQueue::Batch::Submit(KeyspaceMetrics* metrics, const Clock* clock, AppendFn append) {
  const size_t count = request_.entries.size();
  metrics_ = metrics;
  clock_ = clock;
  response_.results.resize(count);
  items_ = std::make_unique<Item[]>(count);
  // One more than there are entries, so that the batch outlives this loop.
  left_.store(static_cast<uint32_t>(count) + 1, std::memory_order_relaxed);
  uint32_t answered = 1;
  for (size_t i = 0; i < count; ++i) {
    rpc::WriteEntry& entry = request_.entries[i];
    if (const Status status = CheckWrite(entry); !status.ok()) {
      vasto::store::Fill(status, &response_.results[i]);
      metrics->write_batch.errors->Add();
      ++answered;
      continue;
    }
    items_[i].batch = this;
    items_[i].result = &response_.results[i];
    vasto::store::Fill(request_, responder_.context(), &entry, &items_[i]);
    items_[i].log_anyway = others_ > 0 || request_.tell_seen;
    append(&items_[i]);
  }
  Finished(answered);
}

void WriteQueue::Batch::Finished(uint32_t n) {
  if (left_.fetch_sub(n, std::memory_order_acq_rel) != n) return;
  if (position_.log == 0 || !MustWait(*shard_, others_)) return Answer();
  shard_->replica->WaitForReplicas(position_, others_,
                                   ConfirmDeadline(request_.ref, responder_.context()), this);
}

void WriteQueue::Batch::Ended(bool acknowledged) {
  for (rpc::WriteResult& result : response_.results) {
    if (acknowledged || result.code != Code::kOk) continue;
    FailUnconfirmed(others_, &result);
    metrics_->write_batch.errors->Add();
  }
  Answer();
}

void WriteQueue::Batch::Answer() {
  const int64_t received_us = responder_.context().received_us;
  if (request_.tell_seen && shard_ != nullptr) {
    response_.seen = SeenByWrite(*shard_, position_, all_done_.load(std::memory_order_relaxed));
  }
  responder_.Ok(response_);
  metrics_->keys_written->Add(response_.results.size());
  metrics_->write_batch.Count(received_us, clock_);
  delete this;
}

WriteQueue::WriteQueue() = default;
WriteQueue::~WriteQueue() = default;

void WriteQueue::Add(rpc::WriteRequest request, rpc::Responder<rpc::Write> responder) {
  singles_.push_back(std::make_unique<Single>(std::move(request), std::move(responder)));
}

void WriteQueue::Add(rpc::WriteBatchRequest request, rpc::Responder<rpc::WriteBatch> responder) {
  batches_.push_back(std::make_unique<Batch>(std::move(request), std::move(responder)));
}

void WriteQueue::Append(ShardHandle* shard, storage::Write* write) {
  for (List& list : lists_) {
    if (list.shard != shard) continue;
    list.last->next = write;
    list.last = write;
    return;
  }
  lists_.push_back({shard, write, write});
}

void WriteQueue::FlushSingle(std::unique_ptr<Single> write, const RoutingTable& table,
                             const Clock* clock) {
  const KeyspaceView* view = nullptr;
  ShardHandle* shard = nullptr;
  if (const Status status = write->Route(table, &view, &shard); !status.ok()) {
    if (view != nullptr) view->metrics->write.errors->Add();
    return write->Fail(status);
  }
  write->Prepare(view->metrics, clock);
  Append(shard, write.release());
}

void WriteQueue::FlushBatch(std::unique_ptr<Batch> batch, const RoutingTable& table,
                            const Clock* clock) {
  const KeyspaceView* view = nullptr;
  ShardHandle* shard = nullptr;
  if (const Status status = batch->Route(table, &view, &shard); !status.ok()) {
    if (view != nullptr) view->metrics->write_batch.errors->Add();
    return batch->Fail(status);
  }
  // Owns itself from here on.
  batch.release()->Submit(view->metrics, clock,
                          [&](storage::Write* write) { Append(shard, write); });
}

void WriteQueue::Flush(const RoutingTable& table, const Clock* clock) {
  if (singles_.empty() && batches_.empty()) return;
  for (auto& write : singles_) FlushSingle(std::move(write), table, clock);
  for (auto& batch : batches_) FlushBatch(std::move(batch), table, clock);
  singles_.clear();
  batches_.clear();
  for (const List& list : lists_) list.shard->shard->Submit(list.first);
  lists_.clear();
}

}  // namespace vasto::store
