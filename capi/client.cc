// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "capi/internal/config.h"
#include "capi/internal/core.h"
#include "capi/internal/guard.h"
#include "core/base/thread_pool.h"

namespace vasto::capi {
namespace {
constexpr int64_t kYearUs = 365ll * 24 * 3600 * 1'000'000;
}  // namespace

int64_t TimeoutMicros(int64_t timeout_ms) {
  if (timeout_ms < 0) return kYearUs;
  return std::min(timeout_ms, kYearUs / 1000) * 1000;
}

int64_t TimeoutMicros(uint64_t timeout_ms) {
  const uint64_t most = std::numeric_limits<int64_t>::max();
  return TimeoutMicros(static_cast<int64_t>(std::min(timeout_ms, most)));
}

void CallbackLogSink::Write(LogLevel level, std::string_view line) {
  if (callback_ == nullptr) return;
  CallbackScope scope;
  callback_(user_data_, static_cast<int32_t>(level), std::string(line).c_str());
}

ClientCore::ClientCore(vasto_log_callback_t log_callback, void* log_user_data, int32_t log_level)
    : log_sink_(log_callback, log_user_data),
      logger_(log_callback != nullptr ? &log_sink_ : nullptr, static_cast<LogLevel>(log_level)) {}

StatusOr<CorePtr> ClientCore::Open(client::ClientOptions options, vasto_log_callback_t log_callback,
                                   void* log_user_data, int32_t log_level) {
  CorePtr core(new ClientCore(log_callback, log_user_data, log_level));
  options.logger = &core->logger_;
  core->default_timeout_us_ = options.default_timeout_us;
  VASTO_ASSIGN_OR_RETURN(core->client_, client::Client::Open(options, options.connect_timeout_us));
  core->drivable_ = core->client_->drivable();
  return core;
}

ClientCore::~ClientCore() {
  if (client_ == nullptr || closed_.load()) return;
  // Only handles keep a core alive, and the client handle closes it when it goes.
  client_->Close(0);
}

Status ClientCore::CheckUsable() const {
  if (forked()) return {Code::kForked, "the handle belongs to the parent of this process"};
  if (closed_.load(std::memory_order_acquire)) return Status::Closed("the client is closed");
  return Status::Ok();
}

Status ClientCore::CheckMayWait() const {
  VASTO_RETURN_IF_ERROR(CheckUsable());
  return capi::CheckMayWait();
}

void ClientCore::Close(int64_t timeout_ms) {
  closed_.store(true);
  client_->Close(TimeoutMicros(timeout_ms));
  {
    MutexLock lock(&mu_);
    while (background_tasks_ > 0 || operations_.load() > 0) quiet_.Wait(&mu_);
  }
  callbacks_.Drain();
}

void ClientCore::EndOperation() {
  if (operations_.fetch_sub(1) > 1 || !closed_.load()) return;
  MutexLock lock(&mu_);
  quiet_.SignalAll();
}

void ClientCore::RunInBackground(std::function<void()> task) {
  {
    MutexLock lock(&mu_);
    ++background_tasks_;
  }
  std::thread([self = shared_from_this(), task = std::move(task)]() mutable {
    SetThreadName("vasto-scan");
    task();
    task = nullptr;
    MutexLock lock(&self->mu_);
    --self->background_tasks_;
    self->quiet_.SignalAll();
  }).detach();
}

void ClientCore::CloseFromAnywhere() {
  if (!InCallback()) return Close(0);
  closed_.store(true, std::memory_order_release);
  std::thread([self = shared_from_this()] { self->Close(0); }).detach();
}

}  // namespace vasto::capi

using vasto::Code;
using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_client_open(const vasto_config_t* config, vasto_client_t** out_client,
                               vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_client == nullptr) return Status::InvalidArgument("out_client is NULL");
    *out_client = nullptr;
    if (config == nullptr) return Status::InvalidArgument("config is NULL");
    if (Status may_wait = vasto::capi::CheckMayWait(); !may_wait.ok()) return may_wait;
    auto options = vasto::capi::ToClientOptions(*config);
    if (!options.ok()) return std::move(options).status();
    auto handle = std::make_unique<vasto_client_t>();
    auto core = vasto::capi::ClientCore::Open(std::move(*options), config->log_callback,
                                              config->log_user_data, config->log_level);
    if (!core.ok()) return Answer::FromCluster(std::move(core).status());
    handle->core = std::move(*core);
    *out_client = handle.release();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_client_close(vasto_client_t* client, int64_t timeout_ms, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (client == nullptr) return Status::InvalidArgument("client is NULL");
    Status usable = client->core->CheckMayWait();
    if (!usable.ok() && !usable.Is(Code::kClosed)) return usable;
    client->core->Close(timeout_ms);
    return Answer::Ok();
  });
}

VASTO_API void vasto_client_destroy(vasto_client_t* client) {
  if (client == nullptr || client->core->forked()) return;
  vasto::capi::GuardVoid([&] {
    client->core->CloseFromAnywhere();
    delete client;
  });
}
