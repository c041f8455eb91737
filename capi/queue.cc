// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "capi/internal/future.h"
#include "capi/internal/guard.h"
#include "core/base/clock.h"

namespace vasto::capi {

StatusOr<std::shared_ptr<QueueState>> QueueState::Create() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return Status::IoError(Status::FromErrno(errno, "eventfd").message());
  return std::shared_ptr<QueueState>(new QueueState(fd));
}

QueueState::~QueueState() { close(fd_); }

void QueueState::UpdateFd() {
  const bool readable = !entries_.empty();
  if (!fd_used_ || visits_ > 0 || readable == fd_readable_) return;
  // Neither can fail: the counter goes between 0 and 1.
  uint64_t value = 1;
  [[maybe_unused]] const ssize_t moved =
      readable ? write(fd_, &value, sizeof(value)) : read(fd_, &value, sizeof(value));
  fd_readable_ = readable;
}

void QueueState::ExpectFrom(const std::shared_ptr<client::Drivable>& source) {
  if (source_id_.load(std::memory_order_relaxed) == source.get()) return;
  MutexLock lock(&mu_);
  source_ = source;
  source_id_.store(source.get(), std::memory_order_relaxed);
}

void QueueState::Push(vasto_future_t* future, uint64_t tag) {
  client::Waiter* waiter = nullptr;
  GiveUp();
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    entries_.push_back({future, tag});
    future->queued = true;
    if (put_off_) return;
    put_off_ = CompletionRun::PutOff(shared_from_this());
    if (put_off_) return;
    UpdateFd();
    waiter = TakeWaiter();
  }
  if (waiter != nullptr) waiter->Done();
}

void QueueState::WakeUp() {
  client::Waiter* waiter = nullptr;
  {
    MutexLock lock(&mu_);
    put_off_ = false;
    UpdateFd();
    if (!entries_.empty()) waiter = TakeWaiter();
  }
  // Without the lock, which who wakes up takes at once.
  if (waiter != nullptr) waiter->Done();
}

client::Waiter* QueueState::TakeWaiter() {
  if (waiting_.empty()) return nullptr;
  client::Waiter* const waiter = waiting_.front();
  waiting_.pop_front();
  return waiter;
}

void QueueState::Forget(vasto_future_t* future) {
  MutexLock lock(&mu_);
  if (!future->queued) return;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.future == future; });
  future->queued = false;
  UpdateFd();
}

bool QueueState::AwaitEntry(int64_t deadline_us) {
  client::Waiter waiter;
  waiter.ExpectFrom(source_);
  if (pending_.load(std::memory_order_relaxed) == 1) waiter.ExpectOne();
  waiting_.push_back(&waiter);
  mu_.Unlock();
  bool told = waiter.Wait(deadline_us);
  mu_.Lock();
  if (told || std::erase(waiting_, &waiter) > 0) return told;
  // Somebody has taken it out, and its Done is on its way.
  mu_.Unlock();
  told = waiter.Wait();
  mu_.Lock();
  return told;
}

void QueueState::Visit() noexcept {
  if (!polled_.load(std::memory_order_acquire)) return;
  std::shared_ptr<client::Drivable> source;
  {
    MutexLock lock(&mu_);
    source = source_;
    ++visits_;
  }
  if (source != nullptr) source->Visit(&visitor_);
  MutexLock lock(&mu_);
  --visits_;
}

void QueueState::Pop(int64_t timeout_us, size_t capacity,
                     const std::function<void(const Entry&)>& take) {
  client::Waiter* next = nullptr;
  int64_t deadline_us = client::Waiter::kForever;
  if (timeout_us > 0) deadline_us = SystemClock()->MonotonicMicros() + timeout_us;
  {
    MutexLock lock(&mu_);
    while (entries_.empty() && timeout_us != 0 && AwaitEntry(deadline_us)) {
    }
    for (size_t taken = 0; taken < capacity && !entries_.empty(); ++taken) {
      take(entries_.front());
      entries_.front().future->queued = false;
      entries_.pop_front();
    }
    if (!entries_.empty()) next = TakeWaiter();
    UpdateFd();
  }
  if (next != nullptr) next->Done();
}

void QueueState::Close() {
  MutexLock lock(&mu_);
  closed_ = true;
  for (const Entry& entry : entries_) entry.future->queued = false;
  entries_.clear();
  UpdateFd();
}

int QueueState::Fd() {
  MutexLock lock(&mu_);
  if (!fd_used_) {
    fd_used_ = true;
    polled_.store(visitor_.Open(fd_).ok(), std::memory_order_release);
    UpdateFd();
  }
  // Without a descriptor for the visitor the queue's own tells of results, and the library's
  // threads bring them.
  return polled_ ? visitor_.fd() : fd_;
}

