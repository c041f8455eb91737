// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/future.h"

#include <utility>

#include "capi/internal/queue.h"
#include "core/base/clock.h"
#include "core/base/hlc.h"
#include "core/client/client.h"

using vasto::Code;
using vasto::MutexLock;
using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::BatchOutcome;
using vasto::capi::CompletedOn;
using vasto::capi::FutureKind;
using vasto::capi::Guard;
using vasto::capi::Outcome;
using vasto::capi::QueueState;
using vasto::capi::ReadOutcome;
using vasto::capi::ReadsOutcome;
using vasto::capi::WriteOutcome;

namespace vasto::capi {

Outcome FailureOf(FutureKind kind, Status status) {
  switch (kind) {
    case FutureKind::kRead:
      return ReadOutcome(std::move(status));
    case FutureKind::kReads:
      return ReadsOutcome(std::move(status));
    case FutureKind::kWrite:
      return WriteOutcome(std::move(status));
    case FutureKind::kBatch:
      return BatchOutcome(std::move(status));
    case FutureKind::kReady:
      break;
  }
  return status;
}

}  // namespace vasto::capi

namespace {

Answer AnswerOf(const Outcome& outcome) {
  switch (static_cast<FutureKind>(outcome.index())) {
    case FutureKind::kRead:
      return vasto::capi::ReadAnswer(std::get<ReadOutcome>(outcome));
    case FutureKind::kReads:
      return vasto::capi::ReadsAnswer(std::get<ReadsOutcome>(outcome));
    case FutureKind::kWrite:
      return vasto::capi::WriteAnswer(std::get<WriteOutcome>(outcome));
    case FutureKind::kBatch:
      return vasto::capi::BatchAnswer(std::get<BatchOutcome>(outcome));
    case FutureKind::kReady:
      break;
  }
  return Answer::FromCluster(std::get<Status>(outcome));
}

uint64_t VersionOf(const Outcome& outcome) {
  const auto* write = std::get_if<WriteOutcome>(&outcome);
  if (write == nullptr || !write->ok()) return 0;
  return vasto::capi::WriteCode(**write) == Code::kOk ? (*write)->event_time : 0;
}

}  // namespace

void vasto_future_t::Unref() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void vasto_future_t::Complete(Outcome outcome, CompletedOn where) {
  Answer answer = AnswerOf(outcome);
  vasto_future_callback_t callback = nullptr;
  void* user_data = nullptr;
  {
    MutexLock lock(&mu_);
    if (done_.load(std::memory_order_relaxed)) return;
    version_ = VersionOf(outcome);
    outcome_ = std::move(outcome);
    answer_ = std::move(answer);
    done_.store(true, std::memory_order_release);
    if (waiters_ > 0) changed_.SignalAll();
    if (queue_ != nullptr) queue_->Push(this, tag_);
    callback = callback_;
    user_data = user_data_;
    if (callback != nullptr) refs_.fetch_add(1, std::memory_order_relaxed);
  }
  if (callback == nullptr) return;
  if (where == CompletedOn::kLibraryThread) {
    RunCallback(callback, user_data);
  } else {
    RunCallbackLater(callback, user_data);
  }
}

void vasto_future_t::OperationDone(Outcome outcome) {
  // A thread of the caller that waits for an operation may complete others on the way.
  const bool callers = vasto::client::Waiter::Current() != nullptr;
  Complete(std::move(outcome), callers ? CompletedOn::kCallerThread : CompletedOn::kLibraryThread);
  core_->EndOperation();
  Unref();
}

void vasto_future_t::OperationNotStarted() {
  core_->EndOperation();
  Unref();
  Unref();
}

void vasto_future_t::Cancel() {
  if (done()) return;
  Complete(vasto::capi::FailureOf(kind_, Status::Cancelled("the operation was cancelled")),
           CompletedOn::kCallerThread);
}

void vasto_future_t::RunCallback(vasto_future_callback_t callback, void* user_data) {
  {
    vasto::capi::CallbackScope scope;
    callback(this, user_data);
  }
  Unref();
}

