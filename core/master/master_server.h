// SPDX-License-Identifier: Apache-2.0
// A whole master: its port, its connections to stores, its mind. What vasto-master and vasto-server
// start.
//
// Threads: Start, Stop from the owner; the rest from any thread between them.
#pragma once

#include <memory>
#include <string>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/master/master_core.h"

namespace vasto::master {

struct MasterServerOptions {
  std::string listen = "127.0.0.1:9333";  // HOST:PORT; port 0 picks a free one
  int io_threads = 2;
  MasterCoreOptions core;                 // its logger is replaced by the one below
  const Logger* logger = Logger::Null();  // borrowed; outlives the server
  Metrics* metrics = nullptr;             // borrowed; outlives the server; may be nullptr
  Random* random = SystemRandom();        // borrowed; outlives the server
};

class MasterServer {
 public:
  // Serves when it returns. kAlreadyExists when the port is in use, kInvalidArgument for an address
  // that is none.
  static StatusOr<std::unique_ptr<MasterServer>> Start(const MasterServerOptions& options);
  ~MasterServer();
  MasterServer(const MasterServer&) = delete;
  MasterServer& operator=(const MasterServer&) = delete;

  // HOST:PORT with the real port.
  std::string address() const;
  // What the master knows, as JSON (status_json.h).
  std::string Status() const;
  // Answers what waits, closes all connections, joins the threads. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit MasterServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace vasto::master
