// SPDX-License-Identifier: Apache-2.0
// The option handles, and the one place where keys, bytes and options of the C interface become
// requests of core/client. All checks of arguments are here, so that every function refuses the
// same things with the same words.
//
// Threads: pure functions on their arguments.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/client/client.h"
#include "vasto/vasto.h"

struct vasto_read_options_t {
  uint64_t timeout_ms = 0;
  int32_t replica = VASTO_REPLICA_PRIMARY;
  uint64_t max_staleness_ms = 0;
  bool hedge = false;
  std::shared_ptr<vasto::client::Session> session;
};

struct vasto_write_options_t {
  uint64_t timeout_ms = 0;
  uint64_t ttl_seconds = 0;
  uint64_t expires_at_ns = 0;
  uint64_t updated_at_ns = 0;
  uint32_t value_type = VASTO_TYPE_BYTES;
  vasto::rpc::Condition condition = vasto::rpc::Condition::kNone;
  uint64_t if_version = 0;
  int32_t acks = VASTO_ACKS_KEYSPACE;
  std::shared_ptr<vasto::client::Session> session;
};

struct vasto_scan_options_t {
  uint64_t timeout_ms = 0;
  uint64_t limit = 0;
  bool keys_only = false;
  uint64_t page_bytes = 0;
  int32_t replica = VASTO_REPLICA_PRIMARY;
  uint64_t max_staleness_ms = 0;
  std::shared_ptr<vasto::client::Session> session;
  std::string resume_token;
  bool out_of_memory = false;  // while the token was copied
};

namespace vasto::capi {

// A (pointer, size) pair; what: its name in messages.
StatusOr<std::string_view> ToBytes(const void* data, size_t size, const char* what);

// TOO_LARGE over the limit; INVALID_ARGUMENT for NULL, unknown flags or a reserved field in use.
StatusOr<client::KeyRef> ToKeyRef(const vasto_key_t* key);

// options may be nullptr: the defaults.
StatusOr<client::CallOptions> ToCallOptions(const vasto_read_options_t* options);
StatusOr<client::CallOptions> ToCallOptions(const vasto_write_options_t* options);
StatusOr<client::ScanOptions> ToScanOptions(const vasto_scan_options_t* options);

// VASTO_ACKS_ONE to _ALL.
StatusOr<AckLevel> ToAckLevel(int32_t acks);

// Write entries, checked and complete but for what ApplyOptions sets.
StatusOr<client::WriteEntry> ToPut(const vasto_key_t* key, const void* data, size_t size);
StatusOr<client::WriteEntry> ToDelete(const vasto_key_t* key);
StatusOr<client::WriteEntry> ToMerge(const vasto_key_t* key, int32_t operation, const void* operand,
                                     size_t size);
StatusOr<client::WriteEntry> ToTouch(const vasto_key_t* key, uint64_t ttl_seconds);

// Event time, expiry, type and condition. options may be nullptr.
Status ApplyOptions(const vasto_write_options_t* options, client::WriteEntry* entry);

}  // namespace vasto::capi
