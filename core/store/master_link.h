// SPDX-License-Identifier: Apache-2.0
// The connection to the master: carries out the register, heartbeat and hang-up actions of
// StoreControl over one channel for each attempt, follows the master's cluster map on the same
// connection, and reports what happened as events.
//
// Threads: Register, Heartbeat, HangUp, FollowMap from one thread; events are posted from I/O
// threads. *this outlives the transport's I/O threads: stop the transport first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/rpc/channel.h"
#include "core/store/map_cache.h"
#include "core/store/store_control.h"

namespace vasto::store {

class MasterLink {
 public:
  // All pointers borrowed; they outlive *this. post: called from any thread, must not block.
  // background: for the map's file.
  MasterLink(rpc::Transport* transport, MapCache* maps, ThreadPool* background,
             const Logger* logger, std::function<void(Event)> post);

  void Register(const RegisterAction& action);
  void Heartbeat(uint64_t attempt, const rpc::HeartbeatRequest& request);
  void Probe(const ProbeAction& action);
  void HangUp(uint64_t attempt);
  // Keeps MapCache up to date until the attempt ends.
  void FollowMap(uint64_t attempt);

 private:
  static constexpr uint32_t kMapWaitMs = 30'000;
  static constexpr int64_t kMapSpareUs = 5'000'000;
  static constexpr int64_t kMapRetryUs = 1'000'000;
  static constexpr int64_t kProbeUs = 2'000'000;

  // The channel of this attempt; nullptr when another one has begun.
  std::shared_ptr<rpc::Channel> ChannelOf(uint64_t attempt);
  void FollowMapLater(uint64_t attempt);

  rpc::Transport* const transport_;  // borrowed; outlives *this
  MapCache* const maps_;             // borrowed; outlives *this
  ThreadPool* const background_;     // borrowed; outlives *this
  const Logger* const logger_;       // borrowed; outlives *this
  const std::function<void(Event)> post_;

  Mutex mu_;
  uint64_t attempt_ GUARDED_BY(mu_) = 0;
  std::shared_ptr<rpc::Channel> channel_ GUARDED_BY(mu_);
};

}  // namespace vasto::store
