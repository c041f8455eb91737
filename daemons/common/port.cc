// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/port.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "daemons/common/address.h"

namespace vasto::daemons {
namespace {

Status BindOnce(const addrinfo& info, const std::string& what) {
  const int fd = ::socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Status::FromErrno(errno, what);
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const bool bound = ::bind(fd, info.ai_addr, info.ai_addrlen) == 0 && ::listen(fd, 1) == 0;
  const int error = bound ? 0 : errno;
  ::close(fd);
  if (error == 0) return {};
  if (error == EADDRINUSE) {
    return Status::AlreadyExists(
        what + ": Address already in use; stop the other process or choose another port");
  }
  if (error == EADDRNOTAVAIL) {
    return Status::InvalidArgument(what + ": not an address of this machine");
  }
  return Status::FromErrno(error, what);
}

}  // namespace

Status CheckCanListen(std::string_view flag, const std::string& address) {
  VASTO_ASSIGN_OR_RETURN(const HostPort wanted, ParseHostPort(flag, address));
  const std::string what = std::string(flag) + ": cannot listen on " + address;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error =
      ::getaddrinfo(wanted.host.c_str(), std::to_string(wanted.port).c_str(), &hints, &list);
  if (error != 0) return Status::InvalidArgument(what + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  return BindOnce(*list, what);
}

bool IsWildcard(std::string_view host) {
  const std::string text(host);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return four.s_addr == htonl(INADDR_ANY);
  in6_addr six{};
  return ::inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

}  // namespace vasto::daemons
