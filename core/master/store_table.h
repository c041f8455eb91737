// SPDX-License-Identifier: Apache-2.0
// The stores a master has heard of, who of them is alive, and what each is known to have.
//
// Failure detection: a store is up from its registration on; suspect at once when its connection is
// lost, or when it was silent for suspect_us; down when it was silent for dead_us; up again with
// its next heartbeat (connection open) or registration. A store that is down stays known.
//
// Pushes: `lacking` of a record names keyspaces whose newest descriptor the store does not have.
// NextPush hands them out, a bounded number at a time; a failed one comes back after a pause.
//
// Threads: one at a time. Times are monotonic microseconds. No I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/rpc/messages.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

struct StoreRecord {
  StoreInfo info;           // info.state is the verdict of the failure detector
  uint64_t connection = 0;  // over which it registered; 0: lost
  int64_t heard_us = 0;     // last registration or heartbeat
  int64_t registered_us = 0;
  std::vector<ReplicaStats> replicas;

  std::set<Uuid> lacking;    // keyspaces to push
  std::set<Uuid> pushing;    // keyspaces with an install under way
  int64_t next_push_us = 0;  // after a failure: not before

  bool connected() const { return connection != 0; }
};

class StoreTable {
 public:
  static constexpr size_t kMaxPushes = 16;  // at a time, to one store
  static constexpr int64_t kPushPauseUs = 1'000'000;

  StoreTable(int64_t suspect_us, int64_t dead_us) : suspect_us_(suspect_us), dead_us_(dead_us) {}

  // kAlreadyExists when a live store with this uuid is registered from another address: its folder
  // was copied.
  Status Register(uint64_t connection, const StoreInfo& info, int64_t now_us);
  // The store must have registered over this connection, else kNotFound: it has to register
  // (again). Sets *changed when its state changed.
  Status Heartbeat(uint64_t connection, const rpc::HeartbeatRequest& request, int64_t now_us,
                   bool* changed);
  // The store that registered over the connection is now suspect; nil when there was none.
  Uuid Disconnect(uint64_t connection);
  // Applies the silence limits; returns whether any state changed. The only call that looks at
  // every store.
  bool Sweep(int64_t now_us);
  // When Sweep, and then NextPush, may have something to do (or earlier); INT64_MAX: not by time
  // alone.
  int64_t next_wake_us() const { return wake_us_; }

  // nullptr when unknown. Borrowed while the store is known, that is for ever.
  StoreRecord* Find(const Uuid& store);
  const std::map<Uuid, StoreRecord>& all() const { return stores_; }
  std::map<Uuid, StoreRecord>& all() { return stores_; }
  std::vector<StoreInfo> Infos() const;
  size_t CountIn(StoreState state) const;
  bool empty() const { return stores_.empty(); }

  // The next keyspace to push to this store now, moved from lacking to pushing.
  std::optional<Uuid> NextPush(StoreRecord* store, int64_t now_us);
  // A push, or an install of a new keyspace, ended. ok false: to be pushed again after a pause.
  void PushEnded(StoreRecord* store, const Uuid& keyspace, bool ok, int64_t now_us);

 private:
  const int64_t suspect_us_;
  const int64_t dead_us_;
  std::map<Uuid, StoreRecord> stores_;
  std::unordered_map<uint64_t, Uuid> connections_;
  int64_t wake_us_ = INT64_MAX;
};

}  // namespace vasto::master
