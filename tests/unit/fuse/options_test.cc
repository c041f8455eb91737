// SPDX-License-Identifier: Apache-2.0
#include "fuse/options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <string>
#include <vector>

namespace vasto::fuse {
namespace {

std::string Parse(const std::vector<std::string>& arguments, Options* out) {
  return ParseOptions(arguments, true, 0, 0, out);
}

TEST(OptionsTest, SourcesOfAllForms) {
  Options o;
  EXPECT_EQ(ParseSource("m1", &o), "");
  EXPECT_EQ(o.masters, "m1:9333");
  EXPECT_EQ(o.keyspace, "");
  EXPECT_EQ(ParseSource("m1:1234,m2,[::1],[::1]:99:/", &o), "");
  EXPECT_EQ(o.masters, "m1:1234,m2:9333,[::1]:9333,[::1]:99");
  EXPECT_EQ(ParseSource("m1:9333:/users", &o), "");
  EXPECT_EQ(o.masters, "m1:9333");
  EXPECT_EQ(o.keyspace, "users");
  EXPECT_EQ(o.prefix, "");
  EXPECT_EQ(ParseSource("m1:/users/2024/a", &o), "");
  EXPECT_EQ(o.masters, "m1:9333");
  EXPECT_EQ(o.prefix, "2024/a");
  for (const char* const bad : {"", ":/ks", "m1,,m2", "m1:", ":99", "m1:/.ks", "m1:/a b"}) {
    EXPECT_NE(ParseSource(bad, &o), "") << bad;
  }
}

TEST(OptionsTest, WhatMount8Passes) {
  Options o;
  EXPECT_EQ(
      Parse({"m1:/ks", "/mnt", "-n", "-v", "-o", "rw,noatime,_netdev,nofail,x-systemd.automount"},
            &o),
      "");
  EXPECT_EQ(o.directory, "/mnt");
  EXPECT_TRUE(o.verbose);
  EXPECT_FALSE(o.read_only);
  EXPECT_EQ(o.mount_flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV | MS_NOATIME));
  EXPECT_TRUE(o.allow_other);
}

TEST(OptionsTest, ArgumentsInAnyOrder) {
  Options o;
  EXPECT_EQ(Parse({"-o", "ro", "m1", "-sf", "/mnt", "-ouid=7", "-t", "fuse.vasto"}, &o), "");
  EXPECT_TRUE(o.read_only);
  EXPECT_TRUE((o.mount_flags & MS_RDONLY) != 0);
  EXPECT_TRUE(o.sloppy);
  EXPECT_TRUE(o.fake);
  EXPECT_FALSE(o.foreground);  // -f is mount(8)'s, not libfuse's
  EXPECT_EQ(o.uid, 7U);
}

TEST(OptionsTest, EveryOptionWithAValue) {
  Options o;
  EXPECT_EQ(Parse({"m1", "/mnt", "-o",
                   "gid=5,umask=077,fmask=0133,timeout=2.5,mount_timeout=3,max_value=2M,"
                   "conflict=cas,scratch=off,namemax=255,cache=ttl=1.5,threads=3,"
                   "max_background=17,readahead_kb=128,log=/tmp/l,loglevel=debug,config=/c,"
                   "shards=4,replicas=2"},
                  &o),
            "");
  EXPECT_EQ(o.gid, 5U);
  EXPECT_EQ(o.dir_mask, 077U);
  EXPECT_EQ(o.file_mask, 0133U);
  EXPECT_EQ(o.timeout_ms, 2500);
  EXPECT_EQ(o.mount_timeout_ms, 3000);
  EXPECT_EQ(o.max_value, 2U << 20);
  EXPECT_TRUE(o.conflict_cas);
  EXPECT_TRUE(o.scratch.patterns().empty());
  EXPECT_EQ(o.name_max, 255U);
  EXPECT_DOUBLE_EQ(o.cache_ttl_s, 1.5);
  EXPECT_EQ(o.threads, 3U);
  EXPECT_EQ(o.max_background, 17U);
  EXPECT_EQ(o.readahead_kb, 128U);
  EXPECT_EQ(o.log_level, LogLevel::kDebug);
  EXPECT_EQ(o.shards, 4U);
  EXPECT_EQ(o.replicas, 2U);
}

TEST(OptionsTest, FlagsAndTheirOpposites) {
  Options o;
  EXPECT_EQ(Parse({"m1", "/mnt", "-o",
                   "hard,soft,admin,nodelete,quiet,bg,list_xattr,show_internal,foreground,stop_"
                   "with_parent,suid,dev,"
                   "allow_root,nodefault_permissions"},
                  &o),
            "");
  EXPECT_FALSE(o.hard);
  EXPECT_TRUE(o.admin && o.no_delete && o.quiet && o.background && o.list_xattr);
  EXPECT_TRUE(o.show_internal && o.foreground && o.stop_with_parent && o.allow_root);
  EXPECT_FALSE(o.default_permissions);
  EXPECT_FALSE(o.allow_other);
  EXPECT_EQ(o.mount_flags, 0U);
}

TEST(OptionsTest, MistakesAreNamed) {
  for (const char* const bad :
       {"nonsense",       "uid=x",         "uid=-1",       "umask=9",       "timeout=0",
        "timeout=",       "timeout",       "max_value=1T", "max_value=65M", "max_value=0",
        "conflict=maybe", "cache=feed",    "cache=ttl=",   "namemax=254",   "namemax=4096",
        "threads=0",      "loglevel=loud", "log=",         "scratch=",      "scratch=*",
        "shards=5000",    "replicas=0"}) {
    Options o;
    const std::string problem = Parse({"m1", "/mnt", "-o", bad}, &o);
    EXPECT_NE(problem.find(bad), std::string::npos) << bad << ": " << problem;
  }
  Options o;
  EXPECT_NE(Parse({"m1"}, &o), "");
  EXPECT_NE(Parse({"m1", "/mnt", "x"}, &o), "");
  EXPECT_NE(Parse({"m1", "/mnt", "-o"}, &o), "");
  EXPECT_NE(Parse({"m1", "/mnt", "-x"}, &o), "");
}

TEST(OptionsTest, SloppyIgnoresUnknownOptionsOnly) {
  Options o;
  EXPECT_EQ(Parse({"m1", "/mnt", "-s", "-o", "nonsense,other=1"}, &o), "");
  EXPECT_NE(Parse({"m1", "/mnt", "-s", "-o", "uid=x"}, &o), "");
}

TEST(OptionsTest, ABackslashTakesACommaIntoAValue) {
  Options o;
  EXPECT_EQ(Parse({"m1", "/mnt", "-o", "log=/a\\,b,ro"}, &o), "");
  EXPECT_EQ(o.log_file, "/a,b");
  EXPECT_TRUE(o.read_only);
}

TEST(OptionsTest, HelpAndVersionNeedNothingElse) {
  Options o;
  EXPECT_EQ(Parse({"--help"}, &o), "");
  EXPECT_TRUE(o.help);
  EXPECT_EQ(Parse({"-V"}, &o), "");
  EXPECT_TRUE(o.version);
}

TEST(OptionsTest, OrdinaryUsersDoNotOpenTheMountToOthers) {
  Options o;
  EXPECT_EQ(ParseOptions({"m1", "/mnt"}, false, 1000, 1001, &o), "");
  EXPECT_FALSE(o.allow_other);
  EXPECT_EQ(o.uid, 1000U);
  EXPECT_EQ(o.gid, 1001U);
}

TEST(OptionsTest, KeyspaceNames) {
  EXPECT_TRUE(IsKeyspaceName("a"));
  EXPECT_TRUE(IsKeyspaceName("_x.y-Z9"));
  EXPECT_TRUE(IsKeyspaceName(std::string(128, 'a')));
  EXPECT_FALSE(IsKeyspaceName(std::string(129, 'a')));
  for (const char* const bad : {"", ".a", "-a", "a b", "a/b", "ä"}) {
    EXPECT_FALSE(IsKeyspaceName(bad)) << bad;
  }
}

}  // namespace
}  // namespace vasto::fuse
