// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_runtime.h"

#include <algorithm>
#include <utility>

#include "core/rpc/protocol_version.h"
#include "core/store/route.h"

namespace vasto::store {
namespace {

constexpr int64_t kStatsUs = 2'000'000;
constexpr int64_t kHouseworkUs = 250'000;

}  // namespace

StoreRuntime::StoreRuntime(const StoreRuntimeOptions& options, StoreFolder::Contents contents)
    : options_(options),
      link_(options.transport, options.maps, options.background_pool, options.logger,
            [this](Event event) { Post(std::move(event)); }),
      control_(contents.identity, std::move(contents.descriptors), options.masters,
               options.random) {}

StoreRuntime::~StoreRuntime() { Stop(); }

// ---- Requests

void StoreRuntime::Register(rpc::Dispatcher* dispatcher) {
  dispatcher->Handle<rpc::InstallKeyspace>(
      [this](rpc::InstallKeyspaceRequest request, rpc::Responder<rpc::InstallKeyspace> responder) {
        uint64_t call = 0;
        {
          MutexLock lock(&mu_);
          if (stopping_) return responder.Fail(StoppingStatus());
          call = next_call_++;
          installs_.emplace(call, std::move(responder));
        }
        Post(InstallEvent{call, std::move(request)});
      });
  dispatcher->Handle<rpc::CompactKeyspace>(
      [this](rpc::CompactKeyspaceRequest request, rpc::Responder<rpc::CompactKeyspace> responder) {
        uint64_t call = 0;
        {
          MutexLock lock(&mu_);
          if (stopping_) return responder.Fail(StoppingStatus());
          call = next_call_++;
          compactions_.emplace(call, std::move(responder));
        }
        Post(CompactEvent{call, std::move(request)});
      });
  dispatcher->Handle<rpc::WatchCluster>(
      [this](const rpc::WatchClusterRequest& request, rpc::Responder<rpc::WatchCluster> responder) {
        const Status speaks = rpc::CheckProtocolVersion("the client", request.protocol_version);
        if (!speaks.ok()) return responder.Fail(speaks);
        rpc::WatchClusterResponse response = options_.maps->Answer(request);
        response.protocol_version = rpc::kProtocolVersion;
        responder.Ok(response);
      });
}

template <typename Method>
std::optional<rpc::Responder<Method>> StoreRuntime::TakeCall(Calls<Method>* calls, uint64_t call) {
  const auto it = calls->find(call);
  if (it == calls->end()) return std::nullopt;
  std::optional<rpc::Responder<Method>> responder(std::move(it->second));
  calls->erase(it);
  return responder;
}

// ---- The thread

void StoreRuntime::Post(Event event) {
  MutexLock lock(&mu_);
  if (stopping_) return;
  events_.push_back(std::move(event));
  changed_.SignalAll();
}

void StoreRuntime::Start() {
  Post(StartEvent{options_.clock->WallMicros()});
  thread_ = std::thread([this] {
    SetThreadName("vasto-control");
    Run();
  });
  MutexLock lock(&mu_);
  while (!ready_) changed_.Wait(&mu_);
}

void StoreRuntime::Serve(const StoreInfo& info) { Post(ServingEvent{info}); }

std::optional<Status> StoreRuntime::WaitRegistered(int64_t timeout_us) {
  const int64_t end_us = options_.clock->MonotonicMicros() + timeout_us;
  MutexLock lock(&mu_);
  while (!first_answer_) {
    const int64_t left_us = end_us - options_.clock->MonotonicMicros();
    if (left_us <= 0) break;
    changed_.WaitFor(&mu_, left_us);
  }
  return first_answer_;
}

int64_t StoreRuntime::NextWake() const {
  return std::min(control_.next_wake_us(), options_.clock->MonotonicMicros() + kHouseworkUs);
}

void StoreRuntime::Run() {
  for (;;) {
    std::deque<Event> events;
    {
      const int64_t wake_us = NextWake();
      MutexLock lock(&mu_);
      while (events_.empty() && !stopping_) {
        const int64_t left_us = wake_us - options_.clock->MonotonicMicros();
        if (left_us <= 0) break;
        changed_.WaitFor(&mu_, left_us);
      }
      if (stopping_) return;
      events.swap(events_);
    }
    for (const Event& event : events) Step(event);
    const int64_t now_us = options_.clock->MonotonicMicros();
    if (now_us >= control_.next_wake_us()) Step(TickEvent{options_.clock->WallMicros()});
    options_.host->Tick(now_us);
  }
}

void StoreRuntime::Step(const Event& event) {
  if (const auto* serving = std::get_if<ServingEvent>(&event)) {
    info_ = serving->info;
    options_.maps->SetSelf(control_.identity().cluster, info_);
  }
  for (Action& action : control_.Step(event, options_.clock->MonotonicMicros())) {
    std::visit([this](auto& a) { Do(std::move(a)); }, action);
  }
}

void StoreRuntime::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  Calls<rpc::InstallKeyspace> installs;
  Calls<rpc::CompactKeyspace> compactions;
  {
    MutexLock lock(&mu_);
    installs.swap(installs_);
    compactions.swap(compactions_);
  }
  for (auto& [call, responder] : installs) responder.Fail(StoppingStatus());
  for (auto& [call, responder] : compactions) responder.Fail(StoppingStatus());
}

// ---- Actions: the master

