// SPDX-License-Identifier: Apache-2.0
// The number that two processes exchange in the first conversation of a connection: register_store
// between store and master, watch_cluster between a client and a master or store. Both request and
// response carry the sender's.
//
// Fields that are added with a default need no new number. It grows with a change that an older
// program would take for something else; from then on the newer side still speaks to older ones in
// their version, or refuses them. An older side cannot know what a newer number means, so it
// refuses.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/status.h"

namespace vasto::rpc {

inline constexpr uint32_t kProtocolVersion = 1;

// peer: how a message names the other side ("the master", "store …"). version: what it sent; 0 is
// a peer that does not say, which is of the first version. kNotSupported with both numbers when it
// is newer than this program.
Status CheckProtocolVersion(std::string_view peer, uint32_t version);

}  // namespace vasto::rpc
