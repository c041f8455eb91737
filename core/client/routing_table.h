// SPDX-License-Identifier: Apache-2.0
// What the data path looks at: for each open keyspace the stores of each shard, and for each store
// the channels to it and whether it can be reached. Built from cluster maps, read without a lock.
//
// Invariants
//  1. A StoreLink, a KeyspaceRoute and each view a route ever had live as long as the table.
//  Topology
//     changes are rare and a view is small, so operations follow plain pointers and count nothing.
//  2. A keyspace or store that a newer map lacks keeps its last known place: a master that has just
//     restarted knows little, and only a store can say that a keyspace is gone (router.h, rule 6).
//  3. A keyspace's view is only replaced by one of a higher epoch.
//
// Threads: any. Update methods are serialized by the table's mutex; the readers are lock-free.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/random.h"
#include "core/base/uuid.h"
#include "core/client/hedge_budget.h"
#include "core/client/repeat_times.h"
#include "core/client/router.h"
#include "core/rpc/channel.h"
#include "core/topology/cluster_map.h"

namespace vasto::client {

// What every link of a table takes from the client's options.
struct LinkOptions {
  int connections_per_store = 1;
  bool use_unix_sockets = true;
  std::string host_id;  // of this machine, to be compared with StoreInfo::host_id
};

// One store: where it is, its channels, its health.
class StoreLink {
 public:
  struct Pick {
    rpc::Channel* channel = nullptr;  // borrowed from the link; nullptr while no address is known
    bool is_unix = false;
  };

  // transport: borrowed; outlives *this.
  StoreLink(const Uuid& uuid, rpc::Transport* transport, const LinkOptions& options);
  ~StoreLink();

  const Uuid& uuid() const { return uuid_; }
  // HOST:PORT as last known; for messages.
  std::string address() const;
  bool down() const { return down_.load(std::memory_order_relaxed); }
  bool suspect() const { return suspect_.load(std::memory_order_relaxed); }
  // How far away it is, for reads that prefer the nearest: 0 while it is reached over its unix
  // socket, else what its answers to pings take; INT64_MAX while that is not known.
  int64_t DistanceUs(int64_t now_us) const;
  // Whether the caller is to measure that now; true once in kMeasureUs.
  bool ClaimMeasurement(int64_t now_us);
  void Measured(int64_t round_trip_us);
  StoreClock* clock() { return &clock_; }

  // The channel for the next call: over the unix socket when the store is on this host and the
  // socket works, else TCP. Several channels take turns; one that gathers calls keeps its turn for
  // a few, so that they share a system call.
  Pick PickChannel(int64_t now_us);
  // A call over `pick` was answered.
  void OnReached() {
    if (suspect()) suspect_.store(false, std::memory_order_relaxed);
  }
  // A call over `pick` did not get through. Returns true when the store has just become suspect, so
  // that the caller starts to probe it. One that was silent (kTimeout) is so at once; where its
  // unix socket fails, it may be reached over TCP.
  bool OnUnreachable(const Pick& pick, const Status& why, int64_t now_us);

  // Takes over address and state. The channels to a former address are added to *retired; the
  // caller closes them without the table's mutex, and the calls under way on them end as lost.
  // REQUIRES: the table's mutex.
  void Update(const StoreInfo& info, std::vector<std::shared_ptr<rpc::Channel>>* retired);

 private:
  static constexpr int64_t kMeasureUs = 1'000'000;
  // The channels of one address; kept for ever, see invariant 1.
  struct Channels {
    std::string address;
    std::string unix_path;
    std::vector<std::shared_ptr<rpc::Channel>> tcp;
    std::vector<std::shared_ptr<rpc::Channel>> unix_socket;  // empty: none to use
  };
  size_t NextTurn(const std::vector<std::shared_ptr<rpc::Channel>>& channels);
  // Makes and publishes the channels of a new address.
  void Connect(const StoreInfo& info);

  const Uuid uuid_;
  rpc::Transport* const transport_;  // borrowed; outlives *this
  const LinkOptions options_;
  std::atomic<const Channels*> current_{nullptr};
  std::atomic<uint32_t> turn_{0};
  std::atomic<int64_t> unix_broken_until_us_{0};
  std::atomic<bool> down_{false};
  std::atomic<bool> suspect_{false};
  std::atomic<int64_t> round_trip_us_{INT64_MAX};    // mean that forgets
  std::atomic<int64_t> measured_us_{INT64_MIN / 2};  // when it was claimed last
  StoreClock clock_;
  std::vector<std::unique_ptr<const Channels>> all_;  // guarded by the table's mutex
};

// The replicas of one shard in failover order. Links borrowed from the table.
struct ShardLinks {
  // How long a replica that was behind a read's bound is not preferred by reads with a bound.
  static constexpr int64_t kBehindUs = 100'000;

