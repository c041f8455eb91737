// SPDX-License-Identifier: Apache-2.0
// Answers the data requests of clients: get, multi_get, write, write_batch, scan. Reads and writes
// of one wake-up of an I/O thread are done together when it ends (read_queue.h, write_queue.h),
// writes first; a scan goes to a pool of its own, and a further one is refused (kBusy) while too
// many wait.
//
// Nothing on the way of a get or a write takes a lock that another connection's request may hold,
// but the shard's own sequencer.
//
// Threads: handlers on the server's I/O threads. Register before the server starts; *this outlives
// the server.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/clock.h"
#include "core/base/thread_pool.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/store/per_thread.h"
#include "core/store/read_queue.h"
#include "core/store/routing_table.h"
#include "core/store/write_queue.h"

namespace vasto::store {

struct DataServiceOptions {
  TableHolder* table = nullptr;     // borrowed, like all pointers here; outlive the service
  ThreadPool* data_pool = nullptr;  // disk reads
  ThreadPool* scan_pool = nullptr;
  const Clock* clock = nullptr;
  size_t max_waiting_scans = 256;
  size_t default_page_bytes = 1 << 20;
};

class DataService {
 public:
  explicit DataService(const DataServiceOptions& options);
  DataService(const DataService&) = delete;
  DataService& operator=(const DataService&) = delete;

  void Register(rpc::Dispatcher* dispatcher);

 private:
  struct Queues {
    ReadQueue reads;
    WriteQueue writes;
    bool used = false;
  };
  struct ScanTask;

  Queues* Use();
  void Flush();
  void Scan(rpc::ScanRequest request, rpc::Responder<rpc::Scan> responder);

  const DataServiceOptions options_;
  PerThread<Queues> queues_;
};

}  // namespace vasto::store
