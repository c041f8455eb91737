// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_control.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "core/rpc/protocol_version.h"

namespace vasto::store {
namespace {

// Carries out a StoreControl's actions on a disk that survives a crash of the control: a simulated
// store.
class SimulatedStore {
 public:
  explicit SimulatedStore(uint64_t seed = 1) : random_(SeededRandom(seed)) {
    identity_.store = Uuid::Generate(random_.get());
    Boot();
  }

  // The process starts on what the disk holds; everything else is forgotten.
  void Boot() {
    std::vector<KeyspaceDescriptor> descriptors;
    for (const auto& [uuid, d] : descriptors_) descriptors.push_back(d);
    control_ = std::make_unique<StoreControl>(identity_, descriptors,
                                              std::vector<std::string>{"m:1"}, random_.get());
    answers_.clear();
    published_.clear();
    ready_ = false;
    pending_.clear();
    Feed(StartEvent{wall_us_});
  }

  void Feed(const Event& event) {
    for (Action& action : control_->Step(event, now_us_)) {
      trace_.push_back(action.index());
      std::visit([this](auto& a) { Do(a); }, action);
    }
  }
  // Brings back the outcomes of actions until none is left, or steps of them.
  void Settle(int steps = 1000) {
    while (!pending_.empty() && steps-- > 0) {
      const auto job = pending_.front();
      pending_.pop_front();
      Feed(job());
    }
  }
  uint64_t Install(uint64_t term, const KeyspaceDescriptor& d) {
    const uint64_t call = ++last_call_;
    Feed(InstallEvent{call, {term, d}});
    return call;
  }
  Status Answer(uint64_t call) const {
    const auto it = answers_.find(call);
    if (it == answers_.end()) return Status::Internal("no answer");
    return it->second.ok() ? Status::Ok() : it->second.status();
  }

  KeyspaceDescriptor Descriptor(const std::string& name, int shards, uint64_t epoch = 1) {
    KeyspaceDescriptor d;
    d.uuid = Uuid::Generate(random_.get());
    d.name = name;
    d.epoch = epoch;
    d.created_at_us = 1;
    for (int i = 0; i < shards; ++i)
      d.shards.push_back({{Replica{identity_.store, 0, ReplicaRole::kReplica}}});
    return d;
  }
  static KeyspaceDescriptor Tombstone(KeyspaceDescriptor d, int64_t at_us) {
    ++d.epoch;
    d.deleted_at_us = at_us;
    d.shards.clear();
    return d;
  }

