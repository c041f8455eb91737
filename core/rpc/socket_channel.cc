// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/socket_channel.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/completion_run.h"

namespace vasto::rpc::internal {
namespace {

constexpr int kPiecesAtOnce = 64;
constexpr int kClientKeepAliveIdleS = 5;
constexpr size_t kWorthSending = 2000;
constexpr size_t kDriverScratchBytes = 64 << 10;
constexpr std::string_view kUnixPrefix = "unix:";

std::string ErrnoText(int error) { return std::generic_category().message(error); }

// Memory to read into for a thread that drives a connection.
std::span<char> DriverScratch() {
  thread_local auto scratch = std::make_unique_for_overwrite<char[]>(kDriverScratchBytes);
  return {scratch.get(), kDriverScratchBytes};
}

// The one place where Thrift's own errors become ours.
Status FromAppError(std::string_view body) {
  int32_t error = 0;
  std::string text;
  if (!DecodeAppError(body, &error, &text))
    return Status::Internal("the peer answered with a broken error");
  if (error == static_cast<int32_t>(AppError::kUnknownMethod))
    return Status::NotSupported(std::move(text));
  return Status::Internal("the peer answered: " + text);
}

}  // namespace

SocketChannel::SocketChannel(std::string address, std::shared_ptr<ChannelShared> shared,
                             std::shared_ptr<IoLoop> loop)
    : address_(std::move(address)),
      shared_(std::move(shared)),
      loop_(std::move(loop)),
      in_(shared_->options.max_frame_bytes),
      spinner_(shared_->options.spin_us) {}

void SocketChannel::Call(std::string_view method, std::string body, int64_t deadline_us,
                         Channel::RawCallback done) {
  Waiter* const waiter = loop_->OnThisThread() ? nullptr : Waiter::Current();
  if (waiter != nullptr) waiter->ExpectFrom(shared_from_this());
  CallRun* const run = waiter == nullptr ? CallRun::Current() : nullptr;
  Status refused;
  bool attend = false;
  {
    MutexLock lock(&mu_);
    refused = Refusal();
    if (refused.ok()) {
      Append(calls_.Add(method, deadline_us, std::move(done)), std::move(body));
      attend = Enqueued(deadline_us, waiter != nullptr, run != nullptr);
    }
  }
  if (attend && run != nullptr) {
    run->Add(shared_from_this());
  } else if (attend) {
    // Without the lock, which the loop's thread takes as soon as it wakes up.
    loop_->Attend(shared_from_this());
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): only a call that was not refused is moved from.
  if (!refused.ok()) FailLater(std::move(done), std::move(refused));
}

Status SocketChannel::Refusal() const {
  if (state_ == State::kClosed) {
    return Status::Cancelled("not sent: the channel to " + address_ + " is closed");
  }
  if (queued_offset_ - sent_offset_ >= shared_->options.max_buffered_bytes) {
    return Status::Busy("not sent: too many requests wait to be sent to " + address_);
  }
  return {};
}

bool SocketChannel::Enqueued(int64_t deadline_us, bool waited_for, bool in_run) {
  // A call that is alone, or that the thread will wait for, goes out at once; others are gathered
  // by the loop. In a run, or with the loop lent to a guest, nobody else sends them until that ends
  // or the guest comes back, so what is worth a system call goes out, for the peer to begin with.
  const bool worth = queued_offset_ - sent_offset_ >= kWorthSending;
  const bool enough = (calls_.size() == 1 && !in_run) || (worth && (in_run || loop_->lent()));
  const bool now = waited_for || (enough && !loop_->OnThisThread());
  const bool attend = Send(now) || deadline_us < timer_us_;
  gathering_.store(!queued_.empty(), std::memory_order_relaxed);
  if (!waited_for && !driving_ && state_ == State::kConnected && !armed()) SetEvents(true);
  if (!attend || attention_) return false;  // it comes anyway
  attention_ = true;
  return true;
}

void SocketChannel::SendGathered() {
  {
    MutexLock lock(&mu_);
    attention_ = false;
    if (state_ != State::kConnected || broken_) return Attend();
    if (!writing_ && !want_out_) Write();
  }
  SetTimer();
}

bool SocketChannel::Send(bool now) {
  if (state_ == State::kIdle) {
    state_ = State::kWantConnect;
    return true;
  }
  if (state_ != State::kConnected || broken_ || writing_ || want_out_) return false;
  if (now) Write();
  return !now;
}

void SocketChannel::FailLater(Channel::RawCallback done, Status status) {
  struct Failure {
    Channel::RawCallback done;
    Status status;
    void operator()() { done(std::move(status)); }
  };
  IoLoop::Task task = Failure{std::move(done), std::move(status)};
  if (!loop_->Post(&task)) task();
}

void SocketChannel::Append(PendingCall* call, std::string body) {
  std::string* const tail = queued_.Tail();
  const size_t start = BeginFrame(MessageType::kCall, call->method, call->seqid, tail);
  const bool large = OutQueue::IsLarge(body.size());
  if (large) {
    EndFrame(start, tail, body.size());
  } else {
    tail->append(body);
    EndFrame(start, tail);
  }
  const size_t head = tail->size() - start;
  queued_.Appended(head);
  queued_offset_ += head;
  if (large) {
    queued_offset_ += body.size();
    queued_.AppendLarge(std::move(body));
  }
  call->end_offset = queued_offset_;
}

void SocketChannel::Attend() {
  if (attention_) return;
  attention_ = true;
  loop_->Attend(shared_from_this());
}

void SocketChannel::Close() {
  std::vector<PendingCall> calls;
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    calls = calls_.TakeAll();
    // Wakes whoever reads or writes.
    if (fd_.valid()) (void)shutdown(fd_.get(), SHUT_RDWR);
    Attend();
  }
  for (PendingCall& call : calls)
    call.done(Status::Cancelled("the channel to " + address_ + " was closed"));
}

