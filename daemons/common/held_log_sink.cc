// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/held_log_sink.h"

namespace vasto::daemons {

void HeldLogSink::Write(LogLevel level, std::string_view line) {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kDiscarded) return;
    if (state_ == State::kHolding) {
      entries_.emplace_back(level, line);
      const bool late = std::chrono::steady_clock::now() >= release_at_;
      if (late || entries_.size() >= kMaxEntries) ReleaseLocked();
      return;
    }
  }
  next_->Write(level, line);
}

void HeldLogSink::Release() {
  MutexLock lock(&mu_);
  ReleaseLocked();
}

void HeldLogSink::ReleaseLocked() {
  if (state_ != State::kHolding) return;
  // Under the lock, so that no later entry overtakes.
  for (const auto& [level, line] : entries_) next_->Write(level, line);
  entries_.clear();
  state_ = State::kReleased;
}

void HeldLogSink::Discard() {
  MutexLock lock(&mu_);
  if (state_ != State::kHolding) return;
  entries_.clear();
  state_ = State::kDiscarded;
}

}  // namespace vasto::daemons
