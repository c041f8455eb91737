// SPDX-License-Identifier: Apache-2.0
#include "fuse/node_table.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace vasto::fuse {
namespace {

class NodeTableTest : public testing::Test {
 protected:
  NodeTableTest() {
    table_.AddRoot(std::make_shared<Node>(kRootId, NodeKind::kKeyspace, kRootId, ""));
  }

  NodePtr LookUp(const std::string& name, int pins = 0) {
    return table_.Acquire(
        kRootId, name, 1, pins,
        [&](uint64_t id) { return std::make_shared<Node>(id, NodeKind::kFile, kRootId, name); },
        nullptr);
  }

  NodeTable table_;
};

TEST_F(NodeTableTest, OneNodePerNameUntilForgotten) {
  const NodePtr node = LookUp("a");
  EXPECT_EQ(LookUp("a"), node);
  EXPECT_EQ(table_.Get(node->id), node);
  EXPECT_EQ(table_.Find(kRootId, "a"), node);
  EXPECT_EQ(table_.size(), 2U);
  table_.Forget(node->id, 1);
  EXPECT_EQ(table_.Find(kRootId, "a"), node);
  table_.Forget(node->id, 1);
  EXPECT_EQ(table_.Find(kRootId, "a"), nullptr);
  EXPECT_EQ(table_.Get(node->id), nullptr);
  EXPECT_NE(LookUp("a")->id, node->id);
}

TEST_F(NodeTableTest, PinsKeepANode) {
  const NodePtr node = LookUp("a", 1);
  table_.Forget(node->id, 1);
  EXPECT_EQ(table_.Find(kRootId, "a"), node);
  table_.Unpin(node);
  EXPECT_EQ(table_.Find(kRootId, "a"), nullptr);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(NodeTableTest, ADetachedNodeKeepsItsIdAndLosesItsName) {
  const NodePtr node = LookUp("a");
  table_.Detach(node);
  table_.Detach(node);
  EXPECT_EQ(table_.Find(kRootId, "a"), nullptr);
  EXPECT_EQ(table_.Get(node->id), node);
  EXPECT_FALSE(table_.AddLookup(node));
  const NodePtr other = LookUp("a");
  EXPECT_NE(other, node);
  table_.Forget(node->id, 1);
  EXPECT_EQ(table_.Get(node->id), nullptr);
  EXPECT_EQ(table_.Find(kRootId, "a"), other);
}

TEST_F(NodeTableTest, MoveRenamesAndReplaces) {
  const NodePtr a = LookUp("a");
  const NodePtr b = LookUp("b");
  NodePtr replaced;
  EXPECT_TRUE(table_.Move(a, kRootId, "b", &replaced));
  EXPECT_EQ(replaced, b);
  EXPECT_EQ(table_.Find(kRootId, "a"), nullptr);
  EXPECT_EQ(table_.Find(kRootId, "b"), a);
  EXPECT_EQ(table_.Get(b->id), b);
  EXPECT_TRUE(table_.Move(a, kRootId, "b", &replaced));  // onto itself
  EXPECT_EQ(replaced, nullptr);
  table_.Detach(a);
  EXPECT_FALSE(table_.Move(a, kRootId, "c", &replaced));
}

TEST_F(NodeTableTest, TheRootStays) {
  table_.Forget(kRootId, 1'000'000);
  EXPECT_NE(table_.Get(kRootId), nullptr);
}

// Many threads look up, rename, unlink and forget the same few names. At the end the kernel has
// forgotten everything, and so must the table.
TEST_F(NodeTableTest, ManyThreads) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      std::mt19937_64 random(static_cast<uint64_t>(t));
      std::vector<uint64_t> held;
      for (int i = 0; i < 20'000; ++i) {
        const std::string name(1, static_cast<char>('a' + random() % 8));
        const NodePtr node = LookUp(name);
        held.push_back(node->id);
        NodePtr replaced;
        if (random() % 16 == 0) table_.Detach(node);
        if (random() % 16 == 1) table_.Move(node, kRootId, std::string(1, 'c'), &replaced);
        if (held.size() > 32) {
          const size_t index = random() % held.size();
          table_.Forget(held[index], 1);
          held.erase(held.begin() + static_cast<ptrdiff_t>(index));
        }
      }
      for (const uint64_t id : held) table_.Forget(id, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table_.size(), 1U);
}

}  // namespace
}  // namespace vasto::fuse
