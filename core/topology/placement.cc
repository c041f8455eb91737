// SPDX-License-Identifier: Apache-2.0
#include "core/topology/placement.h"

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace vasto {
namespace {

// Orders candidates: the least loaded first, ties by a random number drawn anew at each change.
struct LoadKey {
  double load = 0;
  uint64_t tie = 0;
  size_t index = 0;
  auto operator<=>(const LoadKey&) const = default;
};

struct Candidate {
  Uuid uuid;
  size_t zone = 0;
  double weight = 1;  // share of free disk; 1 on average
  double offset = 0;  // in [0, 1): how much it hosts of other keyspaces, relative to the fullest
  int32_t assigned = 0;
  int32_t primaries = 0;
  LoadKey key;
};

struct Zone {
  std::set<LoadKey> stores;  // index = candidate
  LoadKey key;               // load of its best store; index = zone
};

bool HasTags(const StoreInfo& store, const std::vector<std::string>& tags) {
  return std::all_of(tags.begin(), tags.end(), [&](const std::string& tag) {
    return std::find(store.tags.begin(), store.tags.end(), tag) != store.tags.end();
  });
}

class Planner {
 public:
  Planner(const PlacementRequest& request, const std::vector<StoreInfo>& stores, Random* random)
      : request_(request), random_(random) {
    std::map<std::string, size_t> zone_numbers;
    for (const StoreInfo& store : stores) {
      if (!HasTags(store, request_.tags)) continue;
      ++known_;
      if (store.state != StoreState::kUp) continue;
      Candidate candidate;
      candidate.uuid = store.uuid;
      candidate.zone = zone_numbers.emplace(store.zone, zone_numbers.size()).first->second;
      candidate.weight = static_cast<double>(std::max<uint64_t>(store.free_bytes, 1));
      candidates_.push_back(candidate);
    }
    zones_.resize(zone_numbers.size());
  }

  size_t eligible() const { return candidates_.size(); }
  // Stores that would be eligible if they were up.
  size_t known() const { return known_; }

  std::vector<ShardReplicas> Plan() {
    Normalize();
    for (size_t i = 0; i < candidates_.size(); ++i) Insert(i);
    for (size_t i = 0; i < zones_.size(); ++i) InsertZone(i);
    std::vector<ShardReplicas> plan(static_cast<size_t>(request_.shard_count));
    for (ShardReplicas& shard : plan) shard = PlaceOne();
    return plan;
  }

 private:
  void Normalize() {
    double total = 0;
    for (const Candidate& c : candidates_) total += c.weight;
    double fullest = 0;
    for (Candidate& c : candidates_) {
      c.weight *= static_cast<double>(candidates_.size()) / total;
      const auto it = request_.hosted.find(c.uuid);
      if (it != request_.hosted.end()) c.offset = it->second / c.weight;
      fullest = std::max(fullest, c.offset);
    }
    for (Candidate& c : candidates_) c.offset = fullest > 0 ? 0.999 * c.offset / fullest : 0;
  }

  void Insert(size_t index) {
    Candidate& c = candidates_[index];
    c.key = {
        .load = (c.assigned + 1) / c.weight + c.offset, .tie = random_->Next(), .index = index};
    zones_[c.zone].stores.insert(c.key);
  }

  void InsertZone(size_t index) {
    Zone& zone = zones_[index];
    if (zone.stores.empty()) return;
    zone.key = *zone.stores.begin();
    zone.key.index = index;
    zone_order_.insert(zone.key);
  }

  // The zone with fewest replicas of this shard so far, then with the least loaded free store.
  // Stores of this shard have been taken out of their zones, so an exhausted zone is not in the
  // order at all.
  size_t PickZone(const std::map<size_t, int>& used) const {
    const LoadKey* best = nullptr;
    int best_count = 0;
    for (const LoadKey& key : zone_order_) {
      const auto it = used.find(key.index);
      const int count = it == used.end() ? 0 : it->second;
      if (best == nullptr || count < best_count) {
        best = &key;
        best_count = count;
      }
      if (best_count == 0) break;
    }
    return best->index;
  }

  ShardReplicas PlaceOne() {
    std::map<size_t, int> used;  // zone → replicas
    std::vector<size_t> chosen;
    for (int32_t r = 0; r < request_.replica_count; ++r) {
      const size_t zone = PickZone(used);
      ++used[zone];
      const size_t store = zones_[zone].stores.begin()->index;
      chosen.push_back(store);
      zone_order_.erase(zones_[zone].key);
      zones_[zone].stores.erase(candidates_[store].key);
      InsertZone(zone);
    }
    for (size_t store : chosen) {
      ++candidates_[store].assigned;
      Zone& zone = zones_[candidates_[store].zone];
      zone_order_.erase(zone.key);
      Insert(store);
      InsertZone(candidates_[store].zone);
    }
    return Order(chosen);
  }

  // The store that is primary of fewest shards becomes the primary.
  ShardReplicas Order(std::vector<size_t>& chosen) {
    const auto primary = std::min_element(chosen.begin(), chosen.end(), [&](size_t a, size_t b) {
      return candidates_[a].primaries < candidates_[b].primaries;
    });
    ++candidates_[*primary].primaries;
    std::iter_swap(chosen.begin(), primary);
    ShardReplicas shard;
    for (size_t store : chosen) shard.replicas.push_back({.store = candidates_[store].uuid});
    return shard;
  }

  const PlacementRequest& request_;
  Random* const random_;  // borrowed for the plan
  size_t known_ = 0;
  std::vector<Candidate> candidates_;
  std::vector<Zone> zones_;
  std::set<LoadKey> zone_order_;  // zones that have a free store
};

std::string Missing(const PlacementRequest& request, size_t eligible) {
  const std::string count = std::to_string(request.replica_count);
  std::string tags;
  for (const std::string& tag : request.tags) tags += (tags.empty() ? "" : ",") + tag;
  return count + (request.replica_count == 1 ? " replica needs " : " replicas need ") + count +
         (request.replica_count == 1 ? " store" : " stores") +
         (tags.empty() ? "" : " with tags " + tags) + "; " + std::to_string(eligible) +
         (eligible == 1 ? " is up" : " are up");
}

Status CheckRange(const char* what, int32_t value, int32_t max) {
  if (value >= 1 && value <= max) return {};
  return Status::InvalidArgument(std::string(what) + " must be 1 to " + std::to_string(max) +
                                 ", not " + std::to_string(value));
}

}  // namespace

StatusOr<std::vector<ShardReplicas>> PlaceShards(const PlacementRequest& request,
                                                 const std::vector<StoreInfo>& stores,
                                                 Random* random) {
  VASTO_RETURN_IF_ERROR(CheckRange("shards", request.shard_count, kMaxShards));
  VASTO_RETURN_IF_ERROR(CheckRange("replicas", request.replica_count, kMaxReplicas));
  Planner planner(request, stores, random);
  if (planner.eligible() < static_cast<size_t>(request.replica_count)) {
    const Code code = planner.known() < static_cast<size_t>(request.replica_count)
                          ? Code::kInvalidArgument
                          : Code::kUnavailable;
    return Status(code, Missing(request, planner.eligible()));
  }
  return planner.Plan();
}

Uuid PlaceReplacement(const ShardReplicas& shard, size_t index,
                      const std::vector<std::string>& tags,
                      const std::unordered_map<Uuid, int32_t>& hosted,
                      const std::vector<StoreInfo>& stores) {
  std::set<Uuid> taken;
  std::map<std::string, int> in_zone;  // of the other replicas
  for (const Replica& replica : shard.replicas) taken.insert(replica.store);
  for (const StoreInfo& store : stores) {
    const bool other = taken.contains(store.uuid) && shard.replicas[index].store != store.uuid;
    if (other) ++in_zone[store.zone];
  }
  std::optional<std::tuple<int, double, Uuid>> best;
  for (const StoreInfo& store : stores) {
    if (store.state != StoreState::kUp || taken.contains(store.uuid) || !HasTags(store, tags)) {
      continue;
    }
    const auto it = hosted.find(store.uuid);
    const double replicas = 1 + (it == hosted.end() ? 0 : it->second);
    const double load = replicas / static_cast<double>(std::max<uint64_t>(store.free_bytes, 1));
    const std::tuple candidate(in_zone[store.zone], load, store.uuid);
    if (!best || candidate < *best) best = candidate;
  }
  return best ? std::get<Uuid>(*best) : Uuid();
}

}  // namespace vasto
