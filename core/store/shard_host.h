// SPDX-License-Identifier: Apache-2.0
// Owns the shards of a store: opens and makes them in parallel, publishes them to the data path,
// closes and drops them, compacts them, reads their statistics. Does what StoreControl's actions
// say; decides nothing.
//
// Invariants
//  1. A shard is closed only after no published table names it and its gate is closed.
//  2. A shard that is being closed is opened again only when that has ended.
//  3. A shard that cannot be opened is a handle with a failure: its requests and its health say
//  why, the others live.
//
// Threads: Open, Publish, Close, Drop, Compact, Tick from one thread (the store's control thread);
// table, Stats from any; Stop from the owner, after the control thread and the server have ended.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/hlc.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/mutex.h"
#include "core/base/random.h"
#include "core/base/thread_pool.h"
#include "core/replication/replicator.h"
#include "core/store/routing_table.h"
#include "core/store/shard_tasks.h"
#include "core/store/store_control.h"
#include "core/store/store_folder.h"

namespace vasto::store {

struct ShardHostOptions {
  Uuid store;
  StoreFolder* folder = nullptr;  // borrowed, like all pointers here; outlive the host
  FileSystem* files = nullptr;
  Random* random = nullptr;  // asked by many threads
  std::shared_ptr<storage::Engine> engine;
  replication::Replicator* replicator = nullptr;
  ThreadPool* data_pool = nullptr;        // for reads and writes that block
  ThreadPool* background_pool = nullptr;  // for opening, closing, compacting
  ThreadPool* watch_pool = nullptr;       // for what watchers are told
  WatchPlaces* watch_places = nullptr;
  const Clock* clock = nullptr;
  HybridClock* hlc = nullptr;
  const Logger* logger = nullptr;
  Metrics* metrics = nullptr;
  int64_t removed_delay_us = 600'000'000;  // how long a dropped shard stays in removed/
  int64_t tombstone_grace_us = 86'400'000'000;
  uint64_t max_log_bytes = 256 << 20;  // of each shard, kept for replicas that are away
  uint64_t min_log_bytes = 16 << 20;   // of each shard, kept for watchers that come back
  // A replica that stood down can serve again: its shard should be opened anew. Called by Tick.
  std::function<void(const Uuid& keyspace, int32_t shard)> on_well;
};

class ShardHost {
 public:
  explicit ShardHost(const ShardHostOptions& options);
  ~ShardHost();
  ShardHost(const ShardHost&) = delete;
  ShardHost& operator=(const ShardHost&) = delete;

  TableHolder* table() { return &table_; }

  // Opens these shards on the background pool; done runs on one of its threads with one outcome for
  // each, in order. A shard that is open already is a success.
  void Open(const KeyspaceDescriptor& descriptor, const std::vector<int32_t>& shards,
            bool must_exist, std::function<void(std::vector<ShardOutcome>)> done);
  // Closes a shard that is published and opens it again; until its next Publish the shard is not
  // served. done as of Open.
  void Reopen(const KeyspaceDescriptor& descriptor, int32_t shard,
              std::function<void(std::vector<ShardOutcome>)> done);
  // Serves the keyspace by this descriptor from now on; returns when no request uses the one
  // before. Deleted: serves it no more.
  void Publish(const KeyspaceDescriptor& descriptor);
  // Closes shards that are not published. Their folders stay.
  void Close(const Uuid& keyspace, const std::vector<int32_t>& shards);
  // Closes shards that are not published any more and moves their folders away. Empty: every folder
  // of the keyspace.
  void Drop(const Uuid& keyspace, const std::vector<int32_t>& shards);
  // The same for shards that have replicas elsewhere now: those are given what only this store has
  // before. What cannot be given is kept in damaged/. Empty: every folder of the keyspace that the
  // descriptor does not name.
  void Leave(const KeyspaceDescriptor& descriptor, const std::vector<int32_t>& shards);
  // Compacts every shard of the keyspace that is here and open; done runs on a background thread
  // with the first failure, where a shard that could not be opened counts as one.
  void Compact(const Uuid& keyspace, std::function<void(Status)> done);
  // Deletes what an earlier run left in removed/.
  void DeleteLeftovers();
  // Looks after replicas that take no writes (stand_down.h), after watchers and logs, and deletes
  // what has been in removed/ long enough. To be called several times a second.
  void Tick(int64_t now_us);