DiskUsage StoreRuntime::Usage(const std::vector<ReplicaStats>& replicas) const {
  DiskUsage usage;
  if (const auto disk = options_.files->Usage(options_.folder->dir()); disk.ok()) usage = *disk;
  if (options_.disk_bytes == 0) return usage;
  uint64_t used = 0;
  for (const ReplicaStats& replica : replicas) used += replica.disk_bytes;
  usage.capacity_bytes = options_.disk_bytes;
  usage.free_bytes =
      std::min(usage.free_bytes, options_.disk_bytes > used ? options_.disk_bytes - used : 0);
  return usage;
}

void StoreRuntime::Do(RegisterAction action) {
  const DiskUsage usage = Usage(options_.host->Stats());
  action.request.store.capacity_bytes = usage.capacity_bytes;
  action.request.store.free_bytes = usage.free_bytes;
  link_.Register(action);
}

void StoreRuntime::Do(const HeartbeatAction& action) {
  rpc::HeartbeatRequest request;
  request.store = control_.identity().store;
  request.term = action.term;
  request.replicas = options_.host->Stats();
  const DiskUsage usage = Usage(request.replicas);
  request.capacity_bytes = usage.capacity_bytes;
  request.free_bytes = usage.free_bytes;
  link_.Heartbeat(action.attempt, request);
  const int64_t now_us = options_.clock->MonotonicMicros();
  if (now_us < next_stats_us_) return;
  next_stats_us_ = now_us + kStatsUs;
  options_.host->RefreshStats();
}

void StoreRuntime::Do(const HangUpAction& action) {
  link_.HangUp(action.attempt);
  if (!std::exchange(was_registered_, false)) return;
  VASTO_LOG(options_.logger, kWarning, "master_lost");
}

void StoreRuntime::Do(const RegistrationAction& action) {
  if (action.result.ok()) {
    was_registered_ = true;
    options_.maps->SetSelf(control_.identity().cluster, info_);
    VASTO_LOG(options_.logger, kInfo, "registered")
        .With("cluster", control_.identity().cluster.ToString())
        .With("term", control_.identity().max_term);
    link_.FollowMap(action.attempt);
  } else {
    VASTO_LOG(options_.logger, kError, "registration_refused")
        .With("error", action.result.ToString());
  }
  MutexLock lock(&mu_);
  if (!first_answer_) first_answer_ = action.result;
  changed_.SignalAll();
}

// ---- Actions: the folder and the shards

void StoreRuntime::Do(const PersistIdentityAction& action) {
  Post(IdentityPersistedEvent{options_.folder->SaveIdentity(action.identity)});
}

void StoreRuntime::Do(const PersistDescriptorAction& action) {
  Post(DescriptorPersistedEvent{action.descriptor.uuid,
                                options_.folder->SaveDescriptor(action.descriptor)});
}

void StoreRuntime::Do(const ForgetDescriptorAction& action) {
  if (const Status status = options_.folder->ForgetDescriptor(action.keyspace); !status.ok()) {
    VASTO_LOG(options_.logger, kError, "tombstone_not_removed").With("error", status.ToString());
  }
}

void StoreRuntime::Do(const OpenShardsAction& action) {
  options_.host->Open(action.descriptor, action.shards, action.must_exist,
                      [this, uuid = action.descriptor.uuid](std::vector<ShardOutcome> outcomes) {
                        Post(ShardsOpenedEvent{uuid, std::move(outcomes)});
                      });
}

void StoreRuntime::Do(const ReopenShardAction& action) {
  options_.host->Reopen(action.descriptor, action.shard,
                        [this, uuid = action.descriptor.uuid](std::vector<ShardOutcome> outcomes) {
                          Post(ShardsOpenedEvent{uuid, std::move(outcomes), true});
                        });
}

void StoreRuntime::Do(const PublishAction& action) {
  options_.host->Publish(action.descriptor);
  options_.maps->SetKeyspace(action.descriptor);
}

void StoreRuntime::Do(const CloseShardsAction& action) {
  options_.host->Close(action.keyspace, action.shards);
}

void StoreRuntime::Do(const DropShardsAction& action) {
  options_.host->Drop(action.keyspace, action.shards);
}

void StoreRuntime::Do(const LeaveShardsAction& action) {
  options_.host->Leave(action.descriptor, action.shards);
}

void StoreRuntime::Do(const AnswerInstallAction& action) {
  std::optional<rpc::Responder<rpc::InstallKeyspace>> responder;
  {
    MutexLock lock(&mu_);
    responder = TakeCall(&installs_, action.call);
  }
  if (responder) responder->Finish(action.result);
}

void StoreRuntime::FinishCompaction(uint64_t call, const Status& result) {
  std::optional<rpc::Responder<rpc::CompactKeyspace>> responder;
  {
    MutexLock lock(&mu_);
    responder = TakeCall(&compactions_, call);
  }
  if (!responder) return;
  result.ok() ? responder->Ok({}) : responder->Fail(result);
}

void StoreRuntime::Do(const CompactAction& action) {
  if (!action.result.ok()) return FinishCompaction(action.call, action.result);
  options_.host->Compact(action.keyspace, [this, call = action.call](const Status& result) {
    FinishCompaction(call, result);
  });
}

void StoreRuntime::Do(const ReadyToServeAction& /*action*/) {
  MutexLock lock(&mu_);
  ready_ = true;
  changed_.SignalAll();
}

}  // namespace vasto::store
