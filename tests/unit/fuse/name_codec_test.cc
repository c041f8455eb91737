// SPDX-License-Identifier: Apache-2.0
#include "fuse/name_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_set>

namespace vasto::fuse {
namespace {

// What the kernel and the contract want of every name.
void ExpectGoodName(const std::string& name, size_t name_max) {
  ASSERT_FALSE(name.empty());
  ASSERT_LE(name.size(), name_max);
  ASSERT_EQ(name.find('/'), std::string::npos);
  ASSERT_EQ(name.find('\0'), std::string::npos);
  ASSERT_NE(name, ".");
  ASSERT_NE(name, "..");
  ASSERT_NE(name.substr(0, 6), ".vasto");
}

void ExpectRoundTrip(const NameCodec& codec, const std::string& key) {
  const std::string name = codec.Encode(key);
  ASSERT_NO_FATAL_FAILURE(ExpectGoodName(name, codec.name_max()));
  ASSERT_FALSE(codec.scratch().Matches(name)) << name;
  const DecodedName decoded = codec.Decode(name);
  if (IsLongName(name)) {
    ASSERT_EQ(decoded.kind, NameKind::kLong);
    return;
  }
  ASSERT_EQ(decoded.kind, NameKind::kKey) << name;
  ASSERT_EQ(decoded.key, key);
}

std::string RandomBytes(std::mt19937_64* random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((*random)());
  return bytes;
}

TEST(NameCodecTest, ReadableKeysStayAsTheyAre) {
  const NameCodec codec;
  for (const char* const key : {"a", "user:1", "two words", "naïve", "日本語", "a.b", ".hidden",
                                "x=y&z", "\xf0\x9f\x98\x80", "-rf", "~", "#1", "a~b"}) {
    if (std::string(key) == "~") continue;
    EXPECT_EQ(codec.Encode(key), key);
  }
}

TEST(NameCodecTest, TheTableOfEscapes) {
  const NameCodec codec;
  EXPECT_EQ(codec.Encode(""), "%");
  EXPECT_EQ(codec.Encode("a/b"), "a%2Fb");
  EXPECT_EQ(codec.Encode(std::string("a\0b", 3)), "a%00b");
  EXPECT_EQ(codec.Encode("100%"), "100%25");
  EXPECT_EQ(codec.Encode("a\nb"), "a%0Ab");
  EXPECT_EQ(codec.Encode("\x7f"), "%7F");
  EXPECT_EQ(codec.Encode("\xff"), "%FF");
  EXPECT_EQ(codec.Encode("."), "%2E");
  EXPECT_EQ(codec.Encode(".."), "%2E.");
  EXPECT_EQ(codec.Encode("..."), "...");
  EXPECT_EQ(codec.Encode(".vasto"), "%2Evasto");
  EXPECT_EQ(codec.Encode(".vastoX"), "%2EvastoX");
  EXPECT_EQ(codec.Encode(".vast"), ".vast");
}

TEST(NameCodecTest, KeysThatLookLikeScratchFilesAreShielded) {
  const NameCodec codec;
  EXPECT_EQ(codec.Encode(".a.swp"), "%2Ea.swp");
  EXPECT_EQ(codec.Encode("4913"), "%34913");
  EXPECT_EQ(codec.Encode("#a#"), "%23a#");
  EXPECT_EQ(codec.Encode("backup~"), "backup%7E");
  EXPECT_EQ(codec.Encode("é~"), "é%7E");
  EXPECT_EQ(codec.Encode("~"), "%7E");
  EXPECT_EQ(codec.Encode("#~#"), "%23~#");
  EXPECT_EQ(codec.Decode(".a.swp").kind, NameKind::kScratch);
  EXPECT_EQ(codec.Decode("backup~").kind, NameKind::kScratch);
  EXPECT_EQ(NameCodec(kMaxNameMax, ScratchPatterns::None()).Encode(".a.swp"), ".a.swp");
}

TEST(NameCodecTest, KeysThatMatchWhateverIsEscapedGetLongNames) {
  ScratchPatterns patterns;
  ASSERT_TRUE(ScratchPatterns::Parse("*foo*:%??%*~*", &patterns));
  const NameCodec codec(kMaxNameMax, patterns);
  EXPECT_EQ(codec.Encode("afoob"), "%61%66%6F%6F%62");
  ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, "foofoo"));
  ASSERT_TRUE(ScratchPatterns::Parse("*o*:%6F*", &patterns));
  const NameCodec stubborn(kMaxNameMax, patterns);
  EXPECT_TRUE(IsLongName(stubborn.Encode("o")));
  ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(stubborn, "o"));
}

