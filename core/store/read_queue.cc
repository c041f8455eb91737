// SPDX-License-Identifier: Apache-2.0
#include "core/store/read_queue.h"

#include <algorithm>
#include <utility>

#include "core/codec/limits.h"
#include "core/store/route.h"
#include "core/store/seen.h"

namespace vasto::store {
namespace {

// Disk reads of one wake-up are shared out to the pool in pieces of this many keys.
constexpr size_t kMissesPerTask = 16;
constexpr size_t kKeysPerLookup = 256;
// What a multi_get may answer beside its values' bookkeeping.
constexpr size_t kMaxResponsePayload = kMaxValueSize;

bool NeedsDisk(const storage::ReadValue& value) { return value.status.Is(Code::kBusy); }

void Fill(const storage::ReadValue& value, bool meta_only, rpc::ReadResult* result) {
  result->code = value.status.code();
  result->message.clear();
  if (!value.status.ok()) {
    result->value = rpc::Value();
    if (!value.status.Is(Code::kNotFound)) result->message = value.status.message();
    return;
  }
  const Record& record = value.record;
  if (meta_only) {
    result->value.payload.clear();
  } else {
    result->value.payload.assign(record.payload);
  }
  result->value.payload_size = record.payload.size();
  result->value.event_time = record.event_time;
  result->value.expires_at_us = record.expires_at_us;
  result->value.value_type = record.value_type;
  result->value.content_checksum = value.content_checksum;
}

bool IsError(const storage::ReadValue& value) {
  return !value.status.ok() && !value.status.Is(Code::kNotFound);
}

bool TooLate(int64_t deadline_us, const Clock* clock) {
  return deadline_us != 0 && clock->MonotonicMicros() > deadline_us;
}

Status LateStatus() { return Status::Timeout("the deadline passed before the disk read began"); }

}  // namespace

// A multi_get on its way.
struct ReadQueue::MultiGet {
  MultiGet(rpc::MultiGetRequest q, rpc::Responder<rpc::MultiGet> r)
      : request(std::move(q)), responder(std::move(r)) {}

  // Reads the keys with these numbers; those that need the disk are left in *missing.
  void Read(const std::vector<uint32_t>& numbers, bool may_wait, std::vector<uint32_t>* missing);
  void Take(uint32_t number, const storage::ReadValue& value);
  void Finish(const Clock* clock);

  rpc::MultiGetRequest request;
  rpc::Responder<rpc::MultiGet> responder;
  rpc::MultiGetResponse response;
  ShardHandle* shard = nullptr;
  KeyspaceMetrics* metrics = nullptr;
  std::vector<uint32_t> missing;
  size_t payload_bytes = 0;
};

// Gets of one shard that need the disk; the shard's gate is held.
struct ReadQueue::Misses {
  std::vector<Get> gets;
  ShardHandle* shard = nullptr;
  KeyspaceMetrics* metrics = nullptr;

