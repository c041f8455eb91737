// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/address.h"

#include <gtest/gtest.h>

namespace vasto::daemons {
namespace {

TEST(AddressTest, TakesNamesAndBothKindsOfNumbers) {
  for (const auto& [text, host, port] :
       std::vector<std::tuple<std::string, std::string, int>>{{"127.0.0.1:9333", "127.0.0.1", 9333},
                                                              {"localhost:0", "localhost", 0},
                                                              {"a-b.c_d:65535", "a-b.c_d", 65535},
                                                              {"[::1]:80", "::1", 80}}) {
    const auto parsed = ParseHostPort("--listen", text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    EXPECT_EQ(parsed->host, host);
    EXPECT_EQ(parsed->port, port);
  }
}

TEST(AddressTest, RefusesEverythingElseByNamingTheFlag) {
  for (const char* text :
       {"", ":", "localhost", "localhost:", ":80", "h:65536", "h:-1", "h:+1", "h:8o", "h:80 ",
        "h h:80", "::1:80", "[::1]", "[]:80", "http://h:80", "h:80/", "h\n:80", "h:99999999999"}) {
    const auto parsed = ParseHostPort("--listen", text);
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument) << text;
    EXPECT_EQ(parsed.status().message().find("--listen: '"), 0u) << parsed.status().message();
    EXPECT_EQ(parsed.status().message().find('\n'), std::string::npos);
  }
}

TEST(AddressTest, ListsNeedRealPorts) {
  const auto two = ParseHostPorts("--master", "a:1,b:2");
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(*two, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_FALSE(ParseHostPorts("--master", "").ok());
  EXPECT_FALSE(ParseHostPorts("--master", "a:0").ok());
  EXPECT_FALSE(ParseHostPorts("--master", "a:1,b").ok());
}

TEST(AddressTest, CommasSplit) {
  EXPECT_EQ(SplitCommas(",a,,b,"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(SplitCommas("").empty());
}

}  // namespace
}  // namespace vasto::daemons
