// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/thread_pool.h"

namespace vasto::rpc::internal {
namespace {

constexpr int kServerEventsAtOnce = 512;
constexpr int kAcceptsAtOnce = 64;
constexpr size_t kMaxFreeCalls = 8192;
constexpr size_t kMaxFreeBufferBytes = 2 << 20;
constexpr size_t kMaxKeptFrameBytes = 4096;
constexpr int kServerKeepAliveIdleS = 60;
constexpr int kStallCheckMs = 500;

// Marks the waker among the pointers of epoll; listeners are told apart by their low bit.
char server_waker_mark;
constexpr uintptr_t kListenerBit = 1;

}  // namespace

ServerLoop::ServerLoop(ServerShared* shared)
    : shared_(shared),
      home_(std::make_shared<MailboxAndWaker>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      scratch_(std::make_unique_for_overwrite<char[]>(kScratchBytes)),
      events_(kServerEventsAtOnce),
      spinner_(shared->options.spin_us),
      spare_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

ServerLoop::~ServerLoop() {
  Join();
  for (auto& connection : connections_) {
    if (!connection->dead()) connection.release()->Abandon();
  }
  ServerCall* call = home_->mailbox.Close();
  while (call != nullptr) ServerCall::Dispose(std::exchange(call, call->next));
  while (free_calls_ != nullptr) delete std::exchange(free_calls_, free_calls_->next);
}

Status ServerLoop::Start(const std::string& name) {
  if (!epoll_.valid()) return Status::FromErrno(errno, "epoll_create");
  VASTO_RETURN_IF_ERROR(home_->waker.Open(epoll_.get(), &server_waker_mark));
  for (const auto& listener : listeners_) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = reinterpret_cast<uintptr_t>(listener.get()) | kListenerBit;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener->fd.get(), &event) != 0) {
      return Status::FromErrno(errno, "epoll_ctl");
    }
  }
  thread_ = std::thread([this, name] {
    SetThreadName(name);
    Run();
  });
  return Status::Ok();
}

void ServerLoop::Listen(Fd fd, bool unix_socket, AcceptHandler on_accept) {
  listeners_.push_back(
      std::make_unique<Listener>(Listener{std::move(fd), std::move(on_accept), unix_socket}));
}

void ServerLoop::Adopt(Fd fd) {
  {
    MutexLock lock(&mu_);
    if (ended_) return;  // and the connection is closed
    adopted_.push_back(std::move(fd));
  }
  posted_.store(true);
  home_->waker.Wake();
}

void ServerLoop::Stop(int64_t deadline_us) {
  stop_deadline_us_.store(deadline_us);
  stop_.store(true);
  posted_.store(true);
  home_->waker.Wake();
}

void ServerLoop::Join() {
  if (thread_.joinable()) thread_.join();
}

void ServerLoop::Run() {
  SetLoopOfThisThread(home_.get());
  while (!stopping_ || (open_ > 0 && now_us_ < stop_deadline_us_.load())) Turn();
  CloseAll();
  SetLoopOfThisThread(nullptr);
  MutexLock lock(&mu_);
  ended_ = true;
  adopted_.clear();
}

void ServerLoop::Turn() {
  const int count = Await();
  now_us_ = SystemClock()->MonotonicMicros();
  dispatched_ = 0;
  ResumeAll();
  HandleEvents(count);
  TakePosts();
  TakeAnswers();
  if (dispatched_ > 0) {
    spinner_.Came(dispatched_, last_peer_);
    dispatcher().EndBatch();
    if (shared_->requests != nullptr) shared_->requests->Add(dispatched_);
  }
  FlushAll();
  CheckStalls();
  Bury();
}

int ServerLoop::Await() {
  int count = 0;
  const auto look = [&](int timeout_ms) {
    count = epoll_wait(epoll_.get(), events_.data(), kServerEventsAtOnce, timeout_ms);
  };
  int timeout_ms = TimeoutMs();
  if (timeout_ms != 0) {
    const bool found = spinner_.Spin([&] {
      look(0);
      return count > 0 || HasWork();
    });
    if (found) return count;
    home_->waker.AboutToSleep();
    if (HasWork()) timeout_ms = 0;
  }
  look(timeout_ms);
  home_->waker.Awake();
  return count;
}

int ServerLoop::TimeoutMs() {
  if (!resume_.empty()) return 0;
  if (stopping_) {
    const int64_t left_us = stop_deadline_us_.load() - SystemClock()->MonotonicMicros();
    return static_cast<int>(std::clamp<int64_t>(left_us / 1000 + 1, 0, kStallCheckMs));
  }
  return stalled_.empty() ? -1 : kStallCheckMs;
}

bool ServerLoop::HasWork() { return posted_.load() || !home_->mailbox.empty(); }

void ServerLoop::HandleEvents(int count) {
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<size_t>(i)];
    if (event.data.ptr == &server_waker_mark) continue;
    if ((event.data.u64 & kListenerBit) != 0) {
      Accept(reinterpret_cast<Listener*>(event.data.u64 & ~kListenerBit));
    } else {
      last_peer_ = event.data.ptr;
      static_cast<ServerConnection*>(event.data.ptr)->OnEvents(event.events);
    }
  }
}

