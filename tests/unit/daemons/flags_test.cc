// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/flags.h"

#include <gflags/gflags.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "core/base/file.h"
#include "daemons/common/log_sink.h"

DEFINE_string(word, "one", "a word");
DEFINE_int32(count, 3, "a count");
DEFINE_bool(fast, false, "a switch");

namespace vasto::daemons {
namespace {

class FlagsTest : public testing::Test {
 protected:
  void SetUp() override {
    FLAGS_word = "one";
    FLAGS_count = 3;
    FLAGS_fast = false;
  }
  static std::string Error(const std::vector<std::string>& args) {
    const auto outcome = ParseFlags(args);
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.status().message().find('\n'), std::string::npos);
    return outcome.status().message();
  }
};

TEST_F(FlagsTest, EveryFormOfAFlagIsTaken) {
  const auto outcome = ParseFlags({"--word=a=b", "-count", "-7", "--fast"});
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(*outcome, FlagsOutcome::kRun);
  EXPECT_EQ(FLAGS_word, "a=b");
  EXPECT_EQ(FLAGS_count, -7);
  EXPECT_TRUE(FLAGS_fast);
  ASSERT_TRUE(ParseFlags({"--nofast", "--word=", "--word=last"}).ok());
  EXPECT_FALSE(FLAGS_fast);
  EXPECT_EQ(FLAGS_word, "last");
}

TEST_F(FlagsTest, ErrorsNameTheFlagAndTheValue) {
  EXPECT_EQ(Error({"--colour=red"}), "unknown flag --colour; see --help");
  EXPECT_EQ(Error({"--nocount"}), "unknown flag --nocount; see --help");
  EXPECT_EQ(Error({"--count=many"}), "--count: 'many' is not a whole number");
  EXPECT_EQ(Error({"--count="}), "--count: '' is not a whole number");
  EXPECT_EQ(Error({"--fast=perhaps"}), "--fast: 'perhaps' is not true or false");
  EXPECT_EQ(Error({"--word"}), "--word needs a value");
  EXPECT_EQ(Error({"start"}), "unexpected argument 'start'; see --help");
  EXPECT_EQ(Error({"-"}), "unexpected argument '-'; see --help");
  EXPECT_EQ(Error({"--"}), "unexpected argument '--'; see --help");
  EXPECT_EQ(Error({"--b\nad"}), "unknown flag --b\\x0aad; see --help");
}

TEST_F(FlagsTest, FlagsOfLibrariesAreUnknown) {
  EXPECT_EQ(Error({"--logtostderr"}), "unknown flag --logtostderr; see --help");
  EXPECT_EQ(Error({"--helpfull"}), "unknown flag --helpfull; see --help");
  EXPECT_EQ(Error({"--tab_completion_word=x"}), "unknown flag --tab_completion_word; see --help");
}

TEST_F(FlagsTest, HelpAndVersionWin) {
  EXPECT_EQ(*ParseFlags({"--help", "--colour"}), FlagsOutcome::kHelp);
  EXPECT_EQ(*ParseFlags({"--version"}), FlagsOutcome::kVersion);
}

TEST_F(FlagsTest, HelpShowsOwnFlagsWithDefaults) {
  ASSERT_TRUE(ParseLogLevel("debug").ok());  // links glog, which brings its flags along
  const std::string help = HelpText("prog", "Does things.");
  EXPECT_EQ(help.find("Usage: prog"), 0u);
  EXPECT_NE(help.find("  --word\n      a word (default one)\n"), std::string::npos) << help;
  EXPECT_NE(help.find("  --log_dir\n"), std::string::npos);
  EXPECT_EQ(help.find("stderrthreshold"), std::string::npos);
}

TEST_F(FlagsTest, FlagFilesAreReadLineByLine) {
  char folder[] = "/tmp/vasto-flags-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/flags";
  const std::string inner = std::string(folder) + "/inner";
  FileSystem* files = PosixFileSystem();
  ASSERT_TRUE(files->WriteAtomically(inner, "--count=9").ok());
  ASSERT_TRUE(files
                  ->WriteAtomically(path, "# a comment\r\n\n  --word=from file \n--flagfile=" +
                                              inner + "\n--fast\n")
                  .ok());
  ASSERT_TRUE(ParseFlags({"--flagfile", path}).ok());
  EXPECT_EQ(FLAGS_word, "from file");
  EXPECT_EQ(FLAGS_count, 9);
  EXPECT_TRUE(FLAGS_fast);

  ASSERT_TRUE(files->WriteAtomically(inner, "--flagfile=" + inner).ok());
  EXPECT_NE(Error({"--flagfile=" + path}).find("too deeply"), std::string::npos);
  ASSERT_TRUE(files->WriteAtomically(inner, "--count\n7\n").ok());
  EXPECT_NE(Error({"--flagfile=" + inner}).find("--count needs a value"), std::string::npos);
  EXPECT_NE(Error({"--flagfile=/nowhere/x"}).find("No such file"), std::string::npos);
  EXPECT_TRUE(files->RemoveTree(folder).ok());
}

}  // namespace
}  // namespace vasto::daemons
