// SPDX-License-Identifier: Apache-2.0
// A running watch as the C interface sees it.
//
// Invariant: while a wait for changes is pending, every other use is BUSY.
//
// Threads: one at a time, but for Cancel.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capi/internal/core.h"
#include "capi/internal/future.h"
#include "capi/internal/guard.h"
#include "core/base/mutex.h"
#include "core/client/client.h"

struct vasto_watch_options_t {
  uint64_t timeout_ms = 0;
  std::string resume_token;
  bool out_of_memory = false;  // while the token was copied
};

namespace vasto::capi {

class WatchState {
 public:
  WatchState(CorePtr core, std::unique_ptr<client::Watcher> watcher)
      : core_(std::move(core)), watcher_(std::move(watcher)) {}
  ~WatchState();
  WatchState(const WatchState&) = delete;
  WatchState& operator=(const WatchState&) = delete;

  // 1 to capacity changes. REQUIRES: capacity > 0.
  Answer Next(vasto_kv_t* out_changes, size_t capacity, int64_t timeout_ms, size_t* out_count);
  // Starts to wait for changes; *out_future is owned by the caller.
  Status ReadyAsync(vasto_future_t** out_future) EXCLUDES(mu_);
  // The resume token, valid until the next call.
  Status Token(const std::string** out_token) EXCLUDES(mu_);
  // The handle is gone: completes a pending wait with CANCELLED.
  void Cancel() EXCLUDES(mu_);
  bool forked() const { return core_->forked(); }

 private:
  Status CheckIdle() EXCLUDES(mu_);

  const CorePtr core_;
  const std::unique_ptr<client::Watcher> watcher_;
  std::vector<client::WatchedChange> changes_;  // that were handed out last
  std::string token_;                           // the last one given to the caller

  Mutex mu_;
  vasto_future_t* pending_ GUARDED_BY(mu_) = nullptr;  // with a reference; maybe done by now
};

}  // namespace vasto::capi

// The state is shared with a call that is under way when the handle goes.
struct vasto_watch_t {
  std::shared_ptr<vasto::capi::WatchState> state;
};
