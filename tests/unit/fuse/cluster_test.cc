// SPDX-License-Identifier: Apache-2.0
#include "fuse/cluster.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fuse/task.h"
#include "tests/fuse/fake/fake_vasto.h"

namespace vasto::fuse {
namespace {

TEST(ParseKeyspaceNamesTest, TakesWhatDescribeGives) {
  std::vector<std::string> names;
  EXPECT_TRUE(ParseKeyspaceNames(
      R"({"schema":1,"keyspaces":[{"name":"b","id":"x"},{"name":"a","shards":3}]})", &names));
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(ParseKeyspaceNames(R"({"keyspaces":[]})", &names));
  EXPECT_TRUE(names.empty());
}

TEST(ParseKeyspaceNamesTest, RefusesAnythingElse) {
  std::vector<std::string> names = {"kept"};
  for (const char* const bad :
       {"", "{", "[]", "null", "{}", R"({"keyspaces":{}})", R"({"keyspaces":[1]})",
        R"({"keyspaces":[{"name":1}]})", R"({"keyspaces":[{}]})"}) {
    EXPECT_FALSE(ParseKeyspaceNames(bad, &names)) << bad;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"kept"}));
}

// What a test waits for while coroutines run elsewhere.
struct Done {
  Mutex mu;
  CondVar changed;
  bool set GUARDED_BY(mu) = false;
  Outcome outcome GUARDED_BY(mu);
  void Set(Outcome result) {
    MutexLock lock(&mu);
    outcome = std::move(result);
    set = true;
    changed.SignalAll();
  }
  Outcome Wait() {
    MutexLock lock(&mu);
    while (!set) changed.Wait(&mu);
    return outcome;
  }
};

class ClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    fake::Reset();
    log_.set_level(LogLevel::kError);
    ClusterConfig config;
    config.masters = "m1:9333";
    ASSERT_TRUE(cluster_.Open(config).ok());
    ASSERT_TRUE(cluster_.OpenKeyspace("ks", &keyspace_).ok());
  }

  static Task GetInto(Cluster* cluster, KeyspacePtr keyspace, std::string key, Call* call,
                      Done* done) {
    Outcome outcome = co_await cluster->Get(keyspace, key, call);
    done->Set(std::move(outcome));
  }
  Outcome Get(const std::string& key, Call* call) {
    Done done;
    GetInto(&cluster_, keyspace_, key, call, &done);
    return done.Wait();
  }

  Log log_;
  Cluster cluster_{&log_};
  KeyspacePtr keyspace_;
};

TEST_F(ClusterTest, AnAwaitedGetHasItsValue) {
  fake::Put("ks", "k", "value");
  const Outcome got = Get("k", nullptr);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value->bytes(), "value");
  EXPECT_EQ(got.value->version(), fake::VersionOf("ks", "k"));
}

TEST_F(ClusterTest, AbsenceOfTheKeyAndOfTheKeyspaceDiffer) {
  const Outcome absent = Get("nothing", nullptr);
  EXPECT_EQ(absent.code, VASTO_NOT_FOUND);
  EXPECT_FALSE(absent.keyspace_gone);
  fake::DeleteKeyspace("ks");
  const Outcome gone = Get("nothing", nullptr);
  EXPECT_EQ(gone.code, VASTO_NOT_FOUND);
  EXPECT_TRUE(gone.keyspace_gone);
}

TEST_F(ClusterTest, TheDeadlineOfTheCallHolds) {
  fake::SetStalled(true);
  Call call(50);
  const Outcome got = Get("k", &call);
  EXPECT_EQ(got.code, VASTO_TIMEOUT);
  EXPECT_EQ(got.error(), ETIMEDOUT);
}

TEST_F(ClusterTest, AnInterruptedCallEndsAtOnceAndForGood) {
  fake::SetStalled(true);
  Call call(60'000);
  Done done;
  GetInto(&cluster_, keyspace_, "k", &call, &done);
  call.Interrupt();
  EXPECT_EQ(done.Wait().error(), EINTR);
  fake::SetStalled(false);
  EXPECT_EQ(Get("k", &call).error(), EINTR);
}

TEST_F(ClusterTest, WithoutAClientNothingCanBeOpened) {
  Cluster closed(&log_);
  KeyspacePtr keyspace;
  EXPECT_EQ(closed.OpenKeyspace("ks", &keyspace).code, VASTO_UNAVAILABLE);
  ClusterConfig config;
  config.masters = "nowhere:1";
  const Outcome outcome = closed.Open(config);
  EXPECT_EQ(outcome.code, VASTO_UNAVAILABLE);
  EXPECT_EQ(outcome.message, "no master answered");
}

TEST_F(ClusterTest, InodeNumbersAreStableAndSpread) {
  EXPECT_EQ(keyspace_->InodeNumber("a"), keyspace_->InodeNumber("a"));
  EXPECT_NE(keyspace_->InodeNumber("a"), keyspace_->InodeNumber("b"));
  EXPECT_GE(keyspace_->InodeNumber(""), 2U);
}

}  // namespace
}  // namespace vasto::fuse
