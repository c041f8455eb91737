// SPDX-License-Identifier: Apache-2.0
// Who turns an I/O loop: its own thread, the owner, or a guest, which is a thread outside that
// waits for what the loop brings. A guest saves the two thread switches by which the owner would
// hand it every result and sleep again.
//
// The seat goes to a thread that comes back all the time, and only to one that is alone: several
// threads that wait are served best by the owner. So is one to whom the loop brings so much at once
// that its work and the loop's are done better side by side, on two processors. Between its visits
// a guest does other things and nobody turns the loop, which is what makes it cheap; the owner
// looks every kAbsenceUs whether the guest still comes, and takes its seat back when it does not.
// So what others want of the loop may wait that long, and no longer.
//
// A guest is a thread, or something that threads in turn visit for, such as an event loop whose
// tasks move between threads: whatever names itself by the same address.
//
// Invariants: (1) one thread at a time turns the loop, and all it did happens before what the next
// one does; (2) with the seat free, the owner looks after kAbsenceUs at the latest; (3) once
// closed, nobody becomes a guest, and Lend returns as soon as the guest has left.
//
// Threads: Take, TakeNow and Leave from a guest's, Lend from the owner's, the rest from any.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/mutex.h"
#include "core/rpc/socket.h"

namespace vasto::rpc::internal {

class LoopSeat {
 public:
  static constexpr int64_t kAbsenceUs = 1'000;
  // So many visits in a row, none later than kRegularUs after the one before, earn the seat.
  static constexpr int kVisitsToEarn = 16;
  static constexpr int64_t kRegularUs = 1'000;

  // So many visits in a row in which the loop was busy for kLongVisitUs lose it.
  static constexpr int kLongVisits = 4;
  static constexpr int64_t kLongVisitUs = 100;

  // waker: gets the owner out of its sleep. Borrowed.
  explicit LoopSeat(Waker* waker) : waker_(waker) {}
  LoopSeat(const LoopSeat&) = delete;
  LoopSeat& operator=(const LoopSeat&) = delete;

  // A visit of the calling thread. True: it turns the loop until Leave. False: it is not to (any
  // more), or the owner did not get up before deadline_us (monotonic).
  bool Take(int64_t deadline_us);
  // A visit of `guest`, which does not wait: where the owner would have to get up first, it is
  // asked to, and the next visit may find the seat free.
  bool TakeNow(const void* guest);
  // busy_us: how long it turned the loop, apart from sleeping.
  void Leave(int64_t busy_us);
  // Some thread sleeps until the loop completes something: the guest is not alone any more.
  void Disturb();

  // Whether a guest waits for the owner to Lend.
  bool wanted() const { return wanted_.load(); }
  // Returns when the owner has its seat again.
  void Lend();

  // A hint: whether the owner has lent its seat.
  bool lent() const { return lent_.load(std::memory_order_relaxed); }

  void Open();
  void Close();
  bool closed() const { return closed_.load(); }

 private:
  enum class Holder { kOwner, kGuest, kNobody };

  // Counts a visit. False when the guest does not get the seat.
  bool Welcome(const void* guest) REQUIRES(mu_);
  void Seat() REQUIRES(mu_);
  // Waits until the owner has begun to Lend. False when deadline_us came first.
  bool AskOwner(int64_t deadline_us) REQUIRES(mu_);
  // The guest, if there is one, loses its place.
  void EndVisits() REQUIRES(mu_);
  bool earned() const REQUIRES(mu_) { return in_a_row_ == kVisitsToEarn; }

  Waker* const waker_;
  std::atomic<bool> wanted_{false};  // changed under mu_
  std::atomic<bool> lent_{false};    // the owner is in Lend; changed under mu_
  std::atomic<bool> closed_{true};   // changed under mu_

  Mutex mu_;
  CondVar owner_wakes_;
  CondVar guest_wakes_;
  Holder holder_ GUARDED_BY(mu_) = Holder::kOwner;
  bool owner_sleeps_ GUARDED_BY(mu_) = false;    // until it is woken, not for kAbsenceUs
  const void* guest_ GUARDED_BY(mu_) = nullptr;  // who came last; only compared
  int in_a_row_ GUARDED_BY(mu_) = 0;             // its visits, up to kVisitsToEarn
  int long_in_a_row_ GUARDED_BY(mu_) = 0;        // its last visits that were long
  int64_t last_visit_us_ GUARDED_BY(mu_) = 0;
  uint64_t taken_ GUARDED_BY(mu_) = 0;  // how often the seat was
};

}  // namespace vasto::rpc::internal
