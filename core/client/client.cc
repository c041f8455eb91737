// SPDX-License-Identifier: Apache-2.0
#include "core/client/client.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "core/client/client_impl.h"
#include "core/client/fan_out.h"
#include "core/client/hedge.h"
#include "core/client/map_listener.h"
#include "core/client/master_caller.h"
#include "core/client/scanner.h"
#include "core/client/shard_call.h"
#include "core/client/watcher.h"
#include "core/hash/partition.h"
#include "core/rpc/protocol_version.h"

namespace vasto::client {
namespace {

class KeyspaceHandle final : public Keyspace {
 public:
  KeyspaceHandle(std::shared_ptr<ClientImpl> client, KeyspaceRoute* route)
      : client_(std::move(client)), route_(route) {}
  const std::string& name() const override { return route_->name(); }
  const Uuid& uuid() const override { return route_->uuid(); }
  int32_t shard_count() const override { return route_->view()->shard_count(); }
  int32_t replica_count() const override { return route_->view()->replica_count; }
  const ClientImpl* client() const { return client_.get(); }
  KeyspaceRoute* route() const { return route_; }

 private:
  const std::shared_ptr<ClientImpl> client_;  // keeps the route alive
  KeyspaceRoute* const route_;
};

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Status CheckSession(const KeyspaceRoute& route, const Session* session) {
  if (session == nullptr || session->keyspace() == route.uuid()) return {};
  return Status::InvalidArgument("the session belongs to another keyspace than " + route.name());
}

Status WrongThread() {
  return Status(Code::kWrongThread, "a callback of the client must not wait for the client");
}

}  // namespace

StatusOr<std::shared_ptr<Client>> OpenOver(std::shared_ptr<rpc::Transport> transport,
                                           const ClientOptions& options, int64_t timeout_us) {
  if (options.masters.empty()) return Status::InvalidArgument("no master address was given");
  auto client = std::make_shared<ClientImpl>(std::move(transport), options);
  VASTO_RETURN_IF_ERROR(client->Start(timeout_us));
  return std::shared_ptr<Client>(std::move(client));
}

StatusOr<std::shared_ptr<Client>> Client::Open(const ClientOptions& options, int64_t timeout_us) {
  rpc::SocketTransportOptions socket;
  socket.io_threads = std::max(1, options.io_threads);
  socket.thread_name = "vasto-client";
  socket.connect_timeout_us = options.connect_timeout_us;
  socket.logger = options.logger;
  return OpenOver(rpc::NewSocketTransport(socket), options, timeout_us);
}

ClientImpl::ClientImpl(std::shared_ptr<rpc::Transport> transport, const ClientOptions& options)
    : engine_(std::make_shared<Engine>(std::move(transport), options)) {}

ClientImpl::~ClientImpl() {
  if (CallbackScope::active()) {
    // An I/O thread cannot join itself.
    std::thread([engine = engine_] { engine->Close(0); }).detach();
  } else {
    engine_->Close(0);
  }
}

Status ClientImpl::Start(int64_t timeout_us) {
  engine_->listener()->Start();
  Status status = engine_->listener()->WaitForMap(DeadlineAfter(timeout_us));
  if (!status.Is(Code::kUnavailable)) return status;
  return Status::Unavailable(status.message() + ": " + Join(engine_->options().masters));
}

int64_t ClientImpl::DeadlineAfter(int64_t timeout_us) const {
  const int64_t timeout = timeout_us > 0 ? timeout_us : engine_->options().default_timeout_us;
  const int64_t now_us = engine_->NowUs();
  constexpr int64_t kForEver = std::numeric_limits<int64_t>::max() / 2;
  return timeout > kForEver - now_us ? kForEver : now_us + timeout;
}

StatusOr<KeyspacePtr> ClientImpl::OpenKeyspace(const std::string& name, int64_t timeout_us) {
  if (CallbackScope::active()) return WrongThread();
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(name));
  KeyspaceRoute* route = map_is_old_ ? nullptr : engine_->table()->Open(name);
  if (route == nullptr) {
    const auto fetched = FetchClusterMap(timeout_us);
    route = engine_->table()->Open(name);
    if (route == nullptr && !fetched.ok()) return fetched.status();
  }
  if (route == nullptr) return Status::NotFound("there is no keyspace " + name);
  return KeyspacePtr(std::make_shared<KeyspaceHandle>(shared_from_this(), route));
}

