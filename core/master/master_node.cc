// SPDX-License-Identifier: Apache-2.0
#include "core/master/master_node.h"

#include <optional>

namespace vasto::master {
namespace {

// A step that finds its time already gone sets the timer no earlier than this, so that a wrong wake
// time cannot become a busy loop.
constexpr int64_t kMinTimerUs = 1000;

}  // namespace

MasterNode::MasterNode(const MasterCoreOptions& options, rpc::Transport* transport, Random* random,
                       Metrics* metrics)
    : transport_(transport),
      metrics_(metrics),
      installs_(Count("vasto_master_installs_total")),
      install_failures_(Count("vasto_master_install_failures_total")),
      events_(Count("vasto_master_events_total")),
      core_(options, random) {
  if (metrics_ != nullptr) AddGauges();
}

MasterNode::~MasterNode() {
  for (const auto& [name, labels] : gauges_) metrics_->RemoveGauge(name, labels);
}

Counter* MasterNode::Count(const std::string& name) {
  return (metrics_ != nullptr ? metrics_ : &unread_)->GetCounter(name);
}

void MasterNode::AddGauge(const std::string& name, const std::string& labels,
                          std::function<double(const MasterCore&)> read) {
  gauges_.emplace_back(name, labels);
  metrics_->SetGauge(name, labels, [this, read = std::move(read)] {
    MutexLock lock(&mu_);
    return read(core_);
  });
}

void MasterNode::AddGauges() {
  for (const StoreState state : {StoreState::kUp, StoreState::kSuspect, StoreState::kDown}) {
    AddGauge("vasto_master_stores", "state=\"" + std::string(StoreStateName(state)) + "\"",
             [state](const MasterCore& core) {
               return static_cast<double>(core.stores().CountIn(state));
             });
  }
  AddGauge("vasto_master_keyspaces", "", [](const MasterCore& core) {
    return static_cast<double>(core.catalog().published_count());
  });
  AddGauge("vasto_master_term", "",
           [](const MasterCore& core) { return static_cast<double>(core.term()); });
  AddGauge("vasto_master_map_version", "",
           [](const MasterCore& core) { return static_cast<double>(core.version()); });
  AddGauge("vasto_master_recovering", "",
           [](const MasterCore& core) { return core.recovering() ? 1.0 : 0.0; });
  AddGauge("vasto_master_name_conflicts", "", [](const MasterCore& core) {
    return static_cast<double>(core.catalog().hidden().size());
  });
  AddGauge("vasto_master_watchers", "",
           [](const MasterCore& core) { return static_cast<double>(core.watchers()); });
  AddGauge("vasto_master_operations_running", "",
           [](const MasterCore& core) { return static_cast<double>(core.operations_running()); });
}

template <typename Method, typename E>
void MasterNode::Handle(rpc::Dispatcher* dispatcher) {
  dispatcher->Handle<Method>(
      [this](typename Method::Request request, rpc::Responder<Method> responder) {
        E event;
        if constexpr (requires { event.request; }) event.request = std::move(request);
        if constexpr (requires { event.connection; }) {
          event.connection = responder.context().connection;
        }
        if constexpr (requires { event.wall_us; }) {
          event.wall_us = transport_->clock()->WallMicros();
        }
        auto shared = std::make_shared<rpc::Responder<Method>>(std::move(responder));
        bool refused = false;
        {
          MutexLock lock(&mu_);
          event.call = ++last_call_;
          refused = stopped_;
          if (!refused) {
            calls_[event.call] = [shared](const Answer& answer) {
              const auto* status = std::get_if<Status>(&answer);
              status != nullptr ? shared->Fail(*status)
                                : shared->Ok(std::get<typename Method::Response>(answer));
            };
          }
        }
        if (refused) return shared->Fail(Status::Unavailable("the master is stopping"));
        Post(std::move(event));
      });
}

void MasterNode::Serve(rpc::Dispatcher* dispatcher) {
  Handle<rpc::RegisterStore, RegisterEvent>(dispatcher);
  Handle<rpc::Heartbeat, HeartbeatEvent>(dispatcher);
  Handle<rpc::WatchCluster, WatchEvent>(dispatcher);
  Handle<rpc::CreateKeyspace, CreateEvent>(dispatcher);
  Handle<rpc::DeleteKeyspace, DeleteEvent>(dispatcher);
  Handle<rpc::StartCompaction, CompactEvent>(dispatcher);
  Handle<rpc::WaitOperation, WaitEvent>(dispatcher);
  Handle<rpc::ClusterStats, StatsEvent>(dispatcher);
  dispatcher->OnDisconnect(
      [this](rpc::ConnectionId connection) { Post(DisconnectEvent{.connection = connection}); });
}

void MasterNode::Start() { Post(StartEvent{}); }

void MasterNode::Stop() {
  {
    MutexLock lock(&mu_);
    if (std::exchange(stopped_, true)) return;
  }
  Post(StopEvent{});
}

ClusterMap MasterNode::Map() const {
  MutexLock lock(&mu_);
  return core_.Map();
}

bool MasterNode::recovering() const {
  MutexLock lock(&mu_);
  return core_.recovering();
}

std::vector<NameConflict> MasterNode::NameConflicts() const {
  MutexLock lock(&mu_);
  return core_.catalog().Conflicts();
}

void MasterNode::Post(Event event) {
  {
    MutexLock lock(&mu_);
    queue_.push_back(std::move(event));
    if (draining_) return;
    draining_ = true;
  }
  Drain();
}

void MasterNode::Drain() {
  for (;;) {
    std::vector<Action> actions;
    std::optional<int64_t> timer_us;
    {
      MutexLock lock(&mu_);
      if (queue_.empty()) {
        draining_ = false;
        return;
      }
      const Event event = std::move(queue_.front());
      queue_.pop_front();
      actions = core_.Step(event, transport_->clock()->MonotonicMicros());
      const int64_t next_us = core_.next_wake_us();
      if (next_us < wake_us_) timer_us = wake_us_ = next_us;
    }
    events_->Add();
    if (timer_us) Schedule(*timer_us);
    Perform(actions);
  }
}

void MasterNode::Schedule(int64_t wake_us) {
  const int64_t soonest_us = transport_->clock()->MonotonicMicros() + kMinTimerUs;
  transport_->RunAt(std::max(wake_us, soonest_us), [this, wake_us] {
    {
      MutexLock lock(&mu_);
      if (wake_us_ != wake_us) return;  // an earlier timer took over
      wake_us_ = INT64_MAX;
    }
    Post(TickEvent{});
  });
}

void MasterNode::Perform(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    std::visit([this](const auto& a) { Perform(a); }, action);
  }
}

