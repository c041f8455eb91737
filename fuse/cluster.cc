// SPDX-License-Identifier: Apache-2.0
#include "fuse/cluster.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "fuse/hash.h"
#include "fuse/task.h"

namespace vasto::fuse {
namespace {

// The options objects of one call, freed with it.
struct ReadOptions {
  explicit ReadOptions(Call* call) {
    if (call == nullptr) return;
    if (vasto_read_options_create(&options, nullptr) != VASTO_OK) return;
    vasto_read_options_set_timeout_ms(options, call->RemainingMs());
  }
  ~ReadOptions() { vasto_read_options_destroy(options); }
  ReadOptions(const ReadOptions&) = delete;
  ReadOptions& operator=(const ReadOptions&) = delete;
  vasto_read_options_t* options = nullptr;
};

struct WriteOptions {
  explicit WriteOptions(Call* call) {
    if (vasto_write_options_create(&options, nullptr) != VASTO_OK) return;
    if (call != nullptr) vasto_write_options_set_timeout_ms(options, call->RemainingMs());
  }
  ~WriteOptions() { vasto_write_options_destroy(options); }
  WriteOptions(const WriteOptions&) = delete;
  WriteOptions& operator=(const WriteOptions&) = delete;
  vasto_write_options_t* options = nullptr;
};

vasto_key_t KeyOf(std::string_view key) { return vasto_make_key(key.data(), key.size()); }

bool Interrupted(Call* call) { return call != nullptr && call->interrupted(); }

}  // namespace

std::string_view Value::bytes() const {
  const void* data = vasto_value_data(value_);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size());
}

Outcome FailureOf(vasto_status_t code, vasto_error_t* error) {
  Outcome outcome;
  outcome.code = code;
  if (error != nullptr) outcome.message = vasto_error_message(error);
  // A key that is not there is a plain answer; a keyspace that is not there comes with an error.
  outcome.keyspace_gone = code == VASTO_NOT_FOUND && error != nullptr;
  vasto_error_destroy(error);
  return outcome;
}

void LocalNames::Add(const std::string& name) {
  MutexLock lock(&mu_);
  names_.insert(name);
}

void LocalNames::Remove(const std::string& name) {
  MutexLock lock(&mu_);
  names_.erase(name);
}

std::vector<std::string> LocalNames::Snapshot() const {
  MutexLock lock(&mu_);
  return {names_.begin(), names_.end()};
}

bool LocalNames::Contains(const std::string& name) const {
  MutexLock lock(&mu_);
  return names_.count(name) != 0;
}

Keyspace::Keyspace(vasto_keyspace_t* handle)
    : handle_(handle), salt_(HashBytes(0, vasto_keyspace_id(handle))) {}

uint32_t Keyspace::ShardOf(std::string_view key) const {
  const vasto_key_t k = KeyOf(key);
  return vasto_keyspace_shard_of(handle_, &k);
}

uint64_t Keyspace::InodeNumber(std::string_view key) const {
  const uint64_t number = HashBytes(salt_, key);
  return number < 2 ? number + 2 : number;
}

Operation::Operation(vasto_status_t code, vasto_error_t* error, vasto_future_t* future,
                     Result result, Call* call)
    : future_(code == VASTO_OK ? future : nullptr), result_(result), call_(call) {
  if (code != VASTO_OK) outcome_ = FailureOf(code, error);
}

Operation::Operation(Operation&& other) noexcept
    : future_(std::exchange(other.future_, nullptr)),
      result_(other.result_),
      call_(other.call_),
      outcome_(std::move(other.outcome_)) {}

Operation::~Operation() { vasto_future_destroy(future_); }

void Operation::OnReady(vasto_future_t* /*future*/, void* self) {
  Resume(static_cast<Operation*>(self)->awaiter_);
}

std::coroutine_handle<> Operation::Abort(void* self) {
  // Completes the future; its callback, on a thread of the library, resumes the coroutine.
  vasto_future_cancel(static_cast<Operation*>(self)->future_);
  return nullptr;
}

bool Operation::await_suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  if (call_ != nullptr && !call_->SetWait(&Abort, this)) vasto_future_cancel(future_);
  // From here on this object may be gone: the callback may already run, on another thread.
  vasto_future_t* const future = future_;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_future_on_ready(future, &OnReady, this, &error);
  if (code == VASTO_OK) return true;
  outcome_ = FailureOf(code, error);
  return false;
}

Outcome Operation::await_resume() {
  if (call_ != nullptr) call_->ClearWait();
  if (future_ == nullptr || outcome_.code != VASTO_OK) return std::move(outcome_);
  vasto_error_t* error = nullptr;
  vasto_value_t* value = nullptr;
  const vasto_status_t code = result_ == Result::kValue
                                  ? vasto_future_take_value(future_, &value, &error)
                                  : vasto_future_status(future_, &error);
  if (code != VASTO_OK) return FailureOf(code, error);
  Outcome outcome;
  if (value != nullptr) outcome.value = std::make_shared<Value>(value);
  if (result_ == Result::kVersion) outcome.version = vasto_future_version(future_);
  return outcome;
}