StatusOr<KeyspaceRoute*> ClientImpl::Admit(const KeyspacePtr& ks, const Session* session) {
  const auto* handle = static_cast<const KeyspaceHandle*>(ks.get());
  if (handle == nullptr || handle->client() != this) {
    return Status::InvalidArgument("the keyspace was opened by another client");
  }
  VASTO_RETURN_IF_ERROR(CheckSession(*handle->route(), session));
  VASTO_RETURN_IF_ERROR(engine_->Admit());
  return handle->route();
}

void ClientImpl::Get(const KeyspacePtr& ks, const KeyRef& key, bool meta_only,
                     const CallOptions& options, std::function<void(StatusOr<ReadResult>)> done) {
  auto route = Admit(ks, options.session.get());
  Status status = route.ok() ? CheckReadKey(key.key) : route.status();
  if (!status.ok()) {
    if (route.ok()) engine_->Leave();
    return engine_->Defer([done = std::move(done), status] { done(status); });
  }
  rpc::GetRequest request;
  request.key = {std::string(key.key), key.partition_hash};
  request.meta_only = meta_only;
  ShardTarget target;
  target.route = *route;
  target.hash = PartitionHashOf(key.key, key.partition_hash);
  target.read = options.read;
  target.spread = SpreadOf(engine_.get(), options.read);
  target.session = options.session;
  StartRead<rpc::Get>(
      engine_.get(), target, (*route)->get_latency(), DeadlineAfter(options.timeout_us),
      std::move(request),
      [engine = engine_.get(), done = std::move(done)](const rpc::GetRequest& sent,
                                                       StatusOr<rpc::GetResponse> response) {
        if (response.ok() && !sent.meta_only && engine->options().verify_checksums) {
          VerifyResult(sent.key.key, &*response);
        }
        engine->Leave();
        if (!response.ok()) return done(std::move(response).status());
        done(ReadResult(std::move(*response)));
      });
}

void ClientImpl::MultiGet(const KeyspacePtr& ks, const std::vector<KeyRef>& keys, bool meta_only,
                          const CallOptions& options,
                          std::function<void(StatusOr<std::vector<ReadResult>>)> done) {
  auto route = Admit(ks, options.session.get());
  if (!route.ok()) {
    return engine_->Defer([done = std::move(done), status = route.status()] { done(status); });
  }
  std::vector<rpc::ReadKey> copies;
  copies.reserve(keys.size());
  for (const KeyRef& key : keys) copies.push_back({std::string(key.key), key.partition_hash});
  StartMultiGet(engine_.get(), *route, std::move(copies), meta_only,
                {options.read, {}, options.session, DeadlineAfter(options.timeout_us)},
                std::move(done));
}

void ClientImpl::Write(const KeyspacePtr& ks, WriteEntry entry, const CallOptions& options,
                       std::function<void(StatusOr<WriteResult>)> done) {
  auto route = Admit(ks, options.session.get());
  Status status = route.ok() ? CheckWriteEntry(entry) : route.status();
  if (!status.ok()) {
    if (route.ok()) engine_->Leave();
    return engine_->Defer([done = std::move(done), status] { done(status); });
  }
  AddChecksum(&entry);
  const RouteKind kind = RouteKindOf(entry);
  ShardTarget target;
  target.route = *route;
  target.hash = PartitionHashOf(entry.key, entry.partition_hash);
  target.session = options.session;
  rpc::WriteRequest request;
  request.entry = std::move(entry);
  request.acks = options.acks;
  StartShardCall<rpc::Write>(engine_.get(), target, kind, DeadlineAfter(options.timeout_us),
                             std::move(request),
                             [engine = engine_.get(), done = std::move(done)](
                                 const rpc::WriteRequest&, StatusOr<rpc::WriteResponse> response) {
                               engine->Leave();
                               if (!response.ok()) return done(std::move(response).status());
                               done(WriteResult(std::move(*response)));
                             });
}

void ClientImpl::WriteBatch(const KeyspacePtr& ks, std::vector<WriteEntry> entries,
                            const CallOptions& options,
                            std::function<void(StatusOr<std::vector<WriteResult>>)> done) {
  auto route = Admit(ks, options.session.get());
  if (!route.ok()) {
    return engine_->Defer([done = std::move(done), status = route.status()] { done(status); });
  }
  StartWriteBatch(engine_.get(), *route, std::move(entries),
                  {{}, options.acks, options.session, DeadlineAfter(options.timeout_us)},
                  std::move(done));
}

std::unique_ptr<Scanner> ClientImpl::Scan(const KeyspacePtr& ks, std::string start, std::string end,
                                          const ScanOptions& options) {
  const auto* handle = static_cast<const KeyspaceHandle*>(ks.get());
  if (handle == nullptr || handle->client() != this) {
    return NewFailedScanner(Status::InvalidArgument("the keyspace was opened by another client"));
  }
  const Status known = CheckSession(*handle->route(), options.session.get());
  if (!known.ok()) return NewFailedScanner(known);
  ScanOptions filled = options;
  if (filled.timeout_us <= 0) filled.timeout_us = engine_->options().default_timeout_us;
  return NewScanner(engine_, handle->route(), std::move(start), std::move(end), filled);
}

