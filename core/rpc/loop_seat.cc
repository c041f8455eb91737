// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/loop_seat.h"

#include <algorithm>

#include "core/base/clock.h"

namespace vasto::rpc::internal {

namespace {

thread_local char this_thread;

}  // namespace

bool LoopSeat::Welcome(const void* guest) {
  const int64_t now_us = SystemClock()->MonotonicMicros();
  if (guest_ != guest) EndVisits();
  guest_ = guest;
  const bool regular = holder_ == Holder::kNobody || now_us - last_visit_us_ < kRegularUs;
  in_a_row_ = regular ? std::min(in_a_row_ + 1, kVisitsToEarn) : 1;
  last_visit_us_ = now_us;
  return !closed_ && earned() && holder_ != Holder::kGuest;
}

void LoopSeat::Seat() {
  holder_ = Holder::kGuest;
  ++taken_;
}

bool LoopSeat::Take(int64_t deadline_us) {
  MutexLock lock(&mu_);
  if (!Welcome(&this_thread)) return false;
  if (holder_ == Holder::kOwner && !AskOwner(deadline_us)) return false;
  // Who had to ask may have lost its place on the way.
  if (holder_ != Holder::kNobody || guest_ != &this_thread || !earned()) return false;
  Seat();
  return true;
}

bool LoopSeat::TakeNow(const void* guest) {
  MutexLock lock(&mu_);
  if (!Welcome(guest)) return false;
  if (holder_ == Holder::kOwner) {
    if (!wanted_.exchange(true)) waker_->Wake();
    return false;
  }
  Seat();
  return true;
}

bool LoopSeat::AskOwner(int64_t deadline_us) {
  wanted_ = true;
  waker_->Wake();
  while (wanted_) {
    const int64_t left_us = deadline_us - SystemClock()->MonotonicMicros();
    if (left_us <= 0) {
      wanted_ = false;
      return false;
    }
    guest_wakes_.WaitFor(&mu_, left_us);
  }
  return true;
}

void LoopSeat::Leave(int64_t busy_us) {
  bool wake = false;
  {
    MutexLock lock(&mu_);
    holder_ = Holder::kNobody;
    // One long visit may be a thread that had to wait for a processor.
    long_in_a_row_ = busy_us < kLongVisitUs ? 0 : long_in_a_row_ + 1;
    if (long_in_a_row_ == kLongVisits) in_a_row_ = long_in_a_row_ = 0;
    wake = owner_sleeps_ || !earned() || closed_;
  }
  if (wake) owner_wakes_.Signal();
}

void LoopSeat::Disturb() {
  if (!lent()) return;
  MutexLock lock(&mu_);
  EndVisits();
}

void LoopSeat::EndVisits() {
  in_a_row_ = 0;
  if (holder_ == Holder::kNobody) owner_wakes_.Signal();
}

void LoopSeat::Lend() {
  MutexLock lock(&mu_);
  wanted_ = false;
  guest_wakes_.SignalAll();
  lent_ = true;
  holder_ = Holder::kNobody;
  while (holder_ == Holder::kGuest || (earned() && !closed_)) {
    const uint64_t taken = taken_;
    if (owner_sleeps_) {
      owner_wakes_.Wait(&mu_);
      owner_sleeps_ = holder_ == Holder::kGuest;
      continue;
    }
    owner_wakes_.WaitFor(&mu_, kAbsenceUs);
    if (taken_ != taken) continue;
    if (holder_ != Holder::kGuest) break;
    owner_sleeps_ = true;  // it was inside all the time, and says when it leaves
  }
  owner_sleeps_ = false;
  lent_ = false;
  holder_ = Holder::kOwner;
  in_a_row_ = 0;
}

void LoopSeat::Open() {
  MutexLock lock(&mu_);
  closed_ = false;
}

void LoopSeat::Close() {
  MutexLock lock(&mu_);
  closed_ = true;
  wanted_ = false;
  owner_wakes_.Signal();
  guest_wakes_.SignalAll();
}

}  // namespace vasto::rpc::internal