  void Do(RegisterAction& a) { registers_.push_back(a); }
  void Do(HeartbeatAction&) { ++heartbeats_; }
  void Do(ProbeAction&) {}
  void Do(HangUpAction&) {}
  void Do(RegistrationAction& a) { registration_ = a.result; }
  void Do(PersistIdentityAction& a) {
    pending_.push_back([this, a]() -> Event {
      if (disk_full_) return IdentityPersistedEvent{Status::NoSpace("full")};
      identity_ = a.identity;
      return IdentityPersistedEvent{};
    });
  }
  void Do(PersistDescriptorAction& a) {
    pending_.push_back([this, a]() -> Event {
      if (disk_full_) return DescriptorPersistedEvent{a.descriptor.uuid, Status::NoSpace("full")};
      for (const int32_t shard : a.descriptor.ShardsOn(identity_.store)) {
        EXPECT_TRUE(shards_.contains({a.descriptor.uuid, shard}))
            << "a descriptor names a shard that is not there";
      }
      if (const auto old = descriptors_.find(a.descriptor.uuid); old != descriptors_.end()) {
        EXPECT_TRUE(!old->second.deleted() || a.descriptor.deleted())
            << "a tombstone was overwritten";
        EXPECT_TRUE(a.descriptor.deleted() || a.descriptor.epoch >= old->second.epoch);
      }
      descriptors_[a.descriptor.uuid] = a.descriptor;
      return DescriptorPersistedEvent{a.descriptor.uuid, {}};
    });
  }
  void Do(ForgetDescriptorAction& a) { descriptors_.erase(a.keyspace); }
  void Do(OpenShardsAction& a) {
    pending_.push_back([this, a]() -> Event {
      ShardsOpenedEvent event{a.descriptor.uuid, {}};
      for (const int32_t shard : a.shards) {
        Status status;
        if (broken_.contains(shard)) status = Status::Corruption("rotten");
        if (a.must_exist && !shards_.contains({a.descriptor.uuid, shard}))
          status = Status::Corruption("missing");
        if (status.ok()) shards_.insert({a.descriptor.uuid, shard});
        event.shards.push_back(
            {shard, status, status.ok() ? 7u + static_cast<uint64_t>(shard) : 0});
      }
      return event;
    });
  }
  void Do(ReopenShardAction& a) {
    published_.erase(a.descriptor.uuid);
    ++reopened_;
    pending_.push_back([a]() -> Event {
      return ShardsOpenedEvent{a.descriptor.uuid, {{a.shard, Status::Ok(), 7}}, true};
    });
  }
  void Do(PublishAction& a) { published_[a.descriptor.uuid] = a.descriptor; }
  void Do(CloseShardsAction&) {}
  void Do(DropShardsAction& a) {
    std::erase_if(shards_, [&](const auto& key) {
      if (key.first != a.keyspace) return false;
      const auto on_disk = descriptors_.find(a.keyspace);
      EXPECT_TRUE(on_disk == descriptors_.end() || on_disk->second.deleted() || !a.shards.empty())
          << "shards dropped before the tombstone was on disk";
      return a.shards.empty() ||
             std::find(a.shards.begin(), a.shards.end(), key.second) != a.shards.end();
    });
  }
  void Do(LeaveShardsAction& a) {
    EXPECT_EQ(descriptors_[a.descriptor.uuid], a.descriptor) << "left before that was on disk";
    std::erase_if(shards_, [&](const auto& key) {
      const bool named = a.shards.empty() ||
                         std::find(a.shards.begin(), a.shards.end(), key.second) != a.shards.end();
      if (key.first != a.descriptor.uuid || !named) return false;
      const bool stays = a.descriptor.Hosts(identity_.store, key.second);
      EXPECT_TRUE(!stays || a.shards.empty()) << "left though it stays";
      if (!stays) left_.insert(key.second);
      return !stays;
    });
  }
  void Do(AnswerInstallAction& a) {
    EXPECT_TRUE(answers_.emplace(a.call, a.result).second) << "answered twice";
  }
  void Do(CompactAction& a) { compactions_[a.call] = a.result; }
  void Do(ReadyToServeAction&) { ready_ = true; }

  std::unique_ptr<Random> random_;
  int64_t now_us_ = 1'000'000;
  int64_t wall_us_ = 1'700'000'000'000'000;

  // The disk.
  StoreIdentity identity_;
  std::map<Uuid, KeyspaceDescriptor> descriptors_;
  std::set<std::pair<Uuid, int32_t>> shards_;
  bool disk_full_ = false;
  std::set<int32_t> broken_;

  std::unique_ptr<StoreControl> control_;
  std::deque<std::function<Event()>> pending_;
  std::map<uint64_t, StatusOr<rpc::InstallKeyspaceResponse>> answers_;
  std::map<uint64_t, Status> compactions_;
  std::map<Uuid, KeyspaceDescriptor> published_;
  std::vector<RegisterAction> registers_;
  std::optional<Status> registration_;
  std::vector<size_t> trace_;
  std::set<int32_t> left_;
  int heartbeats_ = 0;
  int reopened_ = 0;
  bool ready_ = false;
  uint64_t last_call_ = 0;
};

TEST(StoreControlTest, AnswersAnInstallAfterShardsAndDescriptorAreThere) {
  SimulatedStore s;
  EXPECT_TRUE(s.ready_);
  const auto d = s.Descriptor("ks", 3);
  const uint64_t call = s.Install(0, d);
  EXPECT_TRUE(s.Answer(call).Is(Code::kInternal)) << "nothing is answered before it is done";
  s.Settle(1);
  EXPECT_EQ(s.shards_.size(), 3u);
  EXPECT_TRUE(s.descriptors_.empty());
  EXPECT_TRUE(s.published_.empty());
  s.Settle();
  ASSERT_TRUE(s.Answer(call).ok());
  EXPECT_EQ(s.answers_.at(call)->replicas.size(), 3u);
  EXPECT_EQ(s.answers_.at(call)->replicas[1].incarnation, 8u);
  EXPECT_EQ(s.published_.at(d.uuid), d);
}

TEST(StoreControlTest, TheSameInstallTwiceIsOneChange) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 2);
  const uint64_t first = s.Install(0, d);
  const uint64_t second = s.Install(0, d);
  s.Settle();
  EXPECT_TRUE(s.Answer(first).ok());
  EXPECT_TRUE(s.Answer(second).ok());
  const uint64_t third = s.Install(0, d);
  EXPECT_TRUE(s.Answer(third).ok()) << "answered without touching the disk";
}

