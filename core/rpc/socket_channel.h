// SPDX-License-Identifier: Apache-2.0
// A channel over a socket: the connection, the calls on it and the bytes on their way.
//
// Who does the I/O. Writing: whoever finds bytes queued and nobody writing, one thread at a time:
// the loop, or a caller when nothing else is under way or when it will wait for the reply
// (waiter.h). Reading: the loop while the socket is armed in its epoll set, or one waiting thread
// that has disarmed it and drives. Opening and closing: the loop, when nobody reads or writes.
// Others ask it by `attention`.
//
// A connection that is driven stays disarmed when its last call completes, so that a thread that
// makes one call after the other pays for no epoll_ctl; the next call that nobody drives arms it.
//
// Invariants: (1) a call is in calls_ until exactly one thread takes it out and completes it,
// without mu_; (2) whenever calls wait and nobody drives, the socket is armed; (3) the descriptor
// is closed only by the loop's thread, when neither writing_ nor driving_.
//
// Threads: any, except where noted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/rpc/call_run.h"
#include "core/rpc/call_table.h"
#include "core/rpc/channel.h"
#include "core/rpc/frame.h"
#include "core/rpc/io_loop.h"
#include "core/rpc/out_queue.h"
#include "core/rpc/socket.h"
#include "core/rpc/spinner.h"
#include "core/rpc/waiter.h"

namespace vasto::rpc::internal {

// What channels of a transport share.
struct ChannelShared {
  SocketTransportOptions options;
  const Clock* clock;
  // Runs a blocking look-up of a host name off the I/O threads.
  std::function<bool(std::function<void()>)> run_blocking;
};

class SocketChannel final : public IoHandler,
                            public Drivable,
                            public CallRun::Sender,
                            public std::enable_shared_from_this<SocketChannel> {
 public:
  SocketChannel(std::string address, std::shared_ptr<ChannelShared> shared,
                std::shared_ptr<IoLoop> loop);

  void Call(std::string_view method, std::string body, int64_t deadline_us,
            Channel::RawCallback done);
  void Close();
  void OnDisconnect(std::function<void()> on_down) { on_down_ = std::move(on_down); }

  void OnAttention() override;
  void OnEvents(uint32_t events) override;
  void Drive(Waiter* waiter, int64_t deadline_us) override;
  void SendGathered() override;
  bool gathering() const { return gathering_.load(std::memory_order_relaxed); }

 private:
  enum class State { kIdle, kWantConnect, kResolving, kConnecting, kConnected, kClosed };
  struct Reply {
    Channel::RawCallback done;  // empty: nobody waits for it any more
    Message message;
  };

  // Completes a call soon, on the loop.
  void FailLater(Channel::RawCallback done, Status status);
  // Why no call is taken now.
  Status Refusal() const REQUIRES(mu_);
  // Queues the call's frame.
  void Append(PendingCall* call, std::string body) REQUIRES(mu_);
  // After Append. waited_for: the calling thread will drive the channel. in_run: it will call
  // SendGathered. True: that, or Attend, is due.
  bool Enqueued(int64_t deadline_us, bool waited_for, bool in_run) REQUIRES(mu_);
  // Sends what is queued now, if it can be sent, or sees to it. True: the loop has to send.
  bool Send(bool now) REQUIRES(mu_);
  // Has the loop call OnAttention.
  void Attend() REQUIRES(mu_);
  // Sends what is queued; mu_ is free during the system calls. REQUIRES: connected, !writing_.
  void Write() REQUIRES(mu_);
  // Sends a part of sending_. False when the socket takes no more, or is broken.
  bool WriteSome() REQUIRES(mu_);
  // read: whether the loop reads. Tells the epoll set when that, or the wish to write, changed.
  void SetEvents(bool read) REQUIRES(mu_);
  bool armed() const REQUIRES(mu_) { return (events_ & EPOLLIN) != 0; }

  // The reader's: one recv, and the calls it completes. kEnd: the connection is at its end, and
  // broken_ says so.
  enum class Progress { kNothing, kRead, kEnd };
  Progress ReadOnce(std::span<char> scratch) EXCLUDES(mu_);
  Progress CompleteFrames() EXCLUDES(mu_);
  void Break(std::string why) EXCLUDES(mu_);
  bool BeginDrive() EXCLUDES(mu_);
  void EndDrive() EXCLUDES(mu_);

  // The loop's.
  void Resolve() EXCLUDES(mu_);
  void Resolved(StatusOr<std::vector<SocketAddress>> addresses) EXCLUDES(mu_);
  void ConnectNext() EXCLUDES(mu_);
  void FinishConnect() EXCLUDES(mu_);
  void ConnectTimedOut(uint64_t attempt) EXCLUDES(mu_);
  // Closes the connection and fails its calls.
  void Disconnect(const std::string& why) EXCLUDES(mu_);
  void CloseFd() REQUIRES(mu_);
  void SetTimer() EXCLUDES(mu_);
  void OnTimer() EXCLUDES(mu_);

  const std::string address_;
  const std::shared_ptr<ChannelShared> shared_;
  const std::shared_ptr<IoLoop> loop_;
  std::function<void()> on_down_;  // set before the first call

  Mutex mu_;
  State state_ GUARDED_BY(mu_) = State::kIdle;
  bool unreachable_ GUARDED_BY(mu_) = false;  // since it was connected last, or for ever
  bool attention_ GUARDED_BY(mu_) = false;    // asked for and not yet given
  bool writing_ GUARDED_BY(mu_) = false;
  bool driving_ GUARDED_BY(mu_) = false;
  bool reading_ GUARDED_BY(mu_) = false;   // the loop reads right now
  bool want_out_ GUARDED_BY(mu_) = false;  // the socket takes no more for now
  bool broken_ GUARDED_BY(mu_) = false;    // the loop is to close it
  std::string why_broken_ GUARDED_BY(mu_);
  uint32_t events_ GUARDED_BY(mu_) = 0;  // in the epoll set
  CallTable calls_ GUARDED_BY(mu_);
  OutQueue queued_ GUARDED_BY(mu_);
  std::atomic<bool> gathering_{false};          // queued_ holds something; changed under mu_
  uint64_t queued_offset_ GUARDED_BY(mu_) = 0;  // bytes queued on this connection so far
  uint64_t sent_offset_ GUARDED_BY(mu_) = 0;    // bytes of them that the kernel took
  int64_t timer_us_ GUARDED_BY(mu_) = CallTable::kNever;  // when the loop looks at the deadlines
  uint64_t attempt_ GUARDED_BY(mu_) = 0;                  // number of the connection attempt

  Fd fd_;                       // changed under mu_ by the loop while nobody reads or writes
  OutQueue sending_;            // of the thread that has writing_
  FrameReader in_;              // of the thread that reads
  std::vector<Reply> replies_;  // of the thread that reads
  Spinner spinner_;             // of the thread that drives

  // The loop's.
  std::vector<SocketAddress> addresses_;
  size_t next_address_ = 0;
  std::string last_error_;
};

}  // namespace vasto::rpc::internal