  void Run(const Clock* clock);
};

ReadQueue::ReadQueue() = default;
ReadQueue::~ReadQueue() = default;

void ReadQueue::Add(rpc::GetRequest request, rpc::Responder<rpc::Get> responder) {
  gets_.push_back({std::move(request), std::move(responder), nullptr, nullptr});
}

void ReadQueue::Add(rpc::MultiGetRequest request, rpc::Responder<rpc::MultiGet> responder) {
  multi_gets_.push_back(std::make_unique<MultiGet>(std::move(request), std::move(responder)));
}

void ReadQueue::Flush(const RoutingTable& table, ThreadPool* pool, const Clock* clock) {
  if (!gets_.empty()) {
    RouteGets(table);
    for (size_t begin = 0; begin < routed_.size();) {
      size_t end = begin + 1;
      while (end < routed_.size() && end - begin < kKeysPerLookup &&
             routed_[end]->shard == routed_[begin]->shard)
        ++end;
      FlushRun(routed_.data() + begin, end - begin, pool, clock);
      begin = end;
    }
    routed_.clear();
    gets_.clear();
  }
  for (auto& call : multi_gets_) FlushMultiGet(std::move(call), table, pool, clock);
  multi_gets_.clear();
}

void ReadQueue::RouteGets(const RoutingTable& table) {
  const KeyspaceView* view = nullptr;
  bool one_shard = true;
  for (Get& get : gets_) {
    const rpc::GetRequest& request = get.request;
    Status status;
    if (view == nullptr || view->uuid != request.ref.keyspace || request.ref.epoch > view->epoch) {
      status = FindKeyspace(table, request.ref, &view);
    }
    if (status.ok()) {
      status = FindShardOfKey(*view, request.ref, get.responder.context().received_us,
                              request.key.key, request.key.partition_hash, &get.shard);
    }
    if (status.ok()) status = CheckKey(request.key.key);
    if (status.ok() && request.bound) {
      status = CheckBound(*get.shard, request.bound, get.responder.context().received_us);
    }
    if (!status.ok()) {
      if (view != nullptr) view->metrics->get.errors->Add();
      get.responder.Fail(status);
      continue;
    }
    get.view = view;
    one_shard = one_shard && (routed_.empty() || routed_.front()->shard == get.shard);
    routed_.push_back(&get);
  }
  if (!one_shard) {
    std::stable_sort(routed_.begin(), routed_.end(),
                     [](const Get* a, const Get* b) { return a->shard < b->shard; });
  }
}

void ReadQueue::FlushRun(Get** first, size_t count, ThreadPool* pool, const Clock* clock) {
  keys_.clear();
  for (size_t i = 0; i < count; ++i) keys_.push_back(first[i]->request.key.key);
  if (values_.size() < count) values_.resize(count);
  first[0]->shard->shard->MultiGet(keys_.data(), count, /*may_wait=*/false, values_.data());

  std::vector<Get*> misses;
  uint64_t errors = 0;
  for (size_t i = 0; i < count; ++i) {
    if (NeedsDisk(values_[i])) {
      misses.push_back(first[i]);
      continue;
    }
    if (IsError(values_[i])) ++errors;
    Fill(values_[i], first[i]->request.meta_only, &response_);
    response_.seen = SeenByRead(*first[i]->shard, first[i]->request.bound);
    first[i]->responder.Ok(response_);
    // Blocks pinned in the cache are given back before the section ends.
    values_[i] = storage::ReadValue();
  }
  KeyspaceMetrics* metrics = first[0]->view->metrics;
  if (errors != 0) metrics->get.errors->Add(errors);
  if (count > misses.size()) {
    metrics->keys_read->Add(count - misses.size());
    metrics->get.Count(first[0]->responder.context().received_us, clock, count - misses.size());
  }
  if (response_.value.payload.capacity() > (1 << 20)) response_.value.payload = std::string();
  if (!misses.empty()) SendMisses(&misses, pool, clock);
}

void ReadQueue::SendMisses(std::vector<Get*>* misses, ThreadPool* pool, const Clock* clock) {
  for (size_t begin = 0; begin < misses->size(); begin += kMissesPerTask) {
    auto task = std::make_shared<Misses>();
    task->shard = misses->front()->shard;
    task->metrics = misses->front()->view->metrics;
    const size_t end = std::min(misses->size(), begin + kMissesPerTask);
    for (size_t i = begin; i < end; ++i) task->gets.push_back(std::move(*(*misses)[i]));
    const bool inside = task->shard->slow_work.Enter();
    const bool sent = inside && pool->Submit([task, clock] { task->Run(clock); });
    if (sent) continue;
    if (inside) task->shard->slow_work.Leave();
    for (Get& get : task->gets) get.responder.Fail(StoppingStatus());
  }
}

void ReadQueue::Misses::Run(const Clock* clock) {
  std::vector<std::string_view> keys;
  std::vector<Get*> live;
  for (Get& get : gets) {
    if (TooLate(DeadlineOf(get.request.ref, get.responder.context()), clock)) {
      metrics->get.errors->Add();
      get.responder.Fail(LateStatus());
    } else {
      live.push_back(&get);
      keys.push_back(get.request.key.key);
    }
  }
  std::vector<storage::ReadValue> values(keys.size());
  if (!keys.empty())
    shard->shard->MultiGet(keys.data(), keys.size(), /*may_wait=*/true, values.data());
  for (size_t i = 0; i < live.size(); ++i) {
    rpc::GetResponse response;
    Fill(values[i], live[i]->request.meta_only, &response);
    response.seen = SeenByRead(*shard, live[i]->request.bound);
    if (IsError(values[i])) metrics->get.errors->Add();
    metrics->keys_read->Add();
    const int64_t received_us = live[i]->responder.context().received_us;
    live[i]->responder.Ok(response);
    metrics->get.Count(received_us, clock);
  }
  values.clear();
  shard->slow_work.Leave();
}

// ---- multi_get

void ReadQueue::MultiGet::Read(const std::vector<uint32_t>& numbers, bool may_wait,
                               std::vector<uint32_t>* out) {
  std::vector<std::string_view> keys;
  std::vector<storage::ReadValue> values(std::min(numbers.size(), kKeysPerLookup));
  for (size_t begin = 0; begin < numbers.size(); begin += kKeysPerLookup) {
    const size_t count = std::min(numbers.size() - begin, kKeysPerLookup);
    keys.clear();
    for (size_t i = 0; i < count; ++i) keys.push_back(request.keys[numbers[begin + i]].key);
    shard->shard->MultiGet(keys.data(), count, may_wait, values.data());
    for (size_t i = 0; i < count; ++i) {
      if (!may_wait && NeedsDisk(values[i])) {
        out->push_back(numbers[begin + i]);
      } else {
        Take(numbers[begin + i], values[i]);
      }
      values[i] = storage::ReadValue();
    }
  }
}

void ReadQueue::MultiGet::Take(uint32_t number, const storage::ReadValue& value) {
  rpc::ReadResult& result = response.results[number];
  const size_t size = value.status.ok() && !request.meta_only ? value.record.payload.size() : 0;
  // The first value is always sent, so that asking again for the rest makes progress.
  if (payload_bytes != 0 && payload_bytes + size > kMaxResponsePayload) {
    result.code = Code::kBusy;
    result.message = "the answer is full; ask again for this key";
    return;
  }
  payload_bytes += size;
  if (IsError(value)) metrics->multi_get.errors->Add();
  Fill(value, request.meta_only, &result);
}

void ReadQueue::MultiGet::Finish(const Clock* clock) {
  const int64_t received_us = responder.context().received_us;
  metrics->keys_read->Add(request.keys.size());
  if (shard != nullptr) response.seen = SeenByRead(*shard, request.bound);
  responder.Ok(response);
  metrics->multi_get.Count(received_us, clock);
}

namespace {

Status RouteMultiGet(const RoutingTable& table, const rpc::MultiGetRequest& request,
                     int64_t received_us, const KeyspaceView** view, ShardHandle** shard) {
  VASTO_RETURN_IF_ERROR(FindKeyspace(table, request.ref, view));
  if (request.keys.size() > kMaxBatchEntries) {
    return Status::TooLarge("multi_get of " + std::to_string(request.keys.size()) +
                            " keys; the limit is " + std::to_string(kMaxBatchEntries));
  }
  for (const rpc::ReadKey& key : request.keys) {
    ShardHandle* own = nullptr;
    VASTO_RETURN_IF_ERROR(CheckKey(key.key));
    VASTO_RETURN_IF_ERROR(
        FindShardOfKey(**view, request.ref, received_us, key.key, key.partition_hash, &own));
    if (*shard != nullptr && own != *shard) {
      return Status::InvalidArgument("the keys of a multi_get belong to one shard");
    }
    *shard = own;
  }
  if (*shard != nullptr) return CheckBound(**shard, request.bound, received_us);
  return {};
}

}  // namespace

void ReadQueue::FlushMultiGet(std::unique_ptr<MultiGet> call, const RoutingTable& table,
                              ThreadPool* pool, const Clock* clock) {
  const KeyspaceView* view = nullptr;
  const Status status = RouteMultiGet(table, call->request, call->responder.context().received_us,
                                      &view, &call->shard);
  if (!status.ok()) {
    if (view != nullptr) view->metrics->multi_get.errors->Add();
    return call->responder.Fail(status);
  }
  call->metrics = view->metrics;
  call->response.results.resize(call->request.keys.size());
  std::vector<uint32_t> all(call->request.keys.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  call->Read(all, /*may_wait=*/false, &call->missing);
  if (call->missing.empty()) return call->Finish(clock);

  std::shared_ptr<MultiGet> shared = std::move(call);
  const bool inside = shared->shard->slow_work.Enter();
  const bool sent = inside && pool->Submit([shared, clock] {
    if (TooLate(DeadlineOf(shared->request.ref, shared->responder.context()), clock)) {
      shared->responder.Fail(LateStatus());
    } else {
      shared->Read(shared->missing, /*may_wait=*/true, nullptr);
      shared->Finish(clock);
    }
    shared->shard->slow_work.Leave();
  });
  if (sent) return;
  if (inside) shared->shard->slow_work.Leave();
  shared->responder.Fail(StoppingStatus());
}

}  // namespace vasto::store