  // Of every shard here; sizes may be some seconds old, health is not.
  std::vector<ReplicaStats> Stats();
  // Reads the sizes again, on the background pool.
  void RefreshStats();

  // Tells all watchers to ask elsewhere. Any thread; after the last Tick.
  void StopWatches() EXCLUDES(mu_);
  // Closes all shards. Idempotent.
  void Stop();

 private:
  using Key = ShardTasks::Key;
  struct OpenJob;

  storage::ShardOptions MakeShardOptions(const KeyspaceDescriptor& descriptor, int32_t shard) const;
  ShardOutcome OpenOne(const KeyspaceDescriptor& descriptor, int32_t shard, bool must_exist);
  StatusOr<std::unique_ptr<storage::Shard>> OpenDatabase(const KeyspaceDescriptor& descriptor,
                                                         int32_t shard, bool must_exist);
  // Puts what is left of a lost replica aside and begins an empty one, which others then fill.
  StatusOr<std::unique_ptr<storage::Shard>> StartAnew(const KeyspaceDescriptor& descriptor,
                                                      int32_t shard, const Status& why);
  // Takes a handle out of the map; nullptr when there is none.
  std::shared_ptr<ShardHandle> Take(const Key& key);
  // Ends what uses the shard, but for those who close it.
  void EndUses(const Key& key, ShardHandle* handle);
  void CloseHandle(const Key& key, ShardHandle* handle);
  // nullptr: closes what was opened since that was asked for, if anything.
  void CloseWhatIsThere(const Key& key, std::shared_ptr<ShardHandle> handle);
  void RemoveFolder(const Key& key);
  void LeaveOne(const KeyspaceDescriptor& descriptor, int32_t shard,
                std::shared_ptr<ShardHandle> handle);
  // What the handle's shard has, or the one on the disk when there is no handle.
  Status GiveBack(const KeyspaceDescriptor& descriptor, int32_t shard, ShardHandle* handle);
  void KeepFolder(const Key& key, const Status& why);
  // Puts away the database that a copy has taken the place of, if there is one.
  void PutFormerAway(const Key& key);
  void DeleteTree(const std::string& path);
  void DeleteRemoved(int64_t now_us);
  void LookAfterReplicas(int64_t now_us);
  void LookAfterWatches(int64_t now_us);
  // Of shards without other replicas; the replicator does it for the others.
  void PurgeLog(const std::shared_ptr<ShardHandle>& handle);
  void Detach(const std::shared_ptr<ShardHandle>& handle);
  // Runs the task on the background pool, or here when the pool has stopped.
  void InBackground(ThreadPool::Task task);

  const ShardHostOptions options_;
  TableHolder table_;

  // The control thread's: what is published.
  std::map<Uuid, std::shared_ptr<const KeyspaceView>> views_;
  std::map<std::string, std::unique_ptr<KeyspaceMetrics>>
      metrics_;  // by keyspace name, never erased
  int64_t purge_due_us_ = 0;

  ShardTasks tasks_;

  Mutex mu_;
  std::map<Key, std::shared_ptr<ShardHandle>> handles_ GUARDED_BY(mu_);
  std::map<Key, storage::ShardStats> stats_ GUARDED_BY(mu_);
  bool refreshing_ GUARDED_BY(mu_) = false;
  std::vector<std::pair<int64_t, std::string>> removed_ GUARDED_BY(mu_);  // (due, path)
};

}  // namespace vasto::store
