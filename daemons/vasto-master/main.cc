// SPDX-License-Identifier: Apache-2.0
// vasto-master: the brain of a cluster. See vasto-master(8).
#include <gflags/gflags.h>

#include <memory>
#include <string>

#include "core/base/metrics.h"
#include "core/master/master_server.h"
#include "daemons/common/daemon.h"
#include "daemons/common/http_server.h"
#include "daemons/common/port.h"

DEFINE_string(listen, "127.0.0.1:9333",
              "HOST:PORT on which stores and clients reach the master; port 0 picks a free one");
DEFINE_uint64(replace_after_s, 600,
              "seconds that a store may stay away before its replicas are made anew on other "
              "stores; 0: for ever");
DEFINE_string(http, "", "HOST:PORT for /metrics (Prometheus) and /status (JSON); empty: none");

namespace vasto::daemons {
namespace {

constexpr uint64_t kMaxReplaceAfterS = 365 * 86'400;

int Run(const Daemon& daemon) {
  daemon.Check(CheckCanListen("--listen", FLAGS_listen));
  if (!FLAGS_http.empty()) daemon.Check(CheckCanListen("--http", FLAGS_http));
  if (FLAGS_replace_after_s > kMaxReplaceAfterS) {
    daemon.Fail(
        Status::InvalidArgument("--replace_after_s: 0 to " + std::to_string(kMaxReplaceAfterS)));
  }

  Metrics metrics;
  master::MasterServerOptions options;
  options.listen = FLAGS_listen;
  options.logger = daemon.logger();
  options.metrics = &metrics;
  options.core.replace_after_us = static_cast<int64_t>(FLAGS_replace_after_s) * 1'000'000;
  const auto server = daemon.ValueOrExit(master::MasterServer::Start(options));

  std::unique_ptr<HttpServer> http;
  if (!FLAGS_http.empty()) {
    http = daemon.ValueOrExit(HttpServer::Start(
        FLAGS_http, {{.path = "/metrics",
                      .content_type = "text/plain; version=0.0.4",
                      .content = [&metrics] { return metrics.ToText(); }},
                     {.path = "/status", .content_type = "application/json", .content = [&server] {
                        return server->Status();
                      }}}));
    VASTO_LOG(daemon.logger(), kInfo, "http_listening").With("address", http->address());
  }

  daemon.Ready(server->address());
  daemon.WaitForStop();
  http.reset();
  server->Stop();
  return 0;
}

}  // namespace
}  // namespace vasto::daemons

int main(int argc, char** argv) {
  const vasto::daemons::Daemon daemon(
      {.name = "vasto-master",
       .summary = "The master of a Vasto cluster: places keyspaces on stores and tells clients "
                  "where they are."},
      argc, argv);
  return vasto::daemons::Run(daemon);
}
