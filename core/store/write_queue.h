// SPDX-License-Identifier: Apache-2.0
// The writes that came in with one wake-up of an I/O thread: collected, then handed to the
// sequencers, one list a shard, in the order they came.
//
// Threads: one I/O thread per object; answers leave from whichever thread led the shard's batch.
#pragma once

#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/store/routing_table.h"

namespace vasto::store {

class WriteQueue {
 public:
  WriteQueue();
  ~WriteQueue();
  void Add(rpc::WriteRequest request, rpc::Responder<rpc::Write> responder);
  void Add(rpc::WriteBatchRequest request, rpc::Responder<rpc::WriteBatch> responder);
  // Submits everything; those that do not belong here are answered. clock: borrowed; outlives the
  // answers.
  void Flush(const RoutingTable& table, const Clock* clock);

 private:
  class Single;
  class Batch;
  // What goes to one shard in this flush.
  struct List {
    ShardHandle* shard;
    storage::Write* first;
    storage::Write* last;
  };

  void Append(ShardHandle* shard, storage::Write* write);
  void FlushSingle(std::unique_ptr<Single> write, const RoutingTable& table, const Clock* clock);
  void FlushBatch(std::unique_ptr<Batch> batch, const RoutingTable& table, const Clock* clock);

  // Both in order of arrival among themselves; a batch goes after the single writes of its wake-up.
  std::vector<std::unique_ptr<Single>> singles_;
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<List> lists_;  // of the flush that runs; kept for its memory
};

}  // namespace vasto::store
