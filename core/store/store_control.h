// SPDX-License-Identifier: Apache-2.0
// The mind of a store: who it is, which master it follows, which keyspaces and shards it has. A
// pure state machine, Step(event, now) → actions: no threads, no I/O, no clock; StoreNode
// (store_node.h) does what the actions say and brings the outcome back as events, and a simulation
// can do the same.
//
// Invariants
//  1. A term, a cluster and a descriptor take effect (are answered, published, acted upon) only
//  after they were persisted.
//  2. New keyspace or epoch: the shards' databases first, then the descriptor, then the answer. So
//  a descriptor on disk names only
//     shards that exist, and whatever a crash leaves behind without one was never acknowledged to
//     anybody.
//  3. Deleted keyspace: the tombstone descriptor first, then the shards go away. A tombstone is
//  never replaced by an alive
//     descriptor and is kept for kTombstoneKeepUs, so that a keyspace cannot come back with a store
//     that was away.
//  4. Per keyspace a higher epoch replaces a lower one; the same epoch with the same content
//  changes nothing and is answered
//     alike; the same epoch with another content, or a lower one, is refused.
//  5. A command of a term below the highest seen is refused (kPermission).
//  6. Changes of one keyspace happen one after another, in the order they came.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/rpc/messages.h"
#include "core/store/registration.h"
#include "core/topology/cluster_map.h"

namespace vasto::store {

// What makes a store the same store after a restart. Kept in its folder (store_folder.h).
struct StoreIdentity {
  Uuid store;
  Uuid cluster;           // nil: belongs to none
  uint64_t max_term = 0;  // highest term of a master seen
  bool operator==(const StoreIdentity&) const = default;
};

// The outcome of opening or making one shard's database.
struct ShardOutcome {
  int32_t shard = 0;
  Status status;
  uint64_t incarnation = 0;  // when OK
};

// ---- Events: what happened.

// First event: the shards that the descriptors name are opened, those of deleted keyspaces dropped.
struct StartEvent {
  int64_t wall_us = 0;
};
// The store's port is open: registration begins. info: address, tags and so on; capacity is filled
// in by the runtime.
struct ServingEvent {
  StoreInfo info;
};
// The time of next_wake_us() has come.
struct TickEvent {
  int64_t wall_us = 0;
};
struct RegisterAnswerEvent {
  uint64_t attempt = 0;
  StatusOr<rpc::RegisterStoreResponse> result;
};
struct HeartbeatAnswerEvent {
  uint64_t attempt = 0;
  Status result;
};
struct MasterLostEvent {
  uint64_t attempt = 0;
};
struct ProbedEvent {
  uint64_t attempt = 0;
  bool there = false;
};
// call: the runtime's name for the request, given back in the answer.
struct InstallEvent {
  uint64_t call = 0;
  rpc::InstallKeyspaceRequest request;
};
struct CompactEvent {
  uint64_t call = 0;
  rpc::CompactKeyspaceRequest request;
};
struct ShardsOpenedEvent {
  Uuid keyspace;
  std::vector<ShardOutcome> shards;
  bool reopened = false;  // the end of a ReopenShardAction
};
// The shard should be opened anew: that has what another replica had, or heals it.
struct ReopenEvent {
  Uuid keyspace;
  int32_t shard = 0;
};
struct IdentityPersistedEvent {
  Status result;
};
struct DescriptorPersistedEvent {
  Uuid keyspace;
  Status result;
};

using Event =
    std::variant<StartEvent, ServingEvent, TickEvent, RegisterAnswerEvent, HeartbeatAnswerEvent,
                 MasterLostEvent, ProbedEvent, InstallEvent, CompactEvent, ShardsOpenedEvent,
                 ReopenEvent, IdentityPersistedEvent, DescriptorPersistedEvent>;

// ---- Actions: what is to be done, in this order.

// Ends in a RegisterAnswerEvent, or in a MasterLostEvent when the connection breaks later.
struct RegisterAction {
  uint64_t attempt = 0;
  std::string master;
  rpc::RegisterStoreRequest request;
};
struct HeartbeatAction {
  uint64_t attempt = 0;
  uint64_t term = 0;
};
// Find out whether that master is there; ends in a ProbedEvent.
struct ProbeAction {
  uint64_t attempt = 0;
  std::string master;
};
// Close the connection of that attempt, if it is open.
struct HangUpAction {
  uint64_t attempt = 0;
};
// How the registration stands, told when it changes: OK, why no master could be reached (a
// retryable code), or why one refused.
struct RegistrationAction {
  uint64_t attempt = 0;
  Status result;
};
// Ends in an IdentityPersistedEvent.
struct PersistIdentityAction {
  StoreIdentity identity;
};
// Ends in a DescriptorPersistedEvent.
struct PersistDescriptorAction {
  KeyspaceDescriptor descriptor;
};
struct ForgetDescriptorAction {
  Uuid keyspace;
};
// Ends in a ShardsOpenedEvent with one outcome for each shard. With must_exist a missing folder is
// kCorruption, otherwise a new database is made where there is none.
struct OpenShardsAction {
  KeyspaceDescriptor descriptor;
  std::vector<int32_t> shards;
  bool must_exist = false;
};
// Close this shard, which is published, and open it again; ends in a ShardsOpenedEvent.
struct ReopenShardAction {
  KeyspaceDescriptor descriptor;
  int32_t shard = 0;
};
// Requests for this keyspace are now served by this descriptor and the shards that are open.
struct PublishAction {
  KeyspaceDescriptor descriptor;
};
// Close these shards; their folders stay: the change they were opened for failed, and another try
// opens them again.
struct CloseShardsAction {
  Uuid keyspace;
  std::vector<int32_t> shards;
};
// Close these shards and move their folders away. Empty: every folder of the keyspace.
struct DropShardsAction {
  Uuid keyspace;
  std::vector<int32_t> shards;
};
// These shards, none of this store any more, have replicas elsewhere: give those what only this
// store has, then drop the shards. Empty: every folder of the keyspace that the descriptor does not
// name.
struct LeaveShardsAction {
  KeyspaceDescriptor descriptor;
  std::vector<int32_t> shards;
};
struct AnswerInstallAction {
  uint64_t call = 0;
  StatusOr<rpc::InstallKeyspaceResponse> result;
};
// Compact the shards of the keyspace that are open, then answer the call; or, when result is not
// OK, only answer.
struct CompactAction {
  uint64_t call = 0;
  Uuid keyspace;
  Status result;
};
// Every shard known at the start was tried: the store may open its port.
struct ReadyToServeAction {};

using Action = std::variant<RegisterAction, HeartbeatAction, ProbeAction, HangUpAction,
                            RegistrationAction, PersistIdentityAction, PersistDescriptorAction,
                            ForgetDescriptorAction, OpenShardsAction, ReopenShardAction,
                            PublishAction, CloseShardsAction, DropShardsAction, LeaveShardsAction,
                            AnswerInstallAction, CompactAction, ReadyToServeAction>;

class StoreControl {
 public:
  static constexpr int64_t kTombstoneKeepUs = 30ll * 24 * 3600 * 1'000'000;
  static constexpr int64_t kTombstoneSweepUs = 3600ll * 1'000'000;

