// SPDX-License-Identifier: Apache-2.0
#include "core/storage/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

using Rows = std::vector<std::string>;

class ScanTest : public ShardTest {
 protected:
  void Fill(const std::vector<std::string>& keys) {
    std::vector<TestWrite> writes;
    for (const std::string& key : keys) writes.push_back(Put(key, "v"));
    Apply(shard_.get(), &writes);
  }
  Rows Scan(ScanRange range) { return ScanAll(*shard_, range); }
};

TEST_F(ScanTest, Bounds) {
  Open();
  Fill({"a", "b", "ba", "c", std::string("c\0", 2), "\xff\xff"});
  EXPECT_EQ(Scan({}).size(), 6u);
  EXPECT_EQ(Scan({.start = "b", .end = "c"}), (Rows{"b=v", "ba=v"}));
  EXPECT_EQ(Scan({.start = "b", .start_exclusive = true, .end = "c"}), Rows{"ba=v"});
  EXPECT_EQ(Scan({.start = "c", .start_exclusive = true}),
            (Rows{std::string("c\0=v", 4), "\xff\xff=v"}));
  EXPECT_EQ(Scan({.start = "x", .end = "b"}), Rows{});
  EXPECT_EQ(Scan({.start = "b", .end = "b"}), Rows{});
  EXPECT_EQ(Scan({.start = "\xff\xff\xff"}), Rows{});
}

TEST_F(ScanTest, MetaKeysAreNeverSeen) {
  Open();
  EXPECT_EQ(Scan({}), Rows{});
  Fill({""});
  EXPECT_EQ(Scan({}), Rows{"=v"});
}

TEST_F(ScanTest, LimitAndMore) {
  Open();
  Fill({"a", "b", "c"});
  auto page = shard_->Scan({.limit = 2});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->row_count, 2u);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->resume_key, "c");
  page = shard_->Scan({.limit = 3});
  EXPECT_EQ(page->row_count, 3u);
  EXPECT_FALSE(page->more);
  EXPECT_EQ(page->resume_key, "");
}

TEST_F(ScanTest, PagesByBytesAndALargeRowGoesAlone) {
  Open();
  std::vector<TestWrite> writes;
  for (int i = 0; i < 10; ++i)
    writes.push_back(Put("k" + std::to_string(i), std::string(100, 'v')));
  writes.push_back(Put("k5large", std::string(5000, 'v')));
  Apply(shard_.get(), &writes);
  size_t pages = 0;
  EXPECT_EQ(ScanAll(*shard_, {.max_bytes = 250}, &pages).size(), 11u);
  EXPECT_EQ(pages, 6u);  // 2 2 2 1 2 2
  pages = 0;
  EXPECT_EQ(ScanAll(*shard_, {.max_bytes = 0}, &pages).size(), 11u);
  EXPECT_EQ(pages, 11u);
}

TEST_F(ScanTest, KeysOnlyTellsSizes) {
  Open();
  Fill({"a"});
  auto page = shard_->Scan({.keys_only = true});
  ASSERT_TRUE(page.ok());
  RowBlockReader reader(page->rows);
  Row row;
  ASSERT_TRUE(reader.Next(&row).ok());
  EXPECT_FALSE(row.has_payload);
  EXPECT_EQ(row.payload_size, 1u);
}

TEST_F(ScanTest, RowsCarryWhatWasWritten) {
  Open();
  TestWrite w = Put("k", "v", At(-7));
  w.value_type = 64;
  w.partition_hash = 12;
  w.expires_at_us = static_cast<uint64_t>(clock_.WallMicros()) + 5;
  Apply(shard_.get(), std::move(w));
  auto page = shard_->Scan({});
  ASSERT_TRUE(page.ok());
  RowBlockReader reader(page->rows);
  Row row;
  ASSERT_TRUE(reader.Next(&row).ok());
  EXPECT_EQ(row.event_time, At(-7));
  EXPECT_EQ(row.value_type, 64u);
  EXPECT_EQ(row.partition_hash, 12u);
  EXPECT_EQ(row.expires_at_us, static_cast<uint64_t>(clock_.WallMicros()) + 5);
  EXPECT_EQ(row.content_checksum, ContentChecksum("k", "v"));
}

TEST_F(ScanTest, ALongStretchOfTombstonesEndsThePageAndTheScanGoesOn) {
  Open();
  const size_t deleted = kMaxSkippedRows * 2 + 100;
  char key[16];
  std::vector<TestWrite> writes;
  for (size_t i = 0; i < deleted; ++i) {
    std::snprintf(key, sizeof(key), "d%08zu", i);
    writes.push_back(Del(key));
    if (writes.size() < 1000 && i + 1 < deleted) continue;
    Apply(shard_.get(), &writes);
    writes.clear();
  }
  Fill({"z"});
  auto page = shard_->Scan({});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->row_count, 0u);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->resume_key, "d00020000");
  size_t pages = 0;
  EXPECT_EQ(ScanAll(*shard_, {}, &pages), Rows{"z=v"});
  EXPECT_EQ(pages, 3u);
}

TEST_F(ScanTest, ADeadlineEndsThePageEarly) {
  Open();
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back("k" + std::to_string(100000 + i));
  Fill(keys);
  clock_.Advance(10);
  auto page = shard_->Scan({.deadline_us = 5});
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->more);
  EXPECT_GT(page->row_count, 0u);
  EXPECT_LT(page->row_count, 5000u);
}

TEST_F(ScanTest, RandomRangesAgreeWithAModel) {
  Open();
  auto random = SeededRandom(11);
  std::map<std::string, std::string> model;
  const auto random_key = [&] {
    std::string key(random->Below(4), 'a');
    for (char& c : key) c = static_cast<char>("\0ab\xff"[random->Below(4)]);
    return key;
  };
  std::vector<TestWrite> writes;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = random_key();
    if (random->Below(3) == 0) {
      writes.push_back(Del(key));
      model.erase(key);
    } else {
      writes.push_back(Put(key, std::to_string(i)));
      model[key] = std::to_string(i);
    }
    if (i % 700 == 0) {
      Apply(shard_.get(), &writes);
      writes.clear();
      ASSERT_TRUE(shard_->Flush().ok());
    }
  }
  Apply(shard_.get(), &writes);
  for (int i = 0; i < 500; ++i) {
    const std::string start = random_key();
    const std::string end = random_key();
    const bool exclusive = random->Below(2) == 0;
    Rows want;
    for (const auto& [key, value] : model) {
      const bool above = exclusive ? key > start : key >= start;
      if (above && (end.empty() || key < end)) want.push_back(key + "=" + value);
    }
    ASSERT_EQ(Scan({.start = start,
                    .start_exclusive = exclusive,
                    .end = end,
                    .limit = random->Below(3) == 0 ? 1 + random->Below(5) : 0,
                    .max_bytes = 1 + random->Below(50)}),
              want);
  }
}

}  // namespace
}  // namespace vasto::storage
