// SPDX-License-Identifier: Apache-2.0
// One epoll loop of a socket transport: readiness of its channels' sockets, timers, and work that
// other threads ask for. It has a thread of its own, whose place a thread that waits for results
// may take (loop_seat.h); "the loop's thread" is the one that turns it at the time.
//
// Threads: Post, RunAt, Attend and Drive from any; Watch, Forget and the callbacks on the loop's;
// Start and Stop from the one that made it.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.h"
#include "core/rpc/loop_seat.h"
#include "core/rpc/polling_visitor.h"
#include "core/rpc/socket.h"
#include "core/rpc/spinner.h"
#include "core/rpc/unique_function.h"
#include "core/rpc/waiter.h"

namespace vasto::rpc::internal {

// What a loop drives.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  // Asked for by Attend; once per turn.
  virtual void OnAttention() = 0;
  // events: of epoll.
  virtual void OnEvents(uint32_t events) = 0;
};

class IoLoop final : public Drivable {
 public:
  using Task = UniqueFunction<void()>;

  // spin_us: how long a guest that expects one result looks before it sleeps; 0: not at all.
  explicit IoLoop(int64_t spin_us) : spinner_(spin_us) {}
  ~IoLoop() override { Stop(); }
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  Status Start(const std::string& name);
  // Runs what was posted before, then ends the thread. Timers that are not due are dropped.
  // Idempotent.
  void Stop();

  // Runs the task soon. False, leaving it with the caller, once stopped.
  bool Post(Task* task);
  // Runs the task at the monotonic time, at the earliest. Dropped once stopped.
  void RunAt(int64_t monotonic_us, Task task);
  // Calls handler->OnAttention soon. Dropped once stopped.
  void Attend(std::shared_ptr<IoHandler> handler);
  bool OnThisThread() const;
  // Of the turn, on the loop's thread.
  int64_t now_us() const { return now_us_; }

  // Turns the loop until waiter->done() or deadline_us, if the calling thread may (loop_seat.h).
  void Drive(Waiter* waiter, int64_t deadline_us) override;
  // One turn without sleeping, if the visitor may.
  void Visit(PollingVisitor* visitor) override;
  // Whether a guest has the place of the loop's own thread.
  bool lent() const { return seat_.lent(); }
  // A thread sleeps until a callback of this loop wakes it.
  void SleptFor() { seat_.Disturb(); }

  // Adds a descriptor; the loop keeps the handler until Forget.
  Status Watch(int fd, uint32_t events, std::shared_ptr<IoHandler> handler);
  // Before the descriptor is closed.
  void Forget(int fd, IoHandler* handler);
  // Changes the events. Any thread.
  void Rearm(int fd, uint32_t events, IoHandler* handler);
  // Memory to read into; one user at a time.
  std::span<char> scratch() { return {scratch_.get(), kScratchBytes}; }

 private:
  static constexpr size_t kScratchBytes = 256 << 10;

  struct Timer {
    int64_t at_us;
    uint64_t order;  // timers of one time run in the order they were set
    Task task;
  };
  static bool Later(const Timer& a, const Timer& b) {
    return a.at_us != b.at_us ? a.at_us > b.at_us : a.order > b.order;
  }

  void Run();
  // waiter: of the guest that turns it, back at deadline_us; nullptr: the loop's own thread does.
  void Turn(const Waiter* waiter, int64_t deadline_us);
  int TimeoutMs(int64_t deadline_us);
  bool HasWork();
  void TakeInbox();
  void RunTimers();

  Fd epoll_;
  Waker waker_;
  LoopSeat seat_{&waker_};
  std::thread thread_;

  Mutex mu_;
  std::vector<Task> tasks_ GUARDED_BY(mu_);
  std::vector<Timer> new_timers_ GUARDED_BY(mu_);
  std::vector<std::shared_ptr<IoHandler>> attention_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = true;  // true also before Start
  std::atomic<bool> inbox_{false};        // one of the above changed

  // The loop's thread only.
  std::vector<Timer> timers_;  // a heap
  uint64_t next_order_ = 0;
  std::unordered_map<IoHandler*, std::shared_ptr<IoHandler>> watched_;
  std::vector<std::shared_ptr<IoHandler>> forgotten_;  // until the turn's events are through
  std::unique_ptr<char[]> scratch_;
  int64_t now_us_ = 0;
  Spinner spinner_;  // of the guest
};

}  // namespace vasto::rpc::internal
