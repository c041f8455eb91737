// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <utility>

#include "capi/internal/guard.h"
#include "capi/internal/keyspace.h"
#include "capi/internal/sync_call.h"
#include "capi/internal/value.h"

namespace vasto::capi {

StatusOr<std::vector<client::KeyRef>> ToKeyRefs(const vasto_key_t* keys, size_t count) {
  if (keys == nullptr && count > 0) return Status::InvalidArgument("keys is NULL");
  std::vector<client::KeyRef> refs;
  refs.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    VASTO_ASSIGN_OR_RETURN(client::KeyRef ref, ToKeyRef(&keys[i]));
    refs.push_back(ref);
  }
  return refs;
}

namespace {

// Checks the arguments, then asks and waits.
StatusOr<client::ReadResult> ReadOne(vasto_keyspace_t* keyspace, const client::KeyRef& key,
                                     const client::CallOptions& call, bool meta_only) {
  SyncCall<client::ReadResult> sync;
  keyspace->core->client().Get(
      keyspace->keyspace, key, meta_only, call,
      [&sync](StatusOr<client::ReadResult> result) { sync.Complete(std::move(result)); });
  return sync.Wait();
}

struct ReadArguments {
  client::KeyRef key;
  client::CallOptions call;
};

StatusOr<ReadArguments> CheckRead(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                                  const vasto_read_options_t* options) {
  ReadArguments arguments;
  VASTO_RETURN_IF_ERROR(CheckMayWait(keyspace));
  VASTO_ASSIGN_OR_RETURN(arguments.key, ToKeyRef(key));
  VASTO_ASSIGN_OR_RETURN(arguments.call, ToCallOptions(options));
  return arguments;
}

vasto_status_t ReadValue(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                         const vasto_read_options_t* options, bool meta_only,
                         vasto_value_t** out_value, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_value == nullptr) return Status::InvalidArgument("out_value is NULL");
    *out_value = nullptr;
    const auto arguments = CheckRead(keyspace, key, options);
    if (!arguments.ok()) return arguments.status();
    auto result = ReadOne(keyspace, arguments->key, arguments->call, meta_only);
    Answer answer = ReadAnswer(result);
    if (answer.status.ok()) *out_value = MakeValue(std::move(*result), !meta_only);
    return answer;
  });
}

}  // namespace
}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_get(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                       const vasto_read_options_t* options, vasto_value_t** out_value,
                       vasto_error_t** err) {
  return vasto::capi::ReadValue(keyspace, key, options, false, out_value, err);
}

VASTO_STATUS vasto_stat(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                        const vasto_read_options_t* options, vasto_value_t** out_value,
                        vasto_error_t** err) {
  return vasto::capi::ReadValue(keyspace, key, options, true, out_value, err);
}

VASTO_STATUS vasto_get_into(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                            const vasto_read_options_t* options, void* buffer, size_t capacity,
                            size_t* out_size, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_size == nullptr) return Status::InvalidArgument("out_size is NULL");
    *out_size = 0;
    if (buffer == nullptr && capacity > 0) return Status::InvalidArgument("buffer is NULL");
    const auto arguments = vasto::capi::CheckRead(keyspace, key, options);
    if (!arguments.ok()) return arguments.status();
    const auto result = vasto::capi::ReadOne(keyspace, arguments->key, arguments->call, false);
    Answer answer = vasto::capi::ReadAnswer(result);
    if (!answer.status.ok()) return answer;
    const std::string& bytes = result->value.payload;
    *out_size = bytes.size();
    if (bytes.size() > capacity) {
      return Status(vasto::Code::kBufferTooSmall,
                    "the value has " + std::to_string(bytes.size()) + " bytes");
    }
    if (!bytes.empty()) std::memcpy(buffer, bytes.data(), bytes.size());
    return answer;
  });
}

VASTO_STATUS vasto_multi_get(vasto_keyspace_t* keyspace, const vasto_key_t* keys, size_t count,
                             const vasto_read_options_t* options, vasto_value_t** out_values,
                             vasto_status_t* out_codes, vasto_error_t** err) {
  using Results = std::vector<vasto::client::ReadResult>;
  return Guard(err, [&]() -> Answer {
    if (Status arrays = vasto::capi::CheckArrays(out_values, out_codes, count); !arrays.ok()) {
      return arrays;
    }
    if (Status usable = vasto::capi::CheckMayWait(keyspace); !usable.ok()) return usable;
    const auto refs = vasto::capi::ToKeyRefs(keys, count);
    if (!refs.ok()) return refs.status();
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    vasto::capi::SyncCall<Results> sync;
    keyspace->core->client().MultiGet(
        keyspace->keyspace, *refs, /*meta_only=*/false, *call,
        [&sync](vasto::StatusOr<Results> results) { sync.Complete(std::move(results)); });
    auto results = sync.Wait();
    Answer answer = vasto::capi::ReadsAnswer(results);
    vasto::capi::FillValues(std::move(results), count, out_values, out_codes);
    return answer;
  });
}
