// SPDX-License-Identifier: Apache-2.0
// How a store stays known to a master: registers with one of the masters it was given, then sends a
// heartbeat every 500 ms over the same connection; loses it, tries the list again. A pure state
// machine: StoreControl (store_control.h) owns it and passes on what it says; no threads, no I/O,
// no clock of its own.
//
// Invariants
//  1. At most one attempt is alive. Answers and losses that belong to an older attempt are ignored.
//  2. A heartbeat is sent only between a successful registration and the loss of that attempt, one
//     at a time.
//  3. After a loss every master of the list is tried once without a pause; only then the pause
//     doubles, from kMinPauseUs to kMaxPauseUs, so that a restarted master hears of the store
//     within kMaxPauseUs plus a round trip.
//  4. With a master that is not the first of the list, it looks from time to time whether one
//     before that is there, and goes over to it. So stores with the same list come to one master,
//     whoever else has been started.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/status.h"

namespace vasto::store {

class Registration {
 public:
  static constexpr int64_t kHeartbeatUs = 500'000;
  static constexpr int64_t kMinPauseUs = 10'000;
  static constexpr int64_t kMaxPauseUs = 200'000;
  // A master that says no (wrong cluster, store known twice) is asked again, but not often.
  static constexpr int64_t kRefusedPauseUs = 2'000'000;
  // A master that does not answer in this time is left for the next one. One that has just started
  // answers a registration only when it has heard enough of the other stores, which takes it up to
  // 3 s.
  static constexpr int64_t kRegisterTimeoutUs = 5'000'000;
  static constexpr int64_t kHeartbeatTimeoutUs = 3'000'000;
  // How often it looks for a master before its own; less often each time one was there and did not
  // take the store.
  static constexpr int64_t kMinLookUs = 5'000'000;
  static constexpr int64_t kMaxLookUs = 300'000'000;

  enum class Phase { kStopped, kPausing, kRegistering, kRegistered };

  // What the owner has to do now.
  struct Wish {
    enum class Kind { kRegister, kHeartbeat, kHangUp, kProbe };
    Kind kind;
    uint64_t attempt;    // to be given back with the answer
    std::string master;  // kRegister, kProbe: HOST:PORT
  };

  // masters: tried in this order. random: borrowed; outlives *this; spreads the pauses of many
  // stores.
  Registration(std::vector<std::string> masters, Random* random);

  // Begins. REQUIRES: phase() == kStopped; the list of masters is not empty.
  std::vector<Wish> Start(int64_t now_us);
  // The time given by next_wake_us has come (calling early is harmless).
  std::vector<Wish> Tick(int64_t now_us);
  // The answer to a kRegister wish.
  std::vector<Wish> Registered(uint64_t attempt, const Status& result, int64_t now_us);
  // The answer to a kHeartbeat wish. kNotFound: the master does not know the store (it restarted);
  // register again at once.
  std::vector<Wish> HeartbeatDone(uint64_t attempt, const Status& result, int64_t now_us);
  // The answer to a kProbe wish: whether that master is there.
  std::vector<Wish> Probed(uint64_t attempt, bool there, int64_t now_us);
  // The connection of that attempt is gone.
  std::vector<Wish> Lost(uint64_t attempt, int64_t now_us);

  Phase phase() const { return phase_; }
  uint64_t attempt() const { return attempt_; }
  // When Tick has to be called, monotonic; INT64_MAX: never.
  int64_t next_wake_us() const;

 private:
  std::vector<Wish> TryNext(int64_t now_us);
  // Ends the current attempt and asks the next master, after a pause when the whole list was tried.
  std::vector<Wish> GiveUp(int64_t now_us, bool refused);
  size_t current() const { return next_master_ % masters_.size(); }

  const std::vector<std::string> masters_;
  Random* const random_;  // borrowed; outlives *this

  Phase phase_ = Phase::kStopped;
  uint64_t attempt_ = 0;
  size_t next_master_ = 0;
  size_t failed_in_row_ = 0;
  int64_t pause_us_ = kMinPauseUs;
  int64_t wake_us_ = INT64_MAX;
  bool heartbeat_pending_ = false;
  int64_t heartbeat_sent_us_ = 0;
  size_t probed_ = 0;            // a master before the current one
  int64_t look_us_ = INT64_MAX;  // when to look for it; while one is looked for: never
  int64_t look_pause_us_ = kMinLookUs;
};

}  // namespace vasto::store
