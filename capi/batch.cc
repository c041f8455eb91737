// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "capi/internal/guard.h"
#include "capi/internal/keyspace.h"
#include "capi/internal/sync_call.h"
#include "capi/internal/value.h"

struct vasto_batch_t {
  struct Entry {
    vasto::client::WriteEntry write;
    bool has_options;  // its own, applied already
  };
  std::vector<Entry> entries;
};

namespace vasto::capi {

StatusOr<std::vector<client::WriteEntry>> ToEntries(const vasto_batch_t* batch,
                                                    const vasto_write_options_t* options) {
  if (batch == nullptr) return Status::InvalidArgument("batch is NULL");
  std::vector<client::WriteEntry> entries;
  entries.reserve(batch->entries.size());
  for (const vasto_batch_t::Entry& entry : batch->entries) {
    entries.push_back(entry.write);
    if (!entry.has_options) VASTO_RETURN_IF_ERROR(ApplyOptions(options, &entries.back()));
  }
  return entries;
}

}  // namespace vasto::capi

using vasto::Status;
using vasto::StatusOr;
using vasto::capi::Answer;
using vasto::capi::Guard;

namespace {

Answer Add(vasto_batch_t* batch, StatusOr<vasto::client::WriteEntry> entry,
           const vasto_write_options_t* options) {
  if (batch == nullptr) return Status::InvalidArgument("batch is NULL");
  if (!entry.ok()) return std::move(entry).status();
  if (Status applied = vasto::capi::ApplyOptions(options, &*entry); !applied.ok()) return applied;
  batch->entries.push_back({*std::move(entry), options != nullptr});
  return Answer::Ok();
}

}  // namespace

VASTO_STATUS vasto_batch_create(vasto_batch_t** out_batch, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_batch == nullptr) return Status::InvalidArgument("out_batch is NULL");
    *out_batch = nullptr;
    *out_batch = new vasto_batch_t();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_batch_put(vasto_batch_t* batch, const vasto_key_t* key, const void* data,
                             size_t size, const vasto_write_options_t* options,
                             vasto_error_t** err) {
  return Guard(err, [&] { return Add(batch, vasto::capi::ToPut(key, data, size), options); });
}

VASTO_STATUS vasto_batch_delete(vasto_batch_t* batch, const vasto_key_t* key,
                                const vasto_write_options_t* options, vasto_error_t** err) {
  return Guard(err, [&] { return Add(batch, vasto::capi::ToDelete(key), options); });
}

VASTO_STATUS vasto_batch_merge(vasto_batch_t* batch, const vasto_key_t* key, int32_t operation,
                               const void* operand, size_t size,
                               const vasto_write_options_t* options, vasto_error_t** err) {
  return Guard(err, [&] {
    return Add(batch, vasto::capi::ToMerge(key, operation, operand, size), options);
  });
}

VASTO_API size_t vasto_batch_count(const vasto_batch_t* batch) {
  return batch != nullptr ? batch->entries.size() : 0;
}

VASTO_API void vasto_batch_clear(vasto_batch_t* batch) {
  if (batch != nullptr) batch->entries.clear();
}

VASTO_STATUS vasto_batch_write(vasto_keyspace_t* keyspace, const vasto_batch_t* batch,
                               const vasto_write_options_t* options,
                               vasto_batch_result_t** out_result, vasto_error_t** err) {
  using Results = std::vector<vasto::client::WriteResult>;
  return Guard(err, [&]() -> Answer {
    if (out_result != nullptr) *out_result = nullptr;
    if (Status usable = vasto::capi::CheckMayWait(keyspace); !usable.ok()) return usable;
    auto entries = vasto::capi::ToEntries(batch, options);
    if (!entries.ok()) return std::move(entries).status();
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    const size_t count = entries->size();
    vasto::capi::SyncCall<Results> sync;
    keyspace->core->client().WriteBatch(
        keyspace->keyspace, *std::move(entries), *call,
        [&sync](StatusOr<Results> results) { sync.Complete(std::move(results)); });
    auto results = sync.Wait();
    Answer answer = vasto::capi::BatchAnswer(results);
    if (out_result != nullptr) {
      *out_result = vasto::capi::MakeBatchResult(std::move(results), count);
    }
    return answer;
  });
}

VASTO_API void vasto_batch_destroy(vasto_batch_t* batch) { delete batch; }