Cluster::~Cluster() { vasto_client_destroy(client()); }

namespace {

int32_t LibraryLogLevel() { return VASTO_LOG_WARNING; }

void ForwardLog(void* user_data, int32_t level, const char* message) {
  const auto own = static_cast<LogLevel>(std::clamp(level, 0, 3));
  static_cast<const Log*>(user_data)->Write(own, "libvasto %s", message);
}

vasto_status_t FillConfig(const ClusterConfig& from, const Log* log, vasto_config_t* config,
                          vasto_error_t** error) {
  const std::pair<const char*, std::string> settings[] = {
      {"masters", from.masters},
      {"timeout_ms", std::to_string(from.timeout_ms)},
      {"connect_timeout_ms", std::to_string(from.connect_timeout_ms)},
  };
  for (const auto& [name, value] : settings) {
    const vasto_status_t code = vasto_config_set(config, name, value.c_str(), error);
    if (code != VASTO_OK) return code;
  }
  vasto_config_set_log_callback(config, &ForwardLog, const_cast<Log*>(log), LibraryLogLevel());
  if (from.config_file.empty()) return VASTO_OK;
  return vasto_config_load_file(config, from.config_file.c_str(), error);
}

}  // namespace

Outcome Cluster::Open(const ClusterConfig& config) {
  vasto_error_t* error = nullptr;
  vasto_config_t* settings = nullptr;
  vasto_status_t code = vasto_config_create(&settings, &error);
  if (code == VASTO_OK) code = FillConfig(config, log_, settings, &error);
  vasto_client_t* opened = nullptr;
  if (code == VASTO_OK) code = vasto_client_open(settings, &opened, &error);
  vasto_config_destroy(settings);
  if (code != VASTO_OK) return FailureOf(code, error);
  client_.store(opened, std::memory_order_release);
  return {};
}

void Cluster::Close(int64_t timeout_ms) {
  if (!is_open()) return;
  const vasto_status_t code = vasto_client_close(client(), timeout_ms, nullptr);
  if (code != VASTO_OK) log_->Write(LogLevel::kWarning, "close status=%s", vasto_status_name(code));
}

Operation Cluster::Get(const KeyspacePtr& keyspace, const std::string& key, Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  const ReadOptions options(call);
  const vasto_key_t k = KeyOf(key);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code =
      vasto_get_async(keyspace->handle(), &k, options.options, &future, &error);
  return {code, error, future, Operation::Result::kValue, call};
}

Operation Cluster::Stat(const KeyspacePtr& keyspace, const std::string& key, Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  const ReadOptions options(call);
  const vasto_key_t k = KeyOf(key);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code =
      vasto_stat_async(keyspace->handle(), &k, options.options, &future, &error);
  return {code, error, future, Operation::Result::kValue, call};
}

Operation Cluster::Put(const KeyspacePtr& keyspace, const std::string& key, std::string_view bytes,
                       const PutOptions& put, Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  const WriteOptions options(call);
  if (put.condition == PutOptions::If::kAbsent) {
    vasto_write_options_set_if_absent(options.options);
  } else if (put.condition == PutOptions::If::kVersion) {
    vasto_write_options_set_if_version(options.options, put.version);
  }
  if (put.ttl_seconds != 0) {
    vasto_write_options_set_ttl_seconds(options.options, put.ttl_seconds);
  } else if (put.expires_at_ns != 0) {
    vasto_write_options_set_expires_at_ns(options.options, put.expires_at_ns);
  }
  if (put.type != VASTO_TYPE_BYTES) vasto_write_options_set_value_type(options.options, put.type);
  const vasto_key_t k = KeyOf(key);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_put_async(keyspace->handle(), &k, bytes.data(), bytes.size(),
                                              options.options, &future, &error);
  return {code, error, future, Operation::Result::kVersion, call};
}

Operation Cluster::Delete(const KeyspacePtr& keyspace, const std::string& key, uint64_t if_version,
                          Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  const WriteOptions options(call);
  if (if_version != 0) vasto_write_options_set_if_version(options.options, if_version);
  const vasto_key_t k = KeyOf(key);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code =
      vasto_delete_async(keyspace->handle(), &k, options.options, &future, &error);
  return {code, error, future, Operation::Result::kVersion, call};
}

