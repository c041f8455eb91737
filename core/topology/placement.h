// SPDX-License-Identifier: Apache-2.0
// Which stores host which shard of a new keyspace, as a pure plan over thousands of stores; and
// which one takes over a replica.
//
// Invariants of a plan:
//  (1) the replicas of a shard are on different stores;
//  (2) and in different zones while there are enough zones with eligible stores; with fewer zones
//      no zone holds a second replica while another that could hold one has fewer;
//  (3) only stores that are up and have every wanted tag are used;
//  (4) shards are spread in proportion to free disk, and primaries (the first of each shard)
//      evenly over the stores that hold replicas; several shards of a keyspace may share a store.
//
// What does not divide evenly goes to the stores that host fewest replicas of other keyspaces, so
// that many small keyspaces spread as one large one does.
//
// Threads: a pure function; any thread. Cost: O(shards * replicas * log stores).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/random.h"
#include "core/base/status.h"
#include "core/topology/cluster_map.h"

namespace vasto {

struct PlacementRequest {
  int32_t shard_count = 1;    // 1 to kMaxShards
  int32_t replica_count = 1;  // 1 to kMaxReplicas
  std::vector<std::string> tags;
  // Replicas of other keyspaces by store; a store that is not named hosts none.
  std::unordered_map<Uuid, int32_t> hosted;
};

// The replicas of each shard in failover order, index = shard number; incarnations are 0.
// kInvalidArgument for counts out of range and for more replicas than there are stores with these
// tags; kUnavailable when there are enough, but not up. Both say what is missing ("3 replicas need
// 3 stores with tags ssd; 2 are up"). random: borrowed for the call; breaks ties only.
StatusOr<std::vector<ShardReplicas>> PlaceShards(const PlacementRequest& request,
                                                 const std::vector<StoreInfo>& stores,
                                                 Random* random);

// The store that gets the replica at this index of the shard in place of the one that has it: it is
// up, has all tags and no replica of the shard; in a zone with fewest of the other replicas, and
// there the one that hosts least for its free disk. nil: there is none.
Uuid PlaceReplacement(const ShardReplicas& shard, size_t index,
                      const std::vector<std::string>& tags,
                      const std::unordered_map<Uuid, int32_t>& hosted,
                      const std::vector<StoreInfo>& stores);

}  // namespace vasto
