// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/topology/descriptor_codec.h"

namespace vasto::store {
namespace {

namespace fs = std::filesystem;

class StoreFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vasto-folder-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    dir_ = root_ + "/store";
  }
  void TearDown() override { fs::remove_all(root_); }

  StatusOr<std::unique_ptr<StoreFolder>> Open() {
    contents_ = {};
    return StoreFolder::Open(PosixFileSystem(), dir_, SystemRandom(), &contents_);
  }
  void Write(const std::string& name, const std::string& content) {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << content;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(dir_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string root_;
  std::string dir_;
  StoreFolder::Contents contents_;
};

KeyspaceDescriptor MakeDescriptor(const std::string& name) {
  KeyspaceDescriptor d;
  d.uuid = Uuid::Generate(SystemRandom());
  d.name = name;
  d.epoch = 3;
  d.shards.push_back({{Replica{Uuid{1, 1}, 5, ReplicaRole::kReplica}}});
  return d;
}

TEST_F(StoreFolderTest, KeepsIdentityAndDescriptors) {
  const auto d = MakeDescriptor("ks");
  StoreIdentity identity;
  {
    auto folder = Open();
    ASSERT_TRUE(folder.ok()) << folder.status().ToString();
    identity = contents_.identity;
    EXPECT_FALSE(identity.store.nil());
    EXPECT_TRUE(identity.cluster.nil());
    identity.cluster = Uuid{1, 2};
    identity.max_term = 42;
    ASSERT_TRUE((*folder)->SaveIdentity(identity).ok());
    ASSERT_TRUE((*folder)->SaveDescriptor(d).ok());
  }
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(contents_.identity, identity);
  ASSERT_EQ(contents_.descriptors.size(), 1u);
  EXPECT_EQ(contents_.descriptors[0], d);
  ASSERT_TRUE((*folder)->ForgetDescriptor(d.uuid).ok());
  ASSERT_TRUE((*folder)->ForgetDescriptor(d.uuid).ok());
}

TEST_F(StoreFolderTest, IsUsedByOneAtATime) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  auto second = Open();
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(second.status().Is(Code::kBusy));
  EXPECT_NE(second.status().message().find(dir_), std::string::npos);
}

TEST_F(StoreFolderTest, LeavesAForeignFolderAlone) {
  fs::create_directories(dir_);
  Write("holiday.jpg", "precious");
  auto folder = Open();
  ASSERT_FALSE(folder.ok());
  EXPECT_TRUE(folder.status().Is(Code::kInvalidArgument)) << folder.status().ToString();
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(StoreFolderTest, RefusesANewerFormatAndADamagedIdentity) {
  { ASSERT_TRUE(Open().ok()); }
  const std::string good = Read("STORE");
  std::string newer = good;
  newer.replace(newer.find("format 1"), 8, "format 2");
  Write("STORE", newer);
  auto folder = Open();
  ASSERT_FALSE(folder.ok());
  EXPECT_TRUE(folder.status().Is(Code::kNotSupported)) << folder.status().ToString();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(DecodeIdentity(bad).ok()) << i;
    EXPECT_FALSE(DecodeIdentity(good.substr(0, i)).ok()) << i;
  }
  Write("STORE", good);
  EXPECT_TRUE(Open().ok());
}

TEST_F(StoreFolderTest, TheIdentityFileKeepsItsForm) {
  const StoreIdentity identity{{0x0011223344556677, 0x8899aabbccddeeff}, {1, 2}, 7};
  EXPECT_EQ(EncodeIdentity(identity),
            "vasto store\nformat 1\nstore 00112233-4455-6677-8899-aabbccddeeff\n"
            "cluster 00000000-0000-0001-0000-000000000002\nterm 7\nchecksum " +
                EncodeIdentity(identity).substr(EncodeIdentity(identity).size() - 17));
  const auto back = DecodeIdentity(EncodeIdentity(identity));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, identity);
}

TEST_F(StoreFolderTest, ADamagedDescriptorHarmsNoOther) {
  const auto good = MakeDescriptor("good");
  const auto bad = MakeDescriptor("bad");
  {
    auto folder = Open();
    ASSERT_TRUE((*folder)->SaveDescriptor(good).ok());
    ASSERT_TRUE((*folder)->SaveDescriptor(bad).ok());
  }
  const std::string file = "keyspaces/" + bad.uuid.ToString() + ".desc";
  const std::string bytes = Read(file);
  Write(file, bytes.substr(0, bytes.size() / 2));
  {
    ASSERT_TRUE(Open().ok());
    ASSERT_EQ(contents_.descriptors.size(), 1u);
    EXPECT_EQ(contents_.descriptors[0].name, "good");
    ASSERT_EQ(contents_.damaged.size(), 1u);
  }
  std::string newer = bytes;
  newer[4] = 99;
  Write(file, newer);
  auto folder = Open();
  ASSERT_FALSE(folder.ok()) << "a newer program's descriptor is not something to go on without";
  EXPECT_TRUE(folder.status().Is(Code::kNotSupported));
}

TEST_F(StoreFolderTest, MovesDroppedShardsAway) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  const Uuid uuid{3, 4};
  EXPECT_FALSE((*folder)->HasShard(uuid, 0));
  for (const int32_t shard : {0, 11}) {
    ASSERT_TRUE((*folder)->PrepareShard(uuid, shard).ok());
    EXPECT_FALSE((*folder)->HasShard(uuid, shard)) << "an empty folder is no shard";
    std::ofstream((*folder)->ShardDir(uuid, shard) + "/CURRENT") << "x";
    EXPECT_TRUE((*folder)->HasShard(uuid, shard));
  }
  EXPECT_EQ(*(*folder)->ShardsOnDisk(uuid), (std::vector<int32_t>{0, 11}));
  for (int i = 0; i < 2; ++i) {
    const auto path = (*folder)->RemoveShard(uuid, 11);
    ASSERT_TRUE(path.ok()) << path.status().ToString();
    EXPECT_TRUE(fs::exists(*path));
    ASSERT_TRUE((*folder)->PrepareShard(uuid, 11).ok());
  }
  EXPECT_EQ((*folder)->Removed()->size(), 2u);
  EXPECT_EQ(*(*folder)->RemoveShard(uuid, 99), "");
}

}  // namespace
}  // namespace vasto::store