TEST(StoreControlTest, RefusesOlderEpochsAndForgeries) {
  SimulatedStore s;
  auto d = s.Descriptor("ks", 2, 5);
  s.Install(0, d);
  s.Settle();
  auto older = d;
  older.epoch = 4;
  EXPECT_TRUE(s.Answer(s.Install(0, older)).Is(Code::kStaleWrite));
  auto forged = d;
  forged.default_ttl_seconds = 9;
  EXPECT_TRUE(s.Answer(s.Install(0, forged)).Is(Code::kInvalidArgument));
  auto newer = forged;
  newer.epoch = 6;
  const uint64_t call = s.Install(0, newer);
  s.Settle();
  EXPECT_TRUE(s.Answer(call).ok());
  EXPECT_EQ(s.descriptors_.at(d.uuid).default_ttl_seconds, 9u);
}

TEST(StoreControlTest, AHigherEpochDropsTheShardsThatLeft) {
  SimulatedStore s;
  auto d = s.Descriptor("ks", 2);
  s.Install(0, d);
  s.Settle();
  d.epoch = 2;
  d.shards[1].replicas[0].store = Uuid{1, 2};
  s.Install(0, d);
  s.Settle();
  EXPECT_EQ(s.shards_, (std::set<std::pair<Uuid, int32_t>>{{d.uuid, 0}}));
  EXPECT_EQ(s.left_.size(), 1u) << "what it had alone is for those elsewhere";
}

// It stopped before it had given all of it.
TEST(StoreControlTest, WhatItLeftIsLeftAgainAfterARestart) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 2);
  s.Install(0, d);
  s.Settle();
  s.shards_.insert({d.uuid, 7});
  s.Boot();
  s.Settle();
  EXPECT_TRUE(s.left_.empty()) << "what it serves comes first";
  s.Feed(ServingEvent{});
  EXPECT_EQ(s.left_, std::set<int32_t>{7});
  EXPECT_EQ(s.shards_.size(), 2u);
}

TEST(StoreControlTest, ADeletedKeyspaceNeverReturns) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 2);
  s.Install(0, d);
  s.Settle();
  const auto tombstone = SimulatedStore::Tombstone(d, s.wall_us_);
  const uint64_t call = s.Install(0, tombstone);
  EXPECT_EQ(s.shards_.size(), 2u) << "shards stay until the tombstone is on disk";
  s.Settle();
  EXPECT_TRUE(s.Answer(call).ok());
  EXPECT_TRUE(s.shards_.empty());
  EXPECT_TRUE(s.published_.at(d.uuid).deleted());

  auto zombie = d;
  zombie.epoch = 100;
  EXPECT_TRUE(s.Answer(s.Install(0, zombie)).Is(Code::kStaleWrite));
  s.Boot();
  EXPECT_TRUE(s.Answer(s.Install(0, zombie)).Is(Code::kStaleWrite));
  EXPECT_TRUE(s.Answer(s.Install(0, tombstone)).ok());
  EXPECT_TRUE(s.shards_.empty());
}

TEST(StoreControlTest, ATombstoneOfAnUnknownKeyspaceIsKept) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 2);
  const uint64_t call = s.Install(0, SimulatedStore::Tombstone(d, s.wall_us_));
  s.Settle();
  EXPECT_TRUE(s.Answer(call).ok());
  EXPECT_TRUE(s.Answer(s.Install(0, d)).Is(Code::kStaleWrite));
}

TEST(StoreControlTest, TombstonesAreForgottenAfterThirtyDays) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 1);
  s.Install(0, SimulatedStore::Tombstone(d, s.wall_us_));
  s.Settle();
  s.now_us_ += StoreControl::kTombstoneSweepUs;
  s.Feed(TickEvent{s.wall_us_ + StoreControl::kTombstoneKeepUs - 1});
  EXPECT_EQ(s.descriptors_.size(), 1u);
  s.now_us_ += StoreControl::kTombstoneSweepUs;
  s.Feed(TickEvent{s.wall_us_ + StoreControl::kTombstoneKeepUs + 1});
  EXPECT_TRUE(s.descriptors_.empty());
}

