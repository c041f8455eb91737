// SPDX-License-Identifier: Apache-2.0
// The values of the vectors as C++ has them, and handles of vasto.h that end by themselves.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "vasto/vasto.h"

namespace vectors {

using Json = nlohmann::json;

// What makes a vector fail.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename T, void (*kDestroy)(T*)>
struct Destroy {
  void operator()(T* handle) const { kDestroy(handle); }
};
template <typename T, void (*kDestroy)(T*)>
using Handle = std::unique_ptr<T, Destroy<T, kDestroy>>;

using Batch = Handle<vasto_batch_t, vasto_batch_destroy>;
using BatchResult = Handle<vasto_batch_result_t, vasto_batch_result_destroy>;
using Client = Handle<vasto_client_t, vasto_client_destroy>;
using Config = Handle<vasto_config_t, vasto_config_destroy>;
using Future = Handle<vasto_future_t, vasto_future_destroy>;
using Iter = Handle<vasto_iter_t, vasto_iter_destroy>;
using Keyspace = Handle<vasto_keyspace_t, vasto_keyspace_destroy>;
using KeyspaceOptions = Handle<vasto_keyspace_options_t, vasto_keyspace_options_destroy>;
using Op = Handle<vasto_admin_op_t, vasto_admin_op_destroy>;
using ReadOptions = Handle<vasto_read_options_t, vasto_read_options_destroy>;
using ScanOptions = Handle<vasto_scan_options_t, vasto_scan_options_destroy>;
using Session = Handle<vasto_session_t, vasto_session_destroy>;
using Value = Handle<vasto_value_t, vasto_value_destroy>;
using Watch = Handle<vasto_watch_t, vasto_watch_destroy>;
using WatchOptions = Handle<vasto_watch_options_t, vasto_watch_options_destroy>;
using WriteOptions = Handle<vasto_write_options_t, vasto_write_options_destroy>;

// How a call ended.
struct Result {
  vasto_status_t code = VASTO_OK;
  bool in_doubt = false;
  std::string message;

  std::string name() const { return vasto_status_name(code); }
  bool ok() const { return code == VASTO_OK; }
};

// Runs a call that takes an error. call: (vasto_error_t**) -> vasto_status_t.
template <typename Call>
Result Run(const Call& call) {
  vasto_error_t* error = nullptr;
  Result result;
  result.code = call(&error);
  if (error == nullptr) return result;
  result.in_doubt = vasto_error_is_in_doubt(error);
  result.message = vasto_error_message(error);
  vasto_error_destroy(error);
  return result;
}

// The same for a call that has to succeed.
template <typename Call>
void Must(const Call& call) {
  const Result result = Run(call);
  if (!result.ok()) throw Failure(result.name() + ": " + result.message);
}

// Constants of vasto.h by the names that vectors have for them.
template <size_t kSize>
using Names = std::array<std::pair<const char*, int32_t>, kSize>;
inline constexpr Names<3> kSync{
    {{"NONE", VASTO_SYNC_NONE}, {"INTERVAL", VASTO_SYNC_INTERVAL}, {"ALWAYS", VASTO_SYNC_ALWAYS}}};
inline constexpr Names<5> kDescribe{{{"STATUS", VASTO_DESCRIBE_STATUS},
                                     {"STORES", VASTO_DESCRIBE_STORES},
                                     {"KEYSPACES", VASTO_DESCRIBE_KEYSPACES},
                                     {"KEYSPACE", VASTO_DESCRIBE_KEYSPACE},
                                     {"USAGE", VASTO_DESCRIBE_USAGE}}};
inline constexpr Names<7> kMerges{{
    {"ADD_INT64", VASTO_MERGE_ADD_INT64},
    {"MIN_INT64", VASTO_MERGE_MIN_INT64},
    {"MAX_INT64", VASTO_MERGE_MAX_INT64},
    {"ADD_FLOAT64", VASTO_MERGE_ADD_FLOAT64},
    {"MIN_FLOAT64", VASTO_MERGE_MIN_FLOAT64},
    {"MAX_FLOAT64", VASTO_MERGE_MAX_FLOAT64},
    {"APPEND", VASTO_MERGE_APPEND},
}};
inline constexpr Names<3> kAcks{
    {{"ONE", VASTO_ACKS_ONE}, {"QUORUM", VASTO_ACKS_QUORUM}, {"ALL", VASTO_ACKS_ALL}}};
inline constexpr Names<3> kReplicas{{{"PRIMARY", VASTO_REPLICA_PRIMARY},
                                     {"ANY", VASTO_REPLICA_ANY},
                                     {"NEAREST", VASTO_REPLICA_NEAREST}}};

template <size_t kSize>
int32_t Constant(const Names<kSize>& names, const Json& json) {
  for (const auto& [name, number] : names) {
    if (json.get<std::string>() == name) return number;
  }
  throw Failure("no such constant: " + json.dump());
}

// A string whose characters are the bytes, or {"repeat": text, "count": n}.
inline std::string Bytes(const Json& json) {
  if (json.is_object()) {
    const std::string part = Bytes(json.at("repeat"));
    std::string all;
    for (auto i = json.at("count").get<size_t>(); i > 0; --i) all += part;
    return all;
  }
  std::string bytes;
  const auto text = json.get<std::string>();
  for (size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      bytes += text[i];
    } else if (first <= 0xc3 && i + 1 < text.size()) {
      bytes += static_cast<char>((first << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f));
    } else {
      throw Failure("a character beyond U+00FF stands for no byte");
    }
  }
  return bytes;
}

// A key and the bytes that it borrows.
class Key {
 public:
  explicit Key(const Json& json)
      : bytes_(Bytes(json.is_object() && json.contains("key") ? json["key"] : json)) {
    key_ = vasto_make_key(bytes_.data(), bytes_.size());
    if (json.is_object() && json.contains("partition")) {
      key_ = vasto_make_key_in(bytes_.data(), bytes_.size(),
                               std::stoull(json["partition"].get<std::string>()));
    }
  }
  Key(Key&&) = delete;
  const vasto_key_t* get() const { return &key_; }

 private:
  std::string bytes_;
  vasto_key_t key_;
};

inline std::string TextOf(const vasto_slice_t& slice) {
  return slice.size == 0 ? "" : std::string(static_cast<const char*>(slice.data), slice.size);
}

}  // namespace vectors
