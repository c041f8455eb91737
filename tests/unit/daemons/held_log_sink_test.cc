// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/held_log_sink.h"

#include <gtest/gtest.h>

namespace vasto::daemons {
namespace {

using std::chrono::milliseconds;

class ListSink final : public LogSink {
 public:
  void Write(LogLevel level, std::string_view line) override {
    lines.push_back(std::string(LogLevelName(level)) + " " + std::string(line));
  }
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

TEST(HeldLogSinkTest, ShowsEverythingInOrderOnceReleased) {
  ListSink shown;
  HeldLogSink held(&shown, std::chrono::hours(1));
  held.Write(LogLevel::kInfo, "one");
  held.Write(LogLevel::kError, "two");
  EXPECT_EQ(shown.lines, Lines());
  held.Release();
  held.Write(LogLevel::kWarning, "three");
  held.Release();
  held.Discard();
  EXPECT_EQ(shown.lines, (Lines{"info one", "error two", "warning three"}));
}

TEST(HeldLogSinkTest, ShowsNothingOnceDiscarded) {
  ListSink shown;
  HeldLogSink held(&shown, std::chrono::hours(1));
  held.Write(LogLevel::kError, "one");
  held.Discard();
  held.Write(LogLevel::kError, "two");
  held.Release();
  EXPECT_EQ(shown.lines, Lines());
}

TEST(HeldLogSinkTest, ALongStartIsShown) {
  ListSink shown;
  HeldLogSink held(&shown, milliseconds(0));
  held.Write(LogLevel::kInfo, "one");
  EXPECT_EQ(shown.lines, (Lines{"info one"}));
}

TEST(HeldLogSinkTest, HoldsABoundedNumber) {
  ListSink shown;
  HeldLogSink held(&shown, std::chrono::hours(1));
  for (size_t i = 1; i < HeldLogSink::kMaxEntries; ++i) held.Write(LogLevel::kInfo, "x");
  EXPECT_EQ(shown.lines.size(), 0u);
  held.Write(LogLevel::kInfo, "x");
  EXPECT_EQ(shown.lines.size(), HeldLogSink::kMaxEntries);
}

}  // namespace
}  // namespace vasto::daemons
