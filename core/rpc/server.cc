// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/rpc/server_loop.h"

namespace vasto::rpc {

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const Dispatcher* dispatcher) {
    shared_.options = options;
    shared_.dispatcher = dispatcher;
  }
  ~Impl() { Stop(0); }

  Status Start();
  std::string address() const { return address_; }
  void Stop(int64_t grace_ms);

 private:
  Status Open();
  void HandOut(Fd fd);
  void AddMetrics();

  internal::ServerShared shared_;
  std::vector<std::unique_ptr<internal::ServerLoop>> loops_;
  std::string address_;
  bool unix_bound_ = false;
  size_t next_loop_ = 0;  // the first loop's thread
};

Status Server::Impl::Start() {
  if (!loops_.empty()) return Status::Internal("the server was started already");
  Status status = Open();
  if (!status.ok()) Stop(0);
  return status;
}

Status Server::Impl::Open() {
  const ServerOptions& options = shared_.options;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = options.io_threads > 0 ? options.io_threads : std::max(1, cores);
  VASTO_ASSIGN_OR_RETURN(Fd tcp, ListenTcp(options.listen));
  VASTO_ASSIGN_OR_RETURN(address_, ListeningAddress(tcp.get(), options.listen));
  Fd local;
  if (!options.unix_path.empty()) {
    VASTO_ASSIGN_OR_RETURN(local, ListenUnix(options.unix_path));
    unix_bound_ = true;
  }
  AddMetrics();
  for (int i = 0; i < threads; ++i)
    loops_.push_back(std::make_unique<internal::ServerLoop>(&shared_));
  // One listener on one loop, which deals the connections out: the kernel's own ways of sharing a
  // port leave some threads without any when connections are few, and hide a second process on the
  // port.
  const auto hand_out = [this](Fd fd) { HandOut(std::move(fd)); };
  loops_[0]->Listen(std::move(tcp), false, hand_out);
  if (local.valid()) loops_[0]->Listen(std::move(local), true, hand_out);
  // The listening loop last, so that all are there for its connections.
  for (int i = threads - 1; i >= 0; --i) {
    VASTO_RETURN_IF_ERROR(loops_[static_cast<size_t>(i)]->Start("rpc-server-" + std::to_string(i)));
  }
  return Status::Ok();
}

void Server::Impl::HandOut(Fd fd) {
  loops_[next_loop_]->Adopt(std::move(fd));
  next_loop_ = (next_loop_ + 1) % loops_.size();
}

void Server::Impl::AddMetrics() {
  Metrics* const metrics = shared_.options.metrics;
  if (metrics == nullptr) return;
  shared_.requests = metrics->GetCounter("vasto_rpc_requests_total");
  metrics->SetGauge("vasto_rpc_connections", "",
                    [this] { return static_cast<double>(shared_.connections.load()); });
}

void Server::Impl::Stop(int64_t grace_ms) {
  const int64_t deadline_us = SystemClock()->MonotonicMicros() + grace_ms * 1000;
  if (!loops_.empty() && shared_.options.metrics != nullptr) {
    shared_.options.metrics->RemoveGauge("vasto_rpc_connections", "");
  }
  for (const auto& loop : loops_) loop->Stop(deadline_us);
  for (const auto& loop : loops_) loop->Join();
  loops_.clear();
  if (std::exchange(unix_bound_, false)) unlink(shared_.options.unix_path.c_str());
}

Server::Server(const ServerOptions& options, const Dispatcher* dispatcher)
    : impl_(std::make_unique<Impl>(options, dispatcher)) {}
Server::~Server() = default;

Status Server::Start() { return impl_->Start(); }
std::string Server::address() const { return impl_->address(); }
void Server::Stop(int64_t grace_ms) { impl_->Stop(grace_ms); }

}  // namespace vasto::rpc
