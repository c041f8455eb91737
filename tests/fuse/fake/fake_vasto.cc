// SPDX-License-Identifier: Apache-2.0
#include "tests/fuse/fake/fake_vasto.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "vasto/vasto.h"

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

namespace {

struct Entry {
  std::shared_ptr<const std::string> bytes;
  uint64_t version = 0;
  uint64_t expires_at_ns = 0;
  uint32_t type = 0;
};

struct Space {
  std::string name;
  std::string id;
  std::map<std::string, Entry> entries;
  bool gone = false;
};

uint64_t NowNs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

// The one cluster of the process, and the thread that completes what is due.
class World {
 public:
  World() : thread_([this] { Run(); }) { thread_.detach(); }

  std::mutex mu;
  std::map<std::string, std::shared_ptr<Space>> spaces;
  int64_t delay_ms = 0;
  bool stalled = false;
  int failures = 0;
  vasto_status_t failure = VASTO_OK;
  void (*before_write)() = nullptr;
  vasto::fake::Counts counts;
  uint64_t last_version = 0;
  int next_id = 0;

  void At(Clock::time_point when, std::function<void()> function) {
    const std::lock_guard<std::mutex> lock(queue_mu_);
    queue_.emplace(when, std::move(function));
    changed_.notify_all();
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(queue_mu_);
    while (true) {
      if (queue_.empty()) {
        changed_.wait(lock);
      } else if (queue_.begin()->first > Clock::now()) {
        changed_.wait_until(lock, queue_.begin()->first);
      } else {
        const auto function = std::move(queue_.begin()->second);
        queue_.erase(queue_.begin());
        lock.unlock();
        function();
        lock.lock();
      }
    }
  }

  std::mutex queue_mu_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, std::function<void()>> queue_;
  std::thread thread_;
};

World& TheWorld() {
  static auto* const world = new World;  // its thread outlives main
  return *world;
}

std::shared_ptr<Space> NewSpace(World* world, const std::string& name) {
  auto space = std::make_shared<Space>();
  space->name = name;
  space->id = "id-" + std::to_string(++world->next_id);
  return space;
}

Entry* FindLive(Space* space, const std::string& key) {
  const auto it = space->entries.find(key);
  if (it == space->entries.end()) return nullptr;
  if (it->second.expires_at_ns != 0 && it->second.expires_at_ns <= NowNs()) return nullptr;
  return &it->second;
}

uint64_t NextVersion(World* world) {
  world->last_version = std::max(world->last_version + 1, NowNs() / 1000 * 1000);
  return world->last_version;
}

}  // namespace

struct vasto_error_t {
  vasto_status_t code;
  std::string message;
};
struct vasto_config_t {
  std::map<std::string, std::string> values;
};
struct vasto_client_t {
  bool closed = false;
};
struct vasto_keyspace_t {
  std::shared_ptr<Space> space;
};
struct vasto_keyspace_options_t {};
struct vasto_read_options_t {
  uint64_t timeout_ms = 0;
};
struct vasto_write_options_t {
  uint64_t timeout_ms = 0;
  uint64_t ttl_seconds = 0;
  uint64_t expires_at_ns = 0;
  uint64_t if_version = 0;
  uint32_t type = 0;
  bool conditional = false;
};
struct vasto_scan_options_t {
  uint64_t limit = 0;
};
struct vasto_value_t {
  Entry entry;
  bool meta_only = false;
};
struct vasto_admin_op_t {
  vasto_status_t code;
};
struct vasto_iter_t {
  std::shared_ptr<Space> space;
  std::string next;  // first key not handed out
  std::string end;   // "" none
  uint64_t left = UINT64_MAX;
  std::vector<std::pair<std::string, Entry>> block;
};

// Shared by its owner and by the world's queue.
struct FutureState {
  std::mutex mu;
  bool done = false;
  vasto_status_t code = VASTO_OK;
  bool with_error = false;
  vasto_value_t value;
  uint64_t version = 0;
  vasto_future_callback_t callback = nullptr;
  void* user_data = nullptr;
  vasto_future_t* handle = nullptr;
};
struct vasto_future_t {
  std::shared_ptr<FutureState> state;
};

