// SPDX-License-Identifier: Apache-2.0
// One accepted connection: cuts its input into requests, hands them to the dispatcher, keeps the
// order of replies to sequence id 0, collects replies until the loop sends them.
//
// Invariants: (1) it is read only while at most max_buffered_bytes of replies wait or, guessing by
// the size of recent ones, are on their way; (2) where the guess was wrong, replies beyond four
// times that become BUSY; (3) it holds buffers only while a frame is incomplete or replies wait;
// (4) it lives until it is closed and its last call came back.
//
// Threads: the loop's only, except where noted.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/rpc/dispatcher.h"
#include "core/rpc/frame.h"
#include "core/rpc/server_call.h"
#include "core/rpc/socket.h"

namespace vasto::rpc::internal {

class ServerLoop;

class ServerConnection {
 public:
  // loop: borrowed; outlives *this.
  ServerConnection(ServerLoop* loop, Fd fd, ConnectionId id);

  ConnectionId id() const { return id_; }
  int fd() const { return fd_.get(); }
  bool closed() const { return !fd_.valid(); }
  // Closed, and no call will come back: may be deleted.
  bool dead() const { return closed() && calls_ == 0; }
  // Nothing was asked that is not answered and sent.
  bool idle() const { return calls_ == 0 && pending() == 0; }

  // The socket is ready. events: of epoll.
  void OnEvents(uint32_t events);
  // Takes up frames that were left because there were too many of them or of their replies.
  void Resume();
  // Sends what waits.
  void Flush();
  // Reads no further request; for a server that is stopping.
  void StopReading();
  // Drops everything.
  void Close();

  // Where a reply goes: the output, with the pool's memory behind it.
  std::string* Output();
  // Whether the call's reply may be appended to Output() now.
  bool MayWrite(const ServerCall& call) const;
  // A reply of `bytes` is in Output(), or in call->frame and goes there in its turn. The call is
  // given back.
  void Answered(ServerCall* call, bool written, size_t bytes);

  // Whether so many replies wait that a further one must not be kept. own_bytes: of that one, if
  // it is in Output() already. on_loop: asked by the loop. Threads: any that has a call.
  bool Overfull(bool on_loop, size_t own_bytes) const;
  // A reply of so many bytes waits in a call. Threads: any that has a call.
  void AddWaiting(size_t bytes) { waiting_.fetch_add(bytes, std::memory_order_relaxed); }

  // For a loop that ends: *this, closed, now belongs to its calls. REQUIRES: !dead().
  void Abandon();
  // A call of an abandoned connection has gone. Threads: any.
  static void CallDisposed(ServerConnection* connection);

  // When replies began to wait for a peer that does not read; 0: they do not.
  int64_t stalled_since_us() const { return stalled_since_us_; }
  size_t index = 0;  // in the loop's list

 private:
  void Read();
  void HandleFrames();
  // False for a frame that ends the connection.
  bool HandleFrame(std::string_view frame);
  ServerCall* NewCall(int32_t seqid);
  void Append(ServerCall* call);
  void Release(ServerCall* call);
  void FlushOrdered();
  // Sends what the socket takes. False when it is broken.
  bool SendPending();
  // Sends the rest and closes.
  void CloseWhenSent();
  void WantEvents();
  void NoteReplySize(size_t bytes);
  void MarkDirty();

  size_t pending() const { return out_.size() - sent_; }
  // Whether another request may be served, when at most `limit` bytes of replies are to wait.
  bool MayServe(size_t limit) const;

  ServerLoop* const loop_;  // borrowed; outlives *this
  const ConnectionId id_;
  const size_t limit_;  // max_buffered_bytes
  Fd fd_;
  FrameReader in_;
  std::string out_;
  size_t sent_ = 0;  // bytes of out_ that the kernel has
  ServerCall* ordered_head_ = nullptr;
  ServerCall* ordered_tail_ = nullptr;
  uint32_t calls_ = 0;  // not given back
  uint32_t events_ = EPOLLIN;
  // A recent large one: bounds how many requests are served at once. Begins large, so that a new
  // connection cannot ask for a thousand large values before the first reply is seen.
  size_t reply_size_ = 256 << 10;
  std::atomic<size_t> waiting_{0};  // bytes of replies in calls that have not been appended
  std::atomic<uint32_t> abandoned_calls_{0};
  std::atomic<size_t> unsent_{0};  // pending() after the last Flush
  int64_t stalled_since_us_ = 0;
  bool dirty_ = false;
  bool paused_ = false;   // too many replies wait
  bool closing_ = false;  // no further request is read
  bool close_when_sent_ = false;
};

}  // namespace vasto::rpc::internal
