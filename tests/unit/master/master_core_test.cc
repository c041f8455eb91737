// SPDX-License-Identifier: Apache-2.0
#include "core/master/master_core.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/codec/limits.h"
#include "tests/unit/master/core_fixture.h"

namespace vasto::master {
namespace {

// ---- Recovery, cluster, term.

TEST_F(MasterCoreTest, RecoveryEndsWhenAllNamedStoresAreBack) {
  KeyspaceDescriptor d;
  d.uuid = {1, 1};
  d.name = "a";
  d.epoch = 4;
  d.shards.resize(1);
  d.shards[0].replicas.resize(2);
  d.shards[0].replicas[0].store = StoreId(1);
  d.shards[0].replicas[1].store = StoreId(2);
  Register(1, {d});
  Advance(1 * kSecond);
  EXPECT_TRUE(core_->recovering()) << "store 2 is missing";
  Register(2, {d});
  EXPECT_FALSE(core_->recovering());
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  EXPECT_TRUE(installs_.empty()) << "nothing to repair";
}

TEST_F(MasterCoreTest, RecoveryLastsAtMostThreeSecondsAndDemotesNobody) {
  KeyspaceDescriptor d;
  d.uuid = {1, 1};
  d.name = "a";
  d.epoch = 4;
  d.shards.resize(1);
  d.shards[0].replicas.resize(2);
  d.shards[0].replicas[0].store = StoreId(2);  // the primary, not back yet
  d.shards[0].replicas[1].store = StoreId(1);
  Register(1, {d});
  const CallId watch = Watch(0, 0, 0);
  Advance(3 * kSecond - 1);
  EXPECT_TRUE(core_->recovering());
  EXPECT_TRUE(Parked(watch)) << "a new client must not see half of the cluster";
  Advance(1);
  EXPECT_FALSE(core_->recovering());
  const auto seen = Get<rpc::WatchClusterResponse>(watch);
  ASSERT_TRUE(seen && seen->changed);
  EXPECT_EQ(seen->map.keyspaces.at("a"), d) << "the order of replicas is unchanged";
  EXPECT_EQ(seen->map.stores.count(StoreId(2)), 0u);
}

TEST_F(MasterCoreTest, RecoveryIsNotOverBeforeAnyStoreCame) {
  Advance(2900 * kMs);
  EXPECT_TRUE(core_->recovering());
  Advance(100 * kMs);
  EXPECT_FALSE(core_->recovering());
  EXPECT_EQ(core_->term(), 0u);
}

TEST_F(MasterCoreTest, RequestsThatComeTooEarlyAreParkedNotRefused) {
  const CallId create = Create("a");
  const CallId remove = Delete("nothing");
  Do(StatsEvent{.call = ++call_});
  const CallId stats = call_;
  Do(CompactEvent{.call = ++call_, .request = {.name = "nothing"}});
  const CallId compact = call_;
  EXPECT_TRUE(Parked(create) && Parked(remove) && Parked(stats) && Parked(compact));
  Register(1);
  Advance(500 * kMs);
  EXPECT_TRUE(Get<rpc::StartOperationResponse>(create).has_value());
  EXPECT_EQ(Error(remove).code(), Code::kNotFound);
  EXPECT_EQ(Error(compact).code(), Code::kNotFound);
  EXPECT_EQ(Get<rpc::ClusterStatsResponse>(stats)->stores.size(), 1u);
}

TEST_F(MasterCoreTest, ANewClusterGetsItsUuidOnlyAfterRecovery) {
  const CallId first = Register(1, {}, Uuid());
  EXPECT_TRUE(Parked(first));
  Advance(500 * kMs);
  const auto answer = Get<rpc::RegisterStoreResponse>(first);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->cluster.nil());
  EXPECT_EQ(answer->term, 1u);
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(2, {}, Uuid()))->cluster, answer->cluster);
}

TEST_F(MasterCoreTest, AStoreOfACluster_BringsItsUuidToThoseThatWait) {
  const CallId fresh = Register(1, {}, Uuid());
  EXPECT_TRUE(Parked(fresh));
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(2))->cluster, kCluster);
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(fresh)->cluster, kCluster);
}

