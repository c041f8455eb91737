// SPDX-License-Identifier: Apache-2.0
#include "core/client/watch_token.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/bytes.h"

namespace vasto::client {
namespace {

const Uuid kWatched{0x1122334455667788, 0x99aabbccddeeff00};
const WatchPlace kPlace{{{0x0102030405060708, 1}, {0xffffffffffffffff, 300}}, {}};

TEST(WatchTokenTest, RoundTrip) {
  const auto place = DecodeWatchToken(kWatched, EncodeWatchToken(kWatched, kPlace));
  ASSERT_TRUE(place.ok()) << place.status().ToString();
  EXPECT_EQ(*place, kPlace);
}

// Tokens are kept by callers: these bytes must stay readable for ever.
TEST(WatchTokenTest, Golden) {
  EXPECT_EQ(ToHex(EncodeWatchToken(kWatched, kPlace)),
            "5701887766554433221100ffeeddccbbaa99"
            "0202080706050403020101ffffffffffffffffac0200"
            "14f14dd9");
}

TEST(WatchTokenTest, WhatIsNoTokenIsRefused) {
  const std::string token = EncodeWatchToken(kWatched, kPlace);
  const auto code = [](const std::string& bytes) {
    return DecodeWatchToken(kWatched, bytes).status().code();
  };
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] ^= 0x10;
    EXPECT_EQ(code(damaged), Code::kInvalidArgument) << i;
    EXPECT_EQ(code(token.substr(0, i)), Code::kInvalidArgument) << i;
  }
  EXPECT_EQ(code(token + "x"), Code::kInvalidArgument);
}

TEST(WatchTokenTest, TheMessageSaysWhatIsWrong) {
  std::string newer = EncodeWatchToken(kWatched, kPlace);
  newer[1] = 9;
  EXPECT_EQ(DecodeWatchToken(kWatched, newer).status().message(),
            "the token of the watch has format 9; this version knows up to 1");
  const auto other = DecodeWatchToken({1, 2}, EncodeWatchToken(kWatched, kPlace)).status();
  EXPECT_NE(other.message().find("another keyspace"), std::string::npos) << other.message();
}

}  // namespace
}  // namespace vasto::client
