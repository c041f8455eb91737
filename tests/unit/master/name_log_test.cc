// SPDX-License-Identifier: Apache-2.0
// Two keyspaces of one name: the master was restarted while the only store of the first was away,
// and the name was given again.
#include "core/master/name_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/master/master_core.h"
#include "core/master/status_json.h"

namespace vasto::master {
namespace {

struct Log final : LogSink {
  void Write(LogLevel level, std::string_view line) override {
    if (level >= LogLevel::kWarning) lines.emplace_back(line);
  }
  std::vector<std::string> lines;
};

class NameLogTest : public testing::Test {
 protected:
  NameLogTest() : core_(Options(), random_.get()) { core_.Step(StartEvent{}, now_us_); }

  MasterCoreOptions Options() {
    MasterCoreOptions options;
    options.logger = &logger_;
    return options;
  }
  // A keyspace "ks" with its one replica on the store of the same number.
  static KeyspaceDescriptor Make(uint64_t number, int64_t created_at_us) {
    KeyspaceDescriptor d;
    d.uuid = {1, number};
    d.name = "ks";
    d.epoch = 1;
    d.created_at_us = created_at_us;
    d.shards.resize(1);
    d.shards[0].replicas.resize(1);
    d.shards[0].replicas[0].store = {5, number};
    return d;
  }
  void Register(uint64_t store, std::vector<KeyspaceDescriptor> descriptors) {
    RegisterEvent event{.call = ++call_, .connection = store, .request = {}};
    event.request.cluster = {0xc, 1};
    event.request.store.uuid = {5, store};
    event.request.store.address = "h:" + std::to_string(store);
    event.request.descriptors = std::move(descriptors);
    core_.Step(event, now_us_);
    now_us_ += 600'000;
    core_.Step(TickEvent{}, now_us_);
  }

  Log log_;
  const Logger logger_{&log_};
  const std::unique_ptr<Random> random_ = SeededRandom(1);
  int64_t now_us_ = 1'000'000'000;
  CallId call_ = 0;
  MasterCore core_;
};

TEST_F(NameLogTest, AHiddenKeyspaceIsToldOf) {
  const KeyspaceDescriptor older = Make(1, 10);
  const KeyspaceDescriptor newer = Make(2, 20);
  Register(2, {newer});
  EXPECT_TRUE(log_.lines.empty());
  Register(1, {older});
  ASSERT_EQ(log_.lines.size(), 1u);
  EXPECT_EQ(log_.lines[0], "keyspace_name_conflict name=ks owner=" + newer.uuid.ToString() +
                               " hidden=" + older.uuid.ToString());
  EXPECT_EQ(core_.Map().keyspaces.at("ks").uuid, newer.uuid);
  Register(1, {older});
  EXPECT_EQ(log_.lines.size(), 1u) << "told once";

  const auto status =
      nlohmann::json::parse(StatusJson(core_.Map(), false, core_.catalog().Conflicts()));
  ASSERT_EQ(status["name_conflicts"].size(), 1u);
  EXPECT_EQ(status["name_conflicts"][0]["name"], "ks");
  EXPECT_EQ(status["name_conflicts"][0]["owner"], newer.uuid.ToString());
  EXPECT_EQ(status["name_conflicts"][0]["hidden"], older.uuid.ToString());

  core_.Step(DeleteEvent{.call = ++call_, .wall_us = 88, .request = {.name = "ks"}}, now_us_);
  EXPECT_EQ(core_.Map().keyspaces.at("ks").uuid, older.uuid);
  ASSERT_EQ(log_.lines.size(), 2u);
  EXPECT_EQ(log_.lines[1], "keyspace_shown_again name=ks keyspace=" + older.uuid.ToString());
  EXPECT_TRUE(core_.catalog().Conflicts().empty());
}

// The other order: the name goes to the keyspace that was created last, whoever is heard of first.
TEST_F(NameLogTest, TheNameMovesToTheNewerOne) {
  Register(1, {Make(1, 10)});
  Register(2, {Make(2, 20)});
  ASSERT_EQ(log_.lines.size(), 1u);
  EXPECT_EQ(core_.Map().keyspaces.at("ks").uuid, (Uuid{1, 2}));
  EXPECT_EQ(core_.catalog().hidden(), (std::set<Uuid>{{1, 1}}));
}

}  // namespace
}  // namespace vasto::master
