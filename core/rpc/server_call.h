// SPDX-License-Identifier: Apache-2.0
// One request that a server is answering, and the way such requests come back to their I/O thread.
//
// A call is taken from its loop's pool, handed to a handler as its ReplySink, and comes back: on
// the loop's own thread directly, with the reply written straight into the connection's output;
// from another thread through the mailbox, with the reply in the call. A call in a handler's hands
// outlives the server: the mailbox, then closed, disposes of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/rpc/dispatcher.h"
#include "core/rpc/frame.h"
#include "core/rpc/socket.h"

namespace vasto::rpc::internal {

class ServerCall;
class ServerConnection;

// Where calls answered on other threads wait for their loop: a lock-free stack, taken as a whole.
//
// Threads: Push from any; the rest from the loop's thread.
class Mailbox {
 public:
  explicit Mailbox(Waker* waker) : waker_(waker) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Takes the call over; disposes of it when closed.
  void Push(ServerCall* call);
  // Everything pushed so far, oldest first, linked by next.
  ServerCall* TakeAll();
  bool empty() const { return head_.load() == nullptr; }
  // As TakeAll; calls pushed later are disposed of.
  ServerCall* Close();

 private:
  static ServerCall* Closed();
  static ServerCall* Reverse(ServerCall* newest);

  std::atomic<ServerCall*> head_{nullptr};
  Waker* const waker_;  // borrowed; outlives *this
};

// A waker and its mailbox, which end together when the loop and the last call are gone.
struct MailboxAndWaker {
  Waker waker;
  Mailbox mailbox{&waker};
};

// The ReplySink of a socket server.
//
// Threads: as ReplySink; the public fields belong to the loop's thread.
class ServerCall final : public ReplySink {
 public:
  explicit ServerCall(std::shared_ptr<MailboxAndWaker> home) : home_(std::move(home)) {}

  std::string* Buffer() override;
  void Send() override;
  void Drop() override;
  // Answers with a TApplicationException. REQUIRES: on the loop's thread.
  void SendAppError(AppError error, std::string_view text);
  // Ends a call that comes back when its loop has gone, and with the last of them its connection.
  static void Dispose(ServerCall* call);

  // Set by the loop for each use.
  ServerConnection* connection = nullptr;  // borrowed; lives until its last call came back
  std::string_view name;                   // of the method; the dispatcher's, or own_name
  int32_t seqid = 0;
  bool ordered = false;   // sequence id 0: answered in the order of the requests
  bool finished = false;  // ordered, answered, and waiting for its turn with the reply in `frame`
  std::string own_name;   // of a method nobody knows
  ServerCall* order_next = nullptr;  // the ordered call after this one
  ServerCall* next = nullptr;        // in the mailbox or the pool
  std::string frame;   // the reply, when it could not be written to the connection at once
  size_t waiting = 0;  // bytes of it that the connection was told of

 private:
  friend class Mailbox;
  bool OnLoopThread() const;
  // Writes BUSY over the reply that is being written.
  void ReplaceByBusy();

  const std::shared_ptr<MailboxAndWaker> home_;
  MessageType type_ = MessageType::kReply;
  std::string* target_ = nullptr;  // between Buffer and Send: the connection's output or `frame`
  size_t start_ = 0;               // of the frame in *target_
};

// Makes calls of this mailbox on this thread answer directly. For the loop's thread; nullptr undoes
// it.
void SetLoopOfThisThread(const MailboxAndWaker* home);

}  // namespace vasto::rpc::internal
