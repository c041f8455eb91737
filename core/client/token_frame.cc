// SPDX-License-Identifier: Apache-2.0
#include "core/client/token_frame.h"

#include <utility>

#include "core/base/bytes.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

constexpr size_t kChecksumSize = 4;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(PartitionHash(bytes)); }

}  // namespace

std::string TokenFrame::Begin() const {
  std::string token(magic);
  PutFixed(&token, newest_format);
  return token;
}

std::string TokenFrame::Seal(std::string token) {
  PutFixed(&token, Checksum(token));
  return token;
}

StatusOr<TokenFrame::Opened> TokenFrame::Open(std::string_view token) const {
  if (token.size() <= magic.size() || !token.starts_with(magic)) {
    return Invalid(magic.empty() ? "is damaged" : "is none, or damaged");
  }
  const size_t head = magic.size() + 1;
  const auto format = static_cast<uint8_t>(token[magic.size()]);
  if (format > newest_format) {
    return Invalid("has format " + std::to_string(format) + "; this version knows up to " +
                   std::to_string(newest_format));
  }
  if (format == 0 || token.size() < head + kChecksumSize) return Invalid("is damaged");
  const std::string_view sealed = token.substr(0, token.size() - kChecksumSize);
  if (GetFixed<uint32_t>(token.data() + sealed.size()) != Checksum(sealed)) {
    return Invalid("is damaged");
  }
  return Opened{format, sealed.substr(head)};
}

Status TokenFrame::Invalid(std::string_view why) const {
  return Status::InvalidArgument(std::string(name) + " " + std::string(why));
}

}  // namespace vasto::client