namespace {

vasto_status_t Fail(vasto_error_t** err, vasto_status_t code, const char* message) {
  if (err != nullptr) *err = new vasto_error_t{code, message};
  return code;
}

struct Answer {
  vasto_status_t code = VASTO_OK;
  bool with_error = false;
  vasto_value_t value;
  uint64_t version = 0;
};

void Complete(const std::shared_ptr<FutureState>& state, Answer answer) {
  vasto_future_callback_t callback = nullptr;
  {
    const std::lock_guard<std::mutex> lock(state->mu);
    if (state->done) return;
    state->done = true;
    state->code = answer.code;
    state->with_error = answer.with_error;
    state->value = std::move(answer.value);
    state->version = answer.version;
    callback = state->callback;
  }
  if (callback != nullptr) callback(state->handle, state->user_data);
}

// Runs `operation` later, on the world's thread; a stalled world times out instead.
vasto_status_t Start(uint64_t timeout_ms, std::function<Answer()> operation, vasto_future_t** out) {
  World& world = TheWorld();
  auto state = std::make_shared<FutureState>();
  *out = new vasto_future_t{state};
  state->handle = *out;
  const std::lock_guard<std::mutex> lock(world.mu);
  const auto now = Clock::now();
  const Milliseconds timeout(timeout_ms == 0 ? 10'000 : timeout_ms);
  if (world.stalled) {
    world.At(now + timeout, [state] { Complete(state, {VASTO_TIMEOUT, true, {}, 0}); });
    return VASTO_OK;
  }
  if (world.failures > 0) {
    --world.failures;
    const vasto_status_t code = world.failure;
    world.At(now, [state, code] { Complete(state, {code, code != VASTO_NOT_FOUND, {}, 0}); });
    return VASTO_OK;
  }
  world.At(now + Milliseconds(world.delay_ms),
           [state, operation = std::move(operation)] { Complete(state, operation()); });
  return VASTO_OK;
}

std::string KeyText(const vasto_key_t* key) {
  return {static_cast<const char*>(key->key.data), key->key.size};
}

vasto_status_t StartRead(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                         const vasto_read_options_t* options, bool meta_only,
                         vasto_future_t** out) {
  {
    const std::lock_guard<std::mutex> lock(TheWorld().mu);
    ++(meta_only ? TheWorld().counts.stats : TheWorld().counts.gets);
  }
  return Start(
      options == nullptr ? 0 : options->timeout_ms,
      [space = keyspace->space, text = KeyText(key), meta_only] {
        const std::lock_guard<std::mutex> lock(TheWorld().mu);
        if (space->gone) return Answer{VASTO_NOT_FOUND, true, {}, 0};
        const Entry* const entry = FindLive(space.get(), text);
        if (entry == nullptr) return Answer{VASTO_NOT_FOUND, false, {}, 0};
        return Answer{VASTO_OK, false, {*entry, meta_only}, 0};
      },
      out);
}

vasto_status_t CheckCondition(Space* space, const std::string& key,
                              const vasto_write_options_t& options) {
  if (!options.conditional) return VASTO_OK;
  const Entry* const entry = FindLive(space, key);
  if (options.if_version == 0) return entry == nullptr ? VASTO_OK : VASTO_ALREADY_EXISTS;
  return entry != nullptr && entry->version == options.if_version ? VASTO_OK : VASTO_STALE_WRITE;
}

// Performs one write: `change` alters the entry of the key, or is NULL for a deletion.
Answer Write(const std::shared_ptr<Space>& space, const std::string& key,
             const vasto_write_options_t& options,
             const std::function<vasto_status_t(Entry*)>& change) {
  World& world = TheWorld();
  void (*hook)() = nullptr;
  {
    const std::lock_guard<std::mutex> lock(world.mu);
    hook = std::exchange(world.before_write, nullptr);
  }
  if (hook != nullptr) hook();
  const std::lock_guard<std::mutex> lock(world.mu);
  if (space->gone) return {VASTO_NOT_FOUND, true, {}, 0};
  const vasto_status_t code = CheckCondition(space.get(), key, options);
  if (code != VASTO_OK) return {code, true, {}, 0};
  const uint64_t version = NextVersion(&world);
  if (change == nullptr) {
    space->entries.erase(key);
    return {VASTO_OK, false, {}, version};
  }
  const Entry* const old = FindLive(space.get(), key);
  Entry entry = old == nullptr ? Entry() : *old;
  const vasto_status_t changed = change(&entry);
  if (changed != VASTO_OK) return {changed, false, {}, 0};
  entry.version = version;
  space->entries[key] = entry;
  return {VASTO_OK, false, {}, version};
}

uint64_t ExpiryOf(const vasto_write_options_t& options) {
  if (options.ttl_seconds != 0) return NowNs() + options.ttl_seconds * 1'000'000'000;
  return options.expires_at_ns == UINT64_MAX ? 0 : options.expires_at_ns;
}

}  // namespace

namespace vasto::fake {

void Reset() {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  for (auto& [name, space] : world.spaces) space->gone = true;
  world.spaces.clear();
  world.delay_ms = 0;
  world.stalled = false;
  world.failures = 0;
  world.before_write = nullptr;
  world.counts = {};
  world.spaces["ks"] = NewSpace(&world, "ks");
}

void CreateKeyspace(const std::string& name) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  world.spaces[name] = NewSpace(&world, name);
}

void DeleteKeyspace(const std::string& name) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  world.spaces[name]->gone = true;
  world.spaces.erase(name);
}

