// SPDX-License-Identifier: Apache-2.0
// What happens to a master (events) and what it wants done (actions): the whole surface of
// MasterCore.
//
// A call is a request that waits for its answer; the runtime names it with a CallId of its own and
// gets exactly one AnswerAction for each, now or later. A token names a command under way to a
// store; the runtime brings back exactly one event for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/rpc/messages.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

using CallId = uint64_t;

// ---- Events. connection: of the request; equal for all requests of one connection, never 0, never
// reused.

// First, once: the master serves from now on and begins to learn.
struct StartEvent {};
struct RegisterEvent {
  CallId call = 0;
  uint64_t connection = 0;
  rpc::RegisterStoreRequest request;
};
struct HeartbeatEvent {
  CallId call = 0;
  uint64_t connection = 0;
  rpc::HeartbeatRequest request;
};
// A connection is gone; most of them never belonged to a store.
struct DisconnectEvent {
  uint64_t connection = 0;
};
struct WatchEvent {
  CallId call = 0;
  rpc::WatchClusterRequest request;
};
struct CreateEvent {
  CallId call = 0;
  int64_t wall_us = 0;
  rpc::CreateKeyspaceRequest request;
};
struct DeleteEvent {
  CallId call = 0;
  int64_t wall_us = 0;
  rpc::DeleteKeyspaceRequest request;
};
struct CompactEvent {
  CallId call = 0;
  rpc::StartCompactionRequest request;
};
struct WaitEvent {
  CallId call = 0;
  rpc::WaitOperationRequest request;
};
struct StatsEvent {
  CallId call = 0;
};
// The end of an InstallAction or CompactAction.
struct InstallEndedEvent {
  uint64_t token = 0;
  Status result;
};
struct CompactEndedEvent {
  uint64_t token = 0;
  Status result;
};
// The time of next_wake_us() has come; early or needless ones are harmless.
struct TickEvent {};
// Every parked call is answered (kUnavailable); nothing is parked afterwards.
struct StopEvent {};

using Event = std::variant<StartEvent, RegisterEvent, HeartbeatEvent, DisconnectEvent, WatchEvent,
                           CreateEvent, DeleteEvent, CompactEvent, WaitEvent, StatsEvent,
                           InstallEndedEvent, CompactEndedEvent, TickEvent, StopEvent>;

// ---- Actions, to be done in this order.

// A Status is never OK: it fails the call.
using Answer = std::variant<Status, rpc::RegisterStoreResponse, rpc::HeartbeatResponse,
                            rpc::WatchClusterResponse, rpc::StartOperationResponse,
                            rpc::WaitOperationResponse, rpc::ClusterStatsResponse>;

// The same answer for one or more calls.
struct AnswerAction {
  std::vector<CallId> calls;
  Answer answer;
};
// Send install_keyspace to the store at the address; ends in an InstallEndedEvent.
struct InstallAction {
  uint64_t token = 0;
  Uuid store;
  std::string address;
  uint64_t term = 0;
  std::shared_ptr<const KeyspaceDescriptor> descriptor;  // one for all members: it can be large
  int64_t deadline_us = 0;                               // monotonic
};
// Send compact_keyspace; ends in a CompactEndedEvent.
struct CompactAction {
  uint64_t token = 0;
  Uuid store;
  std::string address;
  rpc::CompactKeyspaceRequest request;
  int64_t deadline_us = 0;
};

using Action = std::variant<AnswerAction, InstallAction, CompactAction>;

}  // namespace vasto::master