TEST(StoreControlTest, ATermTakesEffectOnlyOnceItIsOnDisk) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 1);
  s.disk_full_ = true;
  const uint64_t lost = s.Install(3, d);
  s.Settle();
  EXPECT_TRUE(s.Answer(lost).Is(Code::kNoSpace));
  EXPECT_EQ(s.control_->identity().max_term, 0u);
  s.disk_full_ = false;
  const uint64_t done = s.Install(3, d);
  s.Settle();
  EXPECT_TRUE(s.Answer(done).ok());
  EXPECT_TRUE(s.Answer(s.Install(2, d)).Is(Code::kPermission));
  s.Boot();
  s.Settle();
  EXPECT_TRUE(s.Answer(s.Install(2, d)).Is(Code::kPermission)) << "the term survives a restart";
  s.Feed(CompactEvent{77, {2, d.uuid}});
  EXPECT_TRUE(s.compactions_.at(77).Is(Code::kPermission));
}

TEST(StoreControlTest, AFailedInstallChangesNothingAndCanBeTriedAgain) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 3);
  s.broken_ = {1};
  const uint64_t call = s.Install(0, d);
  s.Settle();
  EXPECT_TRUE(s.Answer(call).Is(Code::kCorruption));
  EXPECT_TRUE(s.descriptors_.empty());
  EXPECT_TRUE(s.control_->Descriptors().empty());
  s.broken_.clear();
  const uint64_t again = s.Install(0, d);
  s.Settle();
  EXPECT_TRUE(s.Answer(again).ok());
}

TEST(StoreControlTest, OneRottenShardDoesNotKeepTheOthersFromServing) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 3);
  s.Install(0, d);
  s.Settle();
  s.broken_ = {2};
  s.Boot();
  EXPECT_FALSE(s.ready_);
  s.Settle();
  EXPECT_TRUE(s.ready_);
  EXPECT_TRUE(s.published_.contains(d.uuid));
  EXPECT_TRUE(s.Answer(s.Install(0, d)).ok());
}

TEST(StoreControlTest, AShardThatWasCopiedIsOpenedAnew) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 2);
  const uint64_t made = s.Install(0, d);
  s.Settle();
  ASSERT_TRUE(s.Answer(made).ok());
  s.Feed(ReopenEvent{d.uuid, 1});
  EXPECT_FALSE(s.published_.contains(d.uuid)) << "what is being opened is not served";
  s.Settle();
  EXPECT_EQ(s.reopened_, 1);
  EXPECT_TRUE(s.published_.contains(d.uuid));
}

TEST(StoreControlTest, ACopyOfWhatHasGoneIsNothing) {
  SimulatedStore s;
  const auto d = s.Descriptor("ks", 1);
  s.Install(0, d);
  s.Settle();
  s.Feed(ReopenEvent{{4, 4}, 0});
  s.Feed(ReopenEvent{d.uuid, 5});
  s.Install(0, SimulatedStore::Tombstone(d, 5));
  s.Settle();
  s.Feed(ReopenEvent{d.uuid, 0});
  s.Settle();
  EXPECT_EQ(s.reopened_, 0);
}

TEST(StoreControlTest, RefusesWhatItCannotKeep) {
  SimulatedStore s;
  auto unnamed = s.Descriptor("no/such", 1);
  EXPECT_TRUE(s.Answer(s.Install(0, unnamed)).Is(Code::kInvalidArgument));
}

TEST(StoreControlTest, JoinsOneClusterOnly) {
  SimulatedStore s;
  s.Feed(ServingEvent{});
  ASSERT_EQ(s.registers_.size(), 1u);
  EXPECT_TRUE(s.registers_[0].request.cluster.nil());
  const Uuid cluster{5, 6};
  s.Feed(RegisterAnswerEvent{s.registers_[0].attempt, rpc::RegisterStoreResponse{cluster, 9}});
  EXPECT_FALSE(s.control_->registered()) << "not before it is on disk";
  s.Settle();
  EXPECT_TRUE(s.control_->registered());
  EXPECT_EQ(s.identity_.cluster, cluster);
  EXPECT_EQ(s.identity_.max_term, 9u);

  s.Boot();
  s.Feed(ServingEvent{});
  EXPECT_EQ(s.registers_.back().request.cluster, cluster);
  s.Feed(
      RegisterAnswerEvent{s.registers_.back().attempt, rpc::RegisterStoreResponse{Uuid{7, 8}, 10}});
  s.Settle();
  EXPECT_FALSE(s.control_->registered());
  ASSERT_TRUE(s.registration_.has_value());
  EXPECT_TRUE(s.registration_->Is(Code::kPermission));
}

