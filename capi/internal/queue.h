// SPDX-License-Identifier: Apache-2.0
// The queue's state, shared by its handle and the futures attached to it, so that either may go
// first. A thread that waits in Pop does the I/O of the client itself where it can
// (client::Waiter).
//
// Invariants: (1) once the descriptor was asked for, it is readable exactly while entries_ is not
// empty, or becomes so at the end of the run of completions (both change under mu_); (2) whoever
// takes a waiter out of waiting_ calls its Done once. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

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
  // Inside a run of completions the waiting thread is woken at its end.
  void Push(vasto_future_t* future, uint64_t tag);
  // Takes the future out if it is still in.
  void Forget(vasto_future_t* future);
  // Moves up to capacity entries to *out, waiting for the first until timeout_us (negative: no
  // limit).
  void Pop(int64_t timeout_us, size_t capacity, std::vector<Entry>* out);
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

  Mutex mu_;  // after vasto_future_t's
  std::shared_ptr<client::Drivable> source_ GUARDED_BY(mu_);
  std::deque<client::Waiter*> waiting_ GUARDED_BY(mu_);  // on the stacks of threads in Pop
  std::deque<Entry> entries_ GUARDED_BY(mu_);
  bool put_off_ GUARDED_BY(mu_) = false;  // a WakeUp is on its way
  bool closed_ GUARDED_BY(mu_) = false;
  bool fd_used_ GUARDED_BY(mu_) = false;  // nobody asked, nobody pays
  bool fd_readable_ GUARDED_BY(mu_) = false;
};

}  // namespace vasto::capi

struct vasto_queue_t {
  std::shared_ptr<vasto::capi::QueueState> state;
};
