// SPDX-License-Identifier: Apache-2.0
// Which writes wait for other replicas to have them, and which replicas have how much of this
// replica's log.
//
// Threads: one at a time per object. Waiters are handed back, never called.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "core/base/uuid.h"
#include "core/topology/cluster_map.h"

namespace vasto::replication {

// A write that is done here. Owned by who waits, until it is handed back.
class AckWaiter {
 public:
  // Called exactly once, outside of all locks. acknowledged: enough replicas have it.
  virtual void Ended(bool acknowledged) = 0;

 protected:
  ~AckWaiter() = default;
};

class AckTracker {
 public:
  using Waiters = std::vector<AckWaiter*>;

  // The other replicas; what is known of those that stay is kept.
  void Configure(const std::vector<Uuid>& followers);
  // True: enough have it already. Otherwise the waiter is handed back later. others: how many of
  // the other replicas must have this replica's log up to the sequence; 0: the required ones only.
  bool Wait(uint64_t sequence, int others, int64_t deadline_us, AckWaiter* waiter);
  // The follower has this replica's log up to the sequence. Returns those that have ended by it.
  Waiters Advance(const Uuid& follower, uint64_t sequence);
  // Every write waits for this follower as well, because it asks for that; until it does not ask
  // any more, or is given up, or Configure is without it.
  void Require(const Uuid& follower);
  Waiters Release(const Uuid& follower);
  // The follower, if it is required, is to be waited for no longer than up to let_go_us, or an
  // earlier moment it was given up with: until then it may serve clients without knowing of it. It
  // counts on being waited for until it is required or released again.
  void GiveUp(const Uuid& follower, int64_t let_go_us);
  bool GaveUp(const Uuid& follower) const { return given_up_.contains(follower); }
  // No write waits any more for those that were given up, and whose time has come.
  Waiters LetGo(int64_t now_us);
  // Whether writes wait for some follower, be it given up.
  bool requires_any() const { return !required_.empty(); }
  // Whether they wait for this one, which is not given up.
  bool Requires(const Uuid& follower) const {
    return required_.contains(follower) && !GaveUp(follower);
  }
  // Those whose deadline has come.
  Waiters Expire(int64_t now_us);
  // All of them.
  Waiters TakeAll();

  // The most that any waiter needs; 0: nobody waits, or for required ones only.
  int most_needed() const;
  bool anybody_waits() const;
  // When Expire or LetGo have something to do; INT64_MAX: never.
  int64_t next_deadline_us() const;
  // Up to where at least so many of the others have the log, and all the required ones.
  uint64_t ReachedBy(int others) const;

 private:
  struct Waiting {
    uint64_t sequence;
    int64_t deadline_us;
    AckWaiter* waiter;
  };

  Waiters TakeReached();

  std::map<Uuid, uint64_t> followers_;
  std::set<Uuid> required_;
  std::map<Uuid, int64_t> given_up_;  // and until when they are waited for, as long as required
  // By the number of others that are needed; in the order they came.
  std::array<std::deque<Waiting>, kMaxReplicas> waiting_;
};

}  // namespace vasto::replication
