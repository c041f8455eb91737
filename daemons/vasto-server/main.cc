// SPDX-License-Identifier: Apache-2.0
// vasto-server: master and stores in one process. See vasto-server(8).
#include <gflags/gflags.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/metrics.h"
#include "core/client/client.h"
#include "core/master/master_server.h"
#include "core/store/socket_path.h"
#include "core/store/store_node.h"
#include "daemons/common/address.h"
#include "daemons/common/daemon.h"
#include "daemons/common/http_server.h"
#include "daemons/common/port.h"
#include "daemons/vasto-server/mount_process.h"
#include "daemons/vasto-server/server_folder.h"

DEFINE_string(dir, "", "folder of all data; made when it is not there; required");
DEFINE_string(listen, "127.0.0.1:9333", "HOST:PORT of the master; port 0 picks a free one");
DEFINE_int32(stores, 3,
             "stores to run, each in a folder of its own; a later start may have more, not fewer");
DEFINE_string(create, "",
              "keyspaces to make if they are not there: KS[,KS], one shard on each store");
DEFINE_string(mount, "", "folder to mount the cluster on; empty: no mount");
DEFINE_uint64(block_cache_mb, 256,
              "memory for caching what is read, in MiB, of all stores together");
DEFINE_uint64(write_buffer_mb, 128,
              "memory for writes not yet in files, in MiB, of all stores together");
DEFINE_string(http, "", "HOST:PORT for /metrics (Prometheus) and /status (JSON); empty: none");

namespace vasto::daemons {
namespace {

constexpr int kMaxStores = 64;
constexpr uint64_t kMaxMegabytes = 1 << 20;
constexpr uint64_t kMinBufferMbPerStore = 8;
constexpr uint64_t kFeedBytes = 64 << 20;  // of all stores together
constexpr int64_t kStartUs = 20'000'000;

Status CheckFlags() {
  if (FLAGS_dir.empty()) return Status::InvalidArgument("--dir is required");
  if (FLAGS_stores < 1 || FLAGS_stores > kMaxStores)
    return Status::InvalidArgument("--stores: 1 to 64");
  if (FLAGS_block_cache_mb < 1 || FLAGS_block_cache_mb > kMaxMegabytes) {
    return Status::InvalidArgument("--block_cache_mb: 1 to 1048576");
  }
  if (FLAGS_write_buffer_mb < 1 || FLAGS_write_buffer_mb > kMaxMegabytes) {
    return Status::InvalidArgument("--write_buffer_mb: 1 to 1048576");
  }
  for (const std::string& name : SplitCommas(FLAGS_create))
    VASTO_RETURN_IF_ERROR(CheckKeyspaceName(name));
  VASTO_RETURN_IF_ERROR(CheckCanListen("--listen", FLAGS_listen));
  if (!FLAGS_http.empty()) VASTO_RETURN_IF_ERROR(CheckCanListen("--http", FLAGS_http));
  if (!FLAGS_mount.empty()) {
    VASTO_RETURN_IF_ERROR(MountProcess::Check(FLAGS_mount));
    VASTO_RETURN_IF_ERROR(CheckApart("--mount", FLAGS_mount, "--dir", FLAGS_dir));
  }
  return CheckServerFolder(PosixFileSystem(), FLAGS_dir, FLAGS_stores);
}

store::StoreNodeOptions StoreOptions(int index, const std::string& master, const Logger* logger,
                                     Metrics* metrics) {
  const auto stores = static_cast<uint64_t>(FLAGS_stores);
  store::StoreNodeOptions options;
  options.masters = {master};
  options.dir = StoreFolderOf(FLAGS_dir, index);
  options.listen = "127.0.0.1:0";
  options.block_cache_bytes = std::max<uint64_t>(FLAGS_block_cache_mb / stores, 1) << 20;
  options.write_buffer_bytes = std::max(FLAGS_write_buffer_mb / stores, kMinBufferMbPerStore) << 20;
  options.feed_bytes = kFeedBytes / stores;
  options.logger = logger;
  options.metrics = metrics;
  if (auto path = store::ChooseSocketPath(options.dir); path.ok()) options.unix_path = *path;
  return options;
}

// Returns once a client is answered, which a master that still waits for its stores does not do,
// and the keyspaces are there.
Status WaitAndCreateKeyspaces(const std::string& master, const Logger* logger) {
  client::ClientOptions options;
  options.masters = {master};
  options.logger = logger;
  VASTO_ASSIGN_OR_RETURN(auto cluster, client::Client::Open(options, kStartUs));
  Status result;
  for (const std::string& name : SplitCommas(FLAGS_create)) {
    rpc::CreateKeyspaceRequest request;
    request.name = name;
    request.shards = FLAGS_stores;
    request.sync = SyncMode::kInterval;
    auto operation = cluster->CreateKeyspace(request, kStartUs);
    result = operation.status();
    if (operation.ok()) {
      auto progress = cluster->WaitOperation(*operation, kStartUs);
      result = progress.ok() ? progress->result : progress.status();
      if (progress.ok() && !progress->done) result = Status::Timeout("not done in time");
    }
    if (result.Is(Code::kAlreadyExists)) result = {};
    if (!result.ok()) {
      result = result.Prefixed("--create " + name);
      break;
    }
  }
  cluster->Close(0);
  return result;
}

// Each may take a second to hand over what only it has.
void StopTogether(const std::vector<std::unique_ptr<store::StoreNode>>& stores) {
  std::vector<std::thread> threads;
  threads.reserve(stores.size());
  for (const auto& node : stores) threads.emplace_back([&node] { node->Stop(); });
  for (std::thread& thread : threads) thread.join();
}

int Main(int argc, char** argv) {
  const Daemon daemon(
      {.name = "vasto-server",
       .summary = "A whole Vasto cluster on one machine: master and stores in one process."},
      argc, argv);
  daemon.Check(CheckFlags());
  Metrics metrics;
  master::MasterServerOptions options;
  options.listen = FLAGS_listen;
  options.logger = daemon.logger();
  options.metrics = &metrics;
  const auto master = daemon.ValueOrExit(master::MasterServer::Start(options));
  std::vector<std::unique_ptr<store::StoreNode>> stores;
  for (int i = 0; i < FLAGS_stores; ++i) {
    stores.push_back(daemon.ValueOrExit(
        store::StoreNode::Start(StoreOptions(i, master->address(), daemon.logger(), &metrics))));
  }
  for (const auto& node : stores) {
    const auto answer = node->WaitRegistered(kStartUs);
    if (!answer) daemon.Fail(Status::Timeout("a store could not register with the master in time"));
    daemon.Check(*answer);
  }
  daemon.Check(WaitAndCreateKeyspaces(master->address(), daemon.logger()));
  std::unique_ptr<HttpServer> http;
  if (!FLAGS_http.empty()) {
    const HttpPage pages[] = {
        {"/metrics", "text/plain; version=0.0.4", [&metrics] { return metrics.ToText(); }},
        {"/status", "application/json", [&master] { return master->Status(); }}};
    http = daemon.ValueOrExit(HttpServer::Start(FLAGS_http, {pages[0], pages[1]}));
  }
  std::unique_ptr<MountProcess> mount;
  if (!FLAGS_mount.empty())
    mount = daemon.ValueOrExit(MountProcess::Start(master->address(), FLAGS_mount, kStartUs));
  daemon.Ready(master->address());
  daemon.WaitForStop();
  mount.reset();
  http.reset();
  StopTogether(stores);
  master->Stop();
  return 0;
}

}  // namespace
}  // namespace vasto::daemons

int main(int argc, char** argv) { return vasto::daemons::Main(argc, argv); }
