// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/port.h"

#include <gtest/gtest.h>

#include "daemons/common/http_server.h"

namespace vasto::daemons {
namespace {

TEST(PortTest, AFreePortIsLeftFree) {
  std::string address;
  {
    const auto server = HttpServer::Start("127.0.0.1:0", {});
    ASSERT_TRUE(server.ok());
    address = (*server)->address();
    const Status taken = CheckCanListen("--listen", address);
    EXPECT_EQ(taken.code(), Code::kAlreadyExists);
    EXPECT_EQ(taken.message().find("--listen: cannot listen on " + address), 0u) << taken.message();
  }
  EXPECT_TRUE(CheckCanListen("--listen", address).ok());
  EXPECT_TRUE(HttpServer::Start(address, {}).ok());
}

TEST(PortTest, RefusesWhatIsNoAddressOfThisMachine) {
  for (const char* address : {"nonsense", "256.1.1.1:0", "203.0.113.7:0", "127.0.0.1:70000"}) {
    const Status status = CheckCanListen("--http", address);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << address;
    EXPECT_EQ(status.message().find("--http: "), 0u) << status.message();
    EXPECT_NE(status.message().find(address), std::string::npos) << status.message();
  }
}

TEST(PortTest, KnowsWildcards) {
  for (const char* host : {"0.0.0.0", "::", "0::0"}) EXPECT_TRUE(IsWildcard(host)) << host;
  for (const char* host : {"127.0.0.1", "::1", "localhost", ""}) EXPECT_FALSE(IsWildcard(host));
}

}  // namespace
}  // namespace vasto::daemons
