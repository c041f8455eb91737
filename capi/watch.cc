// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/watch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "capi/internal/keyspace.h"
#include "capi/internal/options.h"
#include "core/base/hlc.h"

namespace vasto::capi {
namespace {

constexpr size_t kMostChanges = 4096;  // that one call hands out

vasto_kv_t ToKv(const client::WatchedChange& change) {
  vasto_kv_t kv = {};
  kv.key = {change.key.data(), change.key.size()};
  if (!change.deleted) kv.value = {change.payload.data(), change.payload.size()};
  kv.version = change.event_time;
  kv.updated_at_ns = EventTimeToNanos(change.event_time);
  kv.expires_at_ns = change.expires_at_us * 1000;
  kv.type = change.value_type;
  if (change.deleted) kv.flags |= VASTO_KV_DELETED;
  if (change.partition_hash) {
    kv.partition_hash = *change.partition_hash;
    kv.flags |= VASTO_KEY_HAS_PARTITION_HASH;
  }
  return kv;
}

StatusOr<client::WatchOptions> ToWatchOptions(const vasto_watch_options_t* options) {
  client::WatchOptions watch;
  if (options == nullptr) return watch;
  if (options->out_of_memory) return Status::NoSpace("out of memory while the token was copied");
  watch.timeout_us = TimeoutMicros(options->timeout_ms);
  watch.resume_token = options->resume_token;
  return watch;
}

Status CheckWatch(const vasto_watch_t* watch) {
  return watch != nullptr ? Status::Ok() : Status::InvalidArgument("watch is NULL");
}

}  // namespace

WatchState::~WatchState() {
  MutexLock lock(&mu_);
  if (pending_ != nullptr) pending_->Unref();
}

Status WatchState::CheckIdle() {
  MutexLock lock(&mu_);
  if (pending_ == nullptr) return Status::Ok();
  if (!pending_->done()) return Status::Busy("a wait for the watch's next changes is pending");
  std::exchange(pending_, nullptr)->Unref();
  return Status::Ok();
}

Answer WatchState::Next(vasto_kv_t* out_changes, size_t capacity, int64_t timeout_ms,
                        size_t* out_count) {
  VASTO_RETURN_IF_ERROR(core_->CheckUsable());
  VASTO_RETURN_IF_ERROR(CheckIdle());
  if (timeout_ms != 0) VASTO_RETURN_IF_ERROR(core_->CheckMayWait());
  const int64_t timeout_us = timeout_ms < 0 ? -1 : TimeoutMicros(timeout_ms);
  Status status = watcher_->Next(std::min(capacity, kMostChanges), timeout_us, &changes_);
  if (!status.ok()) return Answer::FromCluster(std::move(status));
  if (changes_.empty()) return Answer::Plain(Code::kTimeout);
  std::transform(changes_.begin(), changes_.end(), out_changes, ToKv);
  *out_count = changes_.size();
  return Answer::Ok();
}

Status WatchState::ReadyAsync(vasto_future_t** out_future) {
  VASTO_RETURN_IF_ERROR(core_->CheckUsable());
  VASTO_RETURN_IF_ERROR(CheckIdle());
  PendingFuture future(core_, FutureKind::kReady);
  vasto_future_t* const pending = future.get();
  pending->Ref();
  {
    MutexLock lock(&mu_);
    pending_ = pending;
  }
  *out_future = future.Started();
  watcher_->WhenReady([pending] { pending->OperationDone(Status::Ok()); });
  return Status::Ok();
}

void WatchState::Cancel() {
  vasto_future_t* pending = nullptr;
  {
    MutexLock lock(&mu_);
    pending = std::exchange(pending_, nullptr);
  }
  if (pending != nullptr) {
    pending->Cancel();
    pending->Unref();
  }
  watcher_->Cancel();
}

Status WatchState::Token(const std::string** out_token) {
  VASTO_RETURN_IF_ERROR(core_->CheckUsable());
  VASTO_RETURN_IF_ERROR(CheckIdle());
  token_ = watcher_->ResumeToken();
  *out_token = &token_;
  return Status::Ok();
}

}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_watch_options_create(vasto_watch_options_t** out_options, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_options == nullptr) return Status::InvalidArgument("out_options is NULL");
    *out_options = nullptr;
    *out_options = new vasto_watch_options_t();
    return Answer::Ok();
  });
}

