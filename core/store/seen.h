// SPDX-License-Identifier: Apache-2.0
// What the answer to a client with a session says of the replica that gave it, see rpc::Seen.
//
// Asked for after the work was done: then it covers all of that, also what is visible although its
// position is not known yet. Without other replicas there is nothing to tell, and the answer says
// so.
//
// Threads: any that holds the shard open.
#pragma once

#include <optional>

#include "core/rpc/messages.h"
#include "core/storage/shard.h"
#include "core/store/routing_table.h"

namespace vasto::store {

// Of a read, without what its bound needs, which the client knows. None unless the bound asks.
rpc::Seen SeenByRead(const ShardHandle& shard, const std::optional<rpc::ReadBound>& bound);

// Of writes. done: where those that were carried out end in the replica's log; all: that is what
// became of each of them, and Write::log_anyway was set. Else some say what is stored instead, or
// that nothing is.
rpc::Seen SeenByWrite(const ShardHandle& shard, const Position& done, bool all);

}  // namespace vasto::store
