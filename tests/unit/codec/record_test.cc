// SPDX-License-Identifier: Apache-2.0
#include "core/codec/record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/random.h"
#include "core/hash/partition.h"

namespace vasto {
namespace {

std::string Encode(std::string_view key, const Record& record) {
  std::string out;
  EncodeRecord(record, ContentChecksum(key, record.payload), &out);
  return out;
}

// Few distinct values in each field, so that ties are common.
Record RandomRecord(Random* random, std::string* payload_storage) {
  Record r;
  r.event_time = random->Below(3);
  r.origin = random->Below(3);
  r.tombstone = random->Below(4) == 0;
  if (random->Below(2) == 0) r.expires_at_us = 1 + random->Below(3);
  if (random->Below(2) == 0) r.partition_hash = random->Below(2);
  if (random->Below(2) == 0) r.value_type = static_cast<uint32_t>(random->Below(3));
  if (!r.tombstone) payload_storage->assign(random->Below(3), random->Below(2) == 0 ? 'a' : '\xff');
  r.payload = *payload_storage;
  return r;
}

TEST(Record, GoldenBytesOfAPlainValue) {
  Record r;
  r.event_time = 0x0102030405060708;
  r.origin = 0x1112131415161718;
  r.payload = "hello";
  EXPECT_EQ(ToHex(Encode("key", r)),
            "01"
            "00"
            "0807060504030201"
            "1817161514131211"
            "68656c6c6f"
            "a3241ebb");
}

TEST(Record, GoldenBytesWithAllFields) {
  Record r;
  r.event_time = 1;
  r.origin = 2;
  r.expires_at_us = 3;
  r.partition_hash = 4;
  r.value_type = 5;
  r.payload = "";
  EXPECT_EQ(ToHex(Encode("", r)),
            "01"
            "0e"
            "0100000000000000"
            "0200000000000000"
            "0300000000000000"
            "0400000000000000"
            "05000000"
            "74b7f355");
}

TEST(Record, GoldenBytesOfATombstone) {
  Record r;
  r.event_time = 7;
  r.origin = 9;
  r.tombstone = true;
  EXPECT_EQ(ToHex(Encode("gone", r)),
            "01"
            "01"
            "0700000000000000"
            "0900000000000000"
            "d0305992");
}

TEST(Record, GoldenContentChecksum) {
  EXPECT_EQ(ContentChecksum("", ""), 4696993233866070003u);
  EXPECT_EQ(ContentChecksum("key", "hello"), 5009556256513375248u);
}

TEST(Record, KeyHashIsThePartitionHash) {
  for (const char* key : {"", "a", "some longer key"}) EXPECT_EQ(KeyHash(key), PartitionHash(key));
}

TEST(Record, RoundTrip) {
  auto random = SeededRandom(1);
  for (int i = 0; i < 5000; ++i) {
    std::string payload;
    const Record r = RandomRecord(random.get(), &payload);
    const std::string key(random->Below(20), 'k');
    const std::string bytes = Encode(key, r);
    uint64_t content = 0;
    auto decoded = DecodeRecord(key, bytes, &content);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_TRUE((*decoded == r));
    EXPECT_EQ(content, ContentChecksum(key, payload));
    auto peeked = PeekRecord(bytes);
    ASSERT_TRUE(peeked.ok());
    EXPECT_TRUE((*peeked == r));
    EXPECT_EQ(Encode(key, *decoded), bytes);
  }
}

TEST(Record, PartsGiveTheSameBytes) {
  auto random = SeededRandom(2);
  for (int i = 0; i < 500; ++i) {
    std::string payload;
    const Record r = RandomRecord(random.get(), &payload);
    char header[kMaxRecordHeaderSize];
    char trailer[kRecordTrailerSize];
    const size_t n = EncodeRecordAround(r, ContentChecksum("k", payload), header, trailer);
    EXPECT_EQ(std::string(header, n) + payload + std::string(trailer, kRecordTrailerSize),
              Encode("k", r));
  }
}

TEST(Record, EveryBitFlipIsDetected) {
  auto random = SeededRandom(3);
  for (int i = 0; i < 200; ++i) {
    std::string payload;
    const Record r = RandomRecord(random.get(), &payload);
    const std::string bytes = Encode("key", r);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string bad = bytes;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      auto decoded = DecodeRecord("key", bad, nullptr);
      ASSERT_FALSE(decoded.ok()) << "bit " << bit << " of " << ToHex(bytes);
      // A flip in the version byte can look like a newer format.
      EXPECT_TRUE(decoded.status().Is(Code::kCorruption) ||
                  (bit < 8 && decoded.status().Is(Code::kNotSupported)));
    }
  }
}

TEST(Record, EveryTruncationAndExtensionIsDetected) {
  auto random = SeededRandom(4);
  for (int i = 0; i < 200; ++i) {
    std::string payload;
    const Record r = RandomRecord(random.get(), &payload);
    const std::string bytes = Encode("key", r);
    for (size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_TRUE(DecodeRecord("key", bytes.substr(0, n), nullptr).status().Is(Code::kCorruption));
    }
    EXPECT_FALSE(DecodeRecord("key", bytes + '\0', nullptr).ok());
  }
}

TEST(Record, AnotherKeysRecordIsRefused) {
  Record r;
  r.event_time = 5;
  r.payload = "v";
  EXPECT_TRUE(DecodeRecord("b", Encode("a", r), nullptr).status().Is(Code::kCorruption));
}

TEST(Record, ANewerFormatIsRefusedWithItsNumber) {
  Record r;
  std::string bytes = Encode("k", r);
  bytes[0] = 3;
  for (const Status& status :
       {DecodeRecord("k", bytes, nullptr).status(), PeekRecord(bytes).status()}) {
    EXPECT_TRUE(status.Is(Code::kNotSupported));
    EXPECT_NE(status.message().find("format 3"), std::string::npos) << status.message();
  }
}

TEST(Record, RandomBytesNeverCrash) {
  auto random = SeededRandom(5);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random->Below(64), '\0');
    for (char& c : bytes) c = static_cast<char>(random->Next());
    if (!bytes.empty() && random->Below(2) == 0) bytes[0] = 1;
    EXPECT_FALSE(DecodeRecord("k", bytes, nullptr).ok());
    PeekRecord(bytes).IgnoreError();
  }
}

