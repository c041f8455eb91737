// SPDX-License-Identifier: Apache-2.0
// Runs StoreControl: one thread that feeds it events and carries out its actions with the folder,
// the shards and the link to the master. Also answers the commands of the master (install_keyspace,
// compact_keyspace) and watch_cluster.
//
// Threads: ReopenShard and the registered handlers from any thread; Start, WaitReady,
// WaitRegistered, Stop from the owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"
#include "core/store/map_cache.h"
#include "core/store/master_link.h"
#include "core/store/shard_host.h"
#include "core/store/store_control.h"
#include "core/store/store_folder.h"

namespace vasto::store {

// All pointers borrowed; they outlive the runtime.
struct StoreRuntimeOptions {
  StoreFolder* folder = nullptr;
  FileSystem* files = nullptr;
  ShardHost* host = nullptr;
  MapCache* maps = nullptr;
  rpc::Transport* transport = nullptr;
  ThreadPool* background_pool = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;
  const Logger* logger = nullptr;
  std::vector<std::string> masters;
  uint64_t disk_bytes = 0;  // what this store may use; 0: the whole disk
};

class StoreRuntime {
 public:
  StoreRuntime(const StoreRuntimeOptions& options, StoreFolder::Contents contents);
  ~StoreRuntime();
  StoreRuntime(const StoreRuntime&) = delete;
  StoreRuntime& operator=(const StoreRuntime&) = delete;

  void Register(rpc::Dispatcher* dispatcher);
  // Starts the thread and waits until every shard was tried.
  void Start();
  // The port is open: register with the master. info: without capacity and free bytes.
  void Serve(const StoreInfo& info);
  // Waits for the outcome of the first try: OK when registered, a retryable code when no master
  // could be reached, else the master's reason for refusing this store. Nothing when the try takes
  // longer. In any case it goes on trying.
  std::optional<Status> WaitRegistered(int64_t timeout_us);
  // The shard is closed and opened anew: that has what another replica had, or heals it.
  void ReopenShard(const Uuid& keyspace, int32_t shard) { Post(ReopenEvent{keyspace, shard}); }
  // Ends the thread. Calls that wait for an answer get kUnavailable. Idempotent.
  void Stop();

 private:
  template <typename Method>
  using Calls = std::map<uint64_t, rpc::Responder<Method>>;

  void Post(Event event);
  void Run();
  void Step(const Event& event);
  // When the thread has to look again, monotonic.
  int64_t NextWake() const;

  void Do(RegisterAction action);
  void Do(const HeartbeatAction& action);
  void Do(const ProbeAction& action) { link_.Probe(action); }
  void Do(const HangUpAction& action);
  void Do(const RegistrationAction& action);
  void Do(const PersistIdentityAction& action);
  void Do(const PersistDescriptorAction& action);
  void Do(const ForgetDescriptorAction& action);
  void Do(const OpenShardsAction& action);
  void Do(const ReopenShardAction& action);
  void Do(const PublishAction& action);
  void Do(const CloseShardsAction& action);
  void Do(const DropShardsAction& action);
  void Do(const LeaveShardsAction& action);
  void Do(const AnswerInstallAction& action);
  void Do(const CompactAction& action);
  void Do(const ReadyToServeAction& action);

  void FinishCompaction(uint64_t call, const Status& result);
  DiskUsage Usage(const std::vector<ReplicaStats>& replicas) const;
  template <typename Method>
  std::optional<rpc::Responder<Method>> TakeCall(Calls<Method>* calls, uint64_t call);

  const StoreRuntimeOptions options_;
  MasterLink link_;

  // The thread's own.
  StoreControl control_;
  StoreInfo info_;
  int64_t next_stats_us_ = 0;
  bool was_registered_ = false;
  std::thread thread_;  // the owner's

  Mutex mu_;
  CondVar changed_;
  std::deque<Event> events_ GUARDED_BY(mu_);
  bool ready_ GUARDED_BY(mu_) = false;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::optional<Status> first_answer_ GUARDED_BY(mu_);
  uint64_t next_call_ GUARDED_BY(mu_) = 1;
  Calls<rpc::InstallKeyspace> installs_ GUARDED_BY(mu_);
  Calls<rpc::CompactKeyspace> compactions_ GUARDED_BY(mu_);
};

}  // namespace vasto::store
