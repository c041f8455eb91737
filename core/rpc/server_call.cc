// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server_call.h"

#include "core/rpc/server_connection.h"

namespace vasto::rpc::internal {
namespace {

// A reply that is kept however many wait: an error says as much as it would.
constexpr size_t kSmallReply = 512;

thread_local const MailboxAndWaker* this_thread_home = nullptr;

}  // namespace

void SetLoopOfThisThread(const MailboxAndWaker* home) { this_thread_home = home; }

ServerCall* Mailbox::Closed() {
  static char mark;
  return reinterpret_cast<ServerCall*>(&mark);
}

void Mailbox::Push(ServerCall* call) {
  // The call belongs to the loop, or is gone, once it is in; what Wake needs must not go with it.
  const std::shared_ptr<MailboxAndWaker> home = call->home_;
  ServerCall* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == Closed()) return ServerCall::Dispose(call);
    call->next = head;
  } while (!head_.compare_exchange_weak(head, call));
  waker_->Wake();
}

ServerCall* Mailbox::Reverse(ServerCall* newest) {
  ServerCall* oldest = nullptr;
  while (newest != nullptr) {
    ServerCall* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

ServerCall* Mailbox::TakeAll() { return empty() ? nullptr : Reverse(head_.exchange(nullptr)); }

ServerCall* Mailbox::Close() { return Reverse(head_.exchange(Closed())); }

void ServerCall::Dispose(ServerCall* call) {
  ServerConnection* const connection = call->connection;
  delete call;
  ServerConnection::CallDisposed(connection);
}

bool ServerCall::OnLoopThread() const { return this_thread_home == home_.get(); }

std::string* ServerCall::Buffer() {
  target_ = OnLoopThread() && connection->MayWrite(*this) ? connection->Output() : &frame;
  start_ = BeginFrame(type_, name, seqid, target_);
  return target_;
}

void ServerCall::Send() {
  const bool on_loop = OnLoopThread();
  const bool kept = target_ == &frame;
  size_t bytes = target_->size() - start_;
  if (bytes > kSmallReply && connection->Overfull(on_loop, kept ? 0 : bytes)) {
    ReplaceByBusy();
    bytes = target_->size() - start_;
  }
  EndFrame(start_, target_);
  type_ = MessageType::kReply;
  if (kept) {
    waiting = bytes;
    connection->AddWaiting(bytes);
  }
  if (on_loop) {
    connection->Answered(this, !kept, bytes);
  } else {
    home_->mailbox.Push(this);
  }
}

void ServerCall::ReplaceByBusy() {
  target_->resize(start_);
  // Its memory is what there is too much of.
  if (target_ == &frame) target_->shrink_to_fit();
  start_ = BeginFrame(type_, name, seqid, target_);
  EncodeError(Status::Busy("too many replies of this connection wait to be read"), target_);
}

void ServerCall::Drop() {
  EncodeError(Status::Internal("the request was dropped without an answer"), Buffer());
  Send();
}

void ServerCall::SendAppError(AppError error, std::string_view text) {
  type_ = MessageType::kException;
  EncodeAppError(error, text, Buffer());
  Send();
}

}  // namespace vasto::rpc::internal