TEST_F(MasterCoreTest, PeersOfANewerProtocolAreRefusedWithBothNumbers) {
  const std::string reason =
      " speaks protocol version 2, this program knows versions up to 1: update this program";
  RegisterEvent store{.call = ++call_, .connection = 1, .request = {}};
  store.request.store.uuid = StoreId(1);
  store.request.store.address = "10.0.0.1:7";
  store.request.protocol_version = 2;
  Do(store);
  EXPECT_EQ(Error(call_).ToString(), "NOT_SUPPORTED: store 10.0.0.1:7" + reason);
  EXPECT_TRUE(core_->stores().empty());
  Do(WatchEvent{.call = ++call_, .request = {.protocol_version = 2}});
  EXPECT_EQ(Error(call_).ToString(), "NOT_SUPPORTED: the client" + reason);
}

TEST_F(MasterCoreTest, TellsItsProtocolVersion) {
  StartWithStores(1);
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(2))->protocol_version, 1u);
  const auto map = Get<rpc::WatchClusterResponse>(Watch(0, 0, 0));
  EXPECT_EQ(map->protocol_version, 1u);
  EXPECT_EQ(
      Get<rpc::WatchClusterResponse>(Watch(map->map.term, map->map.version, 0))->protocol_version,
      1u);
}

TEST_F(MasterCoreTest, AStoreOfAnotherClusterIsRefusedWithBothNames) {
  Register(1);
  const Uuid other{0xd, 2};
  const Status refused = Error(Register(2, {}, other));
  EXPECT_EQ(refused.code(), Code::kPermission);
  EXPECT_NE(refused.message().find(kCluster.ToString()), std::string::npos);
  EXPECT_NE(refused.message().find(other.ToString()), std::string::npos);
  EXPECT_EQ(core_->stores().all().size(), 1u);
}

TEST_F(MasterCoreTest, ADisconnectedFreshStoreIsForgotten) {
  const CallId first = Register(1, {}, Uuid());
  Do(DisconnectEvent{.connection = 1});
  EXPECT_EQ(Error(first).code(), Code::kUnavailable);
  Advance(4 * kSecond);
  EXPECT_TRUE(core_->stores().empty());
}

TEST_F(MasterCoreTest, TheTermIsAboveAllTermsSeen) {
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(1, {}, kCluster, 7))->term, 8u);
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(2, {}, kCluster, 3))->term, 8u);
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(1, {}, kCluster, 8))->term, 8u)
      << "our own term comes back";
  EXPECT_EQ(Get<rpc::RegisterStoreResponse>(Register(3, {}, kCluster, 20))->term, 21u);
}

TEST_F(MasterCoreTest, NonsenseRegistrationsAreRefused) {
  RegisterEvent event{.call = ++call_, .connection = 1, .request = {}};
  event.request.store.address = "h:1";
  Do(event);
  EXPECT_EQ(Error(call_).code(), Code::kInvalidArgument);
  event.call = ++call_;
  event.request.store.uuid = StoreId(1);
  event.request.store.address = "nonsense";
  Do(event);
  EXPECT_EQ(Error(call_).code(), Code::kInvalidArgument);
}

// ---- Create.

