// SPDX-License-Identifier: Apache-2.0
// The mind of a master: which stores and keyspaces exist, who is alive, what admins asked for. A
// pure state machine, Step(event, now) → actions: no threads, no I/O, no clock. MasterNode
// (master_node.h) does what the actions say; a simulation can do the same.
//
// All of it is soft state. A master starts with nothing, learns everything from the stores that
// register, and is needed only when the topology changes.
//
// Recovery: after its start a master only listens. That ends when at least recovery_min_us have
// passed, a store has registered and every store that any descriptor names is back; at the latest
// after recovery_max_us. Until then requests to create, delete or compact, statistics and clients
// that know no map wait inside; nothing is refused and nothing published.
//
// Invariants
//  1. The term is higher than every term a registered store had seen before; it never falls while
//     the master lives.
//  2. All stores of a master belong to one cluster. Its uuid comes from the first store that has
//     one; only when recovery ended and none had, a new one is made.
//  3. A keyspace is deleted for ever once any store reported its tombstone; every store gets the
//     tombstone, those that were away when they return (Catalog).
//  4. A new keyspace is published only after all its members have it on disk; if one fails, a
//     tombstone undoes it everywhere.
//  5. Nobody is demoted because it has not registered yet: a store that this master has never heard
//     of is in no map, and clients keep the place they know. Its replicas are replaced as those of
//     a store that was lost when the master started.
//  6. Each call is answered exactly once; each token ends exactly one step.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/master/catalog.h"
#include "core/master/events.h"
#include "core/master/operations.h"
#include "core/master/store_table.h"
#include "core/master/watchers.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

struct MasterCoreOptions {
  int64_t recovery_min_us = 500'000;
  int64_t recovery_max_us = 3'000'000;
  int64_t suspect_us = 3'000'000;  // silence before a store is suspect
  int64_t dead_us = 10'000'000;    // silence before it is down
  // A store whose heartbeats name a keyspace that no store told of is asked to register again, no
  // sooner than this after it registered.
  int64_t surprise_us = 2'000'000;
  // For one install at one store; one that makes shards gets install_per_shard_us more for each.
  int64_t install_timeout_us = 10'000'000;
  int64_t install_per_shard_us = 100'000;
  int64_t compact_timeout_us = 24ll * 3600 * 1'000'000;
  // How long a store may stay away before its replicas are made anew elsewhere; 0: for ever.
  int64_t replace_after_us = 600'000'000;
  const Logger* logger = Logger::Null();  // borrowed; outlives the core
};

class MasterCore {
 public:
  // random: borrowed; outlives *this.
  MasterCore(const MasterCoreOptions& options, Random* random);

  // now_us: monotonic; never goes back. REQUIRES: the first event is a StartEvent.
  std::vector<Action> Step(const Event& event, int64_t now_us);
  // When the next TickEvent is due, monotonic; INT64_MAX: not at all.
  int64_t next_wake_us() const;

  bool recovering() const { return recovering_; }
  uint64_t term() const { return term_; }
  uint64_t version() const { return version_; }
  const Uuid& cluster() const { return cluster_; }
  const Catalog& catalog() const { return catalog_; }
  const StoreTable& stores() const { return stores_; }
  size_t watchers() const { return watchers_.size(); }
  size_t operations_running() const { return operations_.running().size(); }
  // What clients would be told now.
  ClusterMap Map() const;

 private:
  struct Install {
    Uuid store;
    Uuid keyspace;
    uint64_t epoch = 0;
  };
  struct Compaction {
    Uuid store;
    uint64_t operation = 0;
  };

  void On(const StartEvent& event);
  void On(const RegisterEvent& event);
  void On(const HeartbeatEvent& event);
  void On(const DisconnectEvent& event);
  void On(const WatchEvent& event);
  void On(const CreateEvent& event);
  void On(const DeleteEvent& event);
  void On(const CompactEvent& event);
  void On(const WaitEvent& event);
  void On(const StatsEvent& event);
  void On(const InstallEndedEvent& event);
  void On(const CompactEndedEvent& event);
  void On(const TickEvent& event);
  void On(const StopEvent& event);

  // Recovery, publication.
  bool RecoveryIsOver() const;
  void EndRecovery();
  // Keeps the event for the end of recovery; false when that is over.
  bool Defer(const Event& event);
  void AdmitClusterless();
  void Publish();

  // Registration.
  rpc::WatchClusterResponse News() const;
  // Whether all stores it knows are down, or with another master: its map is no good then.
  bool Deserted() const;
  Status JoinCluster(const rpc::RegisterStoreRequest& request);
  void RaiseTerm(uint64_t seen);
  // A command of an earlier master reached the store after it had told us what it has.
  bool ReportsUnknown(const rpc::HeartbeatRequest& request);
  // Takes a descriptor into the catalog, and logs when a keyspace loses its name to another or gets
  // it back.
  Catalog::Learned Learn(const KeyspaceDescriptor& descriptor);
  void LearnFrom(StoreRecord* store, const std::vector<KeyspaceDescriptor>& descriptors);

  // Bringing descriptors to stores.
  void Spread(const KeyspaceDescriptor& descriptor, const Uuid& except);
  void Pump(StoreRecord* store);
  void PumpAll();
  void SendInstall(const StoreRecord& store, std::shared_ptr<const KeyspaceDescriptor> descriptor);

  // Replicas on stores that stay away (replacement.h).
  static constexpr int64_t kReplaceUs = 1'000'000;  // between two looks
  bool StaysAway(const Uuid& store) const;
  void ReplaceReplicas();

  // Operations.
  void SpreadTombstone(const KeyspaceDescriptor& tombstone, Operation* operation);
  void StepEnded(Operation* operation, const StoreRecord& store, const Status& result);
  void FinishIfDone(Operation* operation);
  void FailTarget(const StoreRecord& store, const Uuid& keyspace, const Status& result);
  void TombstoneIsDurable(Operation* undoing, const Uuid& store);
  // Ends the steps at this store that have come true, or cannot come true because it is gone.
  void SettleTargets(const StoreRecord& store);

  void Reply(CallId call, Answer answer) {
    actions_.push_back(AnswerAction{.calls = {call}, .answer = std::move(answer)});
  }

  const MasterCoreOptions options_;
  Random* const random_;  // borrowed; outlives *this

  int64_t now_us_ = 0;           // of the step
  std::vector<Action> actions_;  // of the step
  bool dirty_ = false;           // the map has changed in this step

  int64_t started_us_ = 0;
  int64_t next_replace_us_ = INT64_MAX;
  bool recovering_ = true;
  std::vector<Event> deferred_;             // wait for the end of recovery
  std::vector<RegisterEvent> clusterless_;  // stores of no cluster, ditto

  Uuid cluster_;
  uint64_t term_ = 0;  // 0: no store has registered yet
  uint64_t version_ = 1;
  Catalog catalog_;
  StoreTable stores_;
  Operations operations_;
  Watchers watchers_;
  uint64_t last_token_ = 0;
  std::unordered_map<uint64_t, Install> installs_;        // under way, by token
  std::unordered_map<uint64_t, Compaction> compactions_;  // ditto
};

}  // namespace vasto::master
