// SPDX-License-Identifier: Apache-2.0
// Finds the shard that a watch is of; its watch_server.h does the rest.
//
// Threads: handlers on the server's I/O threads. Register before the server starts; *this outlives
// the server.
#pragma once

#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/store/routing_table.h"

namespace vasto::store {

class WatchService {
 public:
  // table: borrowed; outlives *this.
  explicit WatchService(TableHolder* table) : table_(table) {}
  WatchService(const WatchService&) = delete;
  WatchService& operator=(const WatchService&) = delete;

  void Register(rpc::Dispatcher* dispatcher);

 private:
  void Watch(rpc::WatchRequest request, rpc::Responder<rpc::Watch> responder);

  TableHolder* const table_;  // borrowed; outlives *this
};

}  // namespace vasto::store