// Writing.

void SocketChannel::Write() {
  writing_ = true;
  while (state_ == State::kConnected && !broken_) {
    if (sending_.empty()) {
      if (queued_.empty()) break;
      std::swap(sending_, queued_);
      gathering_.store(false, std::memory_order_relaxed);
    }
    if (!WriteSome()) break;
  }
  writing_ = false;
  if (state_ == State::kClosed || broken_) {
    Attend();
  } else {
    SetEvents(armed());
  }
}

bool SocketChannel::WriteSome() {
  iovec pieces[kPiecesAtOnce];
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = static_cast<size_t>(sending_.Describe(pieces, kPiecesAtOnce));
  mu_.Unlock();
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  // For one piece, which is the rule, the kernel does less without a list of them.
  const ssize_t n = message.msg_iovlen == 1
                        ? send(fd_.get(), pieces[0].iov_base, pieces[0].iov_len, kFlags)
                        : sendmsg(fd_.get(), &message, kFlags);
  const int error = errno;
  mu_.Lock();
  if (n >= 0) {
    want_out_ = false;
    sent_offset_ += static_cast<uint64_t>(n);
    sending_.Consume(static_cast<size_t>(n));
    return true;
  }
  if (error == EINTR) return true;
  if (error == EAGAIN) {
    want_out_ = true;
  } else {
    broken_ = true;
    why_broken_ = ErrnoText(error);
  }
  return false;
}

void SocketChannel::SetEvents(bool read) {
  uint32_t wanted = EPOLLRDHUP;
  if (read) wanted |= EPOLLIN;
  if (want_out_) wanted |= EPOLLOUT;
  if (wanted == events_ || !fd_.valid()) return;
  events_ = wanted;
  loop_->Rearm(fd_.get(), wanted, this);
}

// Reading.

SocketChannel::Progress SocketChannel::ReadOnce(std::span<char> scratch) {
  const std::span<char> space = in_.Space(scratch);
  const ssize_t n = recv(fd_.get(), space.data(), space.size(), MSG_DONTWAIT);
  const int error = errno;
  if (n > 0) {
    in_.Filled(static_cast<size_t>(n));
    return CompleteFrames();
  }
  in_.Finish();
  if (n < 0 && (error == EAGAIN || error == EINTR)) return Progress::kNothing;
  Break(n == 0 ? "the peer closed it" : ErrnoText(error));
  return Progress::kEnd;
}

SocketChannel::Progress SocketChannel::CompleteFrames() {
  std::string_view frame;
  FrameReader::Result result = FrameReader::Result::kFrame;
  bool good = true;
  replies_.clear();
  while (good && (result = in_.Next(&frame)) == FrameReader::Result::kFrame) {
    Reply& reply = replies_.emplace_back();
    good = ParseMessage(frame, &reply.message) && (reply.message.type == MessageType::kReply ||
                                                   reply.message.type == MessageType::kException);
  }
  if (!good) {
    replies_.pop_back();
  } else {
    good = result != FrameReader::Result::kBadLength;
  }
  {
    MutexLock lock(&mu_);
    PendingCall call;
    for (Reply& reply : replies_) {
      if (calls_.Take(reply.message.seqid, &call)) reply.done = std::move(call.done);
    }
  }
  CompletionRun run;
  for (Reply& reply : replies_) {
    if (!reply.done) continue;
    if (reply.message.type == MessageType::kReply) {
      reply.done(reply.message.body);
    } else {
      reply.done(FromAppError(reply.message.body));
    }
  }
  replies_.clear();
  in_.Finish();
  if (good) return Progress::kRead;
  Break("the peer sent bytes that are no reply");
  return Progress::kEnd;
}

