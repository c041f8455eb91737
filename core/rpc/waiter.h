// SPDX-License-Identifier: Apache-2.0
// How a thread waits for an asynchronous operation that it started. Rather than sleep until an I/O
// thread has read the reply and wakes it, the thread does the I/O of the connection itself, which
// saves two thread switches of a call's latency:
//
//   Waiter waiter;                                   // before the operation starts
//   client->Get(..., [&](auto result) { ...; waiter.Done(); });
//   waiter.Wait();
//
// Calls that the thread makes while it has a Waiter are written to the socket at once, by the
// thread; Wait then reads the socket of the last of them until Done was called, unless somebody
// else reads it, in which case it sleeps. Callbacks of other calls on that connection may run
// inside Wait; so Wait must not be called with a lock held that a callback takes.
//
// A thread that waits for any of many operations, which it started before, names where their
// results come from (ExpectFrom) and has Done called by whichever completes first.
//
// Done must be called exactly once, and *this must live until Wait has returned true. A thread may
// have several, nested.
//
// Threads: Done from any; the rest from the one that made it.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/base/mutex.h"

namespace vasto::rpc {

class PollingVisitor;
class Waiter;
class Waker;

// A connection, or a loop with all its connections, whose I/O a waiting thread can do.
class Drivable {
 public:
  virtual ~Drivable() = default;
  // Reads and completes calls until waiter->done(), or until there is nothing more to wait for
  // here, or until deadline_us. Returns at once when another thread does it.
  virtual void Drive(Waiter* waiter, int64_t deadline_us) = 0;
  // Reads and completes what is there, without waiting, for somebody who learns by polling when to
  // come. Does nothing when another thread does it.
  virtual void Visit(PollingVisitor*) {}
};

class Waiter {
 public:
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  Waiter();
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // The operation has completed.
  void Done();
  // True once Done was called; false when deadline_us (monotonic, system clock) passed first.
  bool Wait(int64_t deadline_us = kForever);
  bool done() const { return done_.load(); }
  // Wait is to do the I/O there, and not where the last call went.
  void ExpectFrom(std::shared_ptr<Drivable> source);

  // For who does the I/O.
  // The innermost of the calling thread; nullptr when it has none.
  static Waiter* Current();
  // Waits until fd is readable, Done was called or deadline_us passed. Returns whether fd is
  // readable (or broken).
  bool Poll(int fd, int64_t deadline_us);
  // From now on Done wakes the thread by waker, too; nullptr: not any more. Borrowed.
  void SleepIn(Waker* waker);
  // Nothing else is waited for there: looking a few times is better than sleeping (spinner.h).
  void ExpectOne() { one_ = true; }
  bool expects_one() const { return one_; }

 private:
  std::atomic<bool> done_{false};
  Mutex mu_;
  CondVar changed_;
  int polling_ GUARDED_BY(mu_) =
      -1;  // the event descriptor that the thread sleeps on besides a socket; -1: none
  Waker* waker_ GUARDED_BY(mu_) = nullptr;
  std::shared_ptr<Drivable> source_;  // the owner's thread only
  bool one_ = false;                  // the owner's thread only
  Waiter* const outer_;
};

}  // namespace vasto::rpc
