// SPDX-License-Identifier: Apache-2.0
// The queue's state, shared by its handle and the futures attached to it, so that either may go
// first. A thread that waits in Pop does the I/O of the client itself where it can
// (client::Waiter), and so does one that polls the descriptor and comes to look
// (client::PollingVisitor).
//
// Invariants: (1) once the descriptor was asked for, it is readable while entries_ is not empty, or
// becomes so at the end of the run of completions (both change under mu_); (2) whoever takes a
// waiter out of waiting_ calls its Done once; (3) pending_ counts the futures that are attached and
// not done. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "capi/internal/fork_mark.h"
#include "core/base/completion_run.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

namespace vasto::capi {

class QueueState final : public CompletionRun::Sleeper,
                         public std::enable_shared_from_this<QueueState> {
 public:
  struct Entry {
    vasto_future_t* future;  // borrowed; Forget() comes before its end
    uint64_t tag;
  };

  // IO_ERROR when no descriptor is left.
  static StatusOr<std::shared_ptr<QueueState>> Create();
  ~QueueState() override;
  QueueState(const QueueState&) = delete;
  QueueState& operator=(const QueueState&) = delete;

  // What waits in the queue comes from there, mostly. nullptr: nothing is known.
  void ExpectFrom(const std::shared_ptr<client::Drivable>& source);
  // A future is attached: Push follows, or it is given up.
  void Expect() { pending_.fetch_add(1, std::memory_order_relaxed); }
  void GiveUp() { pending_.fetch_sub(1, std::memory_order_relaxed); }
  // Inside a run of completions the waiting thread is woken at its end.
  void Push(vasto_future_t* future, uint64_t tag);
  // Takes the future out if it is still in.
  void Forget(vasto_future_t* future);
  // Takes up to `capacity` entries out, the oldest first, and calls take(entry) for each, waiting
  // for the first until timeout_us (negative: no limit). While take runs the future is not
  // destroyed, and its lock must not be taken.
  void Pop(int64_t timeout_us, size_t capacity, const std::function<void(const Entry&)>& take);
  // For a thread that polls the descriptor: does the I/O that it would otherwise wait for. Pop
  // follows. Memory that runs out here ends the process, as it does on the library's threads.
  void Visit() noexcept;
  // Drops everything, now and later: the handle is gone.
  void Close();
  // The descriptor; from now on it tells the truth.
  int Fd();
  bool forked() const { return fork_mark_.InChild(); }

 private:
  explicit QueueState(int fd) : fd_(fd) {}
  void WakeUp() override;
  void UpdateFd() REQUIRES(mu_);
  // Waits until told that there is an entry; false when deadline_us came first. Frees mu_
  // meanwhile.
  bool AwaitEntry(int64_t deadline_us) REQUIRES(mu_);
  // The waiter to tell that there is an entry; nullptr when nobody waits.
  client::Waiter* TakeWaiter() REQUIRES(mu_);

  // Constant after construction.
  const int fd_;
  ForkMark fork_mark_;

  std::atomic<client::Drivable*> source_id_{nullptr};  // source_'s
  std::atomic<int64_t> pending_{0};
  client::PollingVisitor visitor_;  // opened under mu_, before polled_
  std::atomic<bool> polled_{false};

  Mutex mu_;  // after vasto_future_t's
  std::shared_ptr<client::Drivable> source_ GUARDED_BY(mu_);
  std::deque<client::Waiter*> waiting_ GUARDED_BY(mu_);  // on the stacks of threads in Pop
  std::deque<Entry> entries_ GUARDED_BY(mu_);
  bool put_off_ GUARDED_BY(mu_) = false;  // a WakeUp is on its way
  bool closed_ GUARDED_BY(mu_) = false;
  bool fd_used_ GUARDED_BY(mu_) = false;  // nobody asked, nobody pays
  bool fd_readable_ GUARDED_BY(mu_) = false;
  int visits_ GUARDED_BY(mu_) = 0;  // running; the descriptor is set at their end
};

}  // namespace vasto::capi

struct vasto_queue_t {
  std::shared_ptr<vasto::capi::QueueState> state;
};

namespace vasto::capi {

// Why it cannot be used: NULL, or of the parent process.
Status CheckQueue(const vasto_queue_t* queue);

}  // namespace vasto::capi