  int count = 0;
  std::array<StoreLink*, kMaxReplicas> links{};
  // These two change. Until when each was found behind lately:
  mutable std::array<std::atomic<int64_t>, kMaxReplicas> behind_until_us{};
  // Since when reads go to others instead of it, which was not reached or did not serve; 0: they do
  // not, or it has answered since.
  mutable std::array<std::atomic<int64_t>, kMaxReplicas> turned_us{};

  // A read goes to the candidate instead of those before it. Since when the last of them is turned
  // away from: now, when it was not before.
  int64_t TurnedFrom(int candidate, int64_t now_us) const;
};

// One epoch of a keyspace; immutable but for what ShardLinks says that changes.
struct KeyspaceView {
  uint64_t generation = 0;  // unique among the views of a route
  uint64_t epoch = 0;
  int32_t replica_count = 0;
  std::vector<ShardLinks> shards;  // never empty

  int32_t shard_count() const { return static_cast<int32_t>(shards.size()); }
};

// One keyspace that was opened, found again by its uuid: another one that is made later under the
// same name has another route.
class KeyspaceRoute {
 public:
  KeyspaceRoute(std::string name, const Uuid& uuid) : name_(std::move(name)), uuid_(uuid) {}

  const std::string& name() const { return name_; }
  const Uuid& uuid() const { return uuid_; }
  // The newest epoch. Never nullptr; borrowed from the route.
  const KeyspaceView* view() const { return view_.load(std::memory_order_acquire); }
  // How long its reads that may be hedged take.
  LatencyEstimate* get_latency() { return &get_latency_; }
  LatencyEstimate* multi_get_latency() { return &multi_get_latency_; }
  // Whether the newest map of a master does not have this keyspace.
  bool removed() const { return removed_.load(std::memory_order_relaxed); }

 private:
  friend class RoutingTable;
  const std::string name_;
  const Uuid uuid_;
  std::atomic<const KeyspaceView*> view_{nullptr};
  std::atomic<bool> removed_{false};
  LatencyEstimate get_latency_;
  LatencyEstimate multi_get_latency_;
  std::vector<std::unique_ptr<const KeyspaceView>> all_;  // guarded by the table's mutex
};

// Owns links and routes and keeps them up to date with the maps.
class RoutingTable {
 public:
  // transport: borrowed; outlives *this.
  RoutingTable(rpc::Transport* transport, LinkOptions options);

  // Channels to former addresses: whoever gets them closes them, holding no lock, because their
  // calls then end on its thread.
  using Retired = std::vector<std::shared_ptr<rpc::Channel>>;

  // Replaces the map; a master's, newer than the one before.
  [[nodiscard]] Retired Install(ClusterMap map);
  // Adds what a store knows more: keyspaces of a higher epoch or unknown so far, unknown stores.
  [[nodiscard]] Retired Merge(const ClusterMap& map);

  // The map operations are routed by. Never nullptr.
  std::shared_ptr<const ClusterMap> map() const;
  // nullptr when the map has no keyspace of this name. Borrowed; lives as long as the table.
  KeyspaceRoute* Open(const std::string& name);
  // A store to ask for its view, one that was reached lately if there is one; nullptr without any.
  StoreLink* AnyStore(Random* random) const;

 private:
  // Brings links and routes in line with map_.
  void UpdateLocked(Retired* retired) REQUIRES(mu_);
  void UpdateRouteLocked(KeyspaceRoute* route, const KeyspaceDescriptor& descriptor) REQUIRES(mu_);
  // Made when first named.
  StoreLink* LinkLocked(const Uuid& uuid) REQUIRES(mu_);

  rpc::Transport* const transport_;  // borrowed; outlives *this
  const LinkOptions options_;

  mutable Mutex mu_;
  std::shared_ptr<const ClusterMap> map_ GUARDED_BY(mu_);
  std::unordered_map<Uuid, std::unique_ptr<StoreLink>> links_ GUARDED_BY(mu_);
  std::unordered_map<Uuid, std::unique_ptr<KeyspaceRoute>> routes_ GUARDED_BY(mu_);
  uint64_t last_generation_ GUARDED_BY(mu_) = 0;
};

// What the router needs to know about a shard now, for a read with this choice. shard < 0 or beyond
// the view: no candidates.
ShardView MakeShardView(const KeyspaceRoute& route, const KeyspaceView& view, int32_t shard,
                        ReadFrom from, int64_t now_us);

// The boot id of this machine, what StoreInfo::host_id is compared with; empty when unknown.
std::string LocalHostId(FileSystem* files);

}  // namespace vasto::client
