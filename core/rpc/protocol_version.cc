// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/protocol_version.h"

#include <string>

namespace vasto::rpc {

Status CheckProtocolVersion(std::string_view peer, uint32_t version) {
  if (version <= kProtocolVersion) return {};
  return Status::NotSupported(std::string(peer) + " speaks protocol version " +
                              std::to_string(version) + ", this program knows versions up to " +
                              std::to_string(kProtocolVersion) + ": update this program");
}

}  // namespace vasto::rpc
