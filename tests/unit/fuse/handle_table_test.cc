// SPDX-License-Identifier: Apache-2.0
#include "fuse/handle_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace vasto::fuse {
namespace {

struct Counted final : Handle {
  explicit Counted(int* ended) : ended_(ended) {}
  ~Counted() override { ++*ended_; }
  int* const ended_;
};

TEST(HandleTable, OwnsAHandleUntilItsRelease) {
  int ended = 0;
  HandleTable table;
  auto handle = std::make_unique<Counted>(&ended);
  Counted* const raw = handle.get();
  const uint64_t fh = table.Add(std::move(handle));
  EXPECT_EQ(HandleTable::Get<Counted>(fh), raw);
  auto taken = table.Take<Counted>(fh);
  EXPECT_EQ(taken.get(), raw);
  EXPECT_EQ(ended, 0);
  taken.reset();
  EXPECT_EQ(ended, 1);
}

TEST(HandleTable, EndsWhatNoReleaseCameFor) {
  int ended = 0;
  {
    HandleTable table;
    table.Add(std::make_unique<Counted>(&ended));
    table.Take<Counted>(table.Add(std::make_unique<Counted>(&ended)));
    EXPECT_EQ(ended, 1);
    table.Add(std::make_unique<Counted>(&ended));
  }
  EXPECT_EQ(ended, 3);
}

}  // namespace
}  // namespace vasto::fuse
