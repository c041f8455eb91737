// SPDX-License-Identifier: Apache-2.0
#include "core/master/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vasto::master {
namespace {

KeyspaceDescriptor Make(uint64_t id, const std::string& name, uint64_t epoch = 1,
                        int64_t created_at_us = 1) {
  KeyspaceDescriptor d;
  d.uuid = {1, id};
  d.name = name;
  d.epoch = epoch;
  d.created_at_us = created_at_us;
  d.shards.resize(2);
  d.shards[0].replicas.resize(1);
  d.shards[0].replicas[0].store = {9, 1};
  d.shards[1].replicas.resize(1);
  d.shards[1].replicas[0].store = {9, 2};
  return d;
}

TEST(CatalogTest, HigherEpochWinsInEveryOrder) {
  Catalog catalog;
  EXPECT_EQ(catalog.Learn(Make(1, "a", 2)), Catalog::Learned::kNews);
  EXPECT_EQ(catalog.Learn(Make(1, "a", 2)), Catalog::Learned::kSame);
  EXPECT_EQ(catalog.Learn(Make(1, "a", 1)), Catalog::Learned::kOutdated);
  EXPECT_EQ(catalog.Learn(Make(1, "a", 3)), Catalog::Learned::kNews);
  EXPECT_EQ(catalog.Find({1, 1})->epoch, 3u);
}

TEST(CatalogTest, ATombstoneWinsForEver) {
  Catalog catalog;
  const KeyspaceDescriptor alive = Make(1, "a");
  catalog.Learn(alive);
  EXPECT_EQ(catalog.Learn(TombstoneOf(alive, 7, 100)), Catalog::Learned::kNews);
  EXPECT_EQ(catalog.FindByName("a"), nullptr);
  EXPECT_EQ(catalog.Learn(alive), Catalog::Learned::kOutdated);
  EXPECT_EQ(catalog.Learn(Make(1, "a", 99)), Catalog::Learned::kOutdated);
  EXPECT_EQ(catalog.Learn(TombstoneOf(alive, 8, 200)), Catalog::Learned::kSame);
  EXPECT_TRUE(catalog.Find({1, 1})->deleted());
  EXPECT_EQ(catalog.published_count(), 0u);
}

TEST(CatalogTest, TombstonesAreNeverMistakenForAliveOnes) {
  const KeyspaceDescriptor tombstone = TombstoneOf(Make(1, "a", 4), 7, 0);
  EXPECT_TRUE(tombstone.deleted());
  EXPECT_EQ(tombstone.epoch, 5u);
  EXPECT_EQ(tombstone.term, 7u);
  EXPECT_TRUE(tombstone.shards.empty());
}

TEST(CatalogTest, SameEpochWithOtherContentKeepsWhatWasKnown) {
  Catalog catalog;
  catalog.Learn(Make(1, "a"));
  KeyspaceDescriptor other = Make(1, "a");
  other.shards[0].replicas[0].store = {9, 9};
  EXPECT_EQ(catalog.Learn(other), Catalog::Learned::kConflict);
  EXPECT_EQ(*catalog.Find({1, 1}), Make(1, "a"));
  KeyspaceDescriptor incarnated = Make(1, "a");
  incarnated.shards[0].replicas[0].incarnation = 5;
  EXPECT_EQ(catalog.Learn(incarnated), Catalog::Learned::kSame);
}

TEST(CatalogTest, OneNameOneKeyspaceWhateverTheOrder) {
  std::vector<KeyspaceDescriptor> all = {Make(1, "a", 1, 10), Make(2, "a", 1, 30),
                                         Make(3, "a", 1, 20), Make(4, "b", 1, 5)};
  std::sort(all.begin(), all.end(), [](auto& x, auto& y) { return x.uuid < y.uuid; });
  do {
    Catalog catalog;
    for (const KeyspaceDescriptor& d : all) catalog.Learn(d);
    ASSERT_NE(catalog.FindByName("a"), nullptr);
    EXPECT_EQ(catalog.FindByName("a")->uuid, (Uuid{1, 2}));
    EXPECT_EQ(catalog.Published().size(), 2u);
    EXPECT_EQ(catalog.hidden(), (std::set<Uuid>{{1, 1}, {1, 3}}));
    const auto conflicts = catalog.Conflicts();
    ASSERT_EQ(conflicts.size(), 2u);
    EXPECT_EQ(conflicts[0].name, "a");
    EXPECT_EQ(conflicts[0].owner, (Uuid{1, 2}));
    EXPECT_EQ(conflicts[0].hidden, (Uuid{1, 1}));
    EXPECT_EQ(conflicts[1].hidden, (Uuid{1, 3}));
    catalog.Learn(TombstoneOf(Make(2, "a", 1, 30), 1, 1));
    EXPECT_EQ(catalog.FindByName("a")->uuid, (Uuid{1, 3}));
    EXPECT_EQ(catalog.hidden(), (std::set<Uuid>{{1, 1}}));
    catalog.Learn(TombstoneOf(Make(1, "a", 1, 10), 1, 1));
    EXPECT_TRUE(catalog.Conflicts().empty());
  } while (std::next_permutation(all.begin(), all.end(),
                                 [](auto& x, auto& y) { return x.uuid < y.uuid; }));
}

TEST(CatalogTest, CountsReplicasOfAliveKeyspaces) {
  Catalog catalog;
  catalog.Learn(Make(1, "a"));
  catalog.Learn(Make(2, "b"));
  catalog.Learn(TombstoneOf(Make(3, "c"), 1, 1));
  auto hosted = catalog.HostedReplicas();
  EXPECT_EQ(hosted.size(), 2u);
  EXPECT_EQ((hosted[Uuid{9, 1}]), 2);
  const auto members = MembersOf(Make(1, "a"));
  EXPECT_EQ(members.size(), 2u);
}

}  // namespace
}  // namespace vasto::master
