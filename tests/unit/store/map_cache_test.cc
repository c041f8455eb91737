// SPDX-License-Identifier: Apache-2.0
#include "core/store/map_cache.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/hash/partition.h"
#include "tests/unit/base/forwarding_files.h"

namespace vasto::store {
namespace {

// One file in memory: nothing here needs a disk.
class OneFile final : public ForwardingFiles {
 public:
  StatusOr<std::string> Read(const std::string&) override {
    if (!content) return Status::NotFound("MAP");
    return *content;
  }
  Status WriteAtomically(const std::string&, std::string_view bytes) override {
    content = bytes;
    return {};
  }
  std::optional<std::string> content;
};

class MapCacheTest : public testing::Test {
 protected:
  static ClusterMap SomeMap() {
    ClusterMap map;
    map.cluster = {1, 2};
    map.term = 3;
    map.version = 4;
    StoreInfo& store = map.stores[Uuid{5, 6}];
    store.uuid = {5, 6};
    store.address = "a:1";
    KeyspaceDescriptor& keyspace = map.keyspaces["ks"];
    keyspace.name = "ks";
    keyspace.uuid = {7, 8};
    keyspace.epoch = 9;
    keyspace.shards.push_back({{Replica{{5, 6}, 10, ReplicaRole::kReplica}}});
    return map;
  }
  MapCache Cache() { return {&files_, "store/MAP", Logger::Null()}; }
  std::string File() const { return files_.content.value_or("none"); }
  void Write(const std::string& bytes) { files_.content = bytes; }
  // What a cache that was loaded from the file answers.
  rpc::WatchClusterResponse Loaded() {
    MapCache cache = Cache();
    EXPECT_TRUE(cache.Load().ok());
    return cache.Answer({});
  }
  // The bytes and the checksum that fits them.
  static std::string Sealed(std::string bytes) {
    PutFixed<uint64_t>(&bytes, PartitionHash(bytes));
    return bytes;
  }

