// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "capi/internal/future.h"
#include "capi/internal/guard.h"
#include "capi/internal/keyspace.h"
#include "capi/internal/queue.h"

using vasto::Status;
using vasto::StatusOr;
using vasto::capi::Answer;
using vasto::capi::FutureKind;
using vasto::capi::Guard;
using vasto::capi::PendingFuture;
using vasto::capi::ToKeyRef;
using vasto::capi::ToPut;
using vasto::client::KeyRef;
using vasto::client::ReadResult;
using vasto::client::WriteEntry;
using vasto::client::WriteResult;

namespace {

Status CheckStart(const vasto_keyspace_t* keyspace, vasto_future_t** out_future) {
  if (out_future == nullptr) return Status::InvalidArgument("out_future is NULL");
  *out_future = nullptr;
  return vasto::capi::CheckKeyspace(keyspace);
}

// The completion of an operation. One pointer, so that std::function keeps it without an
// allocation.
template <typename Result>
auto CompletionOf(vasto_future_t* future) {
  return [future](StatusOr<Result> result) { future->OperationDone(std::move(result)); };
}

vasto_status_t StartRead(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                         const vasto_read_options_t* options, bool meta_only,
                         vasto_future_t** out_future, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckStart(keyspace, out_future); !usable.ok()) return usable;
    const auto ref = vasto::capi::ToKeyRef(key);
    if (!ref.ok()) return ref.status();
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    PendingFuture future(keyspace->core, FutureKind::kRead, meta_only ? 0 : 1);
    keyspace->core->client().Get(keyspace->keyspace, *ref, meta_only, *call,
                                 CompletionOf<ReadResult>(future.get()));
    *out_future = future.Started();
    return Answer::Ok();
  });
}

template <typename MakeEntry>
vasto_status_t StartWrite(vasto_keyspace_t* keyspace, const vasto_write_options_t* options,
                          vasto_future_t** out_future, vasto_error_t** err, MakeEntry make_entry) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckStart(keyspace, out_future); !usable.ok()) return usable;
    StatusOr<WriteEntry> entry = make_entry();
    if (!entry.ok()) return std::move(entry).status();
    if (Status applied = vasto::capi::ApplyOptions(options, &*entry); !applied.ok()) {
      return applied;
    }
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    PendingFuture future(keyspace->core, FutureKind::kWrite);
    keyspace->core->client().Write(keyspace->keyspace, *std::move(entry), *call,
                                   CompletionOf<WriteResult>(future.get()));
    *out_future = future.Started();
    return Answer::Ok();
  });
}

// What vasto_queue_start_* have in common.
struct Block {
  const vasto_key_t* keys;
  const uint64_t* tags;
  vasto_future_t** out_futures;
  size_t count;
};

Status CheckBlock(const vasto_queue_t* queue, const vasto_keyspace_t* keyspace,
                  const Block& block) {
  if (block.count > 0 && (block.keys == nullptr || block.out_futures == nullptr)) {
    return Status::InvalidArgument("an array is NULL");
  }
  std::fill_n(block.out_futures, block.count, nullptr);
  VASTO_RETURN_IF_ERROR(vasto::capi::CheckQueue(queue));
  return vasto::capi::CheckKeyspace(keyspace);
}

// start(i, future) starts entry i, or says why it cannot: then the entry's future fails, and the
// others go on.
template <typename Start>
Status StartBlock(vasto_queue_t* queue, vasto_keyspace_t* keyspace, const Block& block,
                  FutureKind kind, Start start) {
  VASTO_RETURN_IF_ERROR(CheckBlock(queue, keyspace, block));
  const vasto::client::CallRun run;
  for (size_t i = 0; i < block.count; ++i) {
    PendingFuture future(keyspace->core, kind);
    if (Status refused = start(i, future.get()); !refused.ok()) {
      future.get()->OperationDone(vasto::capi::FailureOf(kind, std::move(refused)));
    }
    block.out_futures[i] = future.Started();
    VASTO_RETURN_IF_ERROR(
        block.out_futures[i]->SetQueue(queue->state, block.tags != nullptr ? block.tags[i] : 0));
  }
  return Status::Ok();
}

}  // namespace

VASTO_STATUS vasto_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                             const vasto_read_options_t* options, vasto_future_t** out_future,
                             vasto_error_t** err) {
  return StartRead(keyspace, key, options, false, out_future, err);
}