  // identity, descriptors: what the folder holds. masters: may be empty, the store then serves what
  // it has. random: borrowed; outlives *this.
  StoreControl(StoreIdentity identity, std::vector<KeyspaceDescriptor> descriptors,
               std::vector<std::string> masters, Random* random);

  // now_us: monotonic; never goes back. REQUIRES: the first event is a StartEvent.
  std::vector<Action> Step(const Event& event, int64_t now_us);
  // When the next TickEvent is due, monotonic; INT64_MAX: not at all.
  int64_t next_wake_us() const;

  const StoreIdentity& identity() const { return identity_; }
  bool registered() const { return registration_.phase() == Registration::Phase::kRegistered; }
  // Descriptors in effect, deleted ones included.
  std::vector<KeyspaceDescriptor> Descriptors() const;

 private:
  struct Shard {
    bool open = false;
    uint64_t incarnation = 0;
  };
  // A change on its way: shards first, then the descriptor.
  struct Change {
    KeyspaceDescriptor descriptor;
    std::vector<uint64_t> calls;  // to be answered at its end
    std::vector<int32_t> made;    // shards opened for it, closed again when it fails
    bool persisting = false;
  };
  struct Keyspace {
    std::optional<KeyspaceDescriptor> installed;
    std::map<int32_t, Shard> shards;
    bool opening_at_start = false;
    std::optional<Change> change;
    std::deque<InstallEvent> waiting;
  };

  void On(const StartEvent& event);
  void On(const ServingEvent& event);
  void On(const TickEvent& event);
  void On(const RegisterAnswerEvent& event);
  void On(const HeartbeatAnswerEvent& event);
  void On(const MasterLostEvent& event);
  void On(const ProbedEvent& event);
  void On(const InstallEvent& event);
  void On(const CompactEvent& event);
  void On(const ShardsOpenedEvent& event);
  void On(const ReopenEvent& event);
  void On(const IdentityPersistedEvent& event);
  void On(const DescriptorPersistedEvent& event);

  void Do(Action action) { actions_.push_back(std::move(action)); }
  void Follow(const std::vector<Registration::Wish>& wishes);
  rpc::RegisterStoreRequest MakeRegisterRequest() const;
  // True when the wanted identity is in effect. Otherwise it is being persisted, and the event is
  // taken up again afterwards.
  bool IdentityIs(const StoreIdentity& wanted, const Event& event);
  void SweepTombstones(int64_t wall_us);

  // The three outcomes of comparing a descriptor with what is installed.
  enum class Verdict { kNew, kSame, kRefused };
  Verdict Compare(const Keyspace& keyspace, const KeyspaceDescriptor& incoming, Status* why) const;
  void BeginChange(Keyspace* keyspace, const InstallEvent& event);
  void PersistChange(Keyspace* keyspace);
  void FailChange(Keyspace* keyspace, const Status& why);
  void FinishChange(Keyspace* keyspace);
  void TakeWaiting(const Uuid& uuid);
  rpc::InstallKeyspaceResponse MakeInstallResponse(const Keyspace& keyspace) const;

  StoreIdentity identity_;
  StoreInfo info_;
  Registration registration_;
  Code told_ = Code::kInternal;  // of the last RegistrationAction, so that a change is told once
  const bool has_masters_;
  std::map<Uuid, Keyspace> keyspaces_;

  std::optional<StoreIdentity> persisting_;  // on its way to disk
  std::vector<Event> parked_;                // events that wait for it
  int64_t opening_at_start_ = 0;             // keyspaces
  int64_t next_sweep_us_ = INT64_MAX;

  // Of the step that runs.
  int64_t now_us_ = 0;
  std::vector<Action> actions_;
};

}  // namespace vasto::store
