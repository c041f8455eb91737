// SPDX-License-Identifier: Apache-2.0
// The durable form of a KeyspaceDescriptor: "VKSD", a format version byte, the fields in the order
// of cluster_map.h (varints and length-prefixed strings), a fixed64 checksum (FNV-1a, 64 bits) of
// all before it. See README.md. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/topology/cluster_map.h"

namespace vasto {

constexpr uint8_t kDescriptorFormat = 1;

std::string EncodeDescriptor(const KeyspaceDescriptor& descriptor);
// kCorruption for bytes EncodeDescriptor did not write, kNotSupported with both versions for a
// newer format.
StatusOr<KeyspaceDescriptor> DecodeDescriptor(std::string_view bytes);

}  // namespace vasto