void Put(const std::string& keyspace, const std::string& key, const std::string& value) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  Entry& entry = world.spaces[keyspace]->entries[key];
  entry = {std::make_shared<std::string>(value), NextVersion(&world), 0, 0};
}

bool Get(const std::string& keyspace, const std::string& key, std::string* value) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  const Entry* const entry = FindLive(world.spaces[keyspace].get(), key);
  if (entry == nullptr) return false;
  *value = *entry->bytes;
  return true;
}

uint64_t VersionOf(const std::string& keyspace, const std::string& key) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mu);
  const Entry* const entry = FindLive(world.spaces[keyspace].get(), key);
  return entry == nullptr ? 0 : entry->version;
}

size_t KeyCount(const std::string& keyspace) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  return TheWorld().spaces[keyspace]->entries.size();
}

void SetDelayMs(int64_t delay_ms) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  TheWorld().delay_ms = delay_ms;
}

void SetStalled(bool stalled) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  TheWorld().stalled = stalled;
}

void FailNext(int count, int32_t code) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  TheWorld().failures = count;
  TheWorld().failure = code;
}

void BeforeNextWrite(void (*action)()) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  TheWorld().before_write = action;
}

Counts GetCounts() {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  return TheWorld().counts;
}

}  // namespace vasto::fake

// ---------------------------------------------------------------------------------- vasto.h

