// SPDX-License-Identifier: Apache-2.0
#include "core/store/seen.h"

#include <utility>
#include <vector>

#include "core/codec/positions.h"
#include "core/storage/feed.h"

namespace vasto::store {

rpc::Seen SeenByRead(const ShardHandle& shard, const std::optional<rpc::ReadBound>& bound) {
  if (!bound || !bound->tell_seen) return std::nullopt;
  std::vector<Position> seen;
  if (shard.replica == nullptr) return seen;
  const VersionVector needs(bound->needs);
  const VersionVector visible = shard.shard->feed()->Visible();
  for (const Position& position : visible.positions()) {
    if (!needs.Covers(position)) seen.push_back(position);
  }
  return seen;
}

rpc::Seen SeenByWrite(const ShardHandle& shard, const Position& done, bool all) {
  if (shard.replica == nullptr) return std::vector<Position>();
  if (!all) return shard.shard->feed()->Visible().positions();
  return VersionVector({done}).positions();
}

}  // namespace vasto::store
