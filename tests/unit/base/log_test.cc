// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

#include <gtest/gtest.h>

#include <vector>

namespace vasto {
namespace {

class Lines : public LogSink {
 public:
  void Write(LogLevel level, std::string_view line) override {
    lines.push_back(std::string(LogLevelName(level)) + " " + std::string(line));
  }
  std::vector<std::string> lines;
};

TEST(LogTest, AnEntryIsAnEventAndItsFields) {
  Lines sink;
  Logger logger(&sink);
  VASTO_LOG(&logger, kInfo, "shard_opened").With("shard", 3).With("dir", "/a b").With("x", "");
  VASTO_LOG(&logger, kError, "odd").With("text", "say \"hi\"\nbye");
  EXPECT_EQ(sink.lines, (std::vector<std::string>{R"(info shard_opened shard=3 dir="/a b" x="")",
                                                  R"(error odd text="say \"hi\" bye")"}));
}

TEST(LogTest, FieldsOfADisabledEntryAreNotEvaluated) {
  Lines sink;
  Logger logger(&sink, LogLevel::kWarning);
  int evaluated = 0;
  VASTO_LOG(&logger, kInfo, "quiet").With("n", ++evaluated);
  VASTO_LOG(Logger::Null(), kError, "nowhere").With("n", ++evaluated);
  EXPECT_EQ(evaluated, 0);
  EXPECT_TRUE(sink.lines.empty());
}

}  // namespace
}  // namespace vasto
