// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_node.h"

#include <utility>

#include "core/base/thread_pool.h"
#include "core/rpc/channel.h"
#include "core/rpc/server.h"
#include "core/storage/shard.h"
#include "core/store/data_service.h"
#include "core/store/map_cache.h"
#include "core/store/shard_host.h"
#include "core/store/store_folder.h"
#include "core/store/store_runtime.h"

namespace vasto::store {
namespace {

// Equal for all processes of one running machine: that is where unix sockets reach.
std::string HostId(FileSystem* files) {
  const auto id = files->Read("/proc/sys/kernel/random/boot_id");
  if (!id.ok()) return {};
  return id->substr(0, id->find('\n'));
}

}  // namespace

class StoreNode::Impl {
 public:
  explicit Impl(const StoreNodeOptions& options)
      : options_(options),
        metrics_(options.metrics != nullptr ? options.metrics : &own_metrics_),
        hlc_(options.clock) {}
  ~Impl() { Stop(); }

  Status Start();
  void Stop();
  std::string address() const;
  Uuid uuid() const { return uuid_; }
  StoreRuntime* runtime() { return runtime_.get(); }

 private:
  void LogContents(const StoreFolder::Contents& contents) const;
  Status StartEngine();
  void MakeParts(StoreFolder::Contents contents);
  Status StartServer();

  StoreNodeOptions options_;
  Metrics own_metrics_;
  Metrics* const metrics_;  // borrowed or own_metrics_
  HybridClock hlc_;
  Uuid uuid_;

