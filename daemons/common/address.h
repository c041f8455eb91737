// SPDX-License-Identifier: Apache-2.0
// Addresses on a command line. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace vasto::daemons {

struct HostPort {
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 0;
};

// HOST:PORT with HOST a name, an IPv4 address or [IPv6]; PORT 0 to 65535. kInvalidArgument,
// starting with the flag's name, when it is none: ParseHostPort("--listen", "localhost") →
// "--listen: 'localhost' is not HOST:PORT". Names are not resolved.
StatusOr<HostPort> ParseHostPort(std::string_view flag, std::string_view text);

// HOST:PORT[,HOST:PORT…], each with a port above 0, as the parts; at least one.
StatusOr<std::vector<std::string>> ParseHostPorts(std::string_view flag, std::string_view text);

// The comma-separated parts without empty ones.
std::vector<std::string> SplitCommas(std::string_view text);

}  // namespace vasto::daemons
