// SPDX-License-Identifier: Apache-2.0
#include "core/topology/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace vasto {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

std::vector<StoreInfo> Stores(int count, int zones, uint64_t free_bytes = 100 * kGiB) {
  std::vector<StoreInfo> stores(static_cast<size_t>(count));
  for (size_t i = 0; i < stores.size(); ++i) {
    stores[i].uuid = {1, i + 1};
    stores[i].zone = "z" + std::to_string(i % static_cast<size_t>(zones));
    stores[i].free_bytes = free_bytes;
  }
  return stores;
}

std::vector<ShardReplicas> Place(const PlacementRequest& request,
                                 const std::vector<StoreInfo>& stores, uint64_t seed = 1) {
  auto random = SeededRandom(seed);
  auto plan = PlaceShards(request, stores, random.get());
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? std::move(plan).value() : std::vector<ShardReplicas>();
}

std::map<Uuid, int> Load(const std::vector<ShardReplicas>& plan, bool primaries_only = false) {
  std::map<Uuid, int> load;
  for (const ShardReplicas& shard : plan) {
    for (const Replica& replica : shard.replicas) {
      ++load[replica.store];
      if (primaries_only) break;
    }
  }
  return load;
}

// Invariants (1) to (3) of the header.
void CheckPlan(const PlacementRequest& request, const std::vector<StoreInfo>& stores,
               const std::vector<ShardReplicas>& plan) {
  std::map<Uuid, const StoreInfo*> by_uuid;
  std::map<std::string, size_t> zone_sizes;
  const auto has_tags = [&](const StoreInfo& store) {
    return std::all_of(request.tags.begin(), request.tags.end(), [&](const std::string& tag) {
      return std::count(store.tags.begin(), store.tags.end(), tag) > 0;
    });
  };
  for (const StoreInfo& store : stores) {
    if (store.state != StoreState::kUp || !has_tags(store)) continue;
    by_uuid[store.uuid] = &store;
    ++zone_sizes[store.zone];
  }
  ASSERT_EQ(plan.size(), static_cast<size_t>(request.shard_count));
  for (const ShardReplicas& shard : plan) {
    ASSERT_EQ(shard.replicas.size(), static_cast<size_t>(request.replica_count));
    std::set<Uuid> distinct;
    std::map<std::string, size_t> zones;
    for (const Replica& replica : shard.replicas) {
      ASSERT_TRUE(by_uuid.contains(replica.store)) << "store is down, unknown or lacks a tag";
      distinct.insert(replica.store);
      ++zones[by_uuid[replica.store]->zone];
    }
    ASSERT_EQ(distinct.size(), shard.replicas.size()) << "two replicas on one store";
    for (const auto& [zone, count] : zones) {
      if (count < 2) continue;
      for (const auto& [other, size] : zone_sizes) {
        const size_t has = zones.contains(other) ? zones[other] : 0;
        ASSERT_FALSE(count > has + 1 && has < size) << zone << " is crowded, " << other << " free";
      }
    }
  }
}

TEST(PlacementTest, InvariantsHoldForRandomClusters) {
  auto random = SeededRandom(42);
  for (int round = 0; round < 300; ++round) {
    std::vector<StoreInfo> stores =
        Stores(1 + static_cast<int>(random->Below(30)), 1 + static_cast<int>(random->Below(6)));
    for (StoreInfo& store : stores) {
      store.free_bytes = random->Below(1000 * kGiB);
      if (random->Below(4) == 0) store.tags = {"ssd"};
      if (random->Below(10) == 0) store.state = StoreState::kSuspect;
      if (random->Below(10) == 0) store.state = StoreState::kDown;
    }
    PlacementRequest request;
    request.shard_count = 1 + static_cast<int32_t>(random->Below(64));
    request.replica_count = 1 + static_cast<int32_t>(random->Below(kMaxReplicas));
    if (random->Below(3) == 0) request.tags = {"ssd"};
    const auto plan = PlaceShards(request, stores, random.get());
    if (!plan.ok()) {
      EXPECT_TRUE(plan.status().Is(Code::kUnavailable) || plan.status().Is(Code::kInvalidArgument));
      continue;
    }
    CheckPlan(request, stores, *plan);
  }
}

TEST(PlacementTest, EqualStoresGetEqualShares) {
  const PlacementRequest request{.shard_count = 60, .replica_count = 3, .tags = {}, .hosted = {}};
  const auto plan = Place(request, Stores(10, 5));
  for (const auto& [store, count] : Load(plan)) EXPECT_NEAR(count, 18, 1);
  for (const auto& [store, count] : Load(plan, true)) {
    EXPECT_GE(count, 5);
    EXPECT_LE(count, 7);
  }
}

TEST(PlacementTest, SharesFollowFreeDisk) {
  std::vector<StoreInfo> stores = Stores(4, 4);
  stores[0].free_bytes = 400 * kGiB;  // of 700 in all
  const PlacementRequest request{.shard_count = 70, .replica_count = 1, .tags = {}, .hosted = {}};
  auto load = Load(Place(request, stores));
  EXPECT_NEAR(load[stores[0].uuid], 40, 1);
  EXPECT_NEAR(load[stores[1].uuid], 10, 1);
}

TEST(PlacementTest, SeveralShardsShareAStore) {
  const PlacementRequest request{.shard_count = 16, .replica_count = 1, .tags = {}, .hosted = {}};
  EXPECT_EQ(Load(Place(request, Stores(1, 1))).begin()->second, 16);
}

