// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/options.h"

#include <algorithm>
#include <limits>

#include "capi/internal/core.h"
#include "capi/internal/guard.h"
#include "capi/internal/session.h"
#include "core/base/hlc.h"

namespace vasto::capi {
namespace {

using rpc::Condition;
using rpc::WriteKind;

StatusOr<client::WriteEntry> ToEntry(WriteKind kind, const vasto_key_t* key) {
  VASTO_ASSIGN_OR_RETURN(const client::KeyRef ref, ToKeyRef(key));
  client::WriteEntry entry;
  entry.kind = kind;
  entry.key = std::string(ref.key);
  entry.partition_hash = ref.partition_hash;
  return entry;
}

StatusOr<client::ReadChoice> ToReadChoice(int32_t replica, uint64_t max_staleness_ms) {
  static_assert(VASTO_REPLICA_PRIMARY == static_cast<int>(client::ReadFrom::kPrimary));
  static_assert(VASTO_REPLICA_ANY == static_cast<int>(client::ReadFrom::kAny));
  static_assert(VASTO_REPLICA_NEAREST == static_cast<int>(client::ReadFrom::kNearest));
  if (replica < VASTO_REPLICA_PRIMARY || replica > VASTO_REPLICA_NEAREST) {
    return Status::InvalidArgument("unknown replica choice " + std::to_string(replica));
  }
  client::ReadChoice choice;
  choice.from = static_cast<client::ReadFrom>(replica);
  choice.max_staleness_ms = static_cast<uint32_t>(
      std::min<uint64_t>(max_staleness_ms, std::numeric_limits<int32_t>::max()));
  return choice;
}

// UINT64_MAX, "never", is the same on both sides; other moments are rounded up to a microsecond.
uint64_t ExpiryMicros(uint64_t expires_at_ns) {
  if (expires_at_ns == UINT64_MAX) return UINT64_MAX;
  return expires_at_ns / 1000 + (expires_at_ns % 1000 != 0);
}

StatusOr<client::WriteEntry> ToEntryWithPayload(WriteKind kind, const vasto_key_t* key,
                                                const void* data, size_t size, const char* what) {
  VASTO_ASSIGN_OR_RETURN(client::WriteEntry entry, ToEntry(kind, key));
  if (size > VASTO_MAX_VALUE_SIZE) {
    return Status::TooLarge("a value has at most " + std::to_string(VASTO_MAX_VALUE_SIZE) +
                            " bytes, this one has " + std::to_string(size));
  }
  VASTO_ASSIGN_OR_RETURN(const std::string_view bytes, ToBytes(data, size, what));
  entry.payload = std::string(bytes);
  return entry;
}

StatusOr<WriteKind> ToMergeKind(int32_t operation) {
  switch (operation) {
    case VASTO_MERGE_ADD_INT64:
      return WriteKind::kAddInt64;
    case VASTO_MERGE_MIN_INT64:
      return WriteKind::kMinInt64;
    case VASTO_MERGE_MAX_INT64:
      return WriteKind::kMaxInt64;
    case VASTO_MERGE_ADD_FLOAT64:
      return WriteKind::kAddFloat64;
    case VASTO_MERGE_MIN_FLOAT64:
      return WriteKind::kMinFloat64;
    case VASTO_MERGE_MAX_FLOAT64:
      return WriteKind::kMaxFloat64;
    case VASTO_MERGE_APPEND:
      return WriteKind::kAppend;
    default:
      return Status::InvalidArgument("operation must be one of VASTO_MERGE_*, not " +
                                     std::to_string(operation));
  }
}

}  // namespace

StatusOr<std::string_view> ToBytes(const void* data, size_t size, const char* what) {
  if (size == 0) return std::string_view("");
  if (data == nullptr) {
    return Status::InvalidArgument(std::string(what) + " is NULL but its size is not 0");
  }
  return std::string_view(static_cast<const char*>(data), size);
}

StatusOr<client::KeyRef> ToKeyRef(const vasto_key_t* key) {
  if (key == nullptr) return Status::InvalidArgument("key is NULL");
  if ((key->flags & ~VASTO_KEY_HAS_PARTITION_HASH) != 0 || key->reserved != 0) {
    return Status::InvalidArgument("the key has unknown flags or a reserved field that is not 0");
  }
  if (key->key.size > VASTO_MAX_KEY_SIZE) {
    return Status::TooLarge("a key has at most " + std::to_string(VASTO_MAX_KEY_SIZE) +
                            " bytes, this one has " + std::to_string(key->key.size));
  }
  client::KeyRef ref;
  VASTO_ASSIGN_OR_RETURN(ref.key, ToBytes(key->key.data, key->key.size, "key.data"));
  if ((key->flags & VASTO_KEY_HAS_PARTITION_HASH) != 0) ref.partition_hash = key->partition_hash;
  return ref;
}

StatusOr<client::CallOptions> ToCallOptions(const vasto_read_options_t* options) {
  client::CallOptions call;
  if (options == nullptr) return call;
  VASTO_ASSIGN_OR_RETURN(call.read, ToReadChoice(options->replica, options->max_staleness_ms));
  call.read.hedge = options->hedge;
  call.timeout_us = TimeoutMicros(options->timeout_ms);
  call.session = options->session;
  return call;
}

StatusOr<AckLevel> ToAckLevel(int32_t acks) {
  switch (acks) {
    case VASTO_ACKS_ONE:
      return AckLevel::kOne;
    case VASTO_ACKS_QUORUM:
      return AckLevel::kQuorum;
    case VASTO_ACKS_ALL:
      return AckLevel::kAll;
    default:
      return Status::InvalidArgument("unknown acknowledgement level " + std::to_string(acks));
  }
}

StatusOr<client::CallOptions> ToCallOptions(const vasto_write_options_t* options) {
  client::CallOptions call;
  if (options == nullptr) return call;
  call.timeout_us = TimeoutMicros(options->timeout_ms);
  call.session = options->session;
  if (options->acks == VASTO_ACKS_KEYSPACE) return call;
  VASTO_ASSIGN_OR_RETURN(call.acks, ToAckLevel(options->acks));
  return call;
}

StatusOr<client::ScanOptions> ToScanOptions(const vasto_scan_options_t* options) {
  client::ScanOptions scan;
  if (options == nullptr) return scan;
  if (options->out_of_memory) return Status::NoSpace("out of memory");
  VASTO_ASSIGN_OR_RETURN(scan.read, ToReadChoice(options->replica, options->max_staleness_ms));
  scan.timeout_us = TimeoutMicros(options->timeout_ms);
  scan.limit = options->limit;
  scan.page_bytes = static_cast<uint32_t>(
      std::min<uint64_t>(options->page_bytes, std::numeric_limits<uint32_t>::max()));
  scan.keys_only = options->keys_only;
  scan.session = options->session;
  scan.resume_token = options->resume_token;
  return scan;
}

StatusOr<client::WriteEntry> ToPut(const vasto_key_t* key, const void* data, size_t size) {
  return ToEntryWithPayload(WriteKind::kPut, key, data, size, "data");
}

StatusOr<client::WriteEntry> ToMerge(const vasto_key_t* key, int32_t operation, const void* operand,
                                     size_t size) {
  VASTO_ASSIGN_OR_RETURN(const WriteKind kind, ToMergeKind(operation));
  return ToEntryWithPayload(kind, key, operand, size, "operand");
}

StatusOr<client::WriteEntry> ToDelete(const vasto_key_t* key) {
  return ToEntry(WriteKind::kDelete, key);
}

StatusOr<client::WriteEntry> ToTouch(const vasto_key_t* key, uint64_t ttl_seconds) {
  VASTO_ASSIGN_OR_RETURN(client::WriteEntry entry, ToEntry(WriteKind::kTouch, key));
  entry.ttl_seconds = ttl_seconds;
  return entry;
}

Status ApplyOptions(const vasto_write_options_t* options, client::WriteEntry* entry) {
  if (options == nullptr) return Status::Ok();
  if (entry->kind == WriteKind::kPut) {
    if (options->value_type != VASTO_TYPE_BYTES && options->value_type < VASTO_TYPE_APPLICATION) {
      return Status::InvalidArgument("value types from 1 to 63 are reserved");
    }
    entry->value_type = options->value_type;
    entry->ttl_seconds = options->ttl_seconds;
    entry->expires_at_us = ExpiryMicros(options->expires_at_ns);
  } else if (options->condition == Condition::kIfAbsent) {
    return Status::InvalidArgument("if_absent makes sense only for a put");
  }
  const bool merges = rpc::IsMerge(entry->kind) || entry->kind == WriteKind::kAppend;
  if (merges && (options->condition != Condition::kNone || options->updated_at_ns != 0)) {
    return Status::InvalidArgument("a merge takes no condition and no event time");
  }
  if (options->updated_at_ns != 0) {
    entry->event_time = EventTimeFromNanos(options->updated_at_ns);
  }
  entry->condition = options->condition;
  entry->if_version = options->if_version;
  return Status::Ok();
}

}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;
using vasto::rpc::Condition;

