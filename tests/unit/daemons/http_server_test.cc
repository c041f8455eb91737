// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/http_server.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>

namespace vasto::daemons {
namespace {

std::vector<HttpPage> Pages() {
  return {{.path = "/metrics", .content_type = "text/plain", .content = [] { return "up 1\n"; }}};
}

TEST(HttpServerTest, ServesItsPagesAndNothingElse) {
  auto server = HttpServer::Start("127.0.0.1:0", Pages());
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  httplib::Client client("http://" + (*server)->address());
  const auto page = client.Get("/metrics");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->body, "up 1\n");
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/plain");
  EXPECT_EQ(client.Get("/")->status, 404);
  EXPECT_EQ(client.Get("/metrics/../../etc/passwd")->status, 404);
  EXPECT_EQ(client.Post("/metrics", "x", "text/plain")->status, 404);
}

TEST(HttpServerTest, APortInUseIsRefused) {
  auto first = HttpServer::Start("127.0.0.1:0", Pages());
  ASSERT_TRUE(first.ok());
  const auto second = HttpServer::Start((*first)->address(), Pages());
  EXPECT_EQ(second.status().code(), Code::kAlreadyExists) << second.status().ToString();
  EXPECT_NE(second.status().message().find("Address already in use"), std::string::npos);
}

TEST(HttpServerTest, AnAddressThatIsNoneIsRefused) {
  EXPECT_EQ(HttpServer::Start("nonsense", Pages()).status().code(), Code::kInvalidArgument);
  EXPECT_FALSE(HttpServer::Start("no-such-host.invalid:0", Pages()).ok());
  EXPECT_FALSE(HttpServer::Start("203.0.113.7:80", Pages()).ok());
}

TEST(HttpServerTest, StopsWithAnIdleConnectionOpen) {
  auto server = HttpServer::Start("127.0.0.1:0", Pages());
  ASSERT_TRUE(server.ok());
  httplib::Client client("http://" + (*server)->address());
  client.set_keep_alive(true);
  ASSERT_TRUE(client.Get("/metrics"));
  const auto start = std::chrono::steady_clock::now();
  (*server)->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

}  // namespace
}  // namespace vasto::daemons
