// SPDX-License-Identifier: Apache-2.0
#include "core/client/routing_table.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace vasto::client {
namespace {

constexpr int64_t kUnixRetryUs = 1'000'000;
constexpr uint32_t kPicksPerTurn = 32;
// The share of one measurement in the mean.
constexpr int64_t kMeanOf = 4;

}  // namespace

int64_t ShardLinks::TurnedFrom(int candidate, int64_t now_us) const {
  int64_t latest = 0;
  for (int i = 0; i < candidate; ++i) {
    int64_t since_us = 0;
    const bool now = turned_us[static_cast<size_t>(i)].compare_exchange_strong(since_us, now_us);
    latest = std::max(latest, now ? now_us : since_us);
  }
  return latest;
}

StoreLink::StoreLink(const Uuid& uuid, rpc::Transport* transport, const LinkOptions& options)
    : uuid_(uuid), transport_(transport), options_(options) {}

StoreLink::~StoreLink() = default;

std::string StoreLink::address() const {
  const Channels* channels = current_.load(std::memory_order_acquire);
  return channels == nullptr ? "(unknown address)" : channels->address;
}

StoreLink::Pick StoreLink::PickChannel(int64_t now_us) {
  const Channels* channels = current_.load(std::memory_order_acquire);
  if (channels == nullptr) return {};
  const bool is_unix = !channels->unix_socket.empty() &&
                       now_us >= unix_broken_until_us_.load(std::memory_order_relaxed);
  const auto& list = is_unix ? channels->unix_socket : channels->tcp;
  return {list[list.size() == 1 ? 0 : NextTurn(list)].get(), is_unix};
}

size_t StoreLink::NextTurn(const std::vector<std::shared_ptr<rpc::Channel>>& channels) {
  // Counts picks; kPicksPerTurn of them are a turn. Threads that race may cut one short.
  uint32_t pick = turn_.fetch_add(1, std::memory_order_relaxed);
  size_t turn = pick / kPicksPerTurn;
  if (pick % kPicksPerTurn != 0 && !channels[turn % channels.size()]->gathering()) {
    ++turn;
    turn_.store(static_cast<uint32_t>(turn * kPicksPerTurn + 1), std::memory_order_relaxed);
  }
  return turn % channels.size();
}

int64_t StoreLink::DistanceUs(int64_t now_us) const {
  const Channels* channels = current_.load(std::memory_order_acquire);
  const bool is_unix = channels != nullptr && !channels->unix_socket.empty() &&
                       now_us >= unix_broken_until_us_.load(std::memory_order_relaxed);
  return is_unix ? 0 : round_trip_us_.load(std::memory_order_relaxed);
}

bool StoreLink::ClaimMeasurement(int64_t now_us) {
  int64_t last_us = measured_us_.load(std::memory_order_relaxed);
  return now_us - last_us >= kMeasureUs &&
         measured_us_.compare_exchange_strong(last_us, now_us, std::memory_order_relaxed);
}

void StoreLink::Measured(int64_t round_trip_us) {
  // One measurement is under way at a time, or two that may overwrite each other.
  const int64_t mean = round_trip_us_.load(std::memory_order_relaxed);
  const int64_t latest = std::max<int64_t>(round_trip_us, 1);
  round_trip_us_.store(mean == INT64_MAX ? latest : mean + (latest - mean) / kMeanOf,
                       std::memory_order_relaxed);
}

bool StoreLink::OnUnreachable(const Pick& pick, const Status& why, int64_t now_us) {
  if (pick.is_unix && !why.Is(Code::kTimeout)) {
    // TCP has its chance before the store itself is doubted.
    unix_broken_until_us_.store(now_us + kUnixRetryUs, std::memory_order_relaxed);
    return false;
  }
  return !suspect_.exchange(true, std::memory_order_relaxed);
}

void StoreLink::Update(const StoreInfo& info, std::vector<std::shared_ptr<rpc::Channel>>* retired) {
  down_.store(info.state == StoreState::kDown, std::memory_order_relaxed);
  const Channels* now = current_.load(std::memory_order_relaxed);
  if (now != nullptr && now->address == info.address && now->unix_path == info.unix_path) return;
  Connect(info);
  if (now == nullptr) return;
  retired->insert(retired->end(), now->tcp.begin(), now->tcp.end());
  retired->insert(retired->end(), now->unix_socket.begin(), now->unix_socket.end());
}

void StoreLink::Connect(const StoreInfo& info) {
  auto channels = std::make_unique<Channels>();
  channels->address = info.address;
  channels->unix_path = info.unix_path;
  const bool local = options_.use_unix_sockets && !info.unix_path.empty() &&
                     !options_.host_id.empty() && info.host_id == options_.host_id &&
                     access(info.unix_path.c_str(), R_OK | W_OK) == 0;
  for (int i = 0; i < std::max(1, options_.connections_per_store); ++i) {
    channels->tcp.push_back(transport_->Connect(info.address));
    if (local) channels->unix_socket.push_back(transport_->Connect("unix:" + info.unix_path));
  }
  suspect_.store(false, std::memory_order_relaxed);
  unix_broken_until_us_.store(0, std::memory_order_relaxed);
  current_.store(channels.get(), std::memory_order_release);
  all_.push_back(std::move(channels));
}

