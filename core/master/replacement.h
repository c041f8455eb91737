// SPDX-License-Identifier: Apache-2.0
// The next replicas of a keyspace when some of those it has are on a store that stays away.
//
//  1. Such a replica gives its place in the order to a learner on another store, which copies what
//     the others have. Clients do not know learners.
//  2. A learner that has caught up becomes a replica.
//
// A store that stays away may only be cut off from the master, and take writes together with others
// that are. So a replica is replaced only while every quorum of its shard has a member among those
// that are here and have what they should: nothing that was confirmed by a quorum is lost with it.
// What it alone had accepted is missing until it comes back, and gives that to those in its place
// (core/replication/give_back.h).
//
// Threads: a pure function; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "core/base/uuid.h"
#include "core/master/store_table.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

struct ReplacementRules {
  const StoreTable* stores = nullptr;  // borrowed for the call
  // Whether the store is not waited for any more.
  std::function<bool(const Uuid& store)> stays_away;
  uint64_t term = 0;  // of the master
};

// The keyspace's next epoch; nothing when it can stay as it is, or nothing can be done. hosted:
// replicas by store, of all keyspaces; what is planned is added.
std::optional<KeyspaceDescriptor> ReplaceAway(const KeyspaceDescriptor& keyspace,
                                              const ReplacementRules& rules,
                                              std::unordered_map<Uuid, int32_t>* hosted);

}  // namespace vasto::master