TEST(PlacementTest, ManySmallKeyspacesSpread) {
  std::vector<StoreInfo> stores = Stores(5, 1);
  stores[2].free_bytes += 1 * kGiB;  // always slightly the best
  PlacementRequest request;
  for (int i = 0; i < 100; ++i) {
    const auto plan = Place(request, stores, static_cast<uint64_t>(i));
    ++request.hosted[plan[0].replicas[0].store];
  }
  for (const StoreInfo& store : stores) EXPECT_NEAR(request.hosted[store.uuid], 20, 5);
}

TEST(PlacementTest, FullStoresAreStillUsable) {
  const PlacementRequest request{.shard_count = 8, .replica_count = 2, .tags = {}, .hosted = {}};
  const std::vector<StoreInfo> stores = Stores(3, 1, 0);
  CheckPlan(request, stores, Place(request, stores));
}

TEST(PlacementTest, SaysWhatIsMissing) {
  auto random = SeededRandom(1);
  std::vector<StoreInfo> stores = Stores(4, 2);
  stores[0].tags = {"ssd", "eu"};
  stores[1].tags = {"ssd"};
  stores[3].state = StoreState::kSuspect;
  const PlacementRequest tagged{
      .shard_count = 1, .replica_count = 3, .tags = {"ssd", "eu"}, .hosted = {}};
  const auto plan = PlaceShards(tagged, stores, random.get());
  EXPECT_EQ(plan.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(plan.status().message(), "3 replicas need 3 stores with tags ssd,eu; 1 is up");
  const PlacementRequest plain{.shard_count = 1, .replica_count = 4, .tags = {}, .hosted = {}};
  const Status not_up = PlaceShards(plain, stores, random.get()).status();
  EXPECT_EQ(not_up.code(), Code::kUnavailable);
  EXPECT_EQ(not_up.message(), "4 replicas need 4 stores; 3 are up");
  EXPECT_EQ(PlaceShards({}, {}, random.get()).status().message(),
            "1 replica needs 1 store; 0 are up");
}

TEST(PlacementTest, RefusesCountsOutOfRange) {
  auto random = SeededRandom(1);
  for (const auto& [shards, replicas] : std::vector<std::pair<int32_t, int32_t>>{
           {0, 1}, {-1, 1}, {5000, 1}, {kMaxShards + 1, 1}, {1, 0}, {1, kMaxReplicas + 1}}) {
    const PlacementRequest request{
        .shard_count = shards, .replica_count = replicas, .tags = {}, .hosted = {}};
    EXPECT_EQ(PlaceShards(request, Stores(9, 1), random.get()).status().code(),
              Code::kInvalidArgument);
  }
}

TEST(PlacementTest, TenThousandStoresArePlannedQuickly) {
  for (int zones : {1, 3, 100, 10'000}) {
    const std::vector<StoreInfo> stores = Stores(10'000, zones);
    const PlacementRequest request{
        .shard_count = kMaxShards, .replica_count = kMaxReplicas, .tags = {}, .hosted = {}};
    const auto start = std::chrono::steady_clock::now();
    const auto plan = Place(request, stores);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    CheckPlan(request, stores, plan);
    // 28,672 replicas on 10,000 stores: 2 or 3 each.
    for (const auto& [store, count] : Load(plan)) {
      EXPECT_GE(count, 2);
      EXPECT_LE(count, 3);
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    EXPECT_LT(took.count(), 10);
#else
    EXPECT_LT(took.count(), 1) << zones << " zones";
#endif
  }
}

TEST(PlacementTest, TheSameSeedGivesTheSamePlan) {
  const PlacementRequest request{.shard_count = 32, .replica_count = 3, .tags = {}, .hosted = {}};
  const std::vector<StoreInfo> stores = Stores(20, 4);
  EXPECT_EQ(Place(request, stores, 5), Place(request, stores, 5));
  EXPECT_NE(Place(request, stores, 5), Place(request, stores, 6));
}

class ReplacementTest : public testing::Test {
 protected:
  // The store for the first of two replicas, on stores 1 and 2.
  Uuid Place(const std::vector<std::string>& tags = {}) const {
    ShardReplicas shard;
    shard.replicas = {{.store = {1, 1}}, {.store = {1, 2}}};
    return PlaceReplacement(shard, 0, tags, hosted_, stores_);
  }

  std::vector<StoreInfo> stores_ = Stores(5, 2);  // zones z0, z1, z0, z1, z0
  std::unordered_map<Uuid, int32_t> hosted_;
};

TEST_F(ReplacementTest, GoesToAZoneOfItsOwnAndThereToTheLeastLoaded) {
  hosted_ = {{{1, 3}, 2}, {{1, 4}, 0}, {{1, 5}, 1}};
  EXPECT_EQ(Place(), Uuid({1, 5})) << "store 2 is in the zone of store 4";
  hosted_[Uuid{1, 5}] = 3;
  EXPECT_EQ(Place(), Uuid({1, 3}));
}

TEST_F(ReplacementTest, AFullerDiskCountsAsMoreLoad) {
  stores_[2].free_bytes = kGiB;
  EXPECT_EQ(Place(), Uuid({1, 5}));
}

TEST_F(ReplacementTest, SharesAZoneWhenThereIsNoOther) {
  stores_[2].state = stores_[4].state = StoreState::kDown;
  EXPECT_EQ(Place(), Uuid({1, 4}));
}

TEST_F(ReplacementTest, NeedsAllTagsAndAStoreThatIsUp) {
  EXPECT_EQ(Place({"ssd"}), Uuid());
  stores_[3].tags = {"ssd", "big"};
  EXPECT_EQ(Place({"ssd"}), Uuid({1, 4}));
  stores_[3].state = StoreState::kSuspect;
  EXPECT_EQ(Place({"ssd"}), Uuid());
}

}  // namespace
}  // namespace vasto
