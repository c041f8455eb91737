// SPDX-License-Identifier: Apache-2.0
#include "core/codec/row_block.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/codec/record.h"

namespace vasto {
namespace {

struct OwnedRow {
  std::string key;
  std::string payload;
  Row row;
};

std::vector<OwnedRow> RandomRows(Random* random, size_t count) {
  std::set<std::string> keys;
  if (random->Below(2) == 0) keys.insert("");
  while (keys.size() < count) {
    std::string key = "prefix";
    for (size_t n = random->Below(12); n > 0; --n) {
      key.push_back(static_cast<char>(random->Below(2) == 0 ? 'a' : 0xff));
    }
    keys.insert(key + std::to_string(random->Below(1000)));
  }
  std::vector<OwnedRow> rows;
  for (const std::string& key : keys) {
    OwnedRow r;
    r.key = key;
    r.payload.assign(random->Below(300), 'p');
    r.row.event_time = random->Next();
    if (random->Below(2) == 0) r.row.expires_at_us = random->Next() | 1;
    if (random->Below(2) == 0) r.row.value_type = static_cast<uint32_t>(random->Next());
    if (random->Below(2) == 0) r.row.partition_hash = random->Next();
    r.row.has_payload = random->Below(3) != 0;
    r.row.payload_size = r.payload.size();
    if (r.row.has_payload) r.row.content_checksum = ContentChecksum(key, r.payload);
    rows.push_back(std::move(r));
  }
  return rows;
}

std::string Write(std::vector<OwnedRow>* rows) {
  RowBlockWriter writer;
  for (OwnedRow& r : *rows) {
    r.row.key = r.key;
    if (r.row.has_payload) r.row.payload = r.payload;
    writer.Add(r.row);
  }
  EXPECT_EQ(writer.rows(), rows->size());
  return writer.Finish();
}

TEST(RowBlock, GoldenBytes) {
  RowBlockWriter writer;
  Row row;
  row.key = "ab";
  row.payload = "v";
  row.event_time = 1;
  row.content_checksum = 2;
  writer.Add(row);
  row.key = "abc";
  row.has_payload = false;
  row.payload_size = 300;
  row.expires_at_us = 3;
  row.value_type = 4;
  row.partition_hash = 5;
  writer.Add(row);
  EXPECT_EQ(ToHex(writer.Finish()),
            "01"
            "00"
            "02"
            "6162"
            "04"
            "0100000000000000"
            "01"
            "76"
            "0200000000000000"
            "02"
            "01"
            "63"
            "0b"
            "0100000000000000"
            "0300000000000000"
            "04"
            "0500000000000000"
            "ac02");
}

TEST(RowBlock, RoundTrip) {
  auto random = SeededRandom(1);
  for (int i = 0; i < 300; ++i) {
    auto rows = RandomRows(random.get(), random->Below(50));
    const std::string block = Write(&rows);
    RowBlockReader reader(block);
    for (const OwnedRow& want : rows) {
      Row got;
      const Status status = reader.Next(&got);
      ASSERT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(got.key, want.key);
      EXPECT_EQ(got.has_payload, want.row.has_payload);
      EXPECT_EQ(got.payload, want.row.has_payload ? want.payload : "");
      EXPECT_EQ(got.payload_size, want.payload.size());
      EXPECT_EQ(got.event_time, want.row.event_time);
      EXPECT_EQ(got.expires_at_us, want.row.expires_at_us);
      EXPECT_EQ(got.value_type, want.row.value_type);
      EXPECT_EQ(got.partition_hash, want.row.partition_hash);
      EXPECT_EQ(got.content_checksum, want.row.content_checksum);
    }
    Row end;
    EXPECT_TRUE(reader.Next(&end).Is(Code::kEnd));
    EXPECT_TRUE(reader.Next(&end).Is(Code::kEnd));
  }
}

TEST(RowBlock, TruncationNeverGivesAWrongRow) {
  auto random = SeededRandom(2);
  auto rows = RandomRows(random.get(), 10);
  const std::string block = Write(&rows);
  for (size_t n = 0; n < block.size(); ++n) {
    RowBlockReader reader(std::string_view(block).substr(0, n));
    Row got;
    size_t count = 0;
    Status status;
    while ((status = reader.Next(&got)).ok()) {
      ASSERT_LT(count, rows.size());
      EXPECT_EQ(got.key, rows[count++].key);
    }
    EXPECT_TRUE(status.Is(Code::kCorruption) || (status.Is(Code::kEnd) && n > 0)) << n;
    EXPECT_LT(count, rows.size());
  }
}

TEST(RowBlock, RandomDamageNeverCrashesAndEnds) {
  auto random = SeededRandom(3);
  for (int i = 0; i < 5000; ++i) {
    auto rows = RandomRows(random.get(), 5);
    std::string block = Write(&rows);
    for (int flips = 0; flips < 3; ++flips) {
      block[1 + random->Below(block.size() - 1)] = static_cast<char>(random->Next());
    }
    RowBlockReader reader(block);
    Row got;
    for (size_t n = 0; reader.Next(&got).ok(); ++n) ASSERT_LE(n, block.size());
  }
}

TEST(RowBlock, RefusesANewerFormatAndKeysOutOfOrder) {
  Row row;
  const std::string newer = "\x02";
  EXPECT_TRUE(RowBlockReader(newer).Next(&row).Is(Code::kNotSupported));
  EXPECT_TRUE(RowBlockReader("").Next(&row).Is(Code::kCorruption));

  RowBlockWriter writer;
  row.key = "b";
  writer.Add(row);
  row.key = "a";
  writer.Add(row);
  const std::string block = writer.Finish();
  RowBlockReader reader(block);
  EXPECT_TRUE(reader.Next(&row).ok());
  EXPECT_TRUE(reader.Next(&row).Is(Code::kCorruption));
}

}  // namespace
}  // namespace vasto
