// SPDX-License-Identifier: Apache-2.0
#include "core/topology/cluster_map.h"

#include "core/base/bytes.h"

namespace vasto {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::string_view AckLevelName(AckLevel level) {
  switch (level) {
    case AckLevel::kOne:
      return "one";
    case AckLevel::kQuorum:
      return "quorum";
    case AckLevel::kAll:
      return "all";
  }
  return "unknown";
}

std::string_view SyncModeName(SyncMode mode) {
  switch (mode) {
    case SyncMode::kNone:
      return "none";
    case SyncMode::kInterval:
      return "interval";
    case SyncMode::kAlways:
      return "always";
  }
  return "unknown";
}

std::string_view StoreStateName(StoreState state) {
  switch (state) {
    case StoreState::kUp:
      return "up";
    case StoreState::kSuspect:
      return "suspect";
    case StoreState::kDown:
      return "down";
  }
  return "unknown";
}

StatusOr<AckLevel> ParseAckLevel(std::string_view text) {
  for (AckLevel level : {AckLevel::kOne, AckLevel::kQuorum, AckLevel::kAll}) {
    if (text == AckLevelName(level)) return level;
  }
  return Status::InvalidArgument("acks must be one, quorum or all, not '" + std::string(text) +
                                 "'");
}

StatusOr<SyncMode> ParseSyncMode(std::string_view text) {
  for (SyncMode mode : {SyncMode::kNone, SyncMode::kInterval, SyncMode::kAlways}) {
    if (text == SyncModeName(mode)) return mode;
  }
  return Status::InvalidArgument("sync must be none, interval or always, not '" +
                                 std::string(text) + "'");
}

std::vector<int32_t> KeyspaceDescriptor::ShardsOn(const Uuid& store) const {
  std::vector<int32_t> found;
  for (int32_t shard = 0; shard < shard_count(); ++shard) {
    if (Hosts(store, shard)) found.push_back(shard);
  }
  return found;
}

bool KeyspaceDescriptor::Hosts(const Uuid& store, int32_t shard) const {
  if (shard < 0 || shard >= shard_count()) return false;
  for (const Replica& replica : shards[static_cast<size_t>(shard)].replicas) {
    if (replica.store == store) return true;
  }
  return false;
}

const KeyspaceDescriptor* ClusterMap::Find(const std::string& name) const {
  const auto it = keyspaces.find(name);
  return it == keyspaces.end() ? nullptr : &it->second;
}

const StoreInfo* ClusterMap::FindStore(const Uuid& uuid) const {
  const auto it = stores.find(uuid);
  return it == stores.end() ? nullptr : &it->second;
}

Status CheckKeyspaceName(std::string_view name) {
  bool good = !name.empty() && name.size() <= 128 && IsNameStart(name[0]);
  for (char c : name) good = good && (IsNameStart(c) || c == '.' || c == '-');
  if (good) return {};
  return Status::InvalidArgument(
      "invalid keyspace name '" + Printable(name) +
      "': 1 to 128 letters, digits, '_', '-' or '.', starting with a letter, a digit or '_'");
}

}  // namespace vasto
