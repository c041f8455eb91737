// SPDX-License-Identifier: Apache-2.0
#include "core/base/uuid.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace vasto {
namespace {

TEST(UuidTest, GeneratedOnesAreVersion4AndDiffer) {
  auto random = SeededRandom(3);
  std::unordered_set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = Uuid::Generate(random.get());
    EXPECT_TRUE(seen.insert(id).second);
    const std::string text = id.ToString();
    ASSERT_EQ(text.size(), 36u);
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
    EXPECT_EQ(*Uuid::Parse(text), id);
  }
}

TEST(UuidTest, NilMeansNone) {
  EXPECT_TRUE(Uuid{}.nil());
  EXPECT_EQ(Uuid{}.ToString(), "00000000-0000-0000-0000-000000000000");
}

TEST(UuidTest, OnlyTheCanonicalFormIsAccepted) {
  for (const char* text :
       {"", "x", "0123456789abcdef0123456789abcdef", "01234567-89ab-4cde-8123-456789abcde",
        "01234567-89ab-4cde-8123-456789abcdeg", "01234567-89ab-4cde-8123_456789abcdef",
        "{01234567-89ab-4cde-8123-456789abcdef}"}) {
    EXPECT_FALSE(Uuid::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace vasto
