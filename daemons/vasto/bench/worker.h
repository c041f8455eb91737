// SPDX-License-Identifier: Apache-2.0
// One thread of a benchmark: starts operations, collects their futures from a queue, records
// latencies.
#pragma once

#include <vasto/vasto.h>

#include <cstdint>
#include <string>
#include <vector>

#include "daemons/vasto/bench/bench.h"

namespace vasto::tool {

// Threads: one.
class Worker {
 public:
  // keyspace: borrowed. operations, in_flight, rate: this worker's share.
  Worker(vasto_keyspace_t* keyspace, const BenchArgs& args, uint64_t index, uint64_t operations,
         uint64_t in_flight, double rate);

  // Runs to the end. Throws cli::Failure when an operation cannot even be started.
  BenchReport Run();

 private:
  struct Slot {
    uint64_t start_ns = 0;
    bool read = false;
  };

  void RunBlocking();
  void RunQueued();
  void RunScan();
  // Starts one operation in the slot; its latency counts from start_ns.
  void Start(size_t slot, uint64_t start_ns);
  vasto_future_t* StartOperation(Slot* slot);
  vasto_future_t* StartBatch(Slot* slot);
  void Finish(vasto_future_t* future, size_t slot);
  vasto_status_t TakeResult(vasto_future_t* future, const Slot& slot);
  void FillKeys();
  void Count(vasto_status_t code, uint64_t start_ns);

  vasto_keyspace_t* keyspace_;  // borrowed
  const BenchArgs& args_;
  const uint64_t operations_;
  const uint64_t in_flight_;
  const double rate_;
  Workload workload_;
  cli::ReadOptions read_options_;
  cli::Queue queue_;
  cli::Batch batch_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  std::vector<std::string> key_bytes_;
  std::vector<vasto_key_t> keys_;
  std::vector<vasto_value_t*> values_;
  std::vector<vasto_status_t> codes_;
  BenchReport report_;
};

}  // namespace vasto::tool
