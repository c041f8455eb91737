// SPDX-License-Identifier: Apache-2.0
#include "core/codec/change.h"

#include <gtest/gtest.h>

#include <string>

#include "core/codec/limits.h"

namespace vasto {
namespace {

std::string RecordOf(std::string_view key, std::string_view payload, EventTime event_time) {
  Record record;
  record.event_time = event_time;
  record.origin = 9;
  record.payload = payload;
  std::string bytes;
  EncodeRecord(record, ContentChecksum(key, payload), &bytes);
  return bytes;
}

std::string TwoChanges() {
  std::string changes;
  AppendChange("a", RecordOf("a", "first", 10), &changes);
  AppendChange("", RecordOf("", "", 11), &changes);
  return changes;
}

TEST(ChangeTest, ReadsWhatWasAppended) {
  const std::string changes = TwoChanges();
  ChangeReader reader(changes);
  Change change;
  ASSERT_TRUE(reader.Next(&change));
  EXPECT_EQ(change.key, "a");
  EXPECT_EQ(change.key_hash, KeyHash("a"));
  EXPECT_EQ(change.record.payload, "first");
  EXPECT_EQ(change.record.event_time, 10u);
  EXPECT_EQ(change.content_checksum, ContentChecksum("a", "first"));
  ASSERT_TRUE(reader.Next(&change));
  EXPECT_EQ(change.key, "");
  EXPECT_FALSE(reader.Next(&change));
  EXPECT_TRUE(reader.status().ok());
}

TEST(ChangeTest, GoldenBytes) {
  std::string changes;
  AppendChange("k", "record", &changes);
  EXPECT_EQ(ToHex(changes), "016b067265636f7264");
  ChangeBatch batch{.log = 1, .first = 2, .last = 3, .changes = "c", .checksum = 0};
  EXPECT_EQ(ChecksumOf(batch), 3263365631088778894u);
}

TEST(ChangeTest, EveryCutIsDamage) {
  const std::string changes = TwoChanges();
  const size_t first = 1 + 1 + 1 + RecordOf("a", "first", 10).size();
  for (size_t size = 1; size < changes.size(); ++size) {
    ChangeReader reader(std::string_view(changes).substr(0, size));
    Change change;
    while (reader.Next(&change)) {
    }
    EXPECT_EQ(reader.status().ok(), size == first) << size;
  }
}

TEST(ChangeTest, EveryFlippedBitIsDamage) {
  const std::string changes = TwoChanges();
  for (size_t bit = 0; bit < changes.size() * 8; ++bit) {
    std::string damaged = changes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ChangeReader reader(damaged);
    Change change;
    while (reader.Next(&change)) {
    }
    EXPECT_FALSE(reader.status().ok()) << bit;
  }
}

TEST(ChangeTest, RefusesAKeyBeyondTheLimit) {
  const std::string key(kMaxKeySize + 1, 'k');
  std::string changes;
  AppendChange(key, RecordOf(key, "v", 10), &changes);
  ChangeReader reader(changes);
  Change change;
  EXPECT_FALSE(reader.Next(&change));
  EXPECT_EQ(reader.status().code(), Code::kCorruption);
}

TEST(ChangeTest, ABatchIsCheckedAsAWhole) {
  ChangeBatch batch{.log = 1, .first = 2, .last = 3, .changes = TwoChanges(), .checksum = 0};
  batch.checksum = ChecksumOf(batch);
  EXPECT_TRUE(CheckChangeBatch(batch).ok());
  for (uint64_t* member : {&batch.log, &batch.first, &batch.last}) {
    const uint64_t kept = *member;
    *member += 1;
    EXPECT_EQ(CheckChangeBatch(batch).code(), Code::kCorruption);
    *member = kept;
  }
  batch.changes.pop_back();
  EXPECT_EQ(CheckChangeBatch(batch).code(), Code::kCorruption);
}

TEST(ChangeTest, ABatchHasALogAndARange) {
  for (ChangeBatch batch : {ChangeBatch{.log = 0, .first = 1, .last = 1, .changes = {}},
                            ChangeBatch{.log = 1, .first = 0, .last = 1, .changes = {}},
                            ChangeBatch{.log = 1, .first = 3, .last = 2, .changes = {}}}) {
    batch.checksum = ChecksumOf(batch);
    EXPECT_EQ(CheckChangeBatch(batch).code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace vasto