Status CheckQueue(const vasto_queue_t* queue) {
  if (queue == nullptr) return Status::InvalidArgument("queue is NULL");
  if (queue->state->forked()) {
    return {Code::kForked, "the queue belongs to the parent of this process"};
  }
  return Status::Ok();
}

}  // namespace vasto::capi

using vasto::Code;
using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;
using vasto::capi::QueueState;

namespace {

Answer Pop(vasto_queue_t* queue, int64_t timeout_ms, size_t capacity,
           const std::function<void(const QueueState::Entry&)>& take) {
  if (Status usable = vasto::capi::CheckQueue(queue); !usable.ok()) return usable;
  const bool may_wait = !vasto::capi::InCallback();
  const int64_t timeout_us = timeout_ms < 0 ? -1 : vasto::capi::TimeoutMicros(timeout_ms);
  bool any = false;
  queue->state->Pop(may_wait ? timeout_us : 0, capacity, [&](const QueueState::Entry& entry) {
    any = true;
    take(entry);
  });
  if (any) return Answer::Ok();
  if (timeout_ms != 0 && !may_wait) return vasto::capi::CheckMayWait();
  return Answer::Plain(Code::kTimeout);
}

}  // namespace

VASTO_STATUS vasto_queue_create(vasto_queue_t** out_queue, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_queue == nullptr) return Status::InvalidArgument("out_queue is NULL");
    *out_queue = nullptr;
    auto state = QueueState::Create();
    if (!state.ok()) return std::move(state).status();
    *out_queue = new vasto_queue_t{std::move(*state)};
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_queue_attach(vasto_queue_t* queue, vasto_future_t* future, uint64_t tag,
                                vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = vasto::capi::CheckQueue(queue); !usable.ok()) return usable;
    if (future == nullptr) return Status::InvalidArgument("future is NULL");
    if (future->forked()) {
      return Status(Code::kForked, "the future belongs to the parent of this process");
    }
    return future->SetQueue(queue->state, tag);
  });
}

VASTO_API int vasto_queue_fd(const vasto_queue_t* queue) {
  if (!vasto::capi::CheckQueue(queue).ok()) return -1;
  return queue->state->Fd();
}

VASTO_STATUS vasto_queue_next(vasto_queue_t* queue, int64_t timeout_ms, vasto_future_t** out_future,
                              uint64_t* out_tag, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_future == nullptr) return Status::InvalidArgument("out_future is NULL");
    *out_future = nullptr;
    if (out_tag != nullptr) *out_tag = 0;
    return Pop(queue, timeout_ms, 1, [&](const QueueState::Entry& entry) {
      *out_future = entry.future;
      if (out_tag != nullptr) *out_tag = entry.tag;
    });
  });
}

VASTO_STATUS vasto_queue_next_block(vasto_queue_t* queue, int64_t timeout_ms,
                                    vasto_future_t** out_futures, uint64_t* out_tags,
                                    size_t capacity, size_t* out_count, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_count == nullptr) return Status::InvalidArgument("out_count is NULL");
    *out_count = 0;
    if (out_futures == nullptr || capacity == 0) {
      return Status::InvalidArgument("out_futures is NULL or capacity 0");
    }
    return Pop(queue, timeout_ms, capacity, [&](const QueueState::Entry& entry) {
      out_futures[*out_count] = entry.future;
      if (out_tags != nullptr) out_tags[*out_count] = entry.tag;
      ++*out_count;
    });
  });
}

VASTO_STATUS vasto_queue_next_results(vasto_queue_t* queue, int64_t timeout_ms,
                                      vasto_future_t** out_futures, uint64_t* out_tags,
                                      vasto_status_t* out_codes, vasto_kv_t* out_rows,
                                      size_t capacity, size_t* out_count, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_count == nullptr) return Status::InvalidArgument("out_count is NULL");
    *out_count = 0;
    if (out_futures == nullptr || out_codes == nullptr || out_rows == nullptr || capacity == 0) {
      return Status::InvalidArgument("an array is NULL or capacity 0");
    }
    if (Status usable = vasto::capi::CheckQueue(queue); !usable.ok()) return usable;
    if (timeout_ms == 0) queue->state->Visit();
    return Pop(queue, timeout_ms, capacity, [&](const QueueState::Entry& entry) {
      out_futures[*out_count] = entry.future;
      if (out_tags != nullptr) out_tags[*out_count] = entry.tag;
      out_codes[*out_count] = entry.future->Result(&out_rows[*out_count]);
      ++*out_count;
    });
  });
}

VASTO_API void vasto_queue_destroy(vasto_queue_t* queue) {
  if (queue == nullptr || queue->state->forked()) return;
  vasto::capi::GuardVoid([&] {
    queue->state->Close();
    delete queue;
  });
}
