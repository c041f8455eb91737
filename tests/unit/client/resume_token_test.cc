// SPDX-License-Identifier: Apache-2.0
#include "core/client/resume_token.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/random.h"

namespace vasto::client {
namespace {

const ScanPosition kLast{"abc", 0x0102030405060708};
const ScanRange kRange{Uuid{0x1122334455667788, 0x99aabbccddeeff00}, "a", "b"};

TEST(ResumeTokenTest, RoundTrip) {
  for (const std::string& key : {std::string(), std::string("abc"), std::string("a\0\xff", 3)}) {
    const ScanPosition last{key, 0x0102030405060708};
    const auto decoded = DecodeResumeToken(kRange, EncodeResumeToken(kRange, last));
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, last);
  }
  const auto before_the_first = DecodeResumeToken(kRange, EncodeResumeToken(kRange, std::nullopt));
  ASSERT_TRUE(before_the_first.ok());
  EXPECT_FALSE(before_the_first->has_value());
}

// Tokens are kept by callers: these byte strings must stay readable for ever.
TEST(ResumeTokenTest, GoldenFormat1IsAfterAllRowsOfItsKey) {
  const std::string_view token(
      "\x01\x01\x88\x77\x66\x55\x44\x33\x22\x11\x00\xff\xee\xdd\xcc\xbb\xaa\x99"
      "\x39\xad\x7f\xd6\xbb\x22\x39\x51"
      "abc"
      "\x82\x0c\x84\x4f",
      33);
  const auto decoded = DecodeResumeToken(kRange, token);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, (ScanPosition{"abc", ~uint64_t{0}}));
}
TEST(ResumeTokenTest, GoldenFormat2) {
  EXPECT_EQ(ToHex(EncodeResumeToken(kRange, kLast)),
            "0201887766554433221100ffeeddccbbaa9939ad7fd6bb223951"
            "08070605040302016162631c252e1a");
}

TEST(ResumeTokenTest, RefusesWhatBelongsElsewhere) {
  const std::string token = EncodeResumeToken(kRange, kLast);
  ScanRange other = kRange;
  other.keyspace.lo = 1;
  EXPECT_TRUE(DecodeResumeToken(other, token).status().Is(Code::kInvalidArgument));
  other = kRange;
  other.end = "c";
  EXPECT_TRUE(DecodeResumeToken(other, token).status().Is(Code::kInvalidArgument));
  other = kRange;
  other.start = "ab";  // the bytes of start and end together stay the same
  other.end = "";
  EXPECT_TRUE(DecodeResumeToken(other, token).status().Is(Code::kInvalidArgument));
}

TEST(ResumeTokenTest, RefusesDamage) {
  const std::string token = EncodeResumeToken(kRange, kLast);
  for (size_t length = 1; length < token.size(); ++length) {
    EXPECT_FALSE(DecodeResumeToken(kRange, std::string_view(token).substr(0, length)).ok());
  }
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_TRUE(DecodeResumeToken(kRange, damaged).status().Is(Code::kInvalidArgument)) << i;
  }
  const auto random = SeededRandom(3);
  for (int n = 0; n < 1000; ++n) {
    std::string noise(random->Below(80) + 1, '\0');
    for (char& c : noise) c = static_cast<char>(random->Next());
    EXPECT_FALSE(DecodeResumeToken(kRange, noise).ok());
  }
}

TEST(ResumeTokenTest, NamesANewerFormat) {
  std::string token = EncodeResumeToken(kRange, kLast);
  token[0] = 3;
  EXPECT_NE(DecodeResumeToken(kRange, token).status().message().find("format 3"),
            std::string::npos);
}

}  // namespace
}  // namespace vasto::client
