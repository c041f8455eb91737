// SPDX-License-Identifier: Apache-2.0
// Keeps log entries back while a daemon starts: a start that fails shows its one line and nothing
// else, one that succeeds shows everything.
//
// A start can be long (many shards to open) or end in a crash, so nothing is held longer than
// max_hold: the first entry that comes later lets all go, as does the kMaxEntries-th.
//
// Threads: Write from any; Release and Discard from any, at most one of them counts.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/base/mutex.h"

namespace vasto::daemons {

class HeldLogSink final : public LogSink {
 public:
  static constexpr size_t kMaxEntries = 1000;

  // next: borrowed; outlives *this.
  HeldLogSink(LogSink* next, std::chrono::milliseconds max_hold)
      : next_(next), release_at_(std::chrono::steady_clock::now() + max_hold) {}

  void Write(LogLevel level, std::string_view line) override;
  // Writes what was held, in order; later entries go straight on.
  void Release();
  // Drops what was held; later entries are dropped as well. No effect after a release.
  void Discard();

 private:
  enum class State { kHolding, kReleased, kDiscarded };

  void ReleaseLocked() REQUIRES(mu_);

  LogSink* const next_;  // borrowed; outlives *this
  const std::chrono::steady_clock::time_point release_at_;
  Mutex mu_;
  State state_ GUARDED_BY(mu_) = State::kHolding;
  std::vector<std::pair<LogLevel, std::string>> entries_ GUARDED_BY(mu_);
};

}  // namespace vasto::daemons
