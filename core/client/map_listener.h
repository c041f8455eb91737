// SPDX-License-Identifier: Apache-2.0
// The runtime of a MapFollower: sends its questions, installs the maps that come back in the
// engine's routing table and wakes the operations that pause.
//
// Threads: any. Nothing happens before Start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/client/map_follower.h"
#include "core/rpc/channel.h"
#include "core/rpc/messages.h"

namespace vasto::client {

class Engine;

class MapListener {
 public:
  // engine: borrowed; outlives *this.
  explicit MapListener(Engine* engine);

  // Asks the first master. Once.
  void Start();
  // An operation was told that the map is old. Cheap when that is being looked into already.
  void Refresh();
  // A map that was fetched from a master by other means.
  void Offer(ClusterMap map);
  // Waits until a map was installed. kUnavailable when the monotonic time came first; kNotSupported
  // then, or at once when every master says so, when one speaks a protocol that this client does
  // not (protocol_version.h).
  Status WaitForMap(int64_t deadline_us);

  // The channels to the masters, in the order of the options.
  const std::vector<std::shared_ptr<rpc::Channel>>& masters() const { return masters_; }

 private:
  // Feeds the follower and does what it says; `map` belongs to an answer with one.
  void Step(FollowEvent event, ClusterMap map = {});
  void Do(const FollowAction& action, ClusterMap* map);
  void AskMaster(const FollowAction& action);
  void AskStore(const FollowAction& action);
  // Remembers a master with which this client cannot talk.
  void OnMasterError(size_t master, const Status& status);
  // REQUIRES: the follower accepted its id.
  void Install(ClusterMap map);

  Engine* const engine_;  // borrowed; outlives *this
  const std::vector<std::shared_ptr<rpc::Channel>> masters_;

  Mutex mu_;
  CondVar installed_;  // has_map_ or not_supported_ changed
  MapFollower follower_ GUARDED_BY(mu_);
  bool has_map_ GUARDED_BY(mu_) = false;
  Status last_error_ GUARDED_BY(mu_);                       // of a master
  std::map<size_t, Status> not_supported_ GUARDED_BY(mu_);  // by master
  uint64_t timer_ GUARDED_BY(mu_) = 0;                      // number of the last kWakeAt
  // Maps are installed in the order in which the follower accepted them. Acquired before the
  // table's mutex, never together with mu_.
  Mutex install_mu_;
  MapId installed_id_ GUARDED_BY(install_mu_);
  bool installed_any_ GUARDED_BY(install_mu_) = false;
};

}  // namespace vasto::client
