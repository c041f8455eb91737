// SPDX-License-Identifier: Apache-2.0
//
// libvasto as the mount uses it: handles that free themselves, and operations that a coroutine can
// await. Everything the mount knows about the cluster goes through this header.
//
//   Outcome o = co_await cluster->Get(keyspace, key, call);
//   if (!o.ok()) co_return o.error();
//
// Every operation ends: with its answer, at the deadline of its Call, when the Call is interrupted
// (VASTO_CANCELLED, hence EINTR), or when the client is closed.
//
// Threads: Cluster and Keyspace any. After a co_await the coroutine is on a thread of libvasto,
// where it must not wait; what waits is marked "Blocks" and belongs on a BlockingPool.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/call.h"
#include "fuse/errno_table.h"
#include "fuse/log.h"
#include "fuse/mutex.h"
#include "fuse/name_codec.h"
#include "vasto/vasto.h"

namespace vasto::fuse {

// A value, or what a stat tells about one. Immutable.
class Value {
 public:
  explicit Value(vasto_value_t* value) : value_(value) {}
  ~Value() { vasto_value_destroy(value_); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  // Empty after a stat, unlike size().
  std::string_view bytes() const;
  size_t size() const { return vasto_value_size(value_); }
  uint64_t version() const { return vasto_value_version(value_); }
  uint64_t updated_at_ns() const { return vasto_value_updated_at_ns(value_); }
  uint64_t expires_at_ns() const { return vasto_value_expires_at_ns(value_); }
  uint32_t type() const { return vasto_value_type(value_); }

 private:
  vasto_value_t* const value_;
};
using ValuePtr = std::shared_ptr<const Value>;

// What an operation came to.
struct Outcome {
  vasto_status_t code = VASTO_OK;
  std::string message;         // of a failure with an error object
  bool keyspace_gone = false;  // NOT_FOUND means the keyspace, not the key
  ValuePtr value;              // of a get or stat
  uint64_t version = 0;        // of a put, delete or touch

  bool ok() const { return code == VASTO_OK; }
  int error() const { return ErrnoOf(code); }
};

// Names in a keyspace's directory that the cluster does not know: scratch files, and files that
// were created and not published yet. Threads: any.
class LocalNames {
 public:
  void Add(const std::string& name) EXCLUDES(mu_);
  void Remove(const std::string& name) EXCLUDES(mu_);
  std::vector<std::string> Snapshot() const EXCLUDES(mu_);
  bool Contains(const std::string& name) const EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  std::set<std::string> names_ GUARDED_BY(mu_);
};

// An open keyspace: the one that had its name when it was opened.
class Keyspace {
 public:
  explicit Keyspace(vasto_keyspace_t* handle);
  ~Keyspace() { vasto_keyspace_destroy(handle_); }
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  std::string name() const { return vasto_keyspace_name(handle_); }
  std::string id() const { return vasto_keyspace_id(handle_); }
  uint32_t shards() const { return vasto_keyspace_shard_count(handle_); }
  uint32_t replicas() const { return vasto_keyspace_replica_count(handle_); }
  uint32_t ShardOf(std::string_view key) const;
  // A stable number for a key of this keyspace, for st_ino; never 0 or 1.
  uint64_t InodeNumber(std::string_view key) const;

  vasto_keyspace_t* handle() const { return handle_; }
  LongNames& long_names() { return long_names_; }
  LocalNames& local_names() { return local_names_; }
  // Set once an operation said that the keyspace does not exist any more.
  std::atomic<bool>& gone() { return gone_; }
  // Rows of listings that no name leads to, so far; for the control files.
  std::atomic<uint64_t>& unnameable() { return unnameable_; }

 private:
  vasto_keyspace_t* const handle_;
  const uint64_t salt_;
  LongNames long_names_;
  LocalNames local_names_;
  std::atomic<bool> gone_{false};
  std::atomic<uint64_t> unnameable_{0};
};
using KeyspacePtr = std::shared_ptr<Keyspace>;

// How a put is to be done.
struct PutOptions {
  enum class If { kAlways, kAbsent, kVersion };
  If condition = If::kAlways;
  uint64_t version = 0;        // of kVersion
  uint64_t expires_at_ns = 0;  // 0: the keyspace's default
  uint64_t ttl_seconds = 0;    // if not 0, instead of expires_at_ns
  uint32_t type = VASTO_TYPE_BYTES;
};

// A started operation of libvasto, to be awaited once, by the coroutine that started it.
class [[nodiscard]] Operation {
 public:
  enum class Result { kValue, kVersion, kNothing };