TEST(Record, VisibleUntilItsExpiry) {
  Record r;
  r.expires_at_us = 100;
  EXPECT_TRUE(r.VisibleAt(99));
  EXPECT_FALSE(r.VisibleAt(100));
  r.expires_at_us = 0;
  EXPECT_TRUE(r.VisibleAt(INT64_MAX));
  r.tombstone = true;
  EXPECT_FALSE(r.VisibleAt(0));
}

TEST(WinsOver, OrderOfTheFields) {
  Record base;
  base.event_time = 10;
  base.origin = 5;
  base.expires_at_us = 1000;
  base.payload = "m";
  const auto with = [&](auto change) {
    Record r = base;
    change(&r);
    return r;
  };
  const std::vector<Record> winners = {
      with([](Record* r) { r->event_time = 11, r->origin = 0, r->payload = ""; }),
      with([](Record* r) { r->tombstone = true, r->expires_at_us = 0, r->payload = ""; }),
      with([](Record* r) { r->expires_at_us = 1001, r->origin = 0; }),
      with([](Record* r) { r->expires_at_us = 0, r->origin = 0; }),
      with([](Record* r) { r->origin = 6, r->payload = ""; }),
      with([](Record* r) { r->payload = "n"; }),
      with([](Record* r) { r->value_type = 1; }),
      with([](Record* r) { r->partition_hash = 0; })};
  for (size_t i = 0; i < winners.size(); ++i) {
    EXPECT_TRUE(WinsOver(winners[i], base)) << i;
    EXPECT_FALSE(WinsOver(base, winners[i])) << i;
  }
  EXPECT_FALSE(WinsOver(base, base));
}

TEST(WinsOver, IsATotalOrder) {
  auto random = SeededRandom(6);
  std::string storage[3];
  for (int i = 0; i < 200000; ++i) {
    const Record a = RandomRecord(random.get(), &storage[0]);
    const Record b = RandomRecord(random.get(), &storage[1]);
    const Record c = RandomRecord(random.get(), &storage[2]);
    // Exactly one of: a wins, b wins, the same record.
    ASSERT_EQ(WinsOver(a, b) + WinsOver(b, a) + (a == b), 1);
    if (WinsOver(a, b) && WinsOver(b, c)) {
      ASSERT_TRUE(WinsOver(a, c));
    }
  }
}

}  // namespace
}  // namespace vasto