VASTO_STATUS vasto_queue_start_gets(vasto_queue_t* queue, vasto_keyspace_t* keyspace,
                                    const vasto_key_t* keys, const uint64_t* tags, size_t count,
                                    const vasto_read_options_t* options,
                                    vasto_future_t** out_futures, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    return StartBlock(queue, keyspace, {keys, tags, out_futures, count}, FutureKind::kRead,
                      [&](size_t i, vasto_future_t* future) -> Status {
                        VASTO_ASSIGN_OR_RETURN(const KeyRef ref, ToKeyRef(&keys[i]));
                        keyspace->core->client().Get(keyspace->keyspace, ref, /*meta_only=*/false,
                                                     *call, CompletionOf<ReadResult>(future));
                        return Status::Ok();
                      });
  });
}

VASTO_STATUS vasto_queue_start_puts(vasto_queue_t* queue, vasto_keyspace_t* keyspace,
                                    const vasto_key_t* keys, const vasto_slice_t* values,
                                    const uint64_t* tags, size_t count,
                                    const vasto_write_options_t* options,
                                    vasto_future_t** out_futures, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (count > 0 && values == nullptr) return Status::InvalidArgument("values is NULL");
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    return StartBlock(queue, keyspace, {keys, tags, out_futures, count}, FutureKind::kWrite,
                      [&](size_t i, vasto_future_t* future) -> Status {
                        VASTO_ASSIGN_OR_RETURN(WriteEntry entry,
                                               ToPut(&keys[i], values[i].data, values[i].size));
                        VASTO_RETURN_IF_ERROR(vasto::capi::ApplyOptions(options, &entry));
                        keyspace->core->client().Write(keyspace->keyspace, std::move(entry), *call,
                                                       CompletionOf<WriteResult>(future));
                        return Status::Ok();
                      });
  });
}

VASTO_STATUS vasto_stat_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                              const vasto_read_options_t* options, vasto_future_t** out_future,
                              vasto_error_t** err) {
  return StartRead(keyspace, key, options, true, out_future, err);
}

VASTO_STATUS vasto_multi_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* keys,
                                   size_t count, const vasto_read_options_t* options,
                                   vasto_future_t** out_future, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckStart(keyspace, out_future); !usable.ok()) return usable;
    const auto refs = vasto::capi::ToKeyRefs(keys, count);
    if (!refs.ok()) return refs.status();
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    PendingFuture future(keyspace->core, FutureKind::kReads, count);
    keyspace->core->client().MultiGet(keyspace->keyspace, *refs, /*meta_only=*/false, *call,
                                      CompletionOf<std::vector<ReadResult>>(future.get()));
    *out_future = future.Started();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_put_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data,
                             size_t size, const vasto_write_options_t* options,
                             vasto_future_t** out_future, vasto_error_t** err) {
  return StartWrite(keyspace, options, out_future, err,
                    [&] { return vasto::capi::ToPut(key, data, size); });
}

VASTO_STATUS vasto_delete_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                                const vasto_write_options_t* options, vasto_future_t** out_future,
                                vasto_error_t** err) {
  return StartWrite(keyspace, options, out_future, err, [&] { return vasto::capi::ToDelete(key); });
}

VASTO_STATUS vasto_merge_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                               int32_t operation, const void* operand, size_t size,
                               const vasto_write_options_t* options, vasto_future_t** out_future,
                               vasto_error_t** err) {
  return StartWrite(keyspace, options, out_future, err,
                    [&] { return vasto::capi::ToMerge(key, operation, operand, size); });
}

VASTO_STATUS vasto_touch_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                               uint64_t ttl_seconds, const vasto_write_options_t* options,
                               vasto_future_t** out_future, vasto_error_t** err) {
  return StartWrite(keyspace, options, out_future, err,
                    [&] { return vasto::capi::ToTouch(key, ttl_seconds); });
}

VASTO_STATUS vasto_batch_write_async(vasto_keyspace_t* keyspace, const vasto_batch_t* batch,
                                     const vasto_write_options_t* options,
                                     vasto_future_t** out_future, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckStart(keyspace, out_future); !usable.ok()) return usable;
    auto entries = vasto::capi::ToEntries(batch, options);
    if (!entries.ok()) return std::move(entries).status();
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    PendingFuture future(keyspace->core, FutureKind::kBatch, entries->size());
    keyspace->core->client().WriteBatch(keyspace->keyspace, *std::move(entries), *call,
                                        CompletionOf<std::vector<WriteResult>>(future.get()));
    *out_future = future.Started();
    return Answer::Ok();
  });
}
