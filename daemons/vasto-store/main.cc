// SPDX-License-Identifier: Apache-2.0
// vasto-store: one store of a cluster. See man/vasto-store.8.scd.
#include <gflags/gflags.h>

#include <memory>
#include <string>

#include "core/base/metrics.h"
#include "core/store/socket_path.h"
#include "core/store/store_node.h"
#include "daemons/common/address.h"
#include "daemons/common/daemon.h"
#include "daemons/common/http_server.h"
#include "daemons/common/port.h"

DEFINE_string(master, "", "masters to register with: HOST:PORT[,HOST:PORT]; required");
DEFINE_string(dir, "", "folder of the store's data; made when it is not there; required");
DEFINE_string(listen, "127.0.0.1:0", "HOST:PORT to serve on; port 0 picks a free one");
DEFINE_string(
    advertise, "",
    "HOST:PORT under which others reach this store, port 0: the one it listens on; empty: "
    "as --listen says");
DEFINE_string(zone, "", "failure zone; replicas are put in different zones");
DEFINE_string(tags, "", "labels a keyspace can ask for, separated by commas");
DEFINE_uint64(disk_gb, 0, "space this store may use, in GiB; 0: the whole disk");
DEFINE_uint64(block_cache_mb, 256,
              "memory for caching what is read, in MiB, of all shards together");
DEFINE_uint64(write_buffer_mb, 128,
              "memory for writes not yet in files, in MiB, of all shards together");
DEFINE_uint64(feed_mb, 64,
              "memory for the latest changes, which other replicas read, in MiB, of all shards "
              "together");
DEFINE_uint64(max_log_mb, 256, "log files kept for replicas that are away, in MiB, of each shard");
DEFINE_uint64(watch_log_mb, 16,
              "latest log files kept for watchers that come back, in MiB, of each shard");
DEFINE_uint64(tombstone_grace_s, 86400,
              "seconds that compactions keep deleted and expired values at least, for late writes "
              "with older event times");
DEFINE_int32(io_threads, 0, "threads that read and answer requests; 0: one a core");
DEFINE_bool(unix_socket, true, "serve clients of this machine on a unix socket as well");
DEFINE_string(http, "", "HOST:PORT for /metrics; empty: none");