VASTO_API void vasto_watch_options_set_timeout_ms(vasto_watch_options_t* options,
                                                  uint64_t timeout_ms) {
  if (options != nullptr) options->timeout_ms = timeout_ms;
}

VASTO_API void vasto_watch_options_set_resume_token(vasto_watch_options_t* options,
                                                    const void* token, size_t token_size) {
  if (options == nullptr) return;
  if (token == nullptr) token_size = 0;
  options->out_of_memory = !vasto::capi::GuardVoid(
      [&] { options->resume_token = std::string(static_cast<const char*>(token), token_size); });
}

VASTO_API void vasto_watch_options_destroy(vasto_watch_options_t* options) { delete options; }

VASTO_STATUS vasto_watch_open(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size,
                              const vasto_watch_options_t* options, vasto_watch_t** out_watch,
                              vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_watch == nullptr) return Status::InvalidArgument("out_watch is NULL");
    *out_watch = nullptr;
    VASTO_RETURN_IF_ERROR(vasto::capi::CheckKeyspace(keyspace));
    VASTO_RETURN_IF_ERROR(keyspace->core->CheckMayWait());
    const auto bytes = vasto::capi::ToBytes(prefix, prefix_size, "prefix");
    if (!bytes.ok()) return bytes.status();
    auto watch = vasto::capi::ToWatchOptions(options);
    if (!watch.ok()) return watch.status();
    watch->prefix = *bytes;
    auto watcher = keyspace->core->client().Watch(keyspace->keyspace, *watch);
    if (!watcher.ok()) return Answer::FromCluster(std::move(watcher).status());
    auto handle = std::make_unique<vasto_watch_t>();
    handle->state =
        std::make_shared<vasto::capi::WatchState>(keyspace->core, std::move(watcher).value());
    *out_watch = handle.release();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_watch_next(vasto_watch_t* watch, vasto_kv_t* out_changes, size_t capacity,
                              int64_t timeout_ms, size_t* out_count, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_count == nullptr) return Status::InvalidArgument("out_count is NULL");
    *out_count = 0;
    VASTO_RETURN_IF_ERROR(vasto::capi::CheckWatch(watch));
    if (out_changes == nullptr || capacity == 0) {
      return Status::InvalidArgument("there is no room for changes");
    }
    const std::shared_ptr<vasto::capi::WatchState> state = watch->state;
    return state->Next(out_changes, capacity, timeout_ms, out_count);
  });
}

VASTO_STATUS vasto_watch_ready_async(vasto_watch_t* watch, vasto_future_t** out_future,
                                     vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_future == nullptr) return Status::InvalidArgument("out_future is NULL");
    *out_future = nullptr;
    VASTO_RETURN_IF_ERROR(vasto::capi::CheckWatch(watch));
    const std::shared_ptr<vasto::capi::WatchState> state = watch->state;
    return state->ReadyAsync(out_future);
  });
}

VASTO_STATUS vasto_watch_resume_token(vasto_watch_t* watch, const void** out_token,
                                      size_t* out_size, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_token == nullptr || out_size == nullptr) {
      return Status::InvalidArgument("out_token and out_size must not be NULL");
    }
    *out_token = nullptr;
    *out_size = 0;
    VASTO_RETURN_IF_ERROR(vasto::capi::CheckWatch(watch));
    const std::string* token = nullptr;
    VASTO_RETURN_IF_ERROR(watch->state->Token(&token));
    *out_token = token->data();
    *out_size = token->size();
    return Answer::Ok();
  });
}

VASTO_API void vasto_watch_destroy(vasto_watch_t* watch) {
  if (watch == nullptr || watch->state->forked()) return;
  vasto::capi::GuardVoid([&] { watch->state->Cancel(); });
  delete watch;
}