void vasto_future_t::RunCallbackLater(vasto_future_callback_t callback, void* user_data) {
  core_->callbacks().Run([=, this] { RunCallback(callback, user_data); });
}

bool vasto_future_t::Wait(int64_t timeout_us) {
  if (done()) return true;
  const int64_t deadline = vasto::SystemClock()->MonotonicMicros() + timeout_us;
  MutexLock lock(&mu_);
  ++waiters_;
  while (!done_.load(std::memory_order_relaxed)) {
    if (timeout_us < 0) {
      changed_.Wait(&mu_);
      continue;
    }
    const int64_t left = deadline - vasto::SystemClock()->MonotonicMicros();
    if (left <= 0) break;
    changed_.WaitFor(&mu_, left);
  }
  --waiters_;
  return done_.load(std::memory_order_relaxed);
}

Answer vasto_future_t::GetAnswer() const {
  MutexLock lock(&mu_);
  if (!done_.load(std::memory_order_relaxed)) return Status::Busy("the future is not done");
  return answer_;
}

uint64_t vasto_future_t::Version() const {
  MutexLock lock(&mu_);
  return version_;
}

vasto_status_t vasto_future_t::Result(vasto_kv_t* row) const {
  *row = {};
  row->version = version_;
  row->updated_at_ns = vasto::EventTimeToNanos(version_);
  const auto* read = std::get_if<ReadOutcome>(&outcome_);
  if (read != nullptr && answer_.status.ok()) {
    *row = vasto::capi::ToRow((*read)->value, count_ > 0);
  }
  return static_cast<vasto_status_t>(answer_.status.code());
}

bool vasto_future_t::Take(Outcome* outcome) {
  MutexLock lock(&mu_);
  if (taken_) return false;
  taken_ = true;
  *outcome = std::move(outcome_);
  return true;
}

Status vasto_future_t::SetCallback(vasto_future_callback_t callback, void* user_data) {
  {
    MutexLock lock(&mu_);
    if (callback_ != nullptr || queue_ != nullptr) {
      return Status::AlreadyExists("the future has a callback or a queue already");
    }
    callback_ = callback;
    user_data_ = user_data;
    if (!done_.load(std::memory_order_relaxed)) return Status::Ok();
    refs_.fetch_add(1, std::memory_order_relaxed);
  }
  RunCallbackLater(callback, user_data);
  return Status::Ok();
}

Status vasto_future_t::SetQueue(std::shared_ptr<QueueState> queue, uint64_t tag) {
  queue->ExpectFrom(core_->drivable());
  MutexLock lock(&mu_);
  if (callback_ != nullptr || queue_ != nullptr) {
    return Status::AlreadyExists("the future has a callback or a queue already");
  }
  queue_ = std::move(queue);
  tag_ = tag;
  queue_->Expect();
  if (done_.load(std::memory_order_relaxed)) queue_->Push(this, tag_);
  return Status::Ok();
}

void vasto_future_t::Abandon() {
  std::shared_ptr<QueueState> queue;
  {
    MutexLock lock(&mu_);
    queue.swap(queue_);
    if (queue != nullptr && !done_.load(std::memory_order_relaxed)) queue->GiveUp();
  }
  Cancel();
  if (queue != nullptr) queue->Forget(this);
}

namespace {

Status CheckFuture(const vasto_future_t* future) {
  if (future == nullptr) return Status::InvalidArgument("future is NULL");
  if (future->forked()) {
    return {Code::kForked, "the future belongs to the parent of this process"};
  }
  return Status::Ok();
}

// Takes the outcome of an operation of this kind; otherwise says why not.
Answer TakeOutcome(vasto_future_t* future, FutureKind kind, Outcome* outcome) {
  if (Status usable = CheckFuture(future); !usable.ok()) return usable;
  if (future->kind() != kind) {
    return Status::InvalidArgument("the future belongs to another kind of operation");
  }
  Answer answer = future->GetAnswer();
  if (!future->done()) return answer;
  if (!future->Take(outcome)) return Status::InvalidArgument("the result was taken before");
  return answer;
}

}  // namespace

