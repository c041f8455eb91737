// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/words.h"

#include <gtest/gtest.h>

#include <random>

#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"

namespace vasto::tool {
namespace {

using Words = std::vector<std::string>;

TEST(SplitWords, SeparatesAtBlanks) {
  EXPECT_EQ(SplitWords(""), Words());
  EXPECT_EQ(SplitWords("  put  a\tb "), (Words{"put", "a", "b"}));
}

TEST(SplitWords, KeepsQuotedWordsWhole) {
  EXPECT_EQ(SplitWords(R"(put "a b" 'c \n d' "")"), (Words{"put", "a b", "c \\n d", ""}));
  EXPECT_EQ(SplitWords(R"(a"b c"d)"), (Words{"ab cd"}));
}

TEST(SplitWords, KnowsEscapes) {
  EXPECT_EQ(SplitWords(R"(\x00\xfF \n\t a\ b \\ "\"")"),
            (Words{std::string("\0\xff", 2), "\n\t", "a b", "\\", "\""}));
}

TEST(SplitWords, RefusesWhatIsUnfinished) {
  for (const char* line : {"'a", "\"a", "a\\", "\\x1", "\\xg1", "\\q"})
    EXPECT_THROW(SplitWords(line), cli::UsageError) << line;
}

TEST(SplitWords, ReadsBackWhatTheToolsPrint) {
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(1 + random() % 20, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string typed;
    for (char c : cli::Escaped(bytes)) {
      if (c == ' ' || c == '\'' || c == '"') typed.push_back('\\');
      typed.push_back(c);
    }
    EXPECT_EQ(SplitWords(typed), Words{bytes}) << typed;
  }
}

}  // namespace
}  // namespace vasto::tool
