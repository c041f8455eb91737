// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/rpc/server_loop.h"

namespace vasto::rpc::internal {
namespace {

// So many calls are served side by side however large their replies may be: one that is parked
// must not hold up the others.
constexpr uint32_t kMinCalls = 4;
constexpr size_t kOverfullFactor = 4;
constexpr size_t kCompactBytes = 64 << 10;

}  // namespace

ServerConnection::ServerConnection(ServerLoop* loop, Fd fd, ConnectionId id)
    : loop_(loop),
      id_(id),
      limit_(loop->shared().options.max_buffered_bytes),
      fd_(std::move(fd)),
      in_(loop->shared().options.max_frame_bytes) {}

void ServerConnection::OnEvents(uint32_t events) {
  if (closed()) return;
  if ((events & EPOLLOUT) != 0) Flush();
  if (closed()) return;
  // Frames that were left come first: the loop resumes them, and the event comes again.
  if ((events & EPOLLIN) != 0 && (events_ & EPOLLIN) != 0) return in_.HasFrame() ? void() : Read();
  // Both directions are gone, so nobody will take the replies either.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) Close();
}

void ServerConnection::Read() {
  const std::span<char> space = in_.Space(loop_->scratch());
  const ssize_t n = recv(fd_.get(), space.data(), space.size(), 0);
  if (n > 0) {
    in_.Filled(static_cast<size_t>(n));
    return HandleFrames();
  }
  in_.Filled(0);
  in_.Finish();
  // A peer that closed its side waits for nothing: clients close both at once.
  if (n == 0 || (errno != EAGAIN && errno != EINTR)) Close();
}

void ServerConnection::Resume() {
  if (closed() || closing_ || paused_) return;
  in_.Resume();
  HandleFrames();
}

void ServerConnection::HandleFrames() {
  std::string_view frame;
  FrameReader::Result result = FrameReader::Result::kNone;
  bool good = true;
  while (good && !closed() && MayServe(limit_)) {
    result = in_.Next(&frame);
    if (result != FrameReader::Result::kFrame) break;
    good = HandleFrame(frame);
  }
  if (closed()) return;
  in_.Finish();
  if (result == FrameReader::Result::kBadLength) {
    VASTO_LOG(loop_->shared().options.logger, kWarning, "rpc_bad_frame").With("connection", id_);
    good = false;
  }
  if (!good) return CloseWhenSent();
  if (in_.HasFrame()) {
    // Later: once calls came back and their replies are sent.
    paused_ = true;
    MarkDirty();
  }
}

bool ServerConnection::MayServe(size_t limit) const {
  if (pending() > limit) return false;
  return calls_ < kMinCalls || pending() + calls_ * reply_size_ <= limit;
}

bool ServerConnection::Overfull(bool on_loop, size_t own_bytes) const {
  const size_t unsent = on_loop ? pending() - own_bytes : unsent_.load(std::memory_order_relaxed);
  return unsent + waiting_.load(std::memory_order_relaxed) > kOverfullFactor * limit_;
}

void ServerConnection::Abandon() { abandoned_calls_.store(calls_); }

void ServerConnection::CallDisposed(ServerConnection* connection) {
  if (connection->abandoned_calls_.fetch_sub(1) == 1) delete connection;
}

bool ServerConnection::HandleFrame(std::string_view frame) {
  Message message;
  if (!ParseMessage(frame, &message)) {
    VASTO_LOG(loop_->shared().options.logger, kWarning, "rpc_not_a_call").With("connection", id_);
    return false;
  }
  ServerCall* const call = NewCall(message.seqid);
  const Dispatcher::Entry* const entry = loop_->dispatcher().Find(message.name);
  if (message.type != MessageType::kCall || entry == nullptr) {
    call->own_name = message.name.substr(0, 256);
    call->name = call->own_name;
    if (message.type != MessageType::kCall) {
      call->SendAppError(AppError::kInvalidMessageType, "only calls with a reply are served");
      return false;
    }
    call->SendAppError(AppError::kUnknownMethod, "unknown method '" + call->own_name + "'");
    return true;
  }
  call->name = entry->name;
  loop_->Dispatched();
  entry->serve(message.body, CallContext{id_, loop_->now_us()}, ReplySinkPtr(call));
  return true;
}

ServerCall* ServerConnection::NewCall(int32_t seqid) {
  ServerCall* const call = loop_->TakeCall();
  call->connection = this;
  call->seqid = seqid;
  call->ordered = seqid == 0;
  call->finished = false;
  call->order_next = nullptr;
  ++calls_;
  if (call->ordered) {
    (ordered_tail_ == nullptr ? ordered_head_ : ordered_tail_->order_next) = call;
    ordered_tail_ = call;
  }
  return call;
}

bool ServerConnection::MayWrite(const ServerCall& call) const {
  return !closed() && (!call.ordered || &call == ordered_head_);
}

std::string* ServerConnection::Output() {
  if (out_.empty() && out_.capacity() < ServerLoop::kBufferBytes) out_ = loop_->TakeBuffer();
  return &out_;
}

void ServerConnection::Answered(ServerCall* call, bool written, size_t bytes) {
  NoteReplySize(bytes);
  if (!call->ordered) {
    if (!written) Append(call);
    MarkDirty();
    return Release(call);
  }
  call->finished = true;
  if (call != ordered_head_) return;
  if (written) {
    ordered_head_ = call->order_next;
    if (ordered_head_ == nullptr) ordered_tail_ = nullptr;
    Release(call);
  }
  FlushOrdered();
  MarkDirty();
}

void ServerConnection::FlushOrdered() {
  while (ordered_head_ != nullptr && ordered_head_->finished) {
    ServerCall* const call = ordered_head_;
    ordered_head_ = call->order_next;
    if (ordered_head_ == nullptr) ordered_tail_ = nullptr;
    Append(call);
    Release(call);
  }
}

void ServerConnection::Append(ServerCall* call) {
  if (closed()) return;
  if (pending() == 0 && call->frame.size() > 4096) {  // a large reply is not copied again
    out_.swap(call->frame);
    sent_ = 0;
  } else {
    Output()->append(call->frame);
  }
}

void ServerConnection::Release(ServerCall* call) {
  if (call->waiting != 0) {
    waiting_.fetch_sub(std::exchange(call->waiting, 0), std::memory_order_relaxed);
  }
  loop_->GiveBack(call);
  --calls_;
  if (dead()) loop_->Dead(this);
}

void ServerConnection::NoteReplySize(size_t bytes) {
  reply_size_ = std::max({bytes, reply_size_ - reply_size_ / 8, size_t{64}});
}

void ServerConnection::MarkDirty() {
  if (dirty_ || closed()) return;
  dirty_ = true;
  loop_->Dirty(this);
}

void ServerConnection::Flush() {
  dirty_ = false;
  if (closed()) return;
  if (!SendPending()) return Close();
  unsent_.store(pending(), std::memory_order_relaxed);
  if (pending() == 0 && (close_when_sent_ || (closing_ && calls_ == 0))) return Close();
  if (!paused_ && pending() > limit_) paused_ = true;
  if (paused_ && MayServe(limit_ / 2)) {
    paused_ = false;
    if (in_.HasFrame()) loop_->ResumeLater(this);
  }
  WantEvents();
}

bool ServerConnection::SendPending() {
  const size_t before = sent_;
  while (pending() > 0) {
    const ssize_t n = send(fd_.get(), out_.data() + sent_, pending(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) sent_ += static_cast<size_t>(n);
  }
  if (pending() == 0) {
    stalled_since_us_ = 0;
    sent_ = 0;
    loop_->GiveBackBuffer(std::exchange(out_, std::string()));
    return true;
  }
  if (stalled_since_us_ == 0) loop_->Stalled(this);
  if (stalled_since_us_ == 0 || sent_ != before) stalled_since_us_ = loop_->now_us();
  // A peer that always leaves something must not make what is sent pile up.
  if (sent_ > kCompactBytes && sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

void ServerConnection::StopReading() {
  closing_ = true;
  if (idle()) return Close();
  WantEvents();
}

void ServerConnection::CloseWhenSent() {
  closing_ = true;
  close_when_sent_ = true;
  MarkDirty();
  WantEvents();
}

void ServerConnection::WantEvents() {
  if (closed()) return;
  const bool read = !paused_ && !closing_;
  const uint32_t wanted = (read ? static_cast<uint32_t>(EPOLLIN) : 0u) |
                          (pending() > 0 ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  if (wanted == events_) return;
  // Replies of this turn are about to be sent; only what is left then needs to wait.
  if (dirty_ && (wanted & ~static_cast<uint32_t>(EPOLLOUT)) == events_) return;
  events_ = wanted;
  loop_->Watch(this, events_, false);
}

void ServerConnection::Close() {
  if (closed()) return;
  fd_.Reset();
  in_.Finish();
  out_ = std::string();
  sent_ = 0;
  stalled_since_us_ = 0;
  loop_->Closed(this);
}

}  // namespace vasto::rpc::internal
