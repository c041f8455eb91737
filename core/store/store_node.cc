// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_node.h"

#include <utility>

#include "core/base/thread_pool.h"
#include "core/replication/replicator.h"
#include "core/rpc/channel.h"
#include "core/rpc/server.h"
#include "core/storage/shard.h"
#include "core/store/data_service.h"
#include "core/store/map_cache.h"
#include "core/store/shard_host.h"
#include "core/store/store_folder.h"
#include "core/store/store_runtime.h"
#include "core/store/watch_service.h"

namespace vasto::store {
namespace {

// Enough for what is on its way; a follower that is further behind gets the rest later.
constexpr int64_t kHandOverUs = 1'000'000;

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
  std::shared_ptr<rpc::Transport> NewTransport(const std::string& threads) const;
  void MakeReplicator();
  void MakeHost();
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
  std::unique_ptr<ThreadPool> watch_pool_;
  std::unique_ptr<WatchPlaces> watch_places_;
  std::unique_ptr<ThreadPool> background_pool_;
  std::shared_ptr<rpc::Transport> transport_;
  // Of its own: changes of other stores are applied on its thread, the master must not wait.
  std::shared_ptr<rpc::Transport> replication_transport_;
  std::unique_ptr<MapCache> maps_;
  std::unique_ptr<replication::Replicator> replicator_;
  std::unique_ptr<ShardHost> host_;
  std::unique_ptr<StoreRuntime> runtime_;
  std::unique_ptr<DataService> data_;
  std::unique_ptr<WatchService> watch_;
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
  engine.feed_bytes = options_.feed_bytes;
  engine.clock = options_.clock;
  VASTO_ASSIGN_OR_RETURN(options_.engine, storage::NewEngine(engine));
  return {};
}

std::shared_ptr<rpc::Transport> StoreNode::Impl::NewTransport(const std::string& threads) const {
  rpc::SocketTransportOptions options;
  options.thread_name = threads;
  options.logger = options_.logger;
  return rpc::NewSocketTransport(options);
}

void StoreNode::Impl::MakeReplicator() {
  replication::ReplicatorOptions replicator;
  replicator.store = uuid_;
  replicator.transport = replication_transport_.get();
  replicator.pool = data_pool_.get();
  replicator.clock = options_.clock;
  replicator.random = options_.random;
  replicator.logger = options_.logger;
  replicator.find_store = [this](const Uuid& store) { return maps_->FindStore(store); };
  replicator.on_copied = [this](const Uuid& keyspace, int32_t number) {
    runtime_->ReopenShard(keyspace, number);
  };
  replicator.on_complete = [this](const Uuid& keyspace, int32_t number) {
    if (const Status status = folder_->MarkComplete(keyspace, number); !status.ok()) {
      VASTO_LOG(options_.logger, kWarning, "incomplete_mark_not_removed")
          .With("keyspace", keyspace.ToString())
          .With("shard", number)
          .With("error", status.ToString());
    }
  };
  replicator_ = std::make_unique<replication::Replicator>(replicator);
}

void StoreNode::Impl::MakeHost() {
  ShardHostOptions host;
  host.store = uuid_;
  host.folder = folder_.get();
  host.files = options_.files;
  host.random = options_.random;
  host.engine = options_.engine;
  host.replicator = replicator_.get();
  host.data_pool = data_pool_.get();
  host.background_pool = background_pool_.get();
  host.watch_pool = watch_pool_.get();
  host.watch_places = watch_places_.get();
  host.clock = options_.clock;
  host.hlc = &hlc_;
  host.logger = options_.logger;
  host.metrics = metrics_;
  host.removed_delay_us = options_.removed_delay_us;
  host.tombstone_grace_us = options_.tombstone_grace_us;
  host.max_log_bytes = options_.max_log_bytes;
  host.min_log_bytes = options_.min_log_bytes;
  host.on_well = [this](const Uuid& keyspace, int32_t number) {
    runtime_->ReopenShard(keyspace, number);
  };
  host_ = std::make_unique<ShardHost>(host);
}

void StoreNode::Impl::MakeParts(StoreFolder::Contents contents) {
  data_pool_ = std::make_unique<ThreadPool>("vasto-data", options_.data_threads);
  scan_pool_ = std::make_unique<ThreadPool>("vasto-scan", options_.scan_threads);
  watch_pool_ = std::make_unique<ThreadPool>("vasto-watch", options_.watch_threads);
  watch_places_ = std::make_unique<WatchPlaces>(options_.max_watches);
  background_pool_ = std::make_unique<ThreadPool>("vasto-bg", options_.background_threads);
  transport_ = NewTransport("vasto-link");
  replication_transport_ = NewTransport("vasto-repl");
  MakeReplicator();
  MakeHost();

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
  watch_ = std::make_unique<WatchService>(host_->table());
}

Status StoreNode::Impl::StartServer() {
  runtime_->Register(&dispatcher_);
  data_->Register(&dispatcher_);
  watch_->Register(&dispatcher_);
  replicator_->Register(&dispatcher_);
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
  if (replicator_) replicator_->HandOver(kHandOverUs);
  // First what may take long: installs and compactions end here, so that the server need not wait
  // for their answers.
  if (runtime_) runtime_->Stop();
  if (replicator_) replicator_->Stop();
  if (host_) host_->StopWatches();
  if (server_) server_->Stop();
  if (transport_) transport_->Stop();
  if (replication_transport_) replication_transport_->Stop();
  if (scan_pool_) scan_pool_->Stop();
  if (watch_pool_) watch_pool_->Stop();
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