void MasterNode::Perform(const AnswerAction& action) {
  for (const CallId call : action.calls) {
    Answerer answerer;
    {
      MutexLock lock(&mu_);
      auto node = calls_.extract(call);
      if (node.empty()) continue;
      answerer = std::move(node.mapped());
    }
    answerer(action.answer);
  }
}

void MasterNode::Perform(const InstallAction& action) {
  installs_->Add();
  const rpc::InstallKeyspaceRequest request{.term = action.term, .descriptor = *action.descriptor};
  ChannelTo(action.store, action.address)
      ->Call<rpc::InstallKeyspace>(
          request, action.deadline_us,
          [this, token = action.token](const StatusOr<rpc::InstallKeyspaceResponse>& result) {
            if (!result.ok()) install_failures_->Add();
            Post(InstallEndedEvent{.token = token, .result = result.status()});
          });
}

void MasterNode::Perform(const CompactAction& action) {
  ChannelTo(action.store, action.address)
      ->Call<rpc::CompactKeyspace>(
          action.request, action.deadline_us,
          [this, token = action.token](const StatusOr<rpc::CompactKeyspaceResponse>& result) {
            Post(CompactEndedEvent{.token = token, .result = result.status()});
          });
}

std::shared_ptr<rpc::Channel> MasterNode::ChannelTo(const Uuid& store, const std::string& address) {
  std::shared_ptr<rpc::Channel> outdated;
  std::shared_ptr<rpc::Channel> channel;
  {
    MutexLock lock(&mu_);
    Peer& peer = peers_[store];
    if (peer.address != address) {
      outdated = std::move(peer.channel);
      peer = {.address = address, .channel = transport_->Connect(address)};
    }
    channel = peer.channel;
  }
  // Completes its calls on this thread, so not under the lock.
  if (outdated != nullptr) outdated->Close();
  return channel;
}

}  // namespace vasto::master