void SocketChannel::Break(std::string why) {
  MutexLock lock(&mu_);
  if (!broken_) why_broken_ = std::move(why);
  broken_ = true;
  Attend();
}

void SocketChannel::Drive(Waiter* waiter, int64_t deadline_us) {
  if (!BeginDrive()) {
    if (!waiter->done()) loop_->SleptFor();
    return;
  }
  while (!waiter->done()) {
    Progress progress = Progress::kNothing;
    const bool found = spinner_.Spin([&] {
      progress = ReadOnce(DriverScratch());
      return progress != Progress::kNothing || waiter->done();
    });
    if (!found && waiter->Poll(fd_.get(), deadline_us)) {
      progress = ReadOnce(DriverScratch());
    } else if (!found && deadline_us <= shared_->clock->MonotonicMicros()) {
      break;
    }
    if (progress == Progress::kEnd || waiter->done()) break;
    MutexLock lock(&mu_);
    if (calls_.empty() || broken_ || state_ != State::kConnected) break;
  }
  EndDrive();
}

bool SocketChannel::BeginDrive() {
  MutexLock lock(&mu_);
  if (state_ != State::kConnected || broken_ || driving_ || calls_.empty()) return false;
  // Where several calls are under way, the loop serves them all with fewer switches.
  if (reading_ || (armed() && calls_.size() > 1)) return false;
  driving_ = true;
  SetEvents(false);
  return true;
}

void SocketChannel::EndDrive() {
  MutexLock lock(&mu_);
  driving_ = false;
  if (broken_ || state_ != State::kConnected) {
    Attend();
  } else if (!calls_.empty()) {
    SetEvents(true);
  }
}

// The loop's thread.

void SocketChannel::OnAttention() {
  std::string why;
  {
    MutexLock lock(&mu_);
    attention_ = false;
    if (state_ == State::kClosed || broken_) {
      if (writing_ || driving_) {  // they ask again when they end, which this makes them do soon
        (void)shutdown(fd_.get(), SHUT_RDWR);
        return;
      }
      why = why_broken_;
    } else if (state_ == State::kConnected) {
      if (!writing_ && !want_out_) Write();
      if (broken_) return;
    }
    if (state_ == State::kClosed) return CloseFd();
  }
  if (!why.empty()) return Disconnect("connection to " + address_ + " lost: " + why);
  SetTimer();
  bool want_connect = false;
  {
    MutexLock lock(&mu_);
    want_connect = state_ == State::kWantConnect;
    if (want_connect) state_ = State::kResolving;
  }
  if (want_connect) Resolve();
}

