// SPDX-License-Identifier: Apache-2.0
#include "fuse/scratch_patterns.h"

#include <gtest/gtest.h>

namespace vasto::fuse {
namespace {

TEST(GlobTest, StarAndQuestionMark) {
  EXPECT_TRUE(GlobMatches("abc", "abc"));
  EXPECT_FALSE(GlobMatches("abc", "abcd"));
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("*b*", "abc"));
  EXPECT_TRUE(GlobMatches("a*c*e", "abcde"));
  EXPECT_FALSE(GlobMatches("a*c*e", "abcdef"));
  EXPECT_TRUE(GlobMatches("a?c", "abc"));
  EXPECT_FALSE(GlobMatches("a?c", "ac"));
  EXPECT_FALSE(GlobMatches("?", ""));
  EXPECT_TRUE(GlobMatches(".*.sw?", ".a.b.swp"));
}

TEST(ScratchPatternsTest, TheDefaultPatterns) {
  const ScratchPatterns patterns;
  for (const char* const name :
       {".a.swp", ".a.swo", ".a.swpx", "4913", "notes.txt~", ".#lock", "#auto#", ".~lock.a.odt#",
        ".goutputstream-XYZ", ".nfs0001", ".DS_Store", "._resource"}) {
    EXPECT_TRUE(patterns.Matches(name)) << name;
  }
  for (const char* const name : {"a", "a.swp", ".swp", "4914", "~a", "#a", ".hidden", "a#", "%7E",
                                 "sedAbCdEf", ".file.1a2b3c"}) {
    EXPECT_FALSE(patterns.Matches(name)) << name;
  }
  EXPECT_FALSE(patterns.Matches(""));
  EXPECT_FALSE(ScratchPatterns::None().Matches("4913"));
}

TEST(ScratchPatternsTest, ParseTakesListsAndRefusesWhatLeavesNoNames) {
  ScratchPatterns patterns;
  ASSERT_TRUE(ScratchPatterns::Parse("*.tmp:?x", &patterns));
  EXPECT_TRUE(patterns.Matches("a.tmp"));
  EXPECT_TRUE(patterns.Matches("ax"));
  EXPECT_FALSE(patterns.Matches("4913"));
  ASSERT_TRUE(ScratchPatterns::Parse("off", &patterns));
  EXPECT_FALSE(patterns.Matches("a.tmp"));
  ASSERT_TRUE(ScratchPatterns::Parse("default", &patterns));
  EXPECT_TRUE(patterns.Matches("4913"));
  EXPECT_FALSE(ScratchPatterns::Parse("", &patterns));
  EXPECT_FALSE(ScratchPatterns::Parse("a::b", &patterns));
  EXPECT_FALSE(ScratchPatterns::Parse("*", &patterns));
  EXPECT_FALSE(ScratchPatterns::Parse("%*", &patterns));
}

}  // namespace
}  // namespace vasto::fuse
