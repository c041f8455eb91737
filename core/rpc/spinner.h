// SPDX-License-Identifier: Apache-2.0
// Looks a few more times before a thread goes to sleep. Waking a thread on an idle processor can
// take several times as long as all the rest of a call (on a virtual machine 30 us and more, each
// way), so a thread that expects the next piece of work from the same peer within microseconds does
// better to stay awake.
//
// It is for the lone conversation only. With several peers, sleeping lets work gather and be done
// together, and the scheduler finds threads a processor only when it wakes them. And it costs no
// processor time that anybody else wants: between looks the thread yields, and when somebody kept
// what it was offered it stops. That happens now and then to a conversation that goes well (a
// timer, a thread that ran for a moment), so a few failures in a row are passed over. Where looking
// does not pay, it is tried exponentially less often: an idle process does not spin, a busy one
// never needs to.
//
// Threads: one at a time.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <thread>

#include "core/base/clock.h"

namespace vasto::rpc::internal {

class Spinner {
 public:
  // limit_us: how long to look at most; 0: never. On a single processor never, too.
  explicit Spinner(int64_t limit_us)
      : limit_us_(std::thread::hardware_concurrency() > 1 ? limit_us : 0) {}

  // Calls ready() until it returns true, and returns true then; false when it is time to sleep.
  template <typename Ready>
  bool Spin(Ready&& ready) {
    if (limit_us_ <= 0 || to_skip_-- > 0) return false;
    const int64_t start_us = SystemClock()->MonotonicMicros();
    for (;;) {
      if (ready()) {
        to_skip_ = skip_ = failures_ = 0;
        return true;
      }
      const int64_t before_us = SystemClock()->MonotonicMicros();
      sched_yield();
      const int64_t now_us = SystemClock()->MonotonicMicros();
      if (now_us - start_us >= limit_us_ || now_us - before_us > kTakenUs) break;
    }
    if (failures_ < kPatience) {
      ++failures_;
    } else {
      to_skip_ = skip_ = std::min(2 * skip_ + 1, kMaxSkip);
    }
    return false;
  }
  // So many pieces of work came at once, the last of them from this peer. Several, or from another
  // peer than before: it is no lone conversation, and the next chances are passed over.
  void Came(size_t pieces, const void* peer) {
    if (pieces > 1 || peer != peer_) to_skip_ = kMaxSkip;
    peer_ = peer;
  }

 private:
  static constexpr int64_t kTakenUs = 20;  // a yield that takes longer gave the processor away
  static constexpr int kPatience = 4;
  static constexpr int kMaxSkip = 63;

  const int64_t limit_us_;
  int failures_ = 0;  // in a row, up to kPatience
  int skip_ = 0;      // chances passed over after the last of them
  int to_skip_ = 0;
  const void* peer_ = nullptr;  // only compared
};

}  // namespace vasto::rpc::internal