namespace {

std::shared_ptr<vasto::client::Session> SessionOf(const vasto_session_t* session) {
  return session != nullptr ? session->session : nullptr;
}

template <typename Options>
vasto_status_t Create(Options** out_options, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_options == nullptr) return Status::InvalidArgument("out_options is NULL");
    *out_options = nullptr;
    *out_options = new Options();
    return Answer::Ok();
  });
}

}  // namespace

VASTO_STATUS vasto_read_options_create(vasto_read_options_t** out_options, vasto_error_t** err) {
  return Create(out_options, err);
}

VASTO_API void vasto_read_options_set_timeout_ms(vasto_read_options_t* options,
                                                 uint64_t timeout_ms) {
  if (options != nullptr) options->timeout_ms = timeout_ms;
}

VASTO_API void vasto_read_options_set_replica(vasto_read_options_t* options, int32_t replica) {
  if (options != nullptr) options->replica = replica;
}

VASTO_API void vasto_read_options_set_max_staleness_ms(vasto_read_options_t* options,
                                                       uint64_t max_staleness_ms) {
  if (options != nullptr) options->max_staleness_ms = max_staleness_ms;
}

VASTO_API void vasto_read_options_set_hedge(vasto_read_options_t* options, bool hedge) {
  if (options != nullptr) options->hedge = hedge;
}

