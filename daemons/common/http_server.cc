// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/http_server.h"

#include <httplib.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "daemons/common/address.h"

namespace vasto::daemons {

class HttpServer::Impl {
 public:
  ~Impl() { Stop(); }

  void Configure(const std::vector<HttpPage>& pages) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    // The library's default is SO_REUSEPORT, with which two programs would share a port unnoticed.
    server_.set_socket_options([](socket_t fd) {
      const int yes = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_read_timeout(2, 0);
    server_.set_write_timeout(2, 0);
    server_.set_keep_alive_timeout(1);
    server_.set_payload_max_length(4096);
    for (const HttpPage& page : pages) {
      server_.Get(page.path, [page](const httplib::Request&, httplib::Response& response) {
        response.set_content(page.content(), page.content_type);
      });
    }
  }

  // Returns the port.
  StatusOr<int> Bind(const HostPort& address) {
    errno = 0;
    const int port = address.port == 0
                         ? server_.bind_to_any_port(address.host)
                         : (server_.bind_to_port(address.host, address.port) ? address.port : -1);
    const int error = errno;
    if (port > 0) return port;
    const std::string what =
        "--http: cannot listen on " + address.host + ":" + std::to_string(address.port);
    if (error != 0) return Status::FromErrno(error, what);
    return Status::InvalidArgument(what + ": no such address");
  }

  void Run() {
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }

  void Stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  httplib::Server server_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                        const std::vector<HttpPage>& pages) {
  VASTO_ASSIGN_OR_RETURN(const HostPort wanted, ParseHostPort("--http", address));
  std::unique_ptr<HttpServer> server(new HttpServer(std::make_unique<Impl>()));
  server->impl_->Configure(pages);
  VASTO_ASSIGN_OR_RETURN(const int port, server->impl_->Bind(wanted));
  server->address_ = address.substr(0, address.rfind(':') + 1) + std::to_string(port);
  server->impl_->Run();
  return server;
}

void HttpServer::Stop() { impl_->Stop(); }

}  // namespace vasto::daemons