TEST_F(MasterCoreTest, CreateInstallsOnAllMembersThenPublishes) {
  StartWithStores(3);
  const CallId create = Create("a", 6, 2);
  EXPECT_EQ(installs_.size(), 3u) << "all members in parallel";
  for (const InstallAction& install : installs_) {
    EXPECT_EQ(install.term, core_->term());
    EXPECT_EQ(install.descriptor->epoch, 1u);
    EXPECT_EQ(install.descriptor->created_at_us, 77);
    EXPECT_GT(install.deadline_us, now_us_);
  }
  const CallId watch = Watch(core_->term(), core_->version(), 10'000);
  EndInstall();
  EndInstall();
  EXPECT_TRUE(Names().empty()) << "not before all have it";
  EXPECT_FALSE(StateOf(create).done);
  EXPECT_EQ(StateOf(create).steps_total, 12u);
  EXPECT_EQ(StateOf(create).steps_done, 8u);
  EXPECT_TRUE(Parked(watch));
  EndInstall();
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  EXPECT_TRUE(StateOf(create).done);
  EXPECT_EQ(StateOf(create).code, Code::kOk);
  EXPECT_EQ(StateOf(create).steps_done, 12u);
  ASSERT_FALSE(Parked(watch));
  EXPECT_EQ(Get<rpc::WatchClusterResponse>(watch)->map.keyspaces.count("a"), 1u);
}

TEST_F(MasterCoreTest, APartialCreateIsUndoneEverywhere) {
  StartWithStores(3);
  const CallId create = Create("a", 2, 2);
  const size_t members = installs_.size();
  EndInstall(Status::NoSpace("disk full"));
  while (installs_.size() > 1) EndInstall();
  EXPECT_FALSE(StateOf(create).done) << "not before the others have answered";
  const Uuid keyspace = installs_[0].descriptor->uuid;
  EndInstall();
  EXPECT_GE(members, 2u);
  EXPECT_EQ(installs_.size(), 3u) << "the tombstone goes to every store";
  for (const InstallAction& install : installs_) {
    EXPECT_TRUE(install.descriptor->deleted());
    EXPECT_EQ(install.descriptor->uuid, keyspace);
    EXPECT_EQ(install.descriptor->epoch, 2u);
  }
  EXPECT_EQ(Error(Create("a")).code(), Code::kAlreadyExists) << "still being undone";
  EndAllInstalls();
  EXPECT_TRUE(StateOf(create).done);
  EXPECT_EQ(StateOf(create).code, Code::kNoSpace);
  EXPECT_NE(StateOf(create).message.find("disk full"), std::string::npos);
  EXPECT_TRUE(Names().empty());
  Created("a");
}

TEST_F(MasterCoreTest, AFailedCreateIsNotReportedBeforeOneTombstoneIsDurable) {
  StartWithStores(2);
  const CallId create = Create("a", 4, 2);
  EndInstall(Status(), StoreId(1));
  EndInstall(Status::Timeout("late"), StoreId(2));
  EndInstall(Status::NoSpace("full"));
  EndInstall(Status::NoSpace("full"));
  EXPECT_FALSE(StateOf(create).done);
  Heartbeat(1);
  Advance(StoreTable::kPushPauseUs);
  EndInstall(Status(), StoreId(1));
  EXPECT_TRUE(StateOf(create).done);
  EXPECT_EQ(StateOf(create).code, Code::kTimeout) << "the first error is the cause";
}

TEST_F(MasterCoreTest, AMemberThatRegistersAgainDoesNotPublishAHalfMadeKeyspace) {
  StartWithStores(2);
  Create("a", 4, 2);
  const KeyspaceDescriptor d = *installs_[0].descriptor;
  EndInstall(Status(), StoreId(1));
  Do(DisconnectEvent{.connection = 1});
  Register(1, {d}, kCluster, 1);
  EXPECT_TRUE(Names().empty());
  EndInstall(Status(), StoreId(2));
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
}

TEST_F(MasterCoreTest, AStoreThatReturnsWithAnUndoneKeyspaceIsToldToDropIt) {
  StartWithStores(2);
  const CallId create = Create("a", 4, 2);
  const KeyspaceDescriptor d = *installs_[0].descriptor;
  EndInstall(Status(), StoreId(1));
  Do(DisconnectEvent{.connection = 2});
  EndInstall(Status::Unavailable("connection lost"), StoreId(2));
  EndAllInstalls();
  EXPECT_EQ(StateOf(create).code, Code::kUnavailable);
  Register(2, {d}, kCluster, 1);  // it had it on disk after all
  ASSERT_EQ(installs_.size(), 1u);
  EXPECT_TRUE(installs_[0].descriptor->deleted());
  EXPECT_TRUE(Names().empty());
}

TEST_F(MasterCoreTest, CreateRefusesWhatCannotBe) {
  StartWithStores(2);
  EXPECT_EQ(Error(Create("", 1, 1)).code(), Code::kInvalidArgument);
  EXPECT_EQ(Error(Create("a/b", 1, 1)).code(), Code::kInvalidArgument);
  EXPECT_EQ(Error(Create("a", 0, 1)).message(), "shards must be 1 to 4096, not 0");
  EXPECT_EQ(Error(Create("a", 5000, 1)).message(), "shards must be 1 to 4096, not 5000");
  EXPECT_EQ(Error(Create("a", 1, 0)).message(), "replicas must be 1 to 7, not 0");
  EXPECT_EQ(Error(Create("a", 1, 8)).code(), Code::kInvalidArgument);
  const Status few = Error(Create("a", 1, 3));
  EXPECT_EQ(few.code(), Code::kInvalidArgument);
  EXPECT_EQ(few.message(), "3 replicas need 3 stores; 2 are up");
  EXPECT_EQ(Error(Create("a", 1, 1, kMaxTtlSeconds + 1)).code(), Code::kInvalidArgument);
  Created("a");
  EXPECT_EQ(Error(Create("a")).message(), "keyspace 'a' already exists");
  EXPECT_TRUE(installs_.empty());
}

TEST_F(MasterCoreTest, OfTwoCreatesOfOneNameOneIsRefused) {
  StartWithStores(1);
  const CallId first = Create("a");
  EXPECT_EQ(Error(Create("a")).code(), Code::kAlreadyExists);
  EXPECT_EQ(Error(Delete("a")).code(), Code::kBusy);
  EndAllInstalls();
  EXPECT_EQ(StateOf(first).code, Code::kOk);
}

TEST_F(MasterCoreTest, SuspectStoresGetNoShards) {
  StartWithStores(2);
  Do(DisconnectEvent{.connection = 2});
  const KeyspaceDescriptor d = Created("a", 8, 1);
  EXPECT_EQ(d.ShardsOn(StoreId(1)).size(), 8u);
}

// ---- Delete.

TEST_F(MasterCoreTest, DeleteLeavesATombstoneOnEveryStore) {
  StartWithStores(3);
  const KeyspaceDescriptor d = Created("a", 1, 1);
  const CallId remove = Delete("a");
  EXPECT_TRUE(Names().empty()) << "clients hear of it at once";
  EXPECT_EQ(installs_.size(), 3u);
  for (const InstallAction& install : installs_) {
    EXPECT_EQ(install.descriptor->uuid, d.uuid);
    EXPECT_EQ(install.descriptor->epoch, d.epoch + 1);
    EXPECT_EQ(install.descriptor->deleted_at_us, 88);
    EXPECT_TRUE(install.descriptor->shards.empty());
  }
  EXPECT_FALSE(StateOf(remove).done);
  EndAllInstalls();
  EXPECT_TRUE(StateOf(remove).done);
  EXPECT_EQ(StateOf(remove).code, Code::kOk);
  EXPECT_EQ(Error(Delete("a")).code(), Code::kNotFound);
}

TEST_F(MasterCoreTest, AStoreThatWasAwayDuringADeleteIsToldWhenItReturns) {
  StartWithStores(2);
  const KeyspaceDescriptor d = Created("a", 4, 2);
  Do(DisconnectEvent{.connection = 2});
  const CallId remove = Delete("a");
  ASSERT_EQ(installs_.size(), 1u);
  EndAllInstalls();
  EXPECT_EQ(StateOf(remove).code, Code::kOk);
  Register(2, {d}, kCluster, 1);
  EXPECT_TRUE(Names().empty());
  ASSERT_EQ(installs_.size(), 1u);
  EXPECT_EQ(installs_[0].store, StoreId(2));
  EXPECT_TRUE(installs_[0].descriptor->deleted());
}

TEST_F(MasterCoreTest, ARestartedMasterLearnsOfADeletionFromAnyStore) {
  StartWithStores(2);
  const KeyspaceDescriptor d = Created("a", 4, 2);
  Delete("a");
  const KeyspaceDescriptor tombstone = *installs_[0].descriptor;
  Restart();
  Register(1, {d}, kCluster, 1);
  Register(2, {tombstone}, kCluster, 1);
  Advance(500 * kMs);
  EXPECT_FALSE(core_->recovering());
  EXPECT_TRUE(Names().empty());
  ASSERT_EQ(installs_.size(), 1u);
  EXPECT_EQ(installs_[0].store, StoreId(1));
  EXPECT_TRUE(installs_[0].descriptor->deleted());
}

TEST_F(MasterCoreTest, AFailedTombstoneIsTriedAgain) {
  StartWithStores(2);
  Created("a", 4, 2);
  const CallId remove = Delete("a");
  EndInstall(Status::NoSpace("disk full"), StoreId(1));
  EndInstall(Status(), StoreId(2));
  EXPECT_EQ(StateOf(remove).code, Code::kOk);
  EXPECT_TRUE(installs_.empty());
  Heartbeat(1);
  Advance(StoreTable::kPushPauseUs);
  ASSERT_EQ(installs_.size(), 1u);
  EXPECT_EQ(installs_[0].store, StoreId(1));
}

TEST_F(MasterCoreTest, ADeletionThatNoStoreCouldNoteIsAFailure) {
  StartWithStores(1);
  Created("a", 1, 1);
  const CallId remove = Delete("a");
  EndInstall(Status::NoSpace("disk full"));
  EXPECT_EQ(StateOf(remove).code, Code::kNoSpace);
  Created("b", 1, 1);
  Do(DisconnectEvent{.connection = 1});
  EXPECT_EQ(Error(Delete("b")).code(), Code::kUnavailable);
}

// More deletions than a store is told of at once: the rest waits in the table.
class ManyDeletionsTest : public MasterCoreTest {
 protected:
  static constexpr size_t kCount = StoreTable::kMaxPushes + 4;

  void SetUp() override {
    StartWithStores(1);
    for (size_t i = 0; i < kCount; ++i) Created("k" + std::to_string(i), 1, 1);
    for (size_t i = 0; i < kCount; ++i) deletions_.push_back(Delete("k" + std::to_string(i)));
    ASSERT_EQ(installs_.size(), StoreTable::kMaxPushes);
  }
  // How many deletions have ended with this code.
  int Ended(Code code) {
    return static_cast<int>(std::count_if(deletions_.begin(), deletions_.end(), [&](CallId call) {
      const auto state = StateOf(call);
      return state.done && state.code == code;
    }));
  }

  std::vector<CallId> deletions_;
};

TEST_F(ManyDeletionsTest, TheRestFollows) {
  EndAllInstalls();
  EXPECT_EQ(Ended(Code::kOk), static_cast<int>(kCount));
}

TEST_F(ManyDeletionsTest, ALostStoreEndsThoseThatNeverReachedIt) {
  Do(DisconnectEvent{.connection = 1});
  EXPECT_EQ(Ended(Code::kUnavailable), 4);
  while (!installs_.empty()) EndInstall(Status::Unavailable("connection lost"));
  EXPECT_EQ(Ended(Code::kUnavailable), static_cast<int>(kCount));
}

TEST_F(ManyDeletionsTest, AStoreThatReturnsWithTheTombstonesEndsThem) {
  std::vector<KeyspaceDescriptor> tombstones;
  for (const auto& [uuid, descriptor] : core_->catalog().all()) tombstones.push_back(*descriptor);
  Register(1, tombstones, kCluster, 1);
  EXPECT_EQ(Ended(Code::kOk), 4);
  EndAllInstalls();
  EXPECT_EQ(Ended(Code::kOk), static_cast<int>(kCount));
}

TEST_F(MasterCoreTest, ANameCanBeUsedAgain) {
  StartWithStores(1);
  const KeyspaceDescriptor first = Created("a");
  Delete("a");
  EndAllInstalls();
  const KeyspaceDescriptor second = Created("a");
  EXPECT_NE(first.uuid, second.uuid);
}

// ---- Disagreement.

TEST_F(MasterCoreTest, AStoreWithAnOlderEpochIsBroughtUpToDate) {
  KeyspaceDescriptor old_d;
  old_d.uuid = {1, 1};
  old_d.name = "a";
  old_d.epoch = 4;
  old_d.shards.resize(1);
  old_d.shards[0].replicas.resize(1);
  old_d.shards[0].replicas[0].store = StoreId(1);
  KeyspaceDescriptor new_d = old_d;
  new_d.epoch = 5;
  new_d.shards[0].replicas[0].store = StoreId(2);
  Register(1, {old_d});
  Register(2, {new_d});
  Advance(500 * kMs);
  EXPECT_EQ(core_->Map().keyspaces.at("a").epoch, 5u);
  EXPECT_TRUE(installs_.empty()) << "store 1 is no member any more and learned before";
  Register(1, {old_d}, kCluster, 1);
  ASSERT_EQ(installs_.size(), 1u) << "it still believes to host the shard";
  EXPECT_EQ(installs_[0].store, StoreId(1));
  EXPECT_EQ(installs_[0].descriptor->epoch, 5u);
}

TEST_F(MasterCoreTest, ACreationThatAMasterDidNotSurviveIsCompleted) {
  StartWithStores(2);
  Create("a", 4, 2);
  const KeyspaceDescriptor d = *installs_[0].descriptor;
  Restart();
  Register(1, {d}, kCluster, 1);
  Register(2, {}, kCluster, 1);
  Advance(500 * kMs);
  ASSERT_EQ(installs_.size(), 1u);
  EXPECT_EQ(installs_[0].store, StoreId(2));
  EXPECT_EQ(*installs_[0].descriptor, d);
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
}

// ---- Compact, watch, stats, failure detection, stop.

TEST_F(MasterCoreTest, CompactRunsOnAllMembersWithProgress) {
  StartWithStores(3);
  Created("a", 6, 1);
  Do(CompactEvent{.call = ++call_, .request = {.name = "a"}});
  const CallId compact = call_;
  ASSERT_EQ(compacts_.size(), 3u);
  Do(CompactEndedEvent{.token = compacts_[0].token, .result = Status()});
  EXPECT_EQ(StateOf(compact).steps_done, 1u);
  EXPECT_EQ(StateOf(compact).steps_total, 3u);
  Do(CompactEndedEvent{.token = compacts_[1].token, .result = Status::IoError("broken")});
  Do(CompactEndedEvent{.token = compacts_[1].token, .result = Status()});  // ignored
  EXPECT_FALSE(StateOf(compact).done);
  Do(CompactEndedEvent{.token = compacts_[2].token, .result = Status()});
  EXPECT_TRUE(StateOf(compact).done);
  EXPECT_EQ(StateOf(compact).code, Code::kIoError);
}

TEST_F(MasterCoreTest, WatchesParkUntilSomethingChanges) {
  StartWithStores(1);
  const CallId first = Watch(0, 0, 0);
  const auto map = Get<rpc::WatchClusterResponse>(first)->map;
  EXPECT_EQ(map.cluster, kCluster);
  EXPECT_EQ(map.stores.size(), 1u);
  EXPECT_FALSE(Get<rpc::WatchClusterResponse>(Watch(map.term, map.version, 0))->changed);
  const CallId parked = Watch(map.term, map.version, 1000);
  Heartbeat(1);
  EXPECT_TRUE(Parked(parked)) << "a heartbeat is no news";
  Register(2);
  ASSERT_FALSE(Parked(parked));
  const auto next = Get<rpc::WatchClusterResponse>(parked);
  EXPECT_TRUE(next->changed);
  EXPECT_GT(next->map.version, map.version);
  EXPECT_EQ(next->map.stores.size(), 2u);
  const CallId expires = Watch(next->map.term, next->map.version, 1000);
  Advance(kSecond);
  EXPECT_FALSE(Get<rpc::WatchClusterResponse>(expires)->changed);
}

// They may be with another master, which clients find only if this one lets them go.
TEST_F(MasterCoreTest, OneWhoseStoresAreAllDownSendsWatchersElsewhere) {
  StartWithStores(2);
  const CallId parked = Watch(core_->term(), core_->version(), 60'000);
  // Its version changes as the stores become suspect.
  const CallId later = [&] {
    Advance(5 * kSecond);
    Heartbeat(1);
    return Watch(core_->term(), core_->version(), 60'000);
  }();
  EXPECT_FALSE(Parked(parked));
  Advance(8 * kSecond);
  Heartbeat(1);
  Advance(1 * kSecond);
  ASSERT_EQ(core_->Map().stores.at(StoreId(2)).state, StoreState::kDown);
  EXPECT_TRUE(Get<rpc::WatchClusterResponse>(later)->changed) << "one is up";
  const CallId last = Watch(core_->term(), core_->version(), 60'000);
  Advance(5 * kSecond);
  const CallId suspect = Watch(core_->term(), core_->version(), 60'000);
  EXPECT_TRUE(Parked(suspect));
  Advance(10 * kSecond);
  EXPECT_FALSE(Parked(last));
  EXPECT_EQ(Error(suspect).code(), Code::kUnavailable);
  EXPECT_EQ(Error(Watch(0, 0, 1000)).code(), Code::kUnavailable);
  EXPECT_TRUE(Get<rpc::WatchClusterResponse>(Watch(0, 0, 0))->changed) << "what it knows, it says";
  Register(1);
  EXPECT_TRUE(Get<rpc::WatchClusterResponse>(Watch(0, 0, 1000))->changed);
}

TEST_F(MasterCoreTest, ClientsOfAnOlderMasterGetTheNewMap) {
  StartWithStores(1);
  EXPECT_TRUE(Get<rpc::WatchClusterResponse>(Watch(core_->term() + 5, 9, 1000))->changed);
}

TEST_F(MasterCoreTest, AMasterWithoutStoresDoesNotDisturbClientsThatKnowAMap) {
  Advance(3 * kSecond);
  EXPECT_TRUE(Get<rpc::WatchClusterResponse>(Watch(0, 0, 1000))->changed);
  const CallId knows = Watch(4, 9, 1000);
  EXPECT_TRUE(Parked(knows));
}

TEST_F(MasterCoreTest, ALostStoreIsTold) {
  StartWithStores(2);
  const CallId watch = Watch(core_->term(), core_->version(), 60'000);
  Do(DisconnectEvent{.connection = 2});
  ASSERT_FALSE(Parked(watch));
  const auto map = Get<rpc::WatchClusterResponse>(watch)->map;
  EXPECT_EQ(map.stores.at(StoreId(2)).state, StoreState::kSuspect);
  for (int i = 0; i < 20; ++i) {
    Heartbeat(1);
    Advance(500 * kMs);
  }
  EXPECT_EQ(core_->Map().stores.at(StoreId(2)).state, StoreState::kDown);
  EXPECT_EQ(core_->Map().stores.at(StoreId(1)).state, StoreState::kUp);
}

TEST_F(MasterCoreTest, HeartbeatsOfUnknownStoresAskThemToRegister) {
  StartWithStores(1);
  Heartbeat(9);
  EXPECT_EQ(Error(call_).code(), Code::kNotFound);
}

TEST_F(MasterCoreTest, AStoreThatHasMoreThanItToldIsAskedToRegisterAgain) {
  StartWithStores(1);
  const KeyspaceDescriptor known = Created("a");
  HeartbeatEvent event{.call = ++call_, .connection = 1, .request = {}};
  event.request.store = StoreId(1);
  event.request.replicas.emplace_back().keyspace = known.uuid;
  event.request.replicas.emplace_back().keyspace = {6, 6};
  Do(event);
  EXPECT_TRUE(Get<rpc::HeartbeatResponse>(call_)) << "it has just registered";
  Heartbeat(1);
  Advance(2 * kSecond);
  event.call = ++call_;
  Do(event);
  EXPECT_EQ(Error(call_).code(), Code::kNotFound);
  event.request.replicas.pop_back();
  event.call = ++call_;
  Do(event);
  EXPECT_TRUE(Get<rpc::HeartbeatResponse>(call_));
}

TEST_F(MasterCoreTest, StatsComeFromHeartbeats) {
  StartWithStores(1);
  const KeyspaceDescriptor known = Created("a");
  HeartbeatEvent event{.call = ++call_, .connection = 1, .request = {}};
  event.request.store = StoreId(1);
  event.request.replicas.push_back({.keyspace = known.uuid, .shard = 3, .estimated_keys = 10});
  Do(event);
  Do(StatsEvent{.call = ++call_});
  const auto stats = Get<rpc::ClusterStatsResponse>(call_);
  ASSERT_EQ(stats->stores.size(), 1u);
  ASSERT_EQ(stats->stores[0].replicas.size(), 1u);
  EXPECT_EQ(stats->stores[0].replicas[0].estimated_keys, 10u);
}

TEST_F(MasterCoreTest, StopAnswersEverythingThatWaits) {
  const CallId fresh = Register(1, {}, Uuid());
  const CallId create = Create("a");
  const CallId watch = Watch(0, 0, 1000);
  Do(StopEvent{});
  for (CallId call : {fresh, create, watch}) {
    EXPECT_EQ(Error(call).code(), Code::kUnavailable);
  }
}

TEST_F(MasterCoreTest, AWaitAcrossTheEndOfAnOperation) {
  StartWithStores(1);
  const CallId create = Create("a");
  Do(WaitEvent{.call = ++call_,
               .request = {.operation = Get<rpc::StartOperationResponse>(create)->operation,
                           .wait_ms = 5000}});
  const CallId wait = call_;
  EXPECT_TRUE(Parked(wait));
  EndAllInstalls();
  EXPECT_TRUE(Get<rpc::WaitOperationResponse>(wait)->done);
}

TEST_F(MasterCoreTest, TenThousandStoresRegisterAndBeat) {
  for (uint64_t id = 1; id <= 10'000; ++id) Register(id);
  Advance(500 * kMs);
  EXPECT_FALSE(core_->recovering());
  Created("wide", kMaxShards, 3);
  for (uint64_t id = 1; id <= 10'000; ++id) Heartbeat(id);
  EXPECT_EQ(core_->stores().CountIn(StoreState::kUp), 10'000u);
}

}  // namespace
}  // namespace vasto::master
