// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/value.h"

#include <algorithm>
#include <memory>
#include <string>

#include "core/base/hlc.h"

namespace vasto::capi {
namespace {

// A failed entry without words still gets its code's name as the message.
Status EntryStatus(Code code, const std::string& message) {
  if (code == Code::kOk) return Status::Ok();
  return {code, message.empty() ? std::string(CodeName(code)) : message};
}

}  // namespace

bool MayHaveHappened(const Status& status) {
  // The client layer says so in its message; a cancel never knows.
  return status.Is(Code::kCancelled) || client::IsInDoubt(status.message());
}

Code WriteCode(const client::WriteResult& result) {
  return result.code == Code::kOk && result.superseded ? Code::kStaleWrite : result.code;
}

Answer WriteAnswer(const StatusOr<client::WriteResult>& result) {
  if (!result.ok()) {
    Answer answer = Answer::FromCluster(result.status());
    answer.in_doubt = MayHaveHappened(result.status());
    return answer;
  }
  const Code code = WriteCode(*result);
  if (code == Code::kNotFound) return Answer::Plain(code);
  if (code == Code::kStaleWrite && result->superseded) {
    return Answer::FromCluster(Status::StaleWrite("a newer value is stored"));
  }
  Answer answer = Answer::FromCluster(EntryStatus(code, result->message));
  answer.in_doubt = MayHaveHappened(answer.status);
  return answer;
}

Answer ReadAnswer(const StatusOr<client::ReadResult>& result) {
  if (!result.ok()) return Answer::FromCluster(result.status());
  if (result->code == Code::kNotFound) return Answer::Plain(Code::kNotFound);
  return Answer::FromCluster(EntryStatus(result->code, result->message));
}

Answer ReadsAnswer(const StatusOr<std::vector<client::ReadResult>>& results) {
  if (!results.ok()) return Answer::FromCluster(results.status());
  for (const client::ReadResult& result : *results) {
    // A NOT_FOUND with words is not about the key: the keyspace is gone.
    const bool absent = result.code == Code::kNotFound && result.message.empty();
    if (result.code != Code::kOk && !absent) {
      return Answer::FromCluster(EntryStatus(result.code, result.message));
    }
  }
  return Answer::Ok();
}

Answer BatchAnswer(const StatusOr<std::vector<client::WriteResult>>& results) {
  if (!results.ok()) {
    Answer answer = Answer::FromCluster(results.status());
    answer.in_doubt = MayHaveHappened(results.status());
    return answer;
  }
  for (const client::WriteResult& result : *results) {
    // No entry is about a value that has to be there: the keyspace is gone.
    if (result.code == Code::kNotFound) {
      return Answer::FromCluster(EntryStatus(result.code, result.message));
    }
    if (WriteCode(result) != Code::kOk) return WriteAnswer(result);
  }
  return Answer::Ok();
}

vasto_kv_t ToRow(const rpc::Value& value, bool has_bytes) {
  vasto_kv_t row = {};
  row.value.data = has_bytes ? value.payload.data() : nullptr;
  row.value.size = has_bytes ? value.payload.size() : value.payload_size;
  row.version = value.event_time;
  row.updated_at_ns = EventTimeToNanos(value.event_time);
  row.expires_at_ns = value.expires_at_us * 1000;
  row.type = value.value_type;
  return row;
}

vasto_value_t* MakeValue(client::ReadResult result, bool has_bytes) {
  return new vasto_value_t{std::move(result.value), has_bytes};
}

vasto_batch_result_t* MakeBatchResult(StatusOr<std::vector<client::WriteResult>> results,
                                      size_t count) {
  auto handle = std::make_unique<vasto_batch_result_t>();
  if (results.ok()) {
    handle->results = std::move(*results);
  } else {
    client::WriteResult failed;
    failed.code = results.status().code();
    handle->results.assign(count, failed);
  }
  return handle.release();
}

Status CheckArrays(vasto_value_t** out_values, vasto_status_t* out_codes, size_t count) {
  if (count > 0 && (out_values == nullptr || out_codes == nullptr)) {
    return Status::InvalidArgument("out_values and out_codes must not be NULL");
  }
  for (size_t i = 0; i < count; ++i) {
    out_values[i] = nullptr;
    out_codes[i] = VASTO_INTERNAL;
  }
  return Status::Ok();
}

void FillValues(StatusOr<std::vector<client::ReadResult>> results, size_t count,
                vasto_value_t** out_values, vasto_status_t* out_codes) {
  const Code whole = results.status().code();
  const Code missing = whole == Code::kOk ? Code::kInternal : whole;
  std::fill_n(out_codes, count, static_cast<vasto_status_t>(missing));
  if (!results.ok()) return;
  for (size_t i = 0; i < count && i < results->size(); ++i) {
    client::ReadResult& result = (*results)[i];
    const Code code = result.code;
    if (code == Code::kOk) out_values[i] = MakeValue(std::move(result), true);
    out_codes[i] = static_cast<vasto_status_t>(code);
  }
}

}  // namespace vasto::capi

VASTO_API const void* vasto_value_data(const vasto_value_t* value) {
  return value != nullptr && value->has_bytes ? value->value.payload.data() : nullptr;
}

VASTO_API size_t vasto_value_size(const vasto_value_t* value) {
  if (value == nullptr) return 0;
  return value->has_bytes ? value->value.payload.size() : value->value.payload_size;
}

VASTO_API uint32_t vasto_value_type(const vasto_value_t* value) {
  return value != nullptr ? value->value.value_type : VASTO_TYPE_BYTES;
}

VASTO_API uint64_t vasto_value_version(const vasto_value_t* value) {
  return value != nullptr ? value->value.event_time : 0;
}

VASTO_API uint64_t vasto_value_updated_at_ns(const vasto_value_t* value) {
  return value != nullptr ? vasto::EventTimeToNanos(value->value.event_time) : 0;
}

VASTO_API uint64_t vasto_value_expires_at_ns(const vasto_value_t* value) {
  return value != nullptr ? value->value.expires_at_us * 1000 : 0;
}

VASTO_API void vasto_value_destroy(vasto_value_t* value) { delete value; }

VASTO_API size_t vasto_batch_result_count(const vasto_batch_result_t* result) {
  return result != nullptr ? result->results.size() : 0;
}

VASTO_API vasto_status_t vasto_batch_result_code(const vasto_batch_result_t* result, size_t index) {
  if (result == nullptr || index >= result->results.size()) return VASTO_INVALID_ARGUMENT;
  return static_cast<vasto_status_t>(vasto::capi::WriteCode(result->results[index]));
}

VASTO_API uint64_t vasto_batch_result_version(const vasto_batch_result_t* result, size_t index) {
  if (result == nullptr || index >= result->results.size()) return 0;
  const vasto::client::WriteResult& entry = result->results[index];
  return vasto::capi::WriteCode(entry) == vasto::Code::kOk ? entry.event_time : 0;
}

VASTO_API void vasto_batch_result_destroy(vasto_batch_result_t* result) { delete result; }