  // In the order of their making; each borrows from those above it.
  std::unique_ptr<StoreFolder> folder_;
  std::unique_ptr<ThreadPool> data_pool_;
  std::unique_ptr<ThreadPool> scan_pool_;
  std::unique_ptr<ThreadPool> background_pool_;
  std::shared_ptr<rpc::Transport> transport_;
  std::unique_ptr<MapCache> maps_;
  std::unique_ptr<ShardHost> host_;
  std::unique_ptr<StoreRuntime> runtime_;
  std::unique_ptr<DataService> data_;
  rpc::Dispatcher dispatcher_;
  std::unique_ptr<rpc::Server> server_;
};

Status StoreNode::Impl::Start() {
  StoreFolder::Contents contents;
  VASTO_ASSIGN_OR_RETURN(
      folder_, StoreFolder::Open(options_.files, options_.dir, options_.random, &contents));
  uuid_ = contents.identity.store;
  LogContents(contents);
  VASTO_RETURN_IF_ERROR(StartEngine());
  maps_ = std::make_unique<MapCache>(options_.files, options_.dir + "/MAP", options_.logger);
  VASTO_RETURN_IF_ERROR(maps_->Load());
  MakeParts(std::move(contents));
  host_->DeleteLeftovers();
  runtime_->Start();
  return StartServer();
}

void StoreNode::Impl::LogContents(const StoreFolder::Contents& contents) const {
  VASTO_LOG(options_.logger, kInfo, "store_folder_opened")
      .With("dir", options_.dir)
      .With("store", contents.identity.store.ToString())
      .With("keyspaces", contents.descriptors.size());
  for (const auto& [file, status] : contents.damaged) {
    VASTO_LOG(options_.logger, kError, "descriptor_damaged")
        .With("file", file)
        .With("error", status.ToString());
  }
}

Status StoreNode::Impl::StartEngine() {
  if (options_.engine) return {};
  storage::EngineOptions engine;
  engine.block_cache_bytes = options_.block_cache_bytes;
  engine.write_buffer_bytes = options_.write_buffer_bytes;
  engine.clock = options_.clock;
  VASTO_ASSIGN_OR_RETURN(options_.engine, storage::NewEngine(engine));
  return {};
}

void StoreNode::Impl::MakeParts(StoreFolder::Contents contents) {
  data_pool_ = std::make_unique<ThreadPool>("vasto-data", options_.data_threads);
  scan_pool_ = std::make_unique<ThreadPool>("vasto-scan", options_.scan_threads);
  background_pool_ = std::make_unique<ThreadPool>("vasto-bg", options_.background_threads);
  rpc::SocketTransportOptions transport;
  transport.thread_name = "vasto-link";
  transport.logger = options_.logger;
  transport_ = rpc::NewSocketTransport(transport);

  ShardHostOptions host;
  host.store = uuid_;
  host.folder = folder_.get();
  host.files = options_.files;
  host.random = options_.random;
  host.engine = options_.engine;
  host.data_pool = data_pool_.get();
  host.background_pool = background_pool_.get();
  host.clock = options_.clock;
  host.hlc = &hlc_;
  host.logger = options_.logger;
  host.metrics = metrics_;
  host.removed_delay_us = options_.removed_delay_us;
  host.tombstone_grace_us = options_.tombstone_grace_us;
  host_ = std::make_unique<ShardHost>(host);

  StoreRuntimeOptions runtime;
  runtime.folder = folder_.get();
  runtime.files = options_.files;
  runtime.host = host_.get();
  runtime.maps = maps_.get();
  runtime.transport = transport_.get();
  runtime.background_pool = background_pool_.get();
  runtime.clock = options_.clock;
  runtime.random = options_.random;
  runtime.logger = options_.logger;
  runtime.masters = options_.masters;
  runtime.disk_bytes = options_.disk_bytes;
  runtime_ = std::make_unique<StoreRuntime>(runtime, std::move(contents));

  DataServiceOptions data;
  data.table = host_->table();
  data.data_pool = data_pool_.get();
  data.scan_pool = scan_pool_.get();
  data.clock = options_.clock;
  data_ = std::make_unique<DataService>(data);
}

Status StoreNode::Impl::StartServer() {
  runtime_->Register(&dispatcher_);
  data_->Register(&dispatcher_);
  rpc::ServerOptions server;
  server.listen = options_.listen;
  server.unix_path = options_.unix_path;
  server.io_threads = options_.io_threads;
  server.logger = options_.logger;
  server.metrics = metrics_;
  server_ = std::make_unique<rpc::Server>(server, &dispatcher_);
  VASTO_RETURN_IF_ERROR(server_->Start());

  StoreInfo info;
  info.uuid = uuid_;
  info.address = address();
  info.unix_path = options_.unix_path;
  info.host_id = HostId(options_.files);
  info.zone = options_.zone;
  info.tags = options_.tags;
  runtime_->Serve(info);
  return {};
}

std::string StoreNode::Impl::address() const {
  const std::string listening = server_->address();
  if (options_.advertise.empty()) return listening;
  const size_t colon = options_.advertise.rfind(':');
  if (options_.advertise.substr(colon) != ":0") return options_.advertise;
  return options_.advertise.substr(0, colon) + listening.substr(listening.rfind(':'));
}

void StoreNode::Impl::Stop() {
  // First what may take long: installs and compactions end here, so that the server need not wait
  // for their answers.
  if (runtime_) runtime_->Stop();
  if (server_) server_->Stop();
  if (transport_) transport_->Stop();
  if (scan_pool_) scan_pool_->Stop();
  if (host_) host_->Stop();
  if (data_pool_) data_pool_->Stop();
}

StoreNode::StoreNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreNode::~StoreNode() = default;

StatusOr<std::unique_ptr<StoreNode>> StoreNode::Start(const StoreNodeOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  VASTO_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<StoreNode>(new StoreNode(std::move(impl)));
}

std::string StoreNode::address() const { return impl_->address(); }
Uuid StoreNode::uuid() const { return impl_->uuid(); }
std::optional<Status> StoreNode::WaitRegistered(int64_t timeout_us) {
  return impl_->runtime()->WaitRegistered(timeout_us);
}
void StoreNode::Stop() { impl_->Stop(); }

}  // namespace vasto::store
