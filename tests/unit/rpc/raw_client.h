// SPDX-License-Identifier: Apache-2.0
// A blocking socket that sends and receives exactly what a test tells it to.
// Threads: one at a time.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "core/rpc/frame.h"
#include "core/rpc/socket.h"
#include "core/rpc/wire.h"

namespace vasto::rpc {

class RawClient {
 public:
  // address: HOST:PORT or unix:/path.
  explicit RawClient(const std::string& address, int receive_buffer = 0) {
    SocketAddress target;
    if (address.starts_with("unix:")) {
      target = UnixAddress(address.substr(5)).value();
    } else {
      target = Resolve(ParseHostPort(address).value(), true).value().front();
    }
    fd_ = Fd(socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    connected_ = connect(fd_.get(), reinterpret_cast<sockaddr*>(&target.storage), target.size) == 0;
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }

  // False once the peer closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  template <typename Method>
  static std::string Frame(const typename Method::Request& request, int32_t seqid) {
    std::string out;
    const size_t start = BeginFrame(MessageType::kCall, Method::kName, seqid, &out);
    EncodeRequest<Method>(request, &out);
    EndFrame(start, &out);
    return out;
  }

  struct Reply {
    MessageType type;
    std::string name;
    int32_t seqid;
    std::string body;
  };
  // Nothing when the peer closed first or wait_ms passed.
  std::optional<Reply> Receive(int wait_ms = 10'000) {
    for (;;) {
      if (input_.size() >= 4) {
        uint32_t length;
        std::memcpy(&length, input_.data(), 4);
        length = ntohl(length);
        if (input_.size() >= 4 + size_t{length}) {
          Message message;
          const bool good = ParseMessage(std::string_view(input_).substr(4, length), &message);
          std::optional<Reply> reply;
          if (good)
            reply = {message.type, std::string(message.name), message.seqid,
                     std::string(message.body)};
          input_.erase(0, 4 + size_t{length});
          return reply;
        }
      }
      if (!Fill(wait_ms)) return std::nullopt;
    }
  }
  // Whether the peer closes within wait_ms. What it still sends is thrown away.
  bool PeerCloses(int wait_ms = 10'000) {
    while (Fill(wait_ms)) input_.clear();
    return closed_;
  }

 private:
  bool Fill(int wait_ms) {
    pollfd entry{fd_.get(), POLLIN, 0};
    if (poll(&entry, 1, wait_ms) <= 0) return false;
    char buffer[65536];
    const ssize_t n = recv(fd_.get(), buffer, sizeof(buffer), 0);
    closed_ = n <= 0;
    if (n > 0) input_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  Fd fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string input_;
};

}  // namespace vasto::rpc