extern "C" {

const char* vasto_version_string(void) { return "vasto (a double for tests)"; }
const char* vasto_status_name(vasto_status_t code) { return code == VASTO_OK ? "OK" : "ERROR"; }
bool vasto_status_is_retryable(vasto_status_t code) {
  return code == VASTO_TIMEOUT || code == VASTO_UNAVAILABLE || code == VASTO_BUSY ||
         code == VASTO_RESIZING;
}
uint64_t vasto_version_time_ns(uint64_t version) { return version; }
const char* vasto_error_message(const vasto_error_t* error) {
  return error == nullptr ? "" : error->message.c_str();
}
void vasto_error_destroy(vasto_error_t* error) { delete error; }

vasto_status_t vasto_config_create(vasto_config_t** out, vasto_error_t** /*err*/) {
  *out = new vasto_config_t;
  return VASTO_OK;
}
vasto_status_t vasto_config_set(vasto_config_t* config, const char* key, const char* value,
                                vasto_error_t** /*err*/) {
  config->values[key] = value;
  return VASTO_OK;
}
vasto_status_t vasto_config_load_file(vasto_config_t* /*config*/, const char* /*path*/,
                                      vasto_error_t** err) {
  return Fail(err, VASTO_IO_ERROR, "no such file");
}
void vasto_config_set_log_callback(vasto_config_t* /*config*/, vasto_log_callback_t /*callback*/,
                                   void* /*user_data*/, int32_t /*level*/) {}
void vasto_config_destroy(vasto_config_t* config) { delete config; }

vasto_status_t vasto_client_open(const vasto_config_t* config, vasto_client_t** out,
                                 vasto_error_t** err) {
  *out = nullptr;
  if (config->values.at("masters").find("nowhere") != std::string::npos) {
    return Fail(err, VASTO_UNAVAILABLE, "no master answered");
  }
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  if (TheWorld().spaces.empty()) TheWorld().spaces["ks"] = NewSpace(&TheWorld(), "ks");
  *out = new vasto_client_t;
  return VASTO_OK;
}
vasto_status_t vasto_client_close(vasto_client_t* /*client*/, int64_t /*timeout_ms*/,
                                  vasto_error_t** /*err*/) {
  return VASTO_OK;
}
void vasto_client_destroy(vasto_client_t* client) { delete client; }

vasto_status_t vasto_keyspace_open(vasto_client_t* /*client*/, const char* name,
                                   vasto_keyspace_t** out, vasto_error_t** err) {
  *out = nullptr;
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  const auto it = TheWorld().spaces.find(name);
  if (it == TheWorld().spaces.end()) return Fail(err, VASTO_NOT_FOUND, "no such keyspace");
  *out = new vasto_keyspace_t{it->second};
  return VASTO_OK;
}
const char* vasto_keyspace_name(const vasto_keyspace_t* keyspace) {
  return keyspace->space->name.c_str();
}
const char* vasto_keyspace_id(const vasto_keyspace_t* keyspace) {
  return keyspace->space->id.c_str();
}
uint32_t vasto_keyspace_shard_count(const vasto_keyspace_t* /*keyspace*/) { return 1; }
uint32_t vasto_keyspace_replica_count(const vasto_keyspace_t* /*keyspace*/) { return 1; }
uint32_t vasto_keyspace_shard_of(const vasto_keyspace_t* /*keyspace*/, const vasto_key_t* /*key*/) {
  return 0;
}
void vasto_keyspace_destroy(vasto_keyspace_t* keyspace) { delete keyspace; }

vasto_status_t vasto_read_options_create(vasto_read_options_t** out, vasto_error_t** /*err*/) {
  *out = new vasto_read_options_t;
  return VASTO_OK;
}
void vasto_read_options_set_timeout_ms(vasto_read_options_t* options, uint64_t timeout_ms) {
  options->timeout_ms = timeout_ms;
}
void vasto_read_options_destroy(vasto_read_options_t* options) { delete options; }

vasto_status_t vasto_write_options_create(vasto_write_options_t** out, vasto_error_t** /*err*/) {
  *out = new vasto_write_options_t;
  return VASTO_OK;
}
void vasto_write_options_set_timeout_ms(vasto_write_options_t* options, uint64_t timeout_ms) {
  options->timeout_ms = timeout_ms;
}
void vasto_write_options_set_ttl_seconds(vasto_write_options_t* options, uint64_t ttl_seconds) {
  options->ttl_seconds = ttl_seconds;
}
void vasto_write_options_set_expires_at_ns(vasto_write_options_t* options, uint64_t expires) {
  options->expires_at_ns = expires;
}
void vasto_write_options_set_value_type(vasto_write_options_t* options, uint32_t type) {
  options->type = type;
}
void vasto_write_options_set_if_absent(vasto_write_options_t* options) {
  options->conditional = true;
  options->if_version = 0;
}
void vasto_write_options_set_if_version(vasto_write_options_t* options, uint64_t version) {
  options->conditional = true;
  options->if_version = version;
}
void vasto_write_options_destroy(vasto_write_options_t* options) { delete options; }

vasto_status_t vasto_scan_options_create(vasto_scan_options_t** out, vasto_error_t** /*err*/) {
  *out = new vasto_scan_options_t;
  return VASTO_OK;
}
void vasto_scan_options_set_timeout_ms(vasto_scan_options_t* /*options*/, uint64_t /*timeout*/) {}
void vasto_scan_options_set_limit(vasto_scan_options_t* options, uint64_t limit) {
  options->limit = limit;
}
void vasto_scan_options_set_keys_only(vasto_scan_options_t* /*options*/, bool /*keys_only*/) {}
void vasto_scan_options_destroy(vasto_scan_options_t* options) { delete options; }

vasto_status_t vasto_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                               const vasto_read_options_t* options, vasto_future_t** out,
                               vasto_error_t** /*err*/) {
  return StartRead(keyspace, key, options, false, out);
}
vasto_status_t vasto_stat_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                                const vasto_read_options_t* options, vasto_future_t** out,
                                vasto_error_t** /*err*/) {
  return StartRead(keyspace, key, options, true, out);
}
vasto_status_t vasto_put_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data,
                               size_t size, const vasto_write_options_t* options,
                               vasto_future_t** out, vasto_error_t** /*err*/) {
  {
    const std::lock_guard<std::mutex> lock(TheWorld().mu);
    ++TheWorld().counts.puts;
  }
  auto bytes = std::make_shared<std::string>(static_cast<const char*>(data), size);
  return Start(
      options->timeout_ms,
      [space = keyspace->space, text = KeyText(key), copy = *options, bytes] {
        return Write(space, text, copy, [&](Entry* entry) {
          *entry = {bytes, 0, ExpiryOf(copy), copy.type};
          return VASTO_OK;
        });
      },
      out);
}
vasto_status_t vasto_delete_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                                  const vasto_write_options_t* options, vasto_future_t** out,
                                  vasto_error_t** /*err*/) {
  {
    const std::lock_guard<std::mutex> lock(TheWorld().mu);
    ++TheWorld().counts.deletes;
  }
  return Start(
      options->timeout_ms,
      [space = keyspace->space, text = KeyText(key), copy = *options] {
        return Write(space, text, copy, nullptr);
      },
      out);
}
vasto_status_t vasto_touch_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
                                 uint64_t ttl_seconds, const vasto_write_options_t* options,
                                 vasto_future_t** out, vasto_error_t** /*err*/) {
  return Start(
      options->timeout_ms,
      [space = keyspace->space, text = KeyText(key), copy = *options, ttl_seconds] {
        return Write(space, text, copy, [&](Entry* entry) {
          if (entry->bytes == nullptr) return VASTO_NOT_FOUND;
          entry->expires_at_ns = ttl_seconds == 0 ? 0 : NowNs() + ttl_seconds * 1'000'000'000;
          return VASTO_OK;
        });
      },
      out);
}