TEST(NameCodecTest, EveryKeyOfOneOrTwoBytes) {
  const NameCodec codec;
  std::unordered_set<std::string> names;
  for (int first = 0; first < 256; ++first) {
    const std::string one(1, static_cast<char>(first));
    ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, one));
    ASSERT_TRUE(names.insert(codec.Encode(one)).second);
    for (int second = 0; second < 256; ++second) {
      const std::string two = one + static_cast<char>(second);
      ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, two));
      ASSERT_TRUE(names.insert(codec.Encode(two)).second);
    }
  }
}

TEST(NameCodecTest, RandomBytesAndRandomText) {
  const NameCodec codec;
  std::mt19937_64 random(1);
  const std::string alphabet = "./%~#.#~.vasto_swp4913aé\x80\xed\xa0\xf4";
  std::unordered_set<std::string> keys;
  std::unordered_set<std::string> names;
  for (int i = 0; i < 200'000; ++i) {
    std::string key = RandomBytes(&random, random() % 24);
    if (i % 2 == 0) {
      for (char& byte : key) byte = alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
    }
    ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, key));
    const bool new_key = keys.insert(key).second;
    ASSERT_EQ(names.insert(codec.Encode(key)).second, new_key) << "not injective";
  }
}

TEST(NameCodecTest, OnlyCanonicalNamesAreAccepted) {
  const NameCodec codec;
  std::mt19937_64 random(2);
  const std::string alphabet = "%%%%0123456789ABCDEFabcdef.~#/xyz\x80\xc3\xa9";
  int accepted = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string name = RandomBytes(&random, 1 + random() % 9);
    for (char& byte : name) byte = alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
    const DecodedName decoded = codec.Decode(name);
    if (decoded.kind != NameKind::kKey) continue;
    ++accepted;
    ASSERT_EQ(codec.Encode(decoded.key), name);
  }
  EXPECT_GT(accepted, 1000);
  for (const char* const alias : {"%2f", "%41", "a%2", "%", "%%", "%~", "a%", "%zz", "%C3%A9",
                                  "%2Evast", "%7e", "/", ".vasto", ".", ".."}) {
    const DecodedName decoded = codec.Decode(alias);
    if (std::string(alias) == "%") {
      EXPECT_EQ(decoded.kind, NameKind::kKey);
      EXPECT_EQ(decoded.key, "");
    } else if (std::string(alias) != "%~") {
      EXPECT_EQ(decoded.kind, NameKind::kInvalid) << alias;
    }
  }
  EXPECT_EQ(codec.Decode("").kind, NameKind::kInvalid);
  EXPECT_EQ(codec.Decode(std::string("%2F\0", 4)).kind, NameKind::kInvalid);
}

