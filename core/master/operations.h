// SPDX-License-Identifier: Apache-2.0
// The long-running work that admins started: ids, progress, outcome, and the calls that wait for an
// end.
//
// An operation is a set of steps, each at one store (its target). It ends when no target is left.
// Ended operations are remembered for kKeepUs, at most kKeepCount of them; ids are never given out
// twice while a master lives, nor by one of a later term.
//
// Threads: one at a time. Times are monotonic microseconds. No I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/master/events.h"
#include "core/rpc/messages.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

enum class OperationKind { kCreate, kDelete, kCompact };

struct Operation {
  uint64_t id = 0;
  OperationKind kind = OperationKind::kCreate;
  Uuid keyspace;
  std::string name;
  std::shared_ptr<const KeyspaceDescriptor> descriptor;  // kCreate: what is being made
  std::map<Uuid, uint64_t> targets;  // stores whose step has not ended, with its weight
  bool undoing = false;              // kCreate: failed, the tombstone is being spread
  int64_t wall_us = 0;               // when it was asked for
  uint64_t succeeded = 0;            // steps
  rpc::WaitOperationResponse state;  // progress and outcome
  Status error;                      // of the first step that failed
  int64_t ended_us = 0;
};

class Operations {
 public:
  static constexpr int64_t kKeepUs = 600'000'000;
  static constexpr size_t kKeepCount = 10'000;
  static constexpr uint32_t kMaxWaitMs = 60'000;

  // term: of the master now. Borrowed until it has ended and was forgotten.
  Operation* Begin(OperationKind kind, uint64_t term);
  // nullptr when unknown.
  Operation* Find(uint64_t id);
  // The one that still works on the keyspace; nullptr when there is none.
  Operation* FindRunning(const Uuid& keyspace, OperationKind kind);
  // A create of this name that has not ended.
  const Operation* FindCreating(const std::string& name) const;
  // Ids of those that have not ended.
  const std::set<uint64_t>& running() const { return running_; }

  // Sets the outcome and answers those who wait.
  void End(Operation* operation, const Status& result, int64_t now_us,
           std::vector<Action>* actions);
  // Answers at once when it has ended, is unknown or wait_ms is 0; else parks the call.
  void Wait(const WaitEvent& event, int64_t now_us, std::vector<Action>* actions);
  // Answers waits whose time is over, forgets old operations.
  void Tick(int64_t now_us, std::vector<Action>* actions);
  // Answers every wait with how far its operation is.
  void AnswerAll(std::vector<Action>* actions);
  int64_t next_wake_us() const;

 private:
  struct Waiting {
    uint64_t operation;
    CallId call;
    int64_t deadline_us;
  };

  std::map<uint64_t, Operation> operations_;
  std::set<uint64_t> running_;
  std::deque<uint64_t> ended_;  // oldest first
  std::vector<Waiting> waiting_;
  uint64_t last_number_ = 0;
};

}  // namespace vasto::master