void ServerLoop::Accept(Listener* listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    Fd fd(accept4(listener->fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EMFILE || errno == ENFILE) RefuseOne(listener);
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    if (shared_->connections.load() >= shared_->options.max_connections) {
      VASTO_LOG(shared_->options.logger, kWarning, "rpc_too_many_connections")
          .With("limit", shared_->options.max_connections);
      continue;
    }
    shared_->connections.fetch_add(1);
    if (!listener->unix_socket) TuneTcp(fd.get(), kServerKeepAliveIdleS, 0);
    listener->on_accept(std::move(fd));
  }
}

void ServerLoop::RefuseOne(Listener* listener) {
  VASTO_LOG(shared_->options.logger, kError, "rpc_out_of_file_descriptors");
  // Without this the connection would stay ready and the loop would spin.
  spare_.Reset();
  { Fd refused(accept4(listener->fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  spare_ = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  errno = EAGAIN;
}

void ServerLoop::AddConnection(Fd fd) {
  if (stopping_) {
    shared_->connections.fetch_sub(1);
    return;
  }
  auto connection = std::make_unique<ServerConnection>(this, std::move(fd),
                                                       shared_->next_connection.fetch_add(1));
  connection->index = connections_.size();
  Watch(connection.get(), EPOLLIN, true);
  connections_.push_back(std::move(connection));
  ++open_;
}

void ServerLoop::Watch(ServerConnection* connection, uint32_t events, bool add) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = connection;
  if (epoll_ctl(epoll_.get(), add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connection->fd(), &event) != 0) {
    VASTO_LOG(shared_->options.logger, kError, "rpc_epoll_ctl_failed").With("errno", errno);
  }
}

void ServerLoop::TakePosts() {
  if (!posted_.load(std::memory_order_relaxed) || !posted_.exchange(false)) return;
  std::vector<Fd> adopted;
  {
    MutexLock lock(&mu_);
    adopted.swap(adopted_);
  }
  for (Fd& fd : adopted) AddConnection(std::move(fd));
  if (stop_.load() && !stopping_) BeginStop();
}

void ServerLoop::TakeAnswers() {
  ServerCall* call = home_->mailbox.TakeAll();
  while (call != nullptr) {
    ServerCall* const next = call->next;
    call->connection->Answered(call, false, call->frame.size());
    call = next;
  }
}

void ServerLoop::ResumeAll() {
  work_.swap(resume_);
  for (ServerConnection* connection : work_) connection->Resume();
  work_.clear();
}

void ServerLoop::FlushAll() {
  work_.swap(dirty_);
  for (ServerConnection* connection : work_) connection->Flush();
  work_.clear();
}

void ServerLoop::CheckStalls() {
  if (stalled_.empty()) return;
  const int64_t oldest_us = now_us_ - shared_->options.write_stall_ms * 1000;
  std::erase_if(stalled_, [&](ServerConnection* connection) {
    if (connection->stalled_since_us() == 0) return true;
    if (connection->stalled_since_us() > oldest_us) return false;
    VASTO_LOG(shared_->options.logger, kWarning, "rpc_peer_does_not_read")
        .With("connection", connection->id());
    connection->Close();
    return true;
  });
}

void ServerLoop::Closed(ServerConnection* connection) {
  shared_->connections.fetch_sub(1);
  --open_;
  // A handler that answers its parked calls now makes the connection dead by itself.
  const bool dead = connection->dead();
  dispatcher().Disconnected(connection->id());
  if (dead) Dead(connection);
}

void ServerLoop::Bury() {
  if (dead_.empty()) return;
  for (ServerConnection* connection : dead_) {
    // The other lists never hold a closed connection across turns, but one may have died since they
    // were worked off.
    std::erase(dirty_, connection);
    std::erase(resume_, connection);
    std::erase(stalled_, connection);
    const size_t index = connection->index;
    connections_.back()->index = index;
    std::swap(connections_[index], connections_.back());
    connections_.pop_back();
  }
  dead_.clear();
}

void ServerLoop::BeginStop() {
  stopping_ = true;
  listeners_.clear();
  for (const auto& connection : connections_) connection->StopReading();
}

void ServerLoop::CloseAll() {
  for (const auto& connection : connections_) connection->Close();
  TakeAnswers();
  Bury();
}

ServerCall* ServerLoop::TakeCall() {
  if (free_calls_ == nullptr) return new ServerCall(home_);
  --free_call_count_;
  return std::exchange(free_calls_, free_calls_->next);
}

void ServerLoop::GiveBack(ServerCall* call) {
  if (free_call_count_ >= kMaxFreeCalls) {
    delete call;
    return;
  }
  if (call->frame.capacity() > kMaxKeptFrameBytes) {
    call->frame = std::string();
  } else {
    call->frame.clear();
  }
  ++free_call_count_;
  call->next = free_calls_;
  free_calls_ = call;
}

std::string ServerLoop::TakeBuffer() {
  std::string buffer;
  if (buffers_.empty()) {
    buffer.reserve(kBufferBytes);
  } else {
    buffer.swap(buffers_.back());
    buffers_.pop_back();
    free_buffer_bytes_ -= buffer.capacity();
  }
  return buffer;
}

void ServerLoop::GiveBackBuffer(std::string buffer) {
  const size_t bytes = buffer.capacity();
  if (bytes < kBufferBytes || free_buffer_bytes_ + bytes > kMaxFreeBufferBytes) return;
  free_buffer_bytes_ += bytes;
  buffer.clear();
  buffers_.push_back(std::move(buffer));
}

}  // namespace vasto::rpc::internal
