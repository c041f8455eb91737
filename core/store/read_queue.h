// SPDX-License-Identifier: Apache-2.0
// The reads that came in with one wake-up of an I/O thread: collected, then looked up together, one
// MultiGet a shard in what is in memory. Keys that need the disk are read again on a pool thread,
// so that the I/O thread never waits for it.
//
// Threads: one I/O thread per object; answers may leave from pool threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/thread_pool.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/storage/shard.h"
#include "core/store/routing_table.h"

namespace vasto::store {

class ReadQueue {
 public:
  ReadQueue();
  ~ReadQueue();
  void Add(rpc::GetRequest request, rpc::Responder<rpc::Get> responder);
  void Add(rpc::MultiGetRequest request, rpc::Responder<rpc::MultiGet> responder);
  // Answers everything, or hands it to the pool. pool, clock: borrowed; outlive the answers.
  void Flush(const RoutingTable& table, ThreadPool* pool, const Clock* clock);

 private:
  struct Get {
    rpc::GetRequest request;
    rpc::Responder<rpc::Get> responder;
    const KeyspaceView* view = nullptr;
    ShardHandle* shard = nullptr;
  };
  struct MultiGet;
  struct Misses;

  // Finds out where each get belongs; those that do not belong here are answered.
  void RouteGets(const RoutingTable& table);
  // Gets of one shard.
  void FlushRun(Get** first, size_t count, ThreadPool* pool, const Clock* clock);
  void SendMisses(std::vector<Get*>* misses, ThreadPool* pool, const Clock* clock);
  void FlushMultiGet(std::unique_ptr<MultiGet> call, const RoutingTable& table, ThreadPool* pool,
                     const Clock* clock);

  std::vector<Get> gets_;
  std::vector<std::unique_ptr<MultiGet>> multi_gets_;
  // Of the flush that runs; kept for their memory.
  std::vector<Get*> routed_;
  std::vector<std::string_view> keys_;
  std::vector<storage::ReadValue> values_;
  rpc::GetResponse response_;
};

}  // namespace vasto::store