StatusOr<std::unique_ptr<Watcher>> ClientImpl::Watch(const KeyspacePtr& ks,
                                                     const WatchOptions& options) {
  const auto* handle = static_cast<const KeyspaceHandle*>(ks.get());
  if (handle == nullptr || handle->client() != this) {
    return Status::InvalidArgument("the keyspace was opened by another client");
  }
  return OpenWatcher(engine_, handle->route(), options, DeadlineAfter(options.timeout_us));
}

StatusOr<uint64_t> ClientImpl::CreateKeyspace(const rpc::CreateKeyspaceRequest& request,
                                              int64_t timeout_us) {
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(request.name));
  map_is_old_ = true;
  VASTO_ASSIGN_OR_RETURN(auto response,
                         CallMaster<rpc::CreateKeyspace>(engine_.get(), request, Repeat::kUnsent,
                                                         DeadlineAfter(timeout_us)));
  return response.operation;
}

StatusOr<uint64_t> ClientImpl::DeleteKeyspace(const std::string& name, int64_t timeout_us) {
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(name));
  map_is_old_ = true;
  VASTO_ASSIGN_OR_RETURN(auto response,
                         CallMaster<rpc::DeleteKeyspace>(engine_.get(), {name}, Repeat::kUnsent,
                                                         DeadlineAfter(timeout_us)));
  return response.operation;
}

StatusOr<uint64_t> ClientImpl::CompactKeyspace(const std::string& name, int64_t timeout_us) {
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(name));
  VASTO_ASSIGN_OR_RETURN(auto response,
                         CallMaster<rpc::StartCompaction>(engine_.get(), {name}, Repeat::kAlways,
                                                          DeadlineAfter(timeout_us)));
  return response.operation;
}

StatusOr<OperationProgress> ClientImpl::WaitOperation(uint64_t operation, int64_t wait_us) {
  rpc::WaitOperationRequest request;
  request.operation = operation;
  request.wait_ms = static_cast<uint32_t>(std::clamp<int64_t>(wait_us / 1000, 0, 60'000));
  // The master answers when the operation ends or the wait does; the default timeout is for the
  // way.
  const int64_t deadline_us =
      DeadlineAfter(engine_->options().default_timeout_us) + int64_t{request.wait_ms} * 1000;
  VASTO_ASSIGN_OR_RETURN(auto response, CallMaster<rpc::WaitOperation>(
                                            engine_.get(), request, Repeat::kAlways, deadline_us));
  OperationProgress progress;
  progress.done = response.done;
  progress.steps_done = response.steps_done;
  progress.steps_total = response.steps_total;
  if (response.done && response.code != Code::kOk) {
    progress.result = Status(response.code, response.message);
  }
  map_is_old_ = true;
  return progress;
}

StatusOr<ClusterMap> ClientImpl::FetchClusterMap(int64_t timeout_us) {
  const bool was_old = map_is_old_.exchange(false);
  auto response =
      CallMaster<rpc::WatchCluster>(engine_.get(), {.protocol_version = rpc::kProtocolVersion},
                                    Repeat::kAlways, DeadlineAfter(timeout_us));
  const Status status = response.ok()
                            ? rpc::CheckProtocolVersion("the master", response->protocol_version)
                            : response.status();
  if (!status.ok()) {
    if (was_old) map_is_old_ = true;
    return status;
  }
  engine_->listener()->Offer(response->map);
  return std::move(response->map);
}

StatusOr<rpc::ClusterStatsResponse> ClientImpl::FetchClusterStats(int64_t timeout_us) {
  return CallMaster<rpc::ClusterStats>(engine_.get(), {}, Repeat::kAlways,
                                       DeadlineAfter(timeout_us));
}

std::shared_ptr<const ClusterMap> ClientImpl::cluster_map() const {
  return engine_->table()->map();
}

void ClientImpl::RunAt(int64_t monotonic_us, std::function<void()> fn) {
  engine_->transport()->RunAt(monotonic_us, [fn = std::move(fn)] {
    CallbackScope scope;
    fn();
  });
}

void ClientImpl::Close(int64_t timeout_us) {
  // A callback that closes is a mistake of the caller; waiting here would never end.
  if (!CallbackScope::active()) engine_->Close(timeout_us);
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace vasto::client
