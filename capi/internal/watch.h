// SPDX-License-Identifier: Apache-2.0
// A running watch as the C interface sees it.
//
// Threads: one at a time, but for Cancel.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capi/internal/core.h"
#include "capi/internal/guard.h"
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

  // 1 to capacity changes. REQUIRES: capacity > 0.
  Answer Next(vasto_kv_t* out_changes, size_t capacity, int64_t timeout_ms, size_t* out_count);
  // The resume token, valid until the next call.
  Status Token(const std::string** out_token);
  void Cancel() { watcher_->Cancel(); }
  bool forked() const { return core_->forked(); }

 private:
  const CorePtr core_;
  const std::unique_ptr<client::Watcher> watcher_;
  std::vector<client::WatchedChange> changes_;  // that were handed out last
  std::string token_;                           // the last one given to the caller
};

}  // namespace vasto::capi

// The state is shared with a call that is under way when the handle goes.
struct vasto_watch_t {
  std::shared_ptr<vasto::capi::WatchState> state;
};