VASTO_STATUS vasto_future_wait(vasto_future_t* future, int64_t timeout_ms, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckFuture(future); !usable.ok()) return usable;
    if (Status may_wait = vasto::capi::CheckMayWait(); !may_wait.ok()) return may_wait;
    const int64_t timeout_us = timeout_ms < 0 ? -1 : vasto::capi::TimeoutMicros(timeout_ms);
    return Answer::Plain(future->Wait(timeout_us) ? Code::kOk : Code::kTimeout);
  });
}

VASTO_API bool vasto_future_is_ready(const vasto_future_t* future) {
  return future != nullptr && future->done();
}

VASTO_STATUS vasto_future_status(const vasto_future_t* future, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckFuture(future); !usable.ok()) return usable;
    return future->GetAnswer();
  });
}

VASTO_API uint64_t vasto_future_version(const vasto_future_t* future) {
  return CheckFuture(future).ok() ? future->Version() : 0;
}

VASTO_STATUS vasto_future_take_value(vasto_future_t* future, vasto_value_t** out_value,
                                     vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_value == nullptr) return Status::InvalidArgument("out_value is NULL");
    *out_value = nullptr;
    Outcome outcome = Status();
    Answer answer = TakeOutcome(future, FutureKind::kRead, &outcome);
    if (answer.status.ok()) {
      auto& read = std::get<ReadOutcome>(outcome);
      *out_value = vasto::capi::MakeValue(std::move(*read), future->count() > 0);
    }
    return answer;
  });
}

VASTO_STATUS vasto_future_take_values(vasto_future_t* future, vasto_value_t** out_values,
                                      vasto_status_t* out_codes, size_t count,
                                      vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status arrays = vasto::capi::CheckArrays(out_values, out_codes, count); !arrays.ok()) {
      return arrays;
    }
    if (Status usable = CheckFuture(future); !usable.ok()) return usable;
    if (future->kind() == FutureKind::kReads && future->count() != count) {
      return Status::InvalidArgument("count is not that of the multi_get");
    }
    Outcome outcome = Status();
    Answer answer = TakeOutcome(future, FutureKind::kReads, &outcome);
    if (auto* reads = std::get_if<ReadsOutcome>(&outcome); reads != nullptr) {
      vasto::capi::FillValues(std::move(*reads), count, out_values, out_codes);
    }
    return answer;
  });
}

VASTO_STATUS vasto_future_take_batch_result(vasto_future_t* future,
                                            vasto_batch_result_t** out_result,
                                            vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_result == nullptr) return Status::InvalidArgument("out_result is NULL");
    *out_result = nullptr;
    Outcome outcome = Status();
    Answer answer = TakeOutcome(future, FutureKind::kBatch, &outcome);
    if (auto* batch = std::get_if<BatchOutcome>(&outcome); batch != nullptr) {
      *out_result = vasto::capi::MakeBatchResult(std::move(*batch), future->count());
    }
    return answer;
  });
}

VASTO_STATUS vasto_future_on_ready(vasto_future_t* future, vasto_future_callback_t callback,
                                   void* user_data, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckFuture(future); !usable.ok()) return usable;
    if (callback == nullptr) return Status::InvalidArgument("callback is NULL");
    return future->SetCallback(callback, user_data);
  });
}

VASTO_API void vasto_future_cancel(vasto_future_t* future) {
  if (!CheckFuture(future).ok()) return;
  vasto::capi::GuardVoid([&] { future->Cancel(); });
}

VASTO_API void vasto_future_destroy(vasto_future_t* future) {
  if (!CheckFuture(future).ok()) return;
  vasto::capi::GuardVoid([&] { future->Abandon(); });
  future->Unref();
}

VASTO_API void vasto_future_destroy_block(vasto_future_t** futures, size_t count) {
  for (size_t i = 0; futures != nullptr && i < count; ++i) {
    vasto_future_destroy(futures[i]);
    futures[i] = nullptr;
  }
}
