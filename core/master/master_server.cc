// SPDX-License-Identifier: Apache-2.0
#include "core/master/master_server.h"

#include <utility>

#include "core/master/master_node.h"
#include "core/master/status_json.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/server.h"

namespace vasto::master {
namespace {

MasterCoreOptions CoreOptions(const MasterServerOptions& options) {
  MasterCoreOptions core = options.core;
  core.logger = options.logger;
  return core;
}

rpc::SocketTransportOptions TransportOptions(const MasterServerOptions& options) {
  rpc::SocketTransportOptions transport;
  transport.io_threads = 1;
  transport.thread_name = "master-out";
  transport.logger = options.logger;
  return transport;
}

rpc::ServerOptions ServerOptions(const MasterServerOptions& options) {
  rpc::ServerOptions server;
  server.listen = options.listen;
  server.io_threads = options.io_threads;
  server.logger = options.logger;
  server.metrics = options.metrics;
  return server;
}

}  // namespace

class MasterServer::Impl {
 public:
  explicit Impl(const MasterServerOptions& options)
      : transport_(rpc::NewSocketTransport(TransportOptions(options))),
        node_(CoreOptions(options), transport_.get(), options.random, options.metrics),
        server_(ServerOptions(options), &dispatcher_) {
    node_.Serve(&dispatcher_);
  }
  ~Impl() { Stop(); }

  vasto::Status Start() {
    // Recovery is counted from here: the first request finds the core started.
    node_.Start();
    VASTO_RETURN_IF_ERROR(server_.Start());
    return {};
  }
  // The node answers what is parked, else the server would wait for it; the transport goes last,
  // before the node that its callbacks use.
  void Stop() {
    node_.Stop();
    server_.Stop();
    transport_->Stop();
  }
  const rpc::Server& server() const { return server_; }
  const MasterNode& node() const { return node_; }

 private:
  std::shared_ptr<rpc::Transport> transport_;
  rpc::Dispatcher dispatcher_;
  MasterNode node_;
  rpc::Server server_;
};

MasterServer::MasterServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MasterServer::~MasterServer() = default;

StatusOr<std::unique_ptr<MasterServer>> MasterServer::Start(const MasterServerOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  VASTO_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<MasterServer>(new MasterServer(std::move(impl)));
}

std::string MasterServer::address() const { return impl_->server().address(); }

std::string MasterServer::Status() const {
  return StatusJson(impl_->node().Map(), impl_->node().recovering(), impl_->node().NameConflicts());
}

void MasterServer::Stop() { impl_->Stop(); }

}  // namespace vasto::master