TEST(NameCodecTest, IllFormedUtf8IsEscapedByteByByte) {
  const NameCodec codec;
  EXPECT_EQ(codec.Encode("\xc0\xaf"), "%C0%AF");                // overlong '/'
  EXPECT_EQ(codec.Encode("\xe0\x80\xaf"), "%E0%80%AF");         // overlong
  EXPECT_EQ(codec.Encode("\xf0\x80\x80\xaf"), "%F0%80%80%AF");  // overlong
  EXPECT_EQ(codec.Encode("\xed\xa0\x80"), "%ED%A0%80");         // a surrogate
  EXPECT_EQ(codec.Encode("\xed\xbf\xbf"), "%ED%BF%BF");         // a surrogate
  EXPECT_EQ(codec.Encode("\xf4\x90\x80\x80"), "%F4%90%80%80");  // above U+10FFFF
  EXPECT_EQ(codec.Encode("\xe2\x82"), "%E2%82");                // cut short
  EXPECT_EQ(codec.Encode("\xe2\x82x"), "%E2%82x");
  EXPECT_EQ(codec.Encode("\x80"), "%80");                           // a lone continuation
  EXPECT_EQ(codec.Encode("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");  // U+10FFFF
  EXPECT_EQ(codec.Encode("\xed\x9f\xbf"), "\xed\x9f\xbf");          // U+D7FF
  EXPECT_EQ(codec.Encode("\xee\x80\x80"), "\xee\x80\x80");          // U+E000
}

TEST(NameCodecTest, NamesOfUpTo4095BytesAreNamesAndLongerOnesAreHashes) {
  const NameCodec codec;
  const std::string fits(4095, 'x');
  const std::string too_long(4096, 'x');
  EXPECT_EQ(codec.Encode(fits), fits);
  ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, fits));
  EXPECT_TRUE(IsLongName(codec.Encode(too_long)));
  EXPECT_EQ(codec.Decode(too_long).kind, NameKind::kInvalid);
  // 1365 * 3 = 4095: it is the length of the name that counts.
  EXPECT_EQ(codec.Encode(std::string(1365, '\1')).size(), 4095U);
  EXPECT_TRUE(IsLongName(codec.Encode(std::string(1366, '\1'))));
  EXPECT_TRUE(IsLongName(codec.Encode(std::string(65536, 'k'))));
  EXPECT_NE(codec.Encode(too_long), codec.Encode(too_long + "x"));
  const NameCodec narrow(255);
  ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(narrow, std::string(255, 'x')));
  EXPECT_TRUE(IsLongName(narrow.Encode(std::string(256, 'x'))));
}

TEST(NameCodecTest, KeysThatLookLikeLongNamesAreEscaped) {
  const NameCodec codec;
  const std::string fake = "%~0123456789abcdef0123456789abcdef";
  EXPECT_EQ(codec.Encode(fake), "%25~0123456789abcdef0123456789abcdef");
  ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(codec, fake));
  EXPECT_EQ(codec.Decode(fake).kind, NameKind::kLong);
  EXPECT_EQ(codec.Decode("%~0123456789ABCDEF0123456789abcdef").kind, NameKind::kInvalid);
}

TEST(LongNamesTest, RememberAndFind) {
  LongNames names;
  const std::string key(5000, 'k');
  std::string found;
  EXPECT_FALSE(names.Find(LongName(key), &found));
  EXPECT_TRUE(names.Remember(LongName(key), key));
  EXPECT_TRUE(names.Remember(LongName(key), key));
  ASSERT_TRUE(names.Find(LongName(key), &found));
  EXPECT_EQ(found, key);
  EXPECT_EQ(names.seen(), 1U);
  EXPECT_FALSE(names.Remember(LongName(key), "another key with the same hash"));
}

TEST(LongNamesTest, ForgetsTheOldestAboveItsBound) {
  LongNames names;
  const size_t count = LongNames::kMaxBytes / 60'000 + 10;
  std::string first;
  for (size_t i = 0; i < count; ++i) {
    const std::string key = std::string(60'000, 'k') + std::to_string(i);
    if (i == 0) first = LongName(key);
    ASSERT_TRUE(names.Remember(LongName(key), key));
  }
  std::string found;
  EXPECT_FALSE(names.Find(first, &found));
  EXPECT_EQ(names.seen(), count);
}

}  // namespace
}  // namespace vasto::fuse
