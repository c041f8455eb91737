// SPDX-License-Identifier: Apache-2.0
// Time comes in through this interface, so that a simulation owns it. All times are microseconds in
// int64.
#pragma once

#include <atomic>
#include <cstdint>

namespace vasto {

// Threads: implementations may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since the Unix epoch; may jump in both directions. For event times and expiry
  // only.
  virtual int64_t WallMicros() const = 0;
  // Microseconds from an arbitrary start; never goes back. For deadlines and intervals.
  virtual int64_t MonotonicMicros() const = 0;
  // As MonotonicMicros, with a start of its own, but it also goes on while the machine sleeps. For
  // what has to keep step with the clocks of other machines.
  virtual int64_t BootMicros() const { return MonotonicMicros(); }
};

// CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME of this machine. Lives for ever; not owned by
// the caller.
Clock* SystemClock();

// A clock that moves only when told to. For tests and simulation.
class ManualClock : public Clock {
 public:
  explicit ManualClock(int64_t wall_us = 1'700'000'000'000'000) : wall_us_(wall_us) {}
  int64_t WallMicros() const override { return wall_us_.load(); }
  int64_t MonotonicMicros() const override { return monotonic_us_.load(); }
  // Moves both clocks forward.
  void Advance(int64_t us) {
    wall_us_ += us;
    monotonic_us_ += us;
  }
  // Moves only the wall clock, as an administrator or NTP would. May be negative.
  void StepWall(int64_t us) { wall_us_ += us; }

 private:
  std::atomic<int64_t> wall_us_;
  std::atomic<int64_t> monotonic_us_{0};
};

}  // namespace vasto
