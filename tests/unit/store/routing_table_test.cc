// SPDX-License-Identifier: Apache-2.0
#include "core/store/routing_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vasto::store {
namespace {

// Readers use what a table names while a publisher replaces it and destroys what only the old one
// named: with a sanitizer, or with the canary here, a reader that is late would be found.
TEST(TableHolderTest, NobodyUsesATableThatWasReplaced) {
  constexpr uint64_t kAlive = 0x600d;
  TableHolder holder;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const TableHolder::Section outer(&holder);
        for (const auto& [uuid, view] : outer.table().keyspaces) ASSERT_EQ(view->epoch, kAlive);
        const TableHolder::Section inner(&holder);
        for (const auto& [uuid, view] : inner.table().keyspaces) ASSERT_EQ(view->epoch, kAlive);
        reads.fetch_add(1);
        std::this_thread::yield();
      }
    });
  }
  std::shared_ptr<KeyspaceView> last;
  for (int i = 0; i < 2000 || reads < 2000; ++i) {
    auto view = std::make_shared<KeyspaceView>();
    view->epoch = kAlive;
    auto table = std::make_unique<RoutingTable>();
    table->keyspaces[Uuid{1, static_cast<uint64_t>(i)}] = view;
    holder.Publish(std::move(table));
    if (last) last->epoch = 0xdead;
    last = view;
  }
  stop = true;
  for (auto& reader : readers) reader.join();
}

TEST(TableHolderTest, AThreadCanReadSeveralHolders) {
  TableHolder a;
  TableHolder b;
  auto table = std::make_unique<RoutingTable>();
  table->keyspaces[Uuid{1, 1}] = std::make_shared<KeyspaceView>();
  a.Publish(std::move(table));
  {
    const TableHolder::Section in_a(&a);
    const TableHolder::Section in_b(&b);
    EXPECT_NE(in_a.table().Find({1, 1}), nullptr);
    EXPECT_EQ(in_b.table().Find({1, 1}), nullptr);
  }
  const TableHolder::Section in_a(&a);
  b.Publish(std::make_unique<RoutingTable>());
}

}  // namespace
}  // namespace vasto::store