vasto_status_t vasto_future_status(const vasto_future_t* future, vasto_error_t** err) {
  const std::lock_guard<std::mutex> lock(future->state->mu);
  if (!future->state->done) return VASTO_BUSY;
  if (future->state->with_error) return Fail(err, future->state->code, "fault of the double");
  return future->state->code;
}
uint64_t vasto_future_version(const vasto_future_t* future) {
  const std::lock_guard<std::mutex> lock(future->state->mu);
  return future->state->version;
}
vasto_status_t vasto_future_take_value(vasto_future_t* future, vasto_value_t** out,
                                       vasto_error_t** err) {
  *out = nullptr;
  const vasto_status_t code = vasto_future_status(future, err);
  if (code == VASTO_OK) *out = new vasto_value_t(future->state->value);
  return code;
}
vasto_status_t vasto_future_on_ready(vasto_future_t* future, vasto_future_callback_t callback,
                                     void* user_data, vasto_error_t** /*err*/) {
  const std::shared_ptr<FutureState> state = future->state;
  const std::lock_guard<std::mutex> lock(state->mu);
  state->callback = callback;
  state->user_data = user_data;
  if (state->done) {
    TheWorld().At(Clock::now(), [state] { state->callback(state->handle, state->user_data); });
  }
  return VASTO_OK;
}
void vasto_future_cancel(vasto_future_t* future) {
  TheWorld().At(Clock::now(), [state = future->state] {
    Complete(state, {VASTO_CANCELLED, true, {}, 0});
  });
}
void vasto_future_destroy(vasto_future_t* future) { delete future; }

const void* vasto_value_data(const vasto_value_t* value) {
  return value->meta_only ? nullptr : value->entry.bytes->data();
}
size_t vasto_value_size(const vasto_value_t* value) { return value->entry.bytes->size(); }
uint32_t vasto_value_type(const vasto_value_t* value) { return value->entry.type; }
uint64_t vasto_value_version(const vasto_value_t* value) { return value->entry.version; }
uint64_t vasto_value_updated_at_ns(const vasto_value_t* value) { return value->entry.version; }
uint64_t vasto_value_expires_at_ns(const vasto_value_t* value) {
  return value->entry.expires_at_ns;
}
void vasto_value_destroy(vasto_value_t* value) { delete value; }

