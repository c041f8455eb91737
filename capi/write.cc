// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "capi/internal/guard.h"
#include "capi/internal/keyspace.h"
#include "capi/internal/sync_call.h"
#include "capi/internal/value.h"

using vasto::Status;
using vasto::StatusOr;
using vasto::capi::Answer;
using vasto::capi::Guard;
using vasto::client::WriteEntry;
using vasto::client::WriteResult;

namespace {

// Checks, writes and waits; make_entry gives the entry or says what is wrong with the arguments.
template <typename MakeEntry>
vasto_status_t Write(vasto_keyspace_t* keyspace, const vasto_write_options_t* options,
                     uint64_t* out_version, vasto_error_t** err, MakeEntry make_entry) {
  return Guard(err, [&]() -> Answer {
    if (out_version != nullptr) *out_version = 0;
    if (Status usable = vasto::capi::CheckMayWait(keyspace); !usable.ok()) return usable;
    StatusOr<WriteEntry> entry = make_entry();
    if (!entry.ok()) return std::move(entry).status();
    if (Status applied = vasto::capi::ApplyOptions(options, &*entry); !applied.ok()) {
      return applied;
    }
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    vasto::capi::SyncCall<WriteResult> sync;
    keyspace->core->client().Write(
        keyspace->keyspace, *std::move(entry), *call,
        [&sync](StatusOr<WriteResult> result) { sync.Complete(std::move(result)); });
    const StatusOr<WriteResult> result = sync.Wait();
    Answer answer = vasto::capi::WriteAnswer(result);
    if (answer.status.ok() && out_version != nullptr) *out_version = result->event_time;
    return answer;
  });
}

}  // namespace

VASTO_STATUS vasto_put(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data,
                       size_t size, const vasto_write_options_t* options, uint64_t* out_version,
                       vasto_error_t** err) {
  return Write(keyspace, options, out_version, err,
               [&] { return vasto::capi::ToPut(key, data, size); });
}

VASTO_STATUS vasto_delete(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                          const vasto_write_options_t* options, uint64_t* out_version,
                          vasto_error_t** err) {
  return Write(keyspace, options, out_version, err, [&] { return vasto::capi::ToDelete(key); });
}

VASTO_STATUS vasto_touch(vasto_keyspace_t* keyspace, const vasto_key_t* key, uint64_t ttl_seconds,
                         const vasto_write_options_t* options, uint64_t* out_version,
                         vasto_error_t** err) {
  return Write(keyspace, options, out_version, err,
               [&] { return vasto::capi::ToTouch(key, ttl_seconds); });
}

VASTO_STATUS vasto_merge(vasto_keyspace_t* keyspace, const vasto_key_t* key, int32_t operation,
                         const void* operand, size_t size, const vasto_write_options_t* options,
                         uint64_t* out_version, vasto_error_t** err) {
  return Write(keyspace, options, out_version, err,
               [&] { return vasto::capi::ToMerge(key, operation, operand, size); });
}