void SocketChannel::OnEvents(uint32_t events) {
  bool connecting = false;
  {
    MutexLock lock(&mu_);
    connecting = state_ == State::kConnecting;
    if (!connecting) {
      if (state_ != State::kConnected || broken_) return;
      if ((events & EPOLLOUT) != 0 && !writing_) {
        want_out_ = false;
        Write();
      }
      // A driver sees for itself whatever there is to see.
      if (driving_ || broken_ || (events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
      reading_ = true;
    }
  }
  if (connecting) return FinishConnect();
  ReadOnce(loop_->scratch());
  MutexLock lock(&mu_);
  reading_ = false;
}

void SocketChannel::Resolve() {
  if (address_.starts_with(kUnixPrefix)) {
    auto address = UnixAddress(address_.substr(kUnixPrefix.size()));
    if (!address.ok()) return Resolved(std::move(address).status());
    return Resolved(std::vector<SocketAddress>{*address});
  }
  auto host_port = ParseHostPort(address_);
  if (!host_port.ok()) return Resolved(std::move(host_port).status());
  auto numeric = rpc::Resolve(*host_port, true);
  if (numeric.ok()) return Resolved(std::move(numeric));
  const bool asked = shared_->run_blocking([self = shared_from_this(), name = *host_port] {
    auto addresses =
        std::make_shared<StatusOr<std::vector<SocketAddress>>>(rpc::Resolve(name, false));
    IoLoop::Task task = [self, addresses] { self->Resolved(std::move(*addresses)); };
    (void)self->loop_->Post(&task);  // once stopped, the channel is closed anyway
  });
  if (!asked) Resolved(Status::Unavailable("the transport has stopped"));
}

void SocketChannel::Resolved(StatusOr<std::vector<SocketAddress>> addresses) {
  addresses_.clear();
  next_address_ = 0;
  if (addresses.ok()) {
    addresses_ = std::move(addresses).value();
  } else {
    last_error_ = addresses.status().message();
  }
  ConnectNext();
}

void SocketChannel::ConnectNext() {
  while (next_address_ < addresses_.size()) {
    auto fd = StartConnect(addresses_[next_address_++]);
    if (!fd.ok()) {
      last_error_ = fd.status().message();
      continue;
    }
    MutexLock lock(&mu_);
    if (state_ == State::kClosed) return;
    fd_ = std::move(fd).value();
    state_ = State::kConnecting;
    events_ = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    if (Status status = loop_->Watch(fd_.get(), events_, shared_from_this()); !status.ok()) {
      last_error_ = status.message();
      fd_.Reset();
      continue;
    }
    loop_->RunAt(shared_->clock->MonotonicMicros() + shared_->options.connect_timeout_us,
                 [weak = weak_from_this(), attempt = ++attempt_] {
                   if (auto self = weak.lock()) self->ConnectTimedOut(attempt);
                 });
    return;
  }
  Disconnect("connect to " + address_ + ": " + last_error_);
}

void SocketChannel::FinishConnect() {
  const bool is_unix = addresses_[next_address_ - 1].is_unix();
  const Status status = SocketError(fd_.get(), "connect");
  {
    MutexLock lock(&mu_);
    if (state_ != State::kConnecting) return;
    ++attempt_;  // its time limit does not count any more
    if (status.ok()) {
      if (!is_unix) TuneTcp(fd_.get(), kClientKeepAliveIdleS, shared_->options.user_timeout_ms);
      state_ = State::kConnected;
      unreachable_ = false;
      SetEvents(true);
      return Write();
    }
    last_error_ = status.message();
    CloseFd();
  }
  ConnectNext();
}

void SocketChannel::ConnectTimedOut(uint64_t attempt) {
  {
    MutexLock lock(&mu_);
    if (state_ != State::kConnecting || attempt_ != attempt) return;
    last_error_ =
        "no answer within " + std::to_string(shared_->options.connect_timeout_us / 1000) + " ms";
    CloseFd();
  }
  ConnectNext();
}

void SocketChannel::CloseFd() {
  if (!fd_.valid()) return;
  loop_->Forget(fd_.get(), this);
  fd_.Reset();
  events_ = 0;
}

void SocketChannel::Disconnect(const std::string& why) {
  std::vector<PendingCall> calls;
  uint64_t sent = 0;
  bool lost = false;
  bool news = false;
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosed) return CloseFd();
    lost = state_ == State::kConnected;
    // Who is not there is told of once, however often it is tried.
    news = lost || !std::exchange(unreachable_, true);
    sent = std::exchange(sent_offset_, 0);
    calls = calls_.TakeAll();
    CloseFd();
    state_ = State::kIdle;
    broken_ = want_out_ = false;
    queued_offset_ = 0;
    queued_.Clear();
    gathering_.store(false, std::memory_order_relaxed);
    sending_.Clear();
    in_ = FrameReader(shared_->options.max_frame_bytes);
  }
  if (news) {
    VASTO_LOG(shared_->options.logger, kInfo, "rpc_disconnected")
        .With("peer", address_)
        .With("why", why);
  }
  for (PendingCall& call : calls) {
    // A peer acts on whole requests only.
    call.done(Status::Unavailable(call.end_offset > sent ? "not sent: " + why : why));
  }
  if (lost && on_down_) on_down_();
}

void SocketChannel::SetTimer() {
  MutexLock lock(&mu_);
  const int64_t next_us = calls_.next_deadline_us();
  if (next_us >= timer_us_) return;
  timer_us_ = next_us;
  loop_->RunAt(next_us, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnTimer();
  });
}

void SocketChannel::OnTimer() {
  const int64_t now_us = loop_->now_us();
  std::vector<PendingCall> expired;
  {
    MutexLock lock(&mu_);
    if (timer_us_ <= now_us) timer_us_ = CallTable::kNever;
    PendingCall call;
    while (calls_.TakeExpired(now_us, &call)) expired.push_back(std::move(call));
  }
  for (PendingCall& call : expired) {
    call.done(
        Status::Timeout(std::string(call.method) + " to " + address_ + ": no answer in time"));
  }
  SetTimer();
}

}  // namespace vasto::rpc::internal