Operation Cluster::Touch(const KeyspacePtr& keyspace, const std::string& key, uint64_t ttl_seconds,
                         Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  const WriteOptions options(call);
  const vasto_key_t k = KeyOf(key);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code =
      vasto_touch_async(keyspace->handle(), &k, ttl_seconds, options.options, &future, &error);
  return {code, error, future, Operation::Result::kVersion, call};
}

Operation Cluster::Ready(vasto_iter_t* iter, Call* call) {
  if (Interrupted(call)) return Operation::Failed(VASTO_CANCELLED);
  vasto_future_t* future = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_iter_ready_async(iter, &future, &error);
  return {code, error, future, Operation::Result::kNothing, call};
}

Outcome Cluster::OpenKeyspace(const std::string& name, KeyspacePtr* out) {
  if (!is_open()) return FailureOf(VASTO_UNAVAILABLE, nullptr);
  vasto_keyspace_t* handle = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_keyspace_open(client(), name.c_str(), &handle, &error);
  if (code != VASTO_OK) return FailureOf(code, error);
  *out = std::make_shared<Keyspace>(handle);
  return {};
}

Outcome Cluster::Describe(int32_t what, const std::string& name, int64_t timeout_ms,
                          std::string* out) {
  if (!is_open()) return FailureOf(VASTO_UNAVAILABLE, nullptr);
  Call call(timeout_ms);
  const ReadOptions options(&call);
  vasto_value_t* value = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_admin_describe(
      client(), what, name.empty() ? nullptr : name.c_str(), options.options, &value, &error);
  if (code != VASTO_OK) return FailureOf(code, error);
  *out = Value(value).bytes();
  return {};
}

bool ParseKeyspaceNames(const std::string& json, std::vector<std::string>* out) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) return false;
  const auto keyspaces = parsed.find("keyspaces");
  if (keyspaces == parsed.end() || !keyspaces->is_array()) return false;
  std::vector<std::string> names;
  for (const auto& keyspace : *keyspaces) {
    const auto name = keyspace.is_object() ? keyspace.find("name") : keyspace.end();
    if (!keyspace.is_object() || name == keyspace.end() || !name->is_string()) return false;
    names.push_back(name->get<std::string>());
  }
  std::sort(names.begin(), names.end());
  *out = std::move(names);
  return true;
}

Outcome Cluster::ListKeyspaces(int64_t timeout_ms, std::vector<std::string>* out) {
  std::string json;
  Outcome outcome = Describe(VASTO_DESCRIBE_KEYSPACES, "", timeout_ms, &json);
  if (outcome.ok() && !ParseKeyspaceNames(json, out)) outcome.code = VASTO_INTERNAL;
  return outcome;
}

Outcome Cluster::GetUsage(const std::string& name, int64_t timeout_ms, Usage* out) {
  if (!is_open()) return FailureOf(VASTO_UNAVAILABLE, nullptr);
  Call call(timeout_ms);
  const ReadOptions options(&call);
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_admin_usage(
      client(), name.empty() ? nullptr : name.c_str(), options.options, &out->capacity_bytes,
      &out->free_bytes, &out->used_bytes, &out->keys, &error);
  if (code != VASTO_OK) return FailureOf(code, error);
  return {};
}

namespace {

Outcome WaitFor(vasto_status_t code, vasto_admin_op_t* op, vasto_error_t* error,
                int64_t timeout_ms) {
  if (code == VASTO_OK) code = vasto_admin_op_wait(op, timeout_ms, &error);
  vasto_admin_op_destroy(op);
  if (code != VASTO_OK) return FailureOf(code, error);
  return {};
}

}  // namespace

Outcome Cluster::CreateKeyspace(const std::string& name, uint32_t shards, uint32_t replicas,
                                int64_t timeout_ms) {
  if (!is_open()) return FailureOf(VASTO_UNAVAILABLE, nullptr);
  vasto_keyspace_options_t* options = nullptr;
  vasto_error_t* error = nullptr;
  vasto_status_t code = vasto_keyspace_options_create(&options, &error);
  vasto_admin_op_t* op = nullptr;
  if (code == VASTO_OK) {
    vasto_keyspace_options_set_shards(options, shards);
    vasto_keyspace_options_set_replicas(options, replicas);
    code = vasto_admin_create_keyspace(client(), name.c_str(), options, &op, &error);
  }
  vasto_keyspace_options_destroy(options);
  return WaitFor(code, op, error, timeout_ms);
}

Outcome Cluster::DeleteKeyspace(const std::string& name, int64_t timeout_ms) {
  if (!is_open()) return FailureOf(VASTO_UNAVAILABLE, nullptr);
  vasto_admin_op_t* op = nullptr;
  vasto_error_t* error = nullptr;
  const vasto_status_t code = vasto_admin_delete_keyspace(client(), name.c_str(), &op, &error);
  return WaitFor(code, op, error, timeout_ms);
}

}  // namespace vasto::fuse
