// SPDX-License-Identifier: Apache-2.0
#include "core/store/map_cache.h"

#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/bytes.h"
#include "core/hash/partition.h"
#include "core/rpc/wire.h"

namespace vasto::store {
namespace {

constexpr std::string_view kMagic = "VMAP";
constexpr uint8_t kMapFormat = 1;

// The part of a map that is worth writing to disk.
ClusterMap Lasting(ClusterMap map) {
  map.term = 0;
  map.version = 0;
  for (auto& [uuid, store] : map.stores) {
    store.capacity_bytes = 0;
    store.free_bytes = 0;
    store.state = StoreState::kUp;
  }
  return map;
}

bool SameLasting(const ClusterMap& a, const ClusterMap& b) {
  const ClusterMap x = Lasting(a);
  const ClusterMap y = Lasting(b);
  return x.cluster == y.cluster && x.stores == y.stores && x.keyspaces == y.keyspaces;
}

StatusOr<ClusterMap> Decode(std::string_view bytes) {
  const size_t head = kMagic.size() + 1;
  if (bytes.size() < head || !bytes.starts_with(kMagic)) {
    return Status::Corruption("this is no cluster map");
  }
  const auto format = static_cast<uint8_t>(bytes[kMagic.size()]);
  if (format > kMapFormat) {
    return Status::NotSupported("map format " + std::to_string(format) +
                                " is newer than this program, which knows formats up to " +
                                std::to_string(kMapFormat) + "; use the newer program");
  }
  if (format != kMapFormat || bytes.size() < head + sizeof(uint64_t)) {
    return Status::Corruption("the map is damaged");
  }
  const std::string_view covered = bytes.substr(0, bytes.size() - sizeof(uint64_t));
  if (GetFixed<uint64_t>(bytes.data() + covered.size()) != PartitionHash(covered)) {
    return Status::Corruption("the checksum of the map is wrong");
  }
  VASTO_ASSIGN_OR_RETURN(auto response,
                         rpc::DecodeResponse<rpc::WatchCluster>(covered.substr(head)));
  return std::move(response.map);
}

std::string Encode(const ClusterMap& map) {
  rpc::WatchClusterResponse response;
  response.changed = true;
  response.map = map;
  std::string body;
  rpc::EncodeResponse<rpc::WatchCluster>(response, &body);
  std::string bytes(kMagic);
  bytes.push_back(static_cast<char>(kMapFormat));
  bytes += body;
  PutFixed<uint64_t>(&bytes, PartitionHash(bytes));
  return bytes;
}

}  // namespace

MapCache::MapCache(FileSystem* files, std::string path, const Logger* logger)
    : files_(files), path_(std::move(path)), logger_(logger) {}

Status MapCache::Load() {
  const auto bytes = files_->Read(path_);
  if (bytes.status().Is(Code::kNotFound)) return {};
  auto map = bytes.ok() ? Decode(*bytes) : bytes.status();
  if (map.status().Is(Code::kNotSupported)) return map.status().Prefixed(path_);
  if (!map.ok()) {
    VASTO_LOG(logger_, kWarning, "cluster_map_unreadable").With("error", map.status().ToString());
    return {};
  }
  MutexLock lock(&mu_);
  map_ = std::move(map).value();
  return {};
}

bool MapCache::Update(ClusterMap map) {
  bool lasting = false;
  {
    MutexLock lock(&mu_);
    if (std::pair(map.term, map.version) <= std::pair(map_.term, map_.version)) return false;
    KeepPeers(&map);
    lasting = !SameLasting(map, map_);
    map_ = map;
  }
  if (lasting) Save(map);
  return true;
}

void MapCache::KeepPeers(ClusterMap* map) const {
  for (const auto& [uuid, keyspace] : mine_) {
    for (const ShardReplicas& shard : keyspace.shards) {
      for (const Replica& replica : shard.replicas) {
        const StoreInfo* const known = map_.FindStore(replica.store);
        if (known == nullptr) continue;
        const auto [kept, added] = map->stores.try_emplace(replica.store, *known);
        if (added) kept->second.state = StoreState::kDown;
      }
    }
  }
}

void MapCache::Save(const ClusterMap& map) {
  if (const Status status = files_->WriteAtomically(path_, Encode(map)); !status.ok()) {
    VASTO_LOG(logger_, kWarning, "cluster_map_not_saved").With("error", status.ToString());
  }
}

void MapCache::SetSelf(const Uuid& cluster, const StoreInfo& self) {
  MutexLock lock(&mu_);
  cluster_ = cluster;
  self_ = self;
}

void MapCache::SetKeyspace(const KeyspaceDescriptor& descriptor) {
  MutexLock lock(&mu_);
  mine_[descriptor.uuid] = descriptor;
}

std::optional<StoreInfo> MapCache::FindStore(const Uuid& store) const {
  MutexLock lock(&mu_);
  if (store == self_.uuid) return self_;
  const auto it = map_.stores.find(store);
  return it == map_.stores.end() ? std::nullopt : std::optional(it->second);
}

rpc::WatchClusterRequest MapCache::Known() const {
  MutexLock lock(&mu_);
  rpc::WatchClusterRequest request;
  request.known_term = map_.term;
  request.known_version = map_.version;
  return request;
}

rpc::WatchClusterResponse MapCache::Answer(const rpc::WatchClusterRequest& request) const {
  MutexLock lock(&mu_);
  rpc::WatchClusterResponse response;
  response.changed =
      request.known_term != map_.term || request.known_version != map_.version || map_.term == 0;
  if (!response.changed) return response;
  ClusterMap& map = response.map;
  map = map_;
  map.cluster = cluster_;
  if (!self_.uuid.nil()) map.stores[self_.uuid] = self_;
  std::erase_if(map.keyspaces, [&](const auto& entry) REQUIRES(mu_) {
    const auto it = mine_.find(entry.second.uuid);
    return it != mine_.end() && it->second.deleted();
  });
  for (const auto& [uuid, mine] : mine_) {
    if (mine.deleted()) continue;
    KeyspaceDescriptor& known = map.keyspaces[mine.name];
    // Of two keyspaces with one name the one created last has it, as at masters (catalog.h).
    const bool newer = known.uuid == uuid ? known.epoch <= mine.epoch
                                          : std::tie(known.created_at_us, known.uuid) <
                                                std::tie(mine.created_at_us, uuid);
    if (newer) known = mine;
  }
  return response;
}

}  // namespace vasto::store
