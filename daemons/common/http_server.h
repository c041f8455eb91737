// SPDX-License-Identifier: Apache-2.0
// A small HTTP port for people and monitoring: a fixed set of paths, each answered by a function
// that gives text. Read only (GET and HEAD); other paths answer 404. Built on cpp-httplib.
//
// A client that sends nothing for 5 s is dropped, so four slow ones can hold the port that long;
// nothing else depends on it.
//
// Threads: Start, Stop from the owner; the page functions run on the server's own threads, several
// at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace vasto::daemons {

struct HttpPage {
  std::string path;          // "/metrics"
  std::string content_type;  // "text/plain; version=0.0.4"
  std::function<std::string()> content;
};

class HttpServer {
 public:
  // Binds address (HOST:PORT, port 0 picks a free one) and serves the pages. kAlreadyExists when
  // the port is in use, kInvalidArgument for what is no address of this machine.
  static StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                     const std::vector<HttpPage>& pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // HOST:PORT with the real port.
  const std::string& address() const { return address_; }
  // Drops idle connections, waits for running pages. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace vasto::daemons