  // A failed start has no future. `call` (borrowed; outlives this) may be NULL.
  Operation(vasto_status_t code, vasto_error_t* error, vasto_future_t* future, Result result,
            Call* call);
  // An operation that ends with this code without having been tried.
  static Operation Failed(vasto_status_t code) {
    return {code, nullptr, nullptr, Result::kNothing, nullptr};
  }
  Operation(Operation&& other) noexcept;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  Operation& operator=(Operation&&) = delete;
  ~Operation();

  bool await_ready() const noexcept { return future_ == nullptr; }
  bool await_suspend(std::coroutine_handle<> awaiter);
  Outcome await_resume();

 private:
  static void OnReady(vasto_future_t* future, void* self);
  static std::coroutine_handle<> Abort(void* self);

  vasto_future_t* future_;
  const Result result_;
  Call* const call_;
  std::coroutine_handle<> awaiter_;
  Outcome outcome_;  // of a start that failed
};

struct ClusterConfig {
  std::string masters;          // host:port[,host:port...]
  int64_t timeout_ms = 10'000;  // default deadline of an operation
  int64_t connect_timeout_ms = 10'000;
  std::string config_file;  // further libvasto settings; "" for none
};

class Cluster {
 public:
  explicit Cluster(const Log* log) : log_(log) {}
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Connects. Blocks: up to connect_timeout_ms. May be repeated after a failure, never after a
  // success. Operations before that fail with VASTO_UNAVAILABLE.
  Outcome Open(const ClusterConfig& config);
  bool is_open() const { return client_.load(std::memory_order_acquire) != nullptr; }
  // Ends all operations. Blocks: up to timeout_ms.
  void Close(int64_t timeout_ms);

  Operation Get(const KeyspacePtr& keyspace, const std::string& key, Call* call);
  Operation Stat(const KeyspacePtr& keyspace, const std::string& key, Call* call);
  // Copies the bytes before it returns.
  Operation Put(const KeyspacePtr& keyspace, const std::string& key, std::string_view bytes,
                const PutOptions& options, Call* call);
  // if_version 0: always.
  Operation Delete(const KeyspacePtr& keyspace, const std::string& key, uint64_t if_version,
                   Call* call);
  Operation Touch(const KeyspacePtr& keyspace, const std::string& key, uint64_t ttl_seconds,
                  Call* call);
  // Completes when vasto_iter_next_block of `iter` will not wait.
  Operation Ready(vasto_iter_t* iter, Call* call);

  // Each Blocks: up to timeout_ms, or the client's default for OpenKeyspace.
  Outcome OpenKeyspace(const std::string& name, KeyspacePtr* out);
  Outcome ListKeyspaces(int64_t timeout_ms, std::vector<std::string>* out);
  // JSON of vasto_admin_describe.
  Outcome Describe(int32_t what, const std::string& name, int64_t timeout_ms, std::string* out);
  struct Usage {
    uint64_t capacity_bytes = 0;
    uint64_t free_bytes = 0;
    uint64_t used_bytes = 0;
    uint64_t keys = 0;
  };
  // `name` "" for the whole cluster.
  Outcome GetUsage(const std::string& name, int64_t timeout_ms, Usage* out);
  Outcome CreateKeyspace(const std::string& name, uint32_t shards, uint32_t replicas,
                         int64_t timeout_ms);
  Outcome DeleteKeyspace(const std::string& name, int64_t timeout_ms);

 private:
  vasto_client_t* client() const { return client_.load(std::memory_order_acquire); }

  const Log* const log_;  // borrowed; outlives *this
  std::atomic<vasto_client_t*> client_{nullptr};
};

// Turns a failed call of libvasto into an Outcome and destroys the error.
Outcome FailureOf(vasto_status_t code, vasto_error_t* error);

// The names in the JSON of VASTO_DESCRIBE_KEYSPACES. False if it is not what is expected.
bool ParseKeyspaceNames(const std::string& json, std::vector<std::string>* out);

}  // namespace vasto::fuse
