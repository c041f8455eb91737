// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

#include <gtest/gtest.h>

namespace vasto {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  PutVarint(&out, value);
  return out;
}

TEST(BytesTest, FixedIntegersAreLittleEndian) {
  std::string out;
  PutFixed<uint32_t>(&out, 0x01020304);
  EXPECT_EQ(out, "\x04\x03\x02\x01");
  EXPECT_EQ(GetFixed<uint32_t>(out.data()), 0x01020304u);
}

TEST(BytesTest, VarintGoldenBytes) {
  EXPECT_EQ(Varint(0), std::string(1, '\0'));
  EXPECT_EQ(Varint(127), "\x7f");
  EXPECT_EQ(Varint(128), "\x80\x01");
  EXPECT_EQ(Varint(300), "\xac\x02");
  EXPECT_EQ(Varint(~uint64_t{0}), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(BytesTest, VarintsRoundTripAtEveryLength) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, ~uint64_t{0} >> bit}) {
      const std::string bytes = Varint(value);
      ByteReader reader(bytes);
      EXPECT_EQ(reader.Varint(), value);
      EXPECT_TRUE(reader.ok());
      EXPECT_EQ(reader.remaining(), 0u);
    }
  }
}

TEST(ByteReaderTest, TruncationFailsAndStaysFailed) {
  std::string bytes;
  PutFixed<uint16_t>(&bytes, 7);
  PutLengthPrefixed(&bytes, "abc");
  for (size_t length = 0; length < bytes.size(); ++length) {
    ByteReader reader(std::string_view(bytes).substr(0, length));
    reader.Fixed<uint16_t>();
    reader.LengthPrefixed();
    EXPECT_FALSE(reader.ok()) << length;
    EXPECT_EQ(reader.Fixed<uint8_t>(), 0);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

TEST(ByteReaderTest, OverlongAndOverflowingVarintsFail) {
  for (const char* bytes : {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                            "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "\x80"}) {
    ByteReader reader(bytes);
    reader.Varint();
    EXPECT_FALSE(reader.ok());
  }
}

TEST(ByteReaderTest, AHugeLengthPrefixDoesNotReachPastTheEnd) {
  const std::string bytes = Varint(~uint64_t{0}) + "abc";
  ByteReader reader(bytes);
  EXPECT_EQ(reader.LengthPrefixed(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(BytesTest, PrintableEscapesAndCuts) {
  EXPECT_EQ(ToHex(std::string_view("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(Printable("plain text"), "plain text");
  EXPECT_EQ(Printable(std::string_view("a\n\0\xff", 4)), "a\\x0a\\x00\\xff");
  EXPECT_EQ(Printable("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace vasto
