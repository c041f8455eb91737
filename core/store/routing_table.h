// SPDX-License-Identifier: Apache-2.0
// Which shards this store serves, as the data path sees it: an immutable RoutingTable, replaced
// whole, read without locks or reference counts (read-copy-update).
//
// A reader opens a section for the time of one wake-up; the table and the shards it names stay
// until the section ends. The publisher swaps the table and waits until every section that may have
// seen the old one has ended; after that the shards that are no longer named can be closed.
// Sections never block, so the wait is short.
//
// Work that outlives a section (disk reads, scans) enters the shard's gate while the section is
// open; whoever closes a shard closes its gate first. Writes need neither: Shard::Close completes
// what is queued.
//
// Threads: see each class.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/metrics.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/replication/shard_replica.h"
#include "core/storage/shard.h"
#include "core/store/per_thread.h"
#include "core/store/stand_down.h"
#include "core/store/watch_server.h"
#include "core/topology/cluster_map.h"

namespace vasto::store {

// One shard's database, or why there is none.
// Threads: constant once published, apart from what synchronises itself.
struct ShardHandle {
  Uuid keyspace;
  int32_t number = 0;
  Status failure;  // why it could not be opened; then shard is nullptr
  std::unique_ptr<storage::Shard> shard;
  // Of a keyspace with several replicas; else nullptr. Ends before the shard closes.
  std::shared_ptr<replication::ShardReplica> replica;
  StandDown stand_down;  // of the replica
  // With the shard; ends before it closes.
  std::shared_ptr<WatchServer> watches;
  Gate slow_work;  // requests that outlive their section

  // OK while the shard takes writes.
  Status Health() const { return shard ? shard->Health() : failure; }
  // Not OK, but another replica may take writes.
  bool OthersMayWrite() const { return replica && !stand_down.alone() && !shard->Health().ok(); }
};

// Counters of one keyspace name; the series are the store's Metrics'. Lives as long as ShardHost.
struct KeyspaceMetrics {
  explicit KeyspaceMetrics(Metrics* metrics, const std::string& keyspace);

  struct Operation {
    Counter* requests;   // calls
    Counter* errors;     // calls or keys that failed (not found is none)
    Histogram* latency;  // from the arrival of the call to its answer

    // Calls that arrived at that time and are answered now.
    void Count(int64_t received_us, const Clock* clock, uint64_t calls = 1) const;
  };
  Operation get, multi_get, write, write_batch, scan;
  Counter* keys_read;
  Counter* keys_written;
};

// One keyspace as this store serves it. Constant.
struct KeyspaceView {
  Uuid uuid;
  std::string name;
  uint64_t epoch = 0;
  // By shard number: nullptr for a shard that is not here. Borrowed from ShardHost.
  std::vector<ShardHandle*> shards;
  AckLevel acks = AckLevel::kOne;  // of writes that do not ask for another
  int32_t replica_count = 1;
  KeyspaceMetrics* metrics =
      nullptr;  // borrowed from ShardHost, which keeps it as long as it lives
};

struct RoutingTable {
  std::unordered_map<Uuid, std::shared_ptr<const KeyspaceView>> keyspaces;

  // Borrowed; nullptr when unknown or deleted.
  const KeyspaceView* Find(const Uuid& uuid) const {
    const auto it = keyspaces.find(uuid);
    return it == keyspaces.end() ? nullptr : it->second.get();
  }
};

// Holds the current table.
// Threads: sections from any thread; Publish from one thread at a time, never inside a section.
class TableHolder {
  struct Slot;

 public:
  TableHolder();
  ~TableHolder();
  TableHolder(const TableHolder&) = delete;
  TableHolder& operator=(const TableHolder&) = delete;

  // The time in which a thread uses the table. Short, and nothing in it blocks. May be nested on
  // one thread.
  class Section {
   public:
    explicit Section(TableHolder* holder);
    ~Section();
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;
    const RoutingTable& table() const { return *table_; }

   private:
    Slot* const slot_;
    const RoutingTable* table_;
  };

  // Replaces the table and returns when nobody uses the old one any more.
  void Publish(std::unique_ptr<const RoutingTable> table);

 private:
  // One cache line each, so that readers do not disturb one another.
  struct alignas(64) Slot {
    std::atomic<uint64_t> sequence{0};  // odd while its thread is inside a section
    int depth = 0;                      // its own thread only
  };
  void WaitForReaders();

  PerThread<Slot> slots_;
  std::atomic<const RoutingTable*> table_;
};

}  // namespace vasto::store
