// SPDX-License-Identifier: Apache-2.0
#include "core/client/map_listener.h"

#include <utility>

#include "core/client/engine.h"
#include "core/rpc/protocol_version.h"

namespace vasto::client {
namespace {

std::vector<std::shared_ptr<rpc::Channel>> ConnectAll(Engine* engine) {
  std::vector<std::shared_ptr<rpc::Channel>> channels;
  for (const std::string& address : engine->options().masters) {
    channels.push_back(engine->transport()->Connect(address));
  }
  return channels;
}

void CloseAll(const RoutingTable::Retired& channels) {
  for (const auto& channel : channels) channel->Close();
}

// An answer that this program understands.
Status CheckAnswer(const std::string& who, const StatusOr<rpc::WatchClusterResponse>& answer) {
  if (!answer.ok()) return answer.status().Prefixed(who);
  return rpc::CheckProtocolVersion(who, answer->protocol_version);
}

MapId IdOf(const ClusterMap& map) { return {map.cluster, map.term, map.version}; }

}  // namespace

MapListener::MapListener(Engine* engine)
    : engine_(engine), masters_(ConnectAll(engine)), follower_(masters_.size()) {}

void MapListener::Start() { Step({.kind = FollowEvent::Kind::kStart, .id = {}}); }

void MapListener::Refresh() { Step({.kind = FollowEvent::Kind::kRefresh, .id = {}}); }

void MapListener::Offer(ClusterMap map) {
  {
    MutexLock lock(&mu_);
    if (!follower_.Accept(IdOf(map))) return;
  }
  Install(std::move(map));
}

Status MapListener::WaitForMap(int64_t deadline_us) {
  MutexLock lock(&mu_);
  while (!has_map_) {
    const int64_t left = deadline_us - engine_->NowUs();
    const bool hopeless = not_supported_.size() == masters_.size();
    if (left <= 0 || hopeless) {
      if (!not_supported_.empty()) return not_supported_.begin()->second;
      return Status::Unavailable(last_error_.ok() ? "no master answered in time"
                                                  : "no master answered in time: " +
                                                        std::string(last_error_.message()));
    }
    installed_.WaitFor(&mu_, left);
  }
  return {};
}

void MapListener::OnMasterError(size_t master, const Status& status) {
  MutexLock lock(&mu_);
  last_error_ = status;
  if (!status.Is(Code::kNotSupported)) {
    not_supported_.erase(master);
    return;
  }
  if (!not_supported_.emplace(master, status).second) return;
  VASTO_LOG(engine_->options().logger, kWarning, "master_not_supported")
      .With("error", status.ToString());
  installed_.SignalAll();
}

void MapListener::Step(FollowEvent event, ClusterMap map) {
  if (engine_->stopping()) return;
  event.id = IdOf(map);
  std::vector<FollowAction> actions;
  {
    MutexLock lock(&mu_);
    actions = follower_.Step(event, engine_->NowUs(), engine_->options().random);
  }
  for (const FollowAction& action : actions) Do(action, &map);
}

void MapListener::Do(const FollowAction& action, ClusterMap* map) {
  switch (action.kind) {
    case FollowAction::Kind::kAskMaster:
      return AskMaster(action);
    case FollowAction::Kind::kAskStore:
      return AskStore(action);
    case FollowAction::Kind::kInstall:
      return Install(std::move(*map));
    case FollowAction::Kind::kMerge:
      CloseAll(engine_->table()->Merge(*map));
      return engine_->OnMapChanged();
    case FollowAction::Kind::kForeign:
      VASTO_LOG(engine_->options().logger, kWarning, "map_of_other_cluster")
          .With("cluster", map->cluster.ToString());
      return;
    case FollowAction::Kind::kWakeAt:
      break;
  }
  uint64_t number = 0;
  {
    MutexLock lock(&mu_);
    number = ++timer_;
  }
  engine_->transport()->RunAt(action.at_us, [this, number] {
    CallbackScope scope;
    {
      MutexLock lock(&mu_);
      if (number != timer_) return;
    }
    Step({.kind = FollowEvent::Kind::kTimer, .id = {}});
  });
}

void MapListener::AskMaster(const FollowAction& action) {
  rpc::WatchClusterRequest request;
  request.known_term = action.known.term;
  request.known_version = action.known.version;
  request.wait_ms = action.wait_ms;
  request.protocol_version = rpc::kProtocolVersion;
  masters_[action.master]->Call<rpc::WatchCluster>(
      request, action.at_us,
      [this, master = action.master](StatusOr<rpc::WatchClusterResponse> response) {
        CallbackScope scope;
        const Status status = CheckAnswer("master " + engine_->options().masters[master], response);
        if (!status.ok()) OnMasterError(master, status);
        FollowEvent event;
        event.kind = FollowEvent::Kind::kMasterAnswer;
        event.ok = status.ok();
        event.changed = event.ok && response->changed;
        Step(event, event.changed ? std::move(response->map) : ClusterMap());
      });
}

void MapListener::AskStore(const FollowAction& action) {
  StoreLink* link = engine_->table()->AnyStore(engine_->options().random);
  const StoreLink::Pick pick =
      link == nullptr ? StoreLink::Pick() : link->PickChannel(engine_->NowUs());
  if (pick.channel == nullptr) {
    return Step({.kind = FollowEvent::Kind::kStoreAnswer, .id = {}});
  }
  pick.channel->Call<rpc::WatchCluster>(
      {.protocol_version = rpc::kProtocolVersion}, action.at_us,
      [this](StatusOr<rpc::WatchClusterResponse> response) {
        CallbackScope scope;
        FollowEvent event;
        event.kind = FollowEvent::Kind::kStoreAnswer;
        event.ok = CheckAnswer("the store", response).ok();
        event.changed = event.ok && response->changed;
        Step(event, event.changed ? std::move(response->map) : ClusterMap());
      });
}

void MapListener::Install(ClusterMap map) {
  VASTO_LOG(engine_->options().logger, kInfo, "cluster_map")
      .With("term", map.term)
      .With("version", map.version)
      .With("keyspaces", map.keyspaces.size())
      .With("stores", map.stores.size());
  RoutingTable::Retired retired;
  {
    MutexLock lock(&install_mu_);
    const MapId id = IdOf(map);
    if (installed_any_ && !id.NewerThan(installed_id_)) return;  // a newer one overtook this one
    installed_any_ = true;
    installed_id_ = id;
    retired = engine_->table()->Install(std::move(map));
  }
  CloseAll(retired);
  {
    MutexLock lock(&mu_);
    has_map_ = true;
    installed_.SignalAll();
  }
  engine_->OnMapChanged();
}

}  // namespace vasto::client