  OneFile files_;
};

TEST_F(MapCacheTest, GoldenBytes) {
  MapCache cache = Cache();
  ASSERT_TRUE(cache.Update(SomeMap()));
  EXPECT_EQ(ToHex(File()),
            "564d4150010c0000020001010c00020b000100000010000000000000000100000000000000020a00"
            "0200000000000000030a000300000000000000040f00040c000000010b0001000000100000000000"
            "00000500000000000000060b000200000003613a310b0003000000000b0004000000000b00050000"
            "00000f00060b000000000a000700000000000000000a000800000000000000000800090000000100"
            "0f00050c000000010b000100000010000000000000000700000000000000080b0002000000026b73"
            "0a000300000000000000090a00040000000000000000080005000000010800060000000108000700"
            "0000010a000800000000000000000f00090b000000000a000a00000000000000000a000b00000000"
            "000000000f000c0c000000010f00010c000000010b00010000001000000000000000050000000000"
            "0000060a0002000000000000000a0800030000000100000000080003000000000000acb8df475bc5"
            "b7a5");
}

TEST_F(MapCacheTest, AFileIsReadBack) {
  MapCache cache = Cache();
  ASSERT_TRUE(cache.Update(SomeMap()));
  const ClusterMap map = Loaded().map;
  EXPECT_EQ(map.stores, SomeMap().stores);
  EXPECT_EQ(map.keyspaces, SomeMap().keyspaces);
  EXPECT_EQ(map.term, 3u);
}

TEST_F(MapCacheTest, AReplicaIsFoundThatAMasterDoesNotKnow) {
  MapCache cache = Cache();
  ClusterMap map = SomeMap();
  const Uuid peer{5, 6};
  const Uuid stranger{11, 12};
  map.stores[stranger] = {.uuid = stranger, .address = "b:2"};
  cache.SetKeyspace(map.keyspaces["ks"]);
  ASSERT_TRUE(cache.Update(map));
  map.stores.clear();
  map.keyspaces.clear();
  ++map.term;
  ASSERT_TRUE(cache.Update(map));
  EXPECT_EQ(cache.FindStore(stranger), std::nullopt);
  ASSERT_TRUE(cache.FindStore(peer).has_value());
  EXPECT_EQ(cache.FindStore(peer)->address, "a:1");
  EXPECT_EQ(cache.Answer({}).map.stores[peer].state, StoreState::kDown);
  EXPECT_EQ(Loaded().map.stores.count(peer), 1u) << "after a restart, too";
  map.stores[peer] = {.uuid = peer, .address = "c:3"};
  ++map.version;
  ASSERT_TRUE(cache.Update(map));
  EXPECT_EQ(cache.FindStore(peer)->address, "c:3");
  KeyspaceDescriptor deleted = SomeMap().keyspaces["ks"];
  deleted.shards.clear();
  cache.SetKeyspace(deleted);
  map.stores.clear();
  ++map.version;
  ASSERT_TRUE(cache.Update(map));
  EXPECT_EQ(cache.FindStore(peer), std::nullopt) << "it is a replica no more";
}

TEST_F(MapCacheTest, AMissingFileIsNoMap) { EXPECT_TRUE(Loaded().map.stores.empty()); }

TEST_F(MapCacheTest, EveryDamageIsLikeNoFileAndIsReplaced) {
  MapCache cache = Cache();
  ASSERT_TRUE(cache.Update(SomeMap()));
  const std::string good = File();
  for (size_t n = 0; n < good.size(); ++n) {
    if (n == 4) continue;  // the format: a newer one is another case
    std::string bad = good;
    bad[n] = static_cast<char>(bad[n] ^ 1);
    Write(bad);
    EXPECT_TRUE(Loaded().map.stores.empty()) << n;
    Write(good.substr(0, n));
    EXPECT_TRUE(Loaded().map.stores.empty()) << n;
  }
  MapCache next = Cache();
  ASSERT_TRUE(next.Load().ok());
  ASSERT_TRUE(next.Update(SomeMap()));
  EXPECT_EQ(File(), good);
}

TEST_F(MapCacheTest, FormatZeroIsDamage) {
  MapCache cache = Cache();
  ASSERT_TRUE(cache.Update(SomeMap()));
  std::string body = File();
  body.resize(body.size() - sizeof(uint64_t));
  body[4] = 0;
  Write(Sealed(body));
  EXPECT_TRUE(Loaded().map.stores.empty());
}

TEST_F(MapCacheTest, ANewerFormatIsRefusedAndLeftAlone) {
  // Whatever comes after the version byte, and whether its checksum is this format's or not.
  for (const std::string& newer : {std::string("VMAP\x02"), std::string("VMAP\x02other"),
                                   Sealed("VMAP\x02other"), Sealed("VMAP\xff")}) {
    Write(newer);
    const Status status = Cache().Load();
    EXPECT_TRUE(status.Is(Code::kNotSupported)) << status.ToString();
    EXPECT_NE(status.message().find("store/MAP: map format "), std::string::npos)
        << status.ToString();
    EXPECT_NE(status.message().find("knows formats up to 1"), std::string::npos)
        << status.ToString();
    EXPECT_EQ(File(), newer);
  }
}

TEST_F(MapCacheTest, OfTwoKeyspacesOfOneNameTheLastCreatedIsTold) {
  ClusterMap map = SomeMap();
  KeyspaceDescriptor& named = map.keyspaces["ks"];
  named.created_at_us = 50;
  const auto told = [&](int64_t created_at_us, const Uuid& uuid) {
    MapCache cache = Cache();
    EXPECT_TRUE(cache.Update(map));
    KeyspaceDescriptor mine = named;
    mine.uuid = uuid;
    mine.created_at_us = created_at_us;
    cache.SetKeyspace(mine);
    return cache.Answer({}).map.keyspaces["ks"].uuid;
  };
  const Uuid lower = {1, 1};
  const Uuid higher = {9, 9};
  EXPECT_EQ(told(49, higher), named.uuid);
  EXPECT_EQ(told(51, lower), lower);
  EXPECT_EQ(told(50, lower), named.uuid);
  EXPECT_EQ(told(50, higher), higher);
}

}  // namespace
}  // namespace vasto::store
