// SPDX-License-Identifier: Apache-2.0
#include "core/topology/descriptor_codec.h"

#include <gtest/gtest.h>

#include "core/base/bytes.h"

namespace vasto {
namespace {

KeyspaceDescriptor Sample() {
  KeyspaceDescriptor d;
  d.uuid = {0x0102030405060708, 0x090a0b0c0d0e0f10};
  d.name = "users";
  d.epoch = 300;
  d.term = 7;
  d.replica_count = 2;
  d.acks = AckLevel::kQuorum;
  d.sync = SyncMode::kAlways;
  d.default_ttl_seconds = 3600;
  d.tags = {"ssd", "eu"};
  d.created_at_us = 1'700'000'000'000'000;
  d.shards.resize(2);
  d.shards[0].replicas = {{.store = {1, 2}, .incarnation = 3, .role = ReplicaRole::kReplica},
                          {.store = {4, 5}, .incarnation = 0, .role = ReplicaRole::kLearner}};
  d.shards[1].replicas = {{.store = {4, 5}, .incarnation = ~0ull, .role = ReplicaRole::kReplica}};
  return d;
}

KeyspaceDescriptor Tombstone() {
  KeyspaceDescriptor d = Sample();
  d.deleted_at_us = 1'700'000'100'000'000;
  d.shards.clear();
  return d;
}

// Bytes of version 1 as first released: a reader of any later release must understand them.
constexpr char kGoldenSample[] =
    "564b5344010807060504030201100f0e0d0c0b0a09057573657273ac0207020203901c020373736402657580"
    "80f9c0c1c4820300020201000000000000000200000000000000030104000000000000000500000000000000"
    "00020104000000000000000500000000000000ffffffffffffffffff010114663ca168a0c8c6";
constexpr char kGoldenTombstone[] =
    "564b5344010807060504030201100f0e0d0c0b0a09057573657273ac0207020203901c020373736402657580"
    "80f9c0c1c4820380c2d0f0c1c4820300a1d7736507d93b2c";

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(
        static_cast<char>(std::strtol(std::string(hex.substr(i, 2)).c_str(), nullptr, 16)));
  }
  return out;
}

TEST(DescriptorCodecTest, GoldenBytesOfVersion1) {
  EXPECT_EQ(ToHex(EncodeDescriptor(Sample())), kGoldenSample);
  EXPECT_EQ(ToHex(EncodeDescriptor(Tombstone())), kGoldenTombstone);
  const auto sample = DecodeDescriptor(FromHex(kGoldenSample));
  ASSERT_TRUE(sample.ok()) << sample.status().ToString();
  EXPECT_EQ(*sample, Sample());
  const auto tombstone = DecodeDescriptor(FromHex(kGoldenTombstone));
  ASSERT_TRUE(tombstone.ok()) << tombstone.status().ToString();
  EXPECT_EQ(*tombstone, Tombstone());
  EXPECT_TRUE(tombstone->deleted());
}

TEST(DescriptorCodecTest, LargestDescriptorComesBack) {
  KeyspaceDescriptor d = Sample();
  d.name.assign(128, 'n');
  d.replica_count = kMaxReplicas;
  d.shards.assign(kMaxShards, ShardReplicas());
  auto random = SeededRandom(1);
  for (ShardReplicas& shard : d.shards) {
    for (int i = 0; i < kMaxReplicas; ++i) {
      shard.replicas.push_back({.store = Uuid::Generate(random.get()),
                                .incarnation = random->Next(),
                                .role = ReplicaRole::kReplica});
    }
  }
  const auto back = DecodeDescriptor(EncodeDescriptor(d));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, d);
}

TEST(DescriptorCodecTest, NewerFormatIsRefusedByNamingBoth) {
  std::string bytes = EncodeDescriptor(Sample());
  bytes[4] = 2;
  const auto result = DecodeDescriptor(bytes);
  EXPECT_EQ(result.status().code(), Code::kNotSupported);
  EXPECT_NE(result.status().message().find("format 2"), std::string::npos);
  EXPECT_NE(result.status().message().find("up to 1"), std::string::npos);
}

TEST(DescriptorCodecTest, EveryBitFlipIsDetected) {
  for (const KeyspaceDescriptor& d : {Sample(), Tombstone()}) {
    const std::string good = EncodeDescriptor(d);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(DecodeDescriptor(bad).ok()) << "bit " << bit;
    }
  }
}

TEST(DescriptorCodecTest, EveryTruncationAndExtensionIsDetected) {
  const std::string good = EncodeDescriptor(Sample());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeDescriptor(good.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_FALSE(DecodeDescriptor(good + '\0').ok());
  EXPECT_FALSE(DecodeDescriptor(good + good).ok());
}

// The ranges are checked even when the checksum is right, as from a faulty or hostile writer.
TEST(DescriptorCodecTest, ValuesOutOfRangeAreRefused) {
  const auto refused = [](auto change) {
    KeyspaceDescriptor d = Sample();
    change(&d);
    return DecodeDescriptor(EncodeDescriptor(d)).status().code() == Code::kCorruption;
  };
  EXPECT_TRUE(refused([](auto* d) { d->replica_count = 0; }));
  EXPECT_TRUE(refused([](auto* d) { d->replica_count = kMaxReplicas + 1; }));
  EXPECT_TRUE(refused([](auto* d) { d->acks = static_cast<AckLevel>(4); }));
  EXPECT_TRUE(refused([](auto* d) { d->sync = static_cast<SyncMode>(0); }));
  EXPECT_TRUE(refused([](auto* d) { d->shards.resize(kMaxShards + 1, d->shards[0]); }));
  EXPECT_TRUE(refused([](auto* d) { d->shards[0].replicas.clear(); }));
  EXPECT_TRUE(
      refused([](auto* d) { d->shards[0].replicas[0].role = static_cast<ReplicaRole>(3); }));
}

TEST(DescriptorCodecTest, RandomBytesAreRefusedWithoutHarm) {
  auto random = SeededRandom(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = "VKSD\x01";
    for (uint64_t n = random->Below(200); n > 0; --n) {
      bytes.push_back(static_cast<char>(random->Next()));
    }
    EXPECT_FALSE(DecodeDescriptor(bytes).ok());
  }
}

}  // namespace
}  // namespace vasto
