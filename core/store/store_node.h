// SPDX-License-Identifier: Apache-2.0
// One store: its folder, its shards, its port, its place in a cluster. What vasto-store and
// vasto-server run.
//
// Start order: folder locked and read → shards opened (in parallel; one that is damaged harms only
// itself) → port opened → registered with a master. Stop goes the other way: control and port
// first, so that every request that was taken is answered, shards last.
//
// Threads: Start, WaitRegistered, Stop from the owner; the rest from any. Its own threads: I/O
// threads of the server, one for the link to the master, one for control, and the three pools of
// the options; however many shards there are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"

namespace vasto::storage {
class Engine;
}  // namespace vasto::storage

namespace vasto::store {

struct StoreNodeOptions {
  std::string dir;
  std::string listen = "127.0.0.1:0";  // HOST:PORT; port 0 picks a free one
  std::string advertise;  // HOST:PORT that others use, port 0: the real one; empty: as listen
  std::string unix_path;  // empty: TCP only
  std::vector<std::string> masters;  // HOST:PORT each; empty: serves what its folder holds
  std::string zone;
  std::vector<std::string> tags;
  uint64_t disk_bytes = 0;  // 0: what the disk has

  // Shared with the other stores of this process; nullptr: its own with the sizes below.
  std::shared_ptr<storage::Engine> engine;
  size_t block_cache_bytes = 256 << 20;
  size_t write_buffer_bytes = 128 << 20;
  size_t feed_bytes = 64 << 20;
  uint64_t max_log_bytes = 256 << 20;  // of each shard's log, kept for replicas that are away
  uint64_t min_log_bytes = 16 << 20;   // of each shard's log, kept for watchers that come back

  int io_threads = 0;    // 0: one a core
  int data_threads = 4;  // disk reads, writes that wait for the disk
  int scan_threads = 2;
  int watch_threads = 2;
  int max_watches = 8192;                  // of shards, at once
  int background_threads = 4;              // opening, closing, compacting
  int64_t removed_delay_us = 600'000'000;  // how long a dropped shard can still be saved by hand
  // How long compactions keep tombstones and expired values (storage/compaction_filter.h).
  int64_t tombstone_grace_us = 86'400'000'000;

  // Borrowed; outlive the node.
  const Clock* clock = SystemClock();
  FileSystem* files = PosixFileSystem();
  Random* random = SystemRandom();
  const Logger* logger = Logger::Null();
  Metrics* metrics = nullptr;  // nullptr: its own
};

class StoreNode {
 public:
  // Returns when the port is open. Errors name the folder or the address.
  static StatusOr<std::unique_ptr<StoreNode>> Start(const StoreNodeOptions& options);
  ~StoreNode();
  StoreNode(const StoreNode&) = delete;
  StoreNode& operator=(const StoreNode&) = delete;

  // HOST:PORT that others use, with the real port.
  std::string address() const;
  Uuid uuid() const;
  // Waits for the outcome of the first try: OK when registered, a retryable code when no master
  // could be reached, else the master's reason for refusing this store. Nothing when the try takes
  // longer. In any case it goes on trying.
  std::optional<Status> WaitRegistered(int64_t timeout_us);
  // Answers what was taken, closes everything. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit StoreNode(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vasto::store
