// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/address.h"

#include <charconv>

#include "core/base/bytes.h"

namespace vasto::daemons {
namespace {

Status NotAnAddress(std::string_view flag, std::string_view text) {
  return Status::InvalidArgument(std::string(flag) + ": '" + Printable(text) +
                                 "' is not HOST:PORT");
}

bool IsHostChar(char c, bool bracketed) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         (bracketed ? c == ':' || c == '%' : c == '-' || c == '_');
}

}  // namespace

StatusOr<HostPort> ParseHostPort(std::string_view flag, std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return NotAnAddress(flag, text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  bool good = !host.empty() && !port.empty();
  for (char c : host) good = good && IsHostChar(c, bracketed);
  HostPort result{.host = std::string(host), .port = 0};
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (!good || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    return NotAnAddress(flag, text);
  }
  return result;
}

StatusOr<std::vector<std::string>> ParseHostPorts(std::string_view flag, std::string_view text) {
  std::vector<std::string> parts = SplitCommas(text);
  if (parts.empty()) return NotAnAddress(flag, text);
  for (const std::string& part : parts) {
    VASTO_ASSIGN_OR_RETURN(const HostPort address, ParseHostPort(flag, part));
    if (address.port == 0) return NotAnAddress(flag, part);
  }
  return parts;
}

std::vector<std::string> SplitCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace vasto::daemons