namespace vasto::daemons {
namespace {

constexpr uint64_t kMaxMegabytes = 1 << 20;
constexpr uint64_t kMaxGraceS = 100ull * 366 * 86400;
// Long enough for a master that has just started and waits for the stores it does not know yet.
constexpr int64_t kFirstAnswerUs = 5'000'000;

Status CheckSizes() {
  if (FLAGS_block_cache_mb < 1 || FLAGS_block_cache_mb > kMaxMegabytes) {
    return Status::InvalidArgument("--block_cache_mb: 1 to 1048576");
  }
  if (FLAGS_write_buffer_mb < 8 || FLAGS_write_buffer_mb > kMaxMegabytes) {
    return Status::InvalidArgument("--write_buffer_mb: 8 to 1048576");
  }
  if (FLAGS_feed_mb < 1 || FLAGS_feed_mb > kMaxMegabytes) {
    return Status::InvalidArgument("--feed_mb: 1 to 1048576");
  }
  if (FLAGS_max_log_mb > kMaxMegabytes)
    return Status::InvalidArgument("--max_log_mb: at most 1048576");
  if (FLAGS_watch_log_mb > kMaxMegabytes)
    return Status::InvalidArgument("--watch_log_mb: at most 1048576");
  if (FLAGS_disk_gb > (uint64_t{1} << 30))
    return Status::InvalidArgument("--disk_gb: at most 1073741824");
  if (FLAGS_io_threads < 0 || FLAGS_io_threads > 1024)
    return Status::InvalidArgument("--io_threads: 0 to 1024");
  if (FLAGS_tombstone_grace_s > kMaxGraceS)
    return Status::InvalidArgument("--tombstone_grace_s: at most " + std::to_string(kMaxGraceS));
  return {};
}

Status CheckAddresses() {
  VASTO_RETURN_IF_ERROR(ParseHostPorts("--master", FLAGS_master).status());
  VASTO_ASSIGN_OR_RETURN(const HostPort listen, ParseHostPort("--listen", FLAGS_listen));
  std::string advertised = listen.host;
  if (!FLAGS_advertise.empty()) {
    VASTO_ASSIGN_OR_RETURN(HostPort address, ParseHostPort("--advertise", FLAGS_advertise));
    advertised = std::move(address.host);
  }
  if (IsWildcard(advertised)) {
    return Status::InvalidArgument(
        (FLAGS_advertise.empty() ? "--listen: " : "--advertise: ") + advertised +
        " is no address that others could use; say with --advertise=HOST:PORT how they reach this "
        "store");
  }
  VASTO_RETURN_IF_ERROR(CheckCanListen("--listen", FLAGS_listen));
  if (!FLAGS_http.empty()) VASTO_RETURN_IF_ERROR(CheckCanListen("--http", FLAGS_http));
  return {};
}

StatusOr<store::StoreNodeOptions> MakeOptions(const Logger* logger, Metrics* metrics) {
  store::StoreNodeOptions options;
  if (FLAGS_master.empty()) return Status::InvalidArgument("--master is required");
  if (FLAGS_dir.empty()) return Status::InvalidArgument("--dir is required");
  VASTO_RETURN_IF_ERROR(CheckSizes());
  VASTO_RETURN_IF_ERROR(CheckAddresses());
  options.masters = SplitCommas(FLAGS_master);
  options.dir = FLAGS_dir;
  options.listen = FLAGS_listen;
  options.advertise = FLAGS_advertise;
  options.zone = FLAGS_zone;
  options.tags = SplitCommas(FLAGS_tags);
  options.disk_bytes = FLAGS_disk_gb << 30;
  options.block_cache_bytes = FLAGS_block_cache_mb << 20;
  options.write_buffer_bytes = FLAGS_write_buffer_mb << 20;
  options.feed_bytes = FLAGS_feed_mb << 20;
  options.max_log_bytes = FLAGS_max_log_mb << 20;
  options.min_log_bytes = FLAGS_watch_log_mb << 20;
  options.io_threads = FLAGS_io_threads;
  options.tombstone_grace_us = static_cast<int64_t>(FLAGS_tombstone_grace_s) * 1'000'000;
  options.logger = logger;
  options.metrics = metrics;
  if (FLAGS_unix_socket) {
    auto path = store::ChooseSocketPath(FLAGS_dir);
    if (path.ok()) {
      options.unix_path = *path;
    } else {
      VASTO_LOG(logger, kWarning, "no_unix_socket").With("error", path.status().ToString());
    }
  }
  return options;
}

int Main(int argc, char** argv) {
  const Daemon daemon({.name = "vasto-store",
                       .summary = "One store of a Vasto cluster: keeps shards and serves them."},
                      argc, argv);
  Metrics metrics;
  const auto options = daemon.ValueOrExit(MakeOptions(daemon.logger(), &metrics));
  const auto node = daemon.ValueOrExit(store::StoreNode::Start(options));
  std::unique_ptr<HttpServer> http;
  if (!FLAGS_http.empty()) {
    const HttpPage page{"/metrics", "text/plain; version=0.0.4",
                        [&metrics] { return metrics.ToText(); }};
    http = daemon.ValueOrExit(HttpServer::Start(FLAGS_http, {page}));
  }
  // A master that is away is no reason not to serve; one that says no is.
  const auto answer = node->WaitRegistered(kFirstAnswerUs);
  if (answer && !answer->ok() && !answer->retryable()) {
    daemon.Fail(answer->Prefixed("refused by the master"));
  }
  daemon.Ready(node->address());
  daemon.WaitForStop();
  node->Stop();
  if (http) http->Stop();
  return 0;
}

}  // namespace
}  // namespace vasto::daemons

int main(int argc, char** argv) { return vasto::daemons::Main(argc, argv); }
