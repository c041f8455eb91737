// SPDX-License-Identifier: Apache-2.0
// A session by itself: what it keeps, and its form as bytes.
#include "core/client/session.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/random.h"
#include "core/codec/limits.h"
#include "core/hash/partition.h"
#include "core/topology/cluster_map.h"

namespace vasto::client {
namespace {

const Uuid kKeyspace{0x1122334455667788, 0x99aabbccddeeff00};

using Positions = std::vector<Position>;

// With a checksum that fits.
std::string Sealed(std::string body) {
  PutFixed(&body, static_cast<uint32_t>(PartitionHash(body)));
  return body;
}

std::string Head(uint32_t shards) {
  std::string head(1, '\1');
  PutFixed(&head, kKeyspace.hi);
  PutFixed(&head, kKeyspace.lo);
  PutFixed(&head, shards);
  return head;
}

Status Import(std::string_view token) { return Session(kKeyspace).Import(token); }

class SessionTokenTest : public testing::Test {
 protected:
  void SetUp() override {
    session_.Add(0, 4, {{7, 300}, {5, 2}});
    session_.Add(3, 4, {{9, 1}});
  }
  Session session_{kKeyspace};
};

TEST_F(SessionTokenTest, ASessionKeepsTheFarthestOfEachLog) {
  session_.Add(0, 4, {{7, 299}, {6, 1}});
  EXPECT_EQ(session_.Needs(0), (Positions{{5, 2}, {6, 1}, {7, 300}}));
  EXPECT_EQ(session_.Needs(1), Positions());
  EXPECT_EQ(session_.Needs(3), (Positions{{9, 1}}));
}

TEST_F(SessionTokenTest, OtherShardsEndASessionThatHasSeenSomething) {
  Session empty(kKeyspace);
  EXPECT_TRUE(empty.CheckShards(8).ok());
  empty.Add(7, 8, {{0, 0}});
  EXPECT_TRUE(empty.CheckShards(4).ok()) << "that says nothing";
  EXPECT_TRUE(session_.CheckShards(4).ok());
  EXPECT_TRUE(session_.CheckShards(8).Is(Code::kInvalidArgument));
  session_.Add(1, 8, {{11, 1}});
  EXPECT_EQ(session_.Needs(1), Positions());
}

TEST_F(SessionTokenTest, ATokenHandsOverAllOfIt) {
  Session other(kKeyspace);
  other.Add(0, 4, {{7, 1}, {8, 8}});
  ASSERT_TRUE(other.Import(session_.Token()).ok());
  EXPECT_EQ(other.Needs(0), (Positions{{5, 2}, {7, 300}, {8, 8}}));
  EXPECT_EQ(other.Needs(3), session_.Needs(3));
  Session copy(kKeyspace);
  ASSERT_TRUE(copy.Import(other.Token()).ok());
  EXPECT_EQ(copy.Token(), other.Token());
  ASSERT_TRUE(copy.Import(Session(kKeyspace).Token()).ok());
  EXPECT_EQ(copy.Token(), other.Token());
}

// Tokens are kept by callers: these bytes must stay readable for ever.
TEST_F(SessionTokenTest, GoldenFormat1) {
  const std::string golden =
      "01887766554433221100ffeeddccbbaa9904000000"
      "0002050000000000000002"
      "0700000000000000ac02"
      "0301090000000000000001";
  const std::string token = session_.Token();
  EXPECT_EQ(ToHex(token.substr(0, token.size() - 4)), golden);
}

TEST_F(SessionTokenTest, RefusesWhatBelongsElsewhere) {
  const std::string token = session_.Token();
  Session other(Uuid{1, 2});
  EXPECT_TRUE(other.Import(token).Is(Code::kInvalidArgument));
  Session resized(kKeyspace);
  resized.Add(0, 8, {{1, 1}});
  const std::string before = resized.Token();
  EXPECT_TRUE(resized.Import(token).Is(Code::kInvalidArgument));
  EXPECT_EQ(resized.Token(), before);
  std::string newer = token;
  newer[0] = 2;
  const Status status = Import(newer);
  EXPECT_TRUE(status.Is(Code::kInvalidArgument));
  EXPECT_NE(status.message().find("format 2"), std::string::npos) << status.message();
}

TEST_F(SessionTokenTest, RefusesEveryDamage) {
  const std::string token = session_.Token();
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_TRUE(Import(token.substr(0, size)).Is(Code::kInvalidArgument)) << size;
  }
  for (size_t bit = 0; bit < 8 * token.size(); ++bit) {
    std::string damaged = token;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(Import(damaged).Is(Code::kInvalidArgument)) << bit;
  }
}

TEST_F(SessionTokenTest, RefusesWhatNoSessionGives) {
  const auto position = [](uint64_t log, uint64_t sequence) {
    std::string bytes;
    PutFixed(&bytes, log);
    PutVarint(&bytes, sequence);
    return bytes;
  };
  using namespace std::string_literals;
  EXPECT_TRUE(Import(Sealed(Head(4) + "\0\1"s + position(1, 1))).ok());
  const std::string bodies[] = {
      Head(4),                                                        // shards, but of none
      Head(0) + "\0\1"s + position(1, 1),                             // of a shard, but no shards
      Head(4) + "\4\1"s + position(1, 1),                             // a shard too many
      Head(4) + "\0\0"s,                                              // nothing of a shard
      Head(4) + "\1\1"s + position(1, 1) + "\0\1"s + position(1, 1),  // not ascending
      Head(4) + "\0\2"s + position(2, 1) + position(1, 1),            // nor the logs
      Head(4) + "\0\1"s + position(0, 1),                             // no log
      Head(4) + "\0\1"s + position(1, 0),                             // no sequence
      Head(4) + "\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s + position(1, 1),  // far too many
      Head(uint32_t{kMaxShards} + 1) + "\0\1"s + position(1, 1),
      Head(0xffffffff) + "\0\1"s + position(1, 1),
  };
  for (const std::string& body : bodies) {
    EXPECT_TRUE(Import(Sealed(body)).Is(Code::kInvalidArgument)) << ToHex(body);
  }
}

TEST_F(SessionTokenTest, AnyBytesAreReadOrRefused) {
  const std::unique_ptr<Random> random = SeededRandom(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string body = Head(static_cast<uint32_t>(random->Below(6)));
    for (uint64_t n = random->Below(40); n > 0; --n) {
      body.push_back(
          static_cast<char>(random->Below(4) == 0 ? random->Below(256) : random->Below(4)));
    }
    Session session(kKeyspace);
    if (session.Import(Sealed(body)).ok()) {
      Session copy(kKeyspace);
      EXPECT_TRUE(copy.Import(session.Token()).ok());
      EXPECT_EQ(copy.Token(), session.Token());
    }
  }
}

}  // namespace
}  // namespace vasto::client