vasto_status_t vasto_scan_range(vasto_keyspace_t* keyspace, const void* start, size_t start_size,
                                const void* end, size_t end_size,
                                const vasto_scan_options_t* options, vasto_iter_t** out,
                                vasto_error_t** /*err*/) {
  *out = new vasto_iter_t;
  (*out)->space = keyspace->space;
  (*out)->next.assign(static_cast<const char*>(start), start_size);
  (*out)->end.assign(static_cast<const char*>(end), end_size);
  if (options != nullptr && options->limit != 0) (*out)->left = options->limit;
  return VASTO_OK;
}
vasto_status_t vasto_scan_prefix(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size,
                                 const vasto_scan_options_t* options, vasto_iter_t** out,
                                 vasto_error_t** err) {
  std::string end(static_cast<const char*>(prefix), prefix_size);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return vasto_scan_range(keyspace, prefix, prefix_size, end.data(), end.size(), options, out, err);
}
vasto_status_t vasto_iter_next_block(vasto_iter_t* iter, vasto_kv_t* rows, size_t capacity,
                                     size_t* out_count, vasto_error_t** err) {
  *out_count = 0;
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  if (iter->space->gone) return Fail(err, VASTO_NOT_FOUND, "the keyspace is gone");
  iter->block.clear();
  auto it = iter->space->entries.lower_bound(iter->next);
  while (it != iter->space->entries.end() && iter->block.size() < capacity && iter->left > 0 &&
         (iter->end.empty() || it->first < iter->end)) {
    iter->block.push_back(*it++);
    --iter->left;
  }
  if (iter->block.empty()) return VASTO_END;
  iter->next = iter->block.back().first + '\0';
  for (const auto& [key, entry] : iter->block) {
    vasto_kv_t& row = rows[(*out_count)++];
    row = {};
    row.key = {key.data(), key.size()};
    row.value = {nullptr, entry.bytes->size()};
    row.version = entry.version;
    row.updated_at_ns = entry.version;
    row.expires_at_ns = entry.expires_at_ns;
  }
  return VASTO_OK;
}
vasto_status_t vasto_iter_next(vasto_iter_t* iter, vasto_kv_t* row, vasto_error_t** err) {
  size_t count = 0;
  return vasto_iter_next_block(iter, row, 1, &count, err);
}
vasto_status_t vasto_iter_ready_async(vasto_iter_t* /*iter*/, vasto_future_t** out,
                                      vasto_error_t** /*err*/) {
  return Start(
      0, [] { return Answer{}; }, out);
}
void vasto_iter_destroy(vasto_iter_t* iter) { delete iter; }

vasto_status_t vasto_keyspace_options_create(vasto_keyspace_options_t** out,
                                             vasto_error_t** /*err*/) {
  *out = new vasto_keyspace_options_t;
  return VASTO_OK;
}
void vasto_keyspace_options_set_shards(vasto_keyspace_options_t* /*o*/, uint32_t /*shards*/) {}
void vasto_keyspace_options_set_replicas(vasto_keyspace_options_t* /*o*/, uint32_t /*n*/) {}
void vasto_keyspace_options_destroy(vasto_keyspace_options_t* options) { delete options; }

vasto_status_t vasto_admin_create_keyspace(vasto_client_t* /*client*/, const char* name,
                                           const vasto_keyspace_options_t* /*options*/,
                                           vasto_admin_op_t** out, vasto_error_t** /*err*/) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  auto& space = TheWorld().spaces[name];
  *out = new vasto_admin_op_t{space == nullptr ? VASTO_OK : VASTO_ALREADY_EXISTS};
  if (space == nullptr) space = NewSpace(&TheWorld(), name);
  return VASTO_OK;
}
vasto_status_t vasto_admin_delete_keyspace(vasto_client_t* /*client*/, const char* name,
                                           vasto_admin_op_t** out, vasto_error_t** /*err*/) {
  vasto::fake::DeleteKeyspace(name);
  *out = new vasto_admin_op_t{VASTO_OK};
  return VASTO_OK;
}
vasto_status_t vasto_admin_describe(vasto_client_t* /*client*/, int32_t /*what*/,
                                    const char* /*name*/, const vasto_read_options_t* /*options*/,
                                    vasto_value_t** out, vasto_error_t** /*err*/) {
  const std::lock_guard<std::mutex> lock(TheWorld().mu);
  std::string json = R"({"schema":1,"keyspaces":[)";
  for (const auto& [name, space] : TheWorld().spaces) {
    if (json.back() != '[') json += ',';
    json += R"({"name":")" + name + R"("})";
  }
  json += "]}";
  *out = new vasto_value_t{{std::make_shared<std::string>(json), 1, 0, 0}, false};
  return VASTO_OK;
}
vasto_status_t vasto_admin_usage(vasto_client_t* /*client*/, const char* /*name*/,
                                 const vasto_read_options_t* /*options*/, uint64_t* capacity,
                                 uint64_t* free_bytes, uint64_t* used, uint64_t* keys,
                                 vasto_error_t** /*err*/) {
  *capacity = 1ULL << 40;
  *free_bytes = 1ULL << 39;
  *used = 1ULL << 20;
  *keys = 1;
  return VASTO_OK;
}
vasto_status_t vasto_admin_op_wait(vasto_admin_op_t* op, int64_t /*timeout_ms*/,
                                   vasto_error_t** err) {
  return op->code == VASTO_OK ? VASTO_OK : Fail(err, op->code, "exists");
}
void vasto_admin_op_destroy(vasto_admin_op_t* op) { delete op; }

}  // extern "C"
