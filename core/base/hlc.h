// SPDX-License-Identifier: Apache-2.0
// Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014) packed into 64
// bits: 52 bits of microseconds since the Unix epoch (until the year 2112), 12 bits of counter. An
// EventTime is such a value: it says when a change really happened, and the highest wins
// everywhere.
//
// A client's event time in nanoseconds maps to its microsecond plus (ns mod 1000) * 4 in the
// counter, so that order is kept down to the nanosecond and EventTimeToNanos gives back what the
// client gave.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"

namespace vasto {

using EventTime = uint64_t;

constexpr unsigned kHlcCounterBits = 12;
constexpr EventTime kMaxEventTime = ~EventTime{0};

constexpr EventTime MakeEventTime(int64_t wall_us, uint32_t counter = 0) {
  return (static_cast<uint64_t>(wall_us) << kHlcCounterBits) | counter;
}
constexpr int64_t EventTimeMicros(EventTime t) {
  return static_cast<int64_t>(t >> kHlcCounterBits);
}
// kMaxEventTime for what is later than it can hold, the year 2112.
constexpr EventTime EventTimeFromNanos(uint64_t ns) {
  if (ns / 1000 > kMaxEventTime >> kHlcCounterBits) return kMaxEventTime;
  return MakeEventTime(static_cast<int64_t>(ns / 1000), static_cast<uint32_t>(ns % 1000) * 4);
}
// Nanoseconds since the Unix epoch; the inverse of EventTimeFromNanos on its range, monotonic
// everywhere.
constexpr uint64_t EventTimeToNanos(EventTime t) {
  const uint64_t counter = t & ((1u << kHlcCounterBits) - 1);
  const uint64_t ns = counter / 4;
  return (t >> kHlcCounterBits) * 1000 + (ns > 999 ? 999 : ns);
}

// Gives out strictly increasing event times that never fall behind the wall clock nor behind any
// time observed. Threads: any; lock-free.
class HybridClock {
 public:
  // clock: borrowed; outlives *this.
  explicit HybridClock(const Clock* clock) : clock_(clock) {}

  // A time greater than every one given out or observed before.
  EventTime Now() { return NowAt(clock_->WallMicros()); }
  // Now() for a caller that has read the wall clock already.
  EventTime NowAt(int64_t wall_us) {
    const EventTime wall = MakeEventTime(wall_us);
    EventTime last = last_.load(std::memory_order_relaxed);
    EventTime next;
    do {
      next = wall > last ? wall : last + 1;
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }
  // Makes every later Now() greater than t. Used for times that peers or the disk have shown us.
  void Observe(EventTime t) {
    EventTime last = last_.load(std::memory_order_relaxed);
    while (last < t && !last_.compare_exchange_weak(last, t, std::memory_order_relaxed)) {
    }
  }
  EventTime last() const { return last_.load(std::memory_order_relaxed); }

 private:
  const Clock* const clock_;  // borrowed; outlives *this
  std::atomic<EventTime> last_{0};
};

}  // namespace vasto
