// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"

namespace vasto::cli {
namespace {

using Json = nlohmann::ordered_json;

TEST(Utf8, AcceptsWellFormedAndRefusesTheRest) {
  EXPECT_TRUE(IsUtf8("plain"));
  EXPECT_TRUE(IsUtf8("grüße €  \xf0\x9f\x8c\x8a"));
  EXPECT_TRUE(IsUtf8(std::string_view("\0", 1)));
  EXPECT_FALSE(IsUtf8("\xff"));
  EXPECT_FALSE(IsUtf8("\xc0\xaf")) << "overlong";
  EXPECT_FALSE(IsUtf8("\xe0\x80\xaf")) << "overlong";
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80")) << "surrogate";
  EXPECT_FALSE(IsUtf8("\xf4\x90\x80\x80")) << "beyond U+10FFFF";
  EXPECT_FALSE(IsUtf8("\xe2\x82")) << "cut short";
}

// RFC 4648, section 10.
TEST(Base64, KnowsTheTestVectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(ToBase64(bytes), text);
    EXPECT_EQ(FromBase64(text), bytes);
  }
}

TEST(Base64, RoundTripsRandomBytes) {
  std::mt19937 random(7);
  for (int size = 0; size < 200; ++size) {
    std::string bytes(static_cast<size_t>(size), '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(FromBase64(ToBase64(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v!m9v", "Zg==Zg==", "Zm 9"}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
}

TEST(JsonBytes, TravelAsTextOrBase64) {
  Json object;
  PutBytes(&object, "key", "text");
  PutBytes(&object, "value", "\xff\x00");
  EXPECT_EQ(object.dump(), R"({"key":"text","value_base64":"/w=="})");
  EXPECT_EQ(GetBytes(object, "key"), "text");
  EXPECT_EQ(GetBytes(object, "value"), "\xff");
  EXPECT_THROW(GetBytes(object, "other"), UsageError);
  EXPECT_THROW(GetBytes(Json{{"key", 1}}, "key"), UsageError);
  EXPECT_THROW(GetBytes(Json{{"key_base64", "?"}}, "key"), UsageError);
}

TEST(Escaped, KeepsTextAndShowsTheRest) {
  EXPECT_EQ(Escaped("a b\\ü"), "a b\\\\ü");
  EXPECT_EQ(Escaped(std::string_view("\0\n\x7f\xff", 4)), "\\x00\\x0a\\x7f\\xff");
}

TEST(OneLine, HasNoControlCharacters) {
  EXPECT_EQ(OneLine("a\nb\x1b[31m ü \\"), "a\\x0ab\\x1b[31m ü \\");
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(Shortened("abc", 3), "abc");
  EXPECT_EQ(Shortened("abcd", 3), "abc…");
  EXPECT_EQ(Shortened("abü", 3), "ab…");
}

TEST(WholeNumber, IsDecimalDigitsOnly) {
  EXPECT_EQ(WholeNumber("0"), 0u);
  EXPECT_EQ(WholeNumber("010"), 10u);
  EXPECT_EQ(WholeNumber("18446744073709551615"), UINT64_MAX);
  for (const char* wrong :
       {"", " 1", "1 ", "-1", "+1", "0x10", "1e3", "1.0", "18446744073709551616"}) {
    EXPECT_EQ(WholeNumber(wrong), std::nullopt) << wrong;
  }
}

TEST(Numbers, InJsonAreStringsAndMayBeNumbers) {
  Json object;
  PutNumber(&object, "n", UINT64_MAX);
  EXPECT_EQ(object.dump(), R"({"n":"18446744073709551615"})");
  EXPECT_EQ(GetNumber(object, "n"), UINT64_MAX);
  EXPECT_EQ(GetNumber(Json{{"n", 7u}}, "n"), 7u);
  EXPECT_EQ(GetNumber(object, "absent"), 0u);
  for (const Json& wrong : {Json(-1), Json(1.5), Json("x"), Json(""), Json(nullptr)}) {
    EXPECT_THROW(GetNumber(Json{{"n", wrong}}, "n"), UsageError) << wrong;
  }
}

TEST(People, ReadTimesAndSizes) {
  EXPECT_EQ(TimeText(0), "-");
  EXPECT_EQ(TimeText(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(1536), "1.5 KiB");
  EXPECT_EQ(SizeText(uint64_t{3} << 40), "3.0 TiB");
}

TEST(ExitCodes, FollowTheContract) {
  EXPECT_EQ(ExitCodeOf(VASTO_OK), 0);
  EXPECT_EQ(ExitCodeOf(VASTO_INTERNAL), 1);
  EXPECT_EQ(ExitCodeOf(VASTO_NOT_FOUND), 3);
  EXPECT_EQ(ExitCodeOf(VASTO_TIMEOUT), 4);
  EXPECT_EQ(ExitCodeOf(VASTO_UNAVAILABLE), 5);
  EXPECT_EQ(RunTool("t", []() -> int { throw UsageError("x"); }), 2);
  EXPECT_EQ(RunTool("t", []() -> int { throw Failure(VASTO_NOT_FOUND, "x"); }), 3);
}

}  // namespace
}  // namespace vasto::cli