VASTO_API void vasto_read_options_set_session(vasto_read_options_t* options,
                                              vasto_session_t* session) {
  if (options != nullptr) options->session = SessionOf(session);
}

VASTO_API void vasto_read_options_destroy(vasto_read_options_t* options) { delete options; }

VASTO_STATUS vasto_write_options_create(vasto_write_options_t** out_options, vasto_error_t** err) {
  return Create(out_options, err);
}

VASTO_API void vasto_write_options_set_timeout_ms(vasto_write_options_t* options,
                                                  uint64_t timeout_ms) {
  if (options != nullptr) options->timeout_ms = timeout_ms;
}

VASTO_API void vasto_write_options_set_ttl_seconds(vasto_write_options_t* options,
                                                   uint64_t ttl_seconds) {
  if (options == nullptr) return;
  options->ttl_seconds = ttl_seconds;
  options->expires_at_ns = 0;
}

VASTO_API void vasto_write_options_set_expires_at_ns(vasto_write_options_t* options,
                                                     uint64_t expires_at_ns) {
  if (options == nullptr) return;
  options->expires_at_ns = expires_at_ns;
  options->ttl_seconds = 0;
}

VASTO_API void vasto_write_options_set_updated_at_ns(vasto_write_options_t* options,
                                                     uint64_t updated_at_ns) {
  if (options != nullptr) options->updated_at_ns = updated_at_ns;
}

VASTO_API void vasto_write_options_set_value_type(vasto_write_options_t* options, uint32_t type) {
  if (options != nullptr) options->value_type = type;
}

VASTO_API void vasto_write_options_set_if_absent(vasto_write_options_t* options) {
  if (options != nullptr) options->condition = Condition::kIfAbsent;
}

VASTO_API void vasto_write_options_set_if_version(vasto_write_options_t* options,
                                                  uint64_t version) {
  if (options == nullptr) return;
  options->condition = version == 0 ? Condition::kIfAbsent : Condition::kIfVersion;
  options->if_version = version;
}

VASTO_API void vasto_write_options_clear_condition(vasto_write_options_t* options) {
  if (options != nullptr) options->condition = Condition::kNone;
}

VASTO_API void vasto_write_options_set_session(vasto_write_options_t* options,
                                               vasto_session_t* session) {
  if (options != nullptr) options->session = SessionOf(session);
}

VASTO_API void vasto_write_options_set_acks(vasto_write_options_t* options, int32_t acks) {
  if (options != nullptr) options->acks = acks;
}

VASTO_API void vasto_write_options_destroy(vasto_write_options_t* options) { delete options; }

VASTO_STATUS vasto_scan_options_create(vasto_scan_options_t** out_options, vasto_error_t** err) {
  return Create(out_options, err);
}

VASTO_API void vasto_scan_options_set_timeout_ms(vasto_scan_options_t* options,
                                                 uint64_t timeout_ms) {
  if (options != nullptr) options->timeout_ms = timeout_ms;
}

VASTO_API void vasto_scan_options_set_limit(vasto_scan_options_t* options, uint64_t limit) {
  if (options != nullptr) options->limit = limit;
}

VASTO_API void vasto_scan_options_set_keys_only(vasto_scan_options_t* options, bool keys_only) {
  if (options != nullptr) options->keys_only = keys_only;
}

VASTO_API void vasto_scan_options_set_page_bytes(vasto_scan_options_t* options,
                                                 uint64_t page_bytes) {
  if (options != nullptr) options->page_bytes = page_bytes;
}

VASTO_API void vasto_scan_options_set_replica(vasto_scan_options_t* options, int32_t replica) {
  if (options != nullptr) options->replica = replica;
}

VASTO_API void vasto_scan_options_set_max_staleness_ms(vasto_scan_options_t* options,
                                                       uint64_t max_staleness_ms) {
  if (options != nullptr) options->max_staleness_ms = max_staleness_ms;
}

VASTO_API void vasto_scan_options_set_session(vasto_scan_options_t* options,
                                              vasto_session_t* session) {
  if (options != nullptr) options->session = SessionOf(session);
}

VASTO_API void vasto_scan_options_set_resume_token(vasto_scan_options_t* options, const void* token,
                                                   size_t token_size) {
  if (options == nullptr) return;
  if (token == nullptr) token_size = 0;
  options->out_of_memory = !vasto::capi::GuardVoid(
      [&] { options->resume_token = std::string(static_cast<const char*>(token), token_size); });
}

VASTO_API void vasto_scan_options_destroy(vasto_scan_options_t* options) { delete options; }