RoutingTable::RoutingTable(rpc::Transport* transport, LinkOptions options)
    : transport_(transport),
      options_(std::move(options)),
      map_(std::make_shared<const ClusterMap>()) {}

RoutingTable::Retired RoutingTable::Install(ClusterMap map) {
  Retired retired;
  MutexLock lock(&mu_);
  map_ = std::make_shared<const ClusterMap>(std::move(map));
  UpdateLocked(&retired);
  for (const auto& [uuid, route] : routes_) {
    const KeyspaceDescriptor* descriptor = map_->Find(route->name());
    const bool removed = descriptor == nullptr || descriptor->uuid != uuid;
    route->removed_.store(removed, std::memory_order_relaxed);
  }
  return retired;
}

RoutingTable::Retired RoutingTable::Merge(const ClusterMap& map) {
  Retired retired;
  MutexLock lock(&mu_);
  ClusterMap merged = *map_;
  for (const auto& [uuid, store] : map.stores) merged.stores.try_emplace(uuid, store);
  for (const auto& [name, descriptor] : map.keyspaces) {
    KeyspaceDescriptor& known = merged.keyspaces.try_emplace(name, descriptor).first->second;
    if (known.uuid == descriptor.uuid && known.epoch < descriptor.epoch) known = descriptor;
  }
  map_ = std::make_shared<const ClusterMap>(std::move(merged));
  UpdateLocked(&retired);
  return retired;
}

std::shared_ptr<const ClusterMap> RoutingTable::map() const {
  MutexLock lock(&mu_);
  return map_;
}

KeyspaceRoute* RoutingTable::Open(const std::string& name) {
  MutexLock lock(&mu_);
  const KeyspaceDescriptor* descriptor = map_->Find(name);
  if (descriptor == nullptr || descriptor->deleted() || descriptor->shards.empty()) return nullptr;
  auto& route = routes_[descriptor->uuid];
  if (route == nullptr) {
    route = std::make_unique<KeyspaceRoute>(name, descriptor->uuid);
    UpdateRouteLocked(route.get(), *descriptor);
  }
  return route.get();
}

StoreLink* RoutingTable::AnyStore(Random* random) const {
  MutexLock lock(&mu_);
  StoreLink* best = nullptr;
  uint64_t seen = 0;
  for (const auto& [uuid, link] : links_) {
    if (best != nullptr && link->suspect() && !best->suspect()) continue;
    if (best != nullptr && best->suspect() && !link->suspect()) seen = 0;
    if (random->Below(++seen) == 0) best = link.get();
  }
  return best;
}

void RoutingTable::UpdateLocked(Retired* retired) {
  for (const auto& [uuid, info] : map_->stores) LinkLocked(uuid)->Update(info, retired);
  for (const auto& [name, descriptor] : map_->keyspaces) {
    const auto it = routes_.find(descriptor.uuid);
    if (it != routes_.end()) UpdateRouteLocked(it->second.get(), descriptor);
  }
}

void RoutingTable::UpdateRouteLocked(KeyspaceRoute* route, const KeyspaceDescriptor& descriptor) {
  const KeyspaceView* now = route->view();
  if (descriptor.deleted() || descriptor.shards.empty()) return;
  if (now != nullptr && now->epoch >= descriptor.epoch) return;
  auto view = std::make_unique<KeyspaceView>();
  view->generation = ++last_generation_;
  view->epoch = descriptor.epoch;
  view->replica_count = descriptor.replica_count;
  view->shards = std::vector<ShardLinks>(descriptor.shards.size());
  for (size_t shard = 0; shard < descriptor.shards.size(); ++shard) {
    ShardLinks& links = view->shards[shard];
    for (const Replica& replica : descriptor.shards[shard].replicas) {
      if (replica.role != ReplicaRole::kReplica || links.count == kMaxReplicas) continue;
      links.links[static_cast<size_t>(links.count++)] = LinkLocked(replica.store);
    }
  }
  route->view_.store(view.get(), std::memory_order_release);
  route->all_.push_back(std::move(view));
}

StoreLink* RoutingTable::LinkLocked(const Uuid& uuid) {
  auto& link = links_[uuid];
  if (link == nullptr) link = std::make_unique<StoreLink>(uuid, transport_, options_);
  return link.get();
}

ShardView MakeShardView(const KeyspaceRoute& route, const KeyspaceView& view, int32_t shard,
                        ReadFrom from, int64_t now_us) {
  ShardView result;
  result.generation = view.generation;
  result.removed = route.removed();
  if (shard < 0 || shard >= view.shard_count()) return result;
  const ShardLinks& links = view.shards[static_cast<size_t>(shard)];
  result.count = links.count;
  for (size_t i = 0; i < static_cast<size_t>(links.count); ++i) {
    Candidate& candidate = result.candidates[i];
    candidate.down = links.links[i]->down();
    candidate.suspect = links.links[i]->suspect();
    if (from == ReadFrom::kPrimary) continue;
    candidate.behind = now_us < links.behind_until_us[i].load(std::memory_order_relaxed);
    if (from == ReadFrom::kNearest) candidate.distance_us = links.links[i]->DistanceUs(now_us);
  }
  return result;
}

std::string LocalHostId(FileSystem* files) {
  const auto content = files->Read("/proc/sys/kernel/random/boot_id");
  return content.ok() ? content->substr(0, content->find('\n')) : std::string();
}

}  // namespace vasto::client
