// SPDX-License-Identifier: Apache-2.0
// Serves a Dispatcher over TCP and a unix socket with Thrift's framed transport and binary
// protocol, so that any stock Thrift client can call it; the server loop is our own (see README.md
// for the measurement).
//
// Shape: `io_threads` epoll threads; each accepted connection lives on one of them. A wake-up reads
// what is there, parses all complete frames, dispatches them, calls EndBatch, and writes all
// replies of a connection with one send.
//
// Order: replies to calls with Thrift sequence id 0 keep the order of those calls (what generated
// clients that pipeline expect); calls with another id are answered as they finish.
//
// Faults: a frame with a bad length, or bytes that are no Thrift call, closes that connection
// (after an error reply where the header could be read); an unknown method answers Thrift's
// TApplicationException UNKNOWN_METHOD and the connection lives. A connection whose replies are not
// read stops being read once `max_buffered_bytes` wait for it, and is closed after
// `write_stall_ms`. Memory per idle connection stays below 1 KiB.
//
// Threads: Start and Stop from the owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/status.h"
#include "core/codec/limits.h"
#include "core/rpc/dispatcher.h"

namespace vasto::rpc {

struct ServerOptions {
  std::string listen = "127.0.0.1:0";  // HOST:PORT; port 0 picks a free one
  std::string
      unix_path;       // empty: no unix socket. A stale socket file of a dead process is replaced
  int io_threads = 0;  // 0: one per core
  size_t max_frame_bytes = kMaxFrameSize;
  size_t max_buffered_bytes =
      16 << 20;  // replies waiting for one connection before it is no longer read
  int64_t write_stall_ms = 30'000;
  int64_t spin_us =
      50;  // how long a thread looks for more work before it sleeps (spinner.h); 0: not
  int max_connections = 20'000;           // further ones are closed at once
  const Logger* logger = Logger::Null();  // borrowed; outlives the server
  Metrics* metrics = nullptr;             // borrowed; may be nullptr
};

class Server {
 public:
  // dispatcher: borrowed; outlives *this; complete before Start.
  Server(const ServerOptions& options, const Dispatcher* dispatcher);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and starts the threads. kAlreadyExists when the port is in use, kInvalidArgument for an
  // address that is none.
  Status Start();
  // HOST:PORT with the real port. REQUIRES: started.
  std::string address() const;
  // Stops accepting and reading, waits up to grace_ms for requests in flight to be answered and
  // sent, closes all. Idempotent.
  void Stop(int64_t grace_ms = 2000);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vasto::rpc