TEST(StoreControlTest, DoesNotJoinAMasterOfANewerProtocol) {
  SimulatedStore s;
  s.Feed(ServingEvent{});
  EXPECT_EQ(s.registers_[0].request.protocol_version, rpc::kProtocolVersion);
  s.Feed(RegisterAnswerEvent{s.registers_[0].attempt,
                             rpc::RegisterStoreResponse{Uuid{5, 6}, 9, rpc::kProtocolVersion + 1}});
  s.Settle();
  EXPECT_FALSE(s.control_->registered());
  ASSERT_TRUE(s.registration_.has_value());
  EXPECT_EQ(s.registration_->ToString(),
            "NOT_SUPPORTED: the master speaks protocol version 2, this program knows versions up "
            "to 1: update this program");
  EXPECT_TRUE(s.identity_.cluster.nil()) << "nothing of the answer is believed";
}

TEST(StoreControlTest, ReportsEveryDescriptorIncludingTombstones) {
  SimulatedStore s;
  const auto kept = s.Descriptor("kept", 1);
  const auto gone = SimulatedStore::Tombstone(s.Descriptor("gone", 1), s.wall_us_);
  s.Install(0, kept);
  s.Install(0, gone);
  s.Settle();
  s.Feed(ServingEvent{});
  ASSERT_FALSE(s.registers_.empty());
  EXPECT_EQ(s.registers_.back().request.descriptors.size(), 2u);
}

// Random installs, deletions, crashes and full disks; the checks are in SimulatedStore's actions
// and after each crash.
TEST(StoreControlTest, SurvivesCrashesAtEveryPoint) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimulatedStore s(seed);
    std::vector<KeyspaceDescriptor> known;
    std::map<Uuid, KeyspaceDescriptor> acknowledged;
    std::map<uint64_t, KeyspaceDescriptor> asked;
    const auto harvest = [&] {
      for (const auto& [call, answer] : s.answers_) {
        if (!answer.ok()) continue;
        const auto& d = asked.at(call);
        auto& best = acknowledged[d.uuid];
        if (best.uuid.nil() || d.deleted() || d.epoch > best.epoch) best = d;
      }
    };
    for (int step = 0; step < 60; ++step) {
      const uint64_t dice = s.random_->Below(10);
      if (dice < 2 || known.empty()) {
        known.push_back(
            s.Descriptor("ks" + std::to_string(step), 1 + static_cast<int>(s.random_->Below(4))));
      }
      KeyspaceDescriptor d = known[s.random_->Below(known.size())];
      if (dice == 3) d = SimulatedStore::Tombstone(d, s.wall_us_);
      if (dice == 4) d.epoch += s.random_->Below(3);
      s.disk_full_ = dice == 5;
      const uint64_t call = s.last_call_ + 1;
      asked[call] = d;
      s.Install(s.random_->Below(4) == 0 ? s.identity_.max_term + 1 : s.identity_.max_term, d);
      s.Settle(static_cast<int>(s.random_->Below(5)));
      harvest();
      if (dice == 6) {
        s.Boot();
        s.Settle();
        ASSERT_TRUE(s.ready_) << "seed " << seed;
      }
    }
    harvest();
    s.Boot();
    s.disk_full_ = false;
    s.Settle();
    for (const auto& [uuid, d] : acknowledged) {
      ASSERT_TRUE(s.descriptors_.contains(uuid)) << "seed " << seed;
      const auto& on_disk = s.descriptors_.at(uuid);
      EXPECT_TRUE(on_disk.deleted() || (!d.deleted() && on_disk.epoch >= d.epoch))
          << "seed " << seed;
      if (on_disk.deleted()) continue;
      for (size_t i = 0; i < on_disk.shards.size(); ++i) {
        EXPECT_TRUE(s.shards_.contains({uuid, static_cast<int32_t>(i)})) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace vasto::store
