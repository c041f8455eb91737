// SPDX-License-Identifier: Apache-2.0
// ClientCore: what a vasto_client_t and everything made from it share. It lives until the last of
// them is gone, so that handles may be destroyed in any order; after Close() it is an empty shell
// that answers CLOSED.
//
// Threads: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "capi/internal/callbacks.h"
#include "capi/internal/fork_mark.h"
#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

namespace vasto::capi {

// Hands log lines to the C callback.
class CallbackLogSink : public LogSink {
 public:
  CallbackLogSink(vasto_log_callback_t callback, void* user_data)
      : callback_(callback), user_data_(user_data) {}
  void Write(LogLevel level, std::string_view line) override;

 private:
  const vasto_log_callback_t callback_;
  void* const user_data_;  // borrowed; the caller keeps it valid
};

class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  // Connects. log_callback may be nullptr.
  static StatusOr<std::shared_ptr<ClientCore>> Open(client::ClientOptions options,
                                                    vasto_log_callback_t log_callback,
                                                    void* log_user_data, int32_t log_level);
  ~ClientCore();

  // OK, or why no operation can start: FORKED, CLOSED.
  Status CheckUsable() const;
  // The same for operations that wait: also WRONG_THREAD.
  Status CheckMayWait() const;
  bool forked() const { return fork_mark_.InChild(); }

  // As vasto_client_close. Not from a callback.
  void Close(int64_t timeout_ms);
  // Close(0), or inside a callback the same on a thread of its own.
  void CloseFromAnywhere();

  // Around the life of a future's operation. Close() waits for all that began: the client itself
  // counts an operation as done before its completion has run, and that may be on a thread of the
  // caller.
  void BeginOperation() { operations_.fetch_add(1); }
  void EndOperation();

  // Runs task on a thread of its own, which Close() waits for. task may wait for the network and
  // run callbacks.
  void RunInBackground(std::function<void()> task);

  client::Client& client() { return *client_; }
  // The client's.
  const std::shared_ptr<client::Drivable>& drivable() const { return drivable_; }
  CallbackRunner& callbacks() { return callbacks_; }
  int64_t default_timeout_us() const { return default_timeout_us_; }

 private:
  ClientCore(vasto_log_callback_t log_callback, void* log_user_data, int32_t log_level);

  // Constant after Open.
  ForkMark fork_mark_;
  CallbackLogSink log_sink_;
  Logger logger_;
  int64_t default_timeout_us_ = 0;
  std::shared_ptr<client::Client> client_;
  std::shared_ptr<client::Drivable> drivable_;

  std::atomic<bool> closed_{false};
  std::atomic<int64_t> operations_{0};  // of futures, begun and not ended
  CallbackRunner callbacks_;            // own synchronization

  Mutex mu_;
  CondVar quiet_;  // an operation ended after the close, or a background task
  int background_tasks_ GUARDED_BY(mu_) = 0;
};

using CorePtr = std::shared_ptr<ClientCore>;

// Milliseconds of the C interface as microseconds, cut to what cannot overflow. Negative: "no
// limit", a year.
int64_t TimeoutMicros(int64_t timeout_ms);
int64_t TimeoutMicros(uint64_t timeout_ms);

}  // namespace vasto::capi

struct vasto_client_t {
  vasto::capi::CorePtr core;
};
