// SPDX-License-Identifier: Apache-2.0
// The future: one operation's result, which arrives exactly once.
//
// Invariants:
// 1. The first Complete() decides the result; later ones are dropped. So a cancel and an answer may
// race.
// 2. References: the caller's handle, the operation that will complete it, a callback that is about
// to run. The object
//    lives until the last goes. A queue holds none: destroying the handle takes the future out of
//    its queue.
// 3. A callback runs exactly once, without mu_ held, on a library thread: on the one that completes
// an operation, otherwise
//    on the client's CallbackRunner.
//
// Threads: any, but for the handle's destruction (vasto.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "capi/internal/core.h"
#include "capi/internal/guard.h"
#include "capi/internal/value.h"
#include "core/base/mutex.h"

namespace vasto::capi {

class QueueState;

// What an operation brings; the alternative also tells which kind of operation it was. The wait for
// rows brings a Status.
using ReadOutcome = StatusOr<client::ReadResult>;
using ReadsOutcome = StatusOr<std::vector<client::ReadResult>>;
using WriteOutcome = StatusOr<client::WriteResult>;
using BatchOutcome = StatusOr<std::vector<client::WriteResult>>;
using Outcome = std::variant<ReadOutcome, ReadsOutcome, WriteOutcome, BatchOutcome, Status>;

// The variant's index, known before there is an outcome.
enum class FutureKind : size_t { kRead = 0, kReads = 1, kWrite = 2, kBatch = 3, kReady = 4 };

// How an operation of that kind fails.
Outcome FailureOf(FutureKind kind, Status status);

// Where Complete() is called: on a library thread that may run the callback itself, or on a thread
// of the caller.
enum class CompletedOn { kLibraryThread, kCallerThread };

}  // namespace vasto::capi

struct vasto_future_t {
 public:
  using Kind = vasto::capi::FutureKind;

  // With two references: the caller's handle and the operation's, which OperationDone() gives back.
  // count: keys or entries; 0 for a stat, whose value has no bytes.
  vasto_future_t(vasto::capi::CorePtr core, Kind kind, size_t count)
      : core_(std::move(core)), kind_(kind), count_(count) {
    core_->BeginOperation();
  }
  vasto_future_t(const vasto_future_t&) = delete;
  vasto_future_t& operator=(const vasto_future_t&) = delete;

  void Ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void Unref();
  void Complete(vasto::capi::Outcome outcome, vasto::capi::CompletedOn where);
  // Complete() and Unref(), by the operation on its library thread.
  void OperationDone(vasto::capi::Outcome outcome);
  // Instead of OperationDone(), when the operation could not be started: gives back both
  // references.
  void OperationNotStarted();
  // Complete() with CANCELLED, by the caller.
  void Cancel();

  // False when timeout_us passed (negative: no limit).
  bool Wait(int64_t timeout_us);
  bool done() const { return done_.load(std::memory_order_acquire); }
  bool forked() const { return core_->forked(); }
  Kind kind() const { return kind_; }
  size_t count() const { return count_; }
  vasto::capi::Answer GetAnswer() const;
  uint64_t Version() const;
  // What it brought, as vasto_queue_next_results tells it; the row's bytes are owned by this.
  // REQUIRES: done(). Takes no lock, as nothing changes any more but by Take.
  vasto_status_t Result(vasto_kv_t* row) const NO_THREAD_SAFETY_ANALYSIS;

  // The outcome, once. REQUIRES: done(). False when it was taken before.
  bool Take(vasto::capi::Outcome* outcome);

  // ALREADY_EXISTS when a callback or a queue is there.
  vasto::Status SetCallback(vasto_future_callback_t callback, void* user_data);
  vasto::Status SetQueue(std::shared_ptr<vasto::capi::QueueState> queue, uint64_t tag);
  // For the end of the handle: cancels what is pending and leaves the queue.
  void Abandon();

  // Whether a queue holds this future. Guarded by that queue's mutex, not by mu_.
  bool queued = false;

 private:
  ~vasto_future_t() = default;
  void RunCallback(vasto_future_callback_t callback, void* user_data);
  void RunCallbackLater(vasto_future_callback_t callback, void* user_data);

  // Constant after construction.
  const vasto::capi::CorePtr core_;
  const Kind kind_;
  const size_t count_;

  std::atomic<int> refs_{2};
  std::atomic<bool> done_{false};  // written under mu_, after outcome_

  mutable vasto::Mutex mu_;  // before QueueState's
  vasto::CondVar changed_;
  int waiters_ GUARDED_BY(mu_) = 0;
  vasto::capi::Outcome outcome_ GUARDED_BY(mu_) = vasto::Status();
  vasto::capi::Answer answer_ GUARDED_BY(mu_) = vasto::Status();
  uint64_t version_ GUARDED_BY(mu_) = 0;
  bool taken_ GUARDED_BY(mu_) = false;
  vasto_future_callback_t callback_ GUARDED_BY(mu_) = nullptr;
  void* user_data_ GUARDED_BY(mu_) = nullptr;  // borrowed; the caller keeps it valid
  std::shared_ptr<vasto::capi::QueueState> queue_ GUARDED_BY(mu_);
  uint64_t tag_ GUARDED_BY(mu_) = 0;
};

namespace vasto::capi {

// A future that is deleted unless the operation started: the guard of the time between `new` and
// the start.
class PendingFuture {
 public:
  PendingFuture(CorePtr core, FutureKind kind, size_t count = 1)
      : future_(new vasto_future_t(std::move(core), kind, count)) {}
  ~PendingFuture() {
    if (future_ != nullptr) future_->OperationNotStarted();
  }
  PendingFuture(const PendingFuture&) = delete;
  PendingFuture& operator=(const PendingFuture&) = delete;

  vasto_future_t* get() const { return future_; }
  // The operation has its reference; the caller gets the other.
  vasto_future_t* Started() { return std::exchange(future_, nullptr); }

 private:
  vasto_future_t* future_;
};

}  // namespace vasto::capi
