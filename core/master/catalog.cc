// SPDX-License-Identifier: Apache-2.0
#include "core/master/catalog.h"

#include <algorithm>
#include <tuple>

namespace vasto::master {
namespace {

// Incarnations belong to the stores: a store may know its own before the master does.
bool SameContent(KeyspaceDescriptor a, KeyspaceDescriptor b) {
  for (KeyspaceDescriptor* d : {&a, &b}) {
    for (ShardReplicas& shard : d->shards) {
      for (Replica& replica : shard.replicas) replica.incarnation = 0;
    }
  }
  return a == b;
}

}  // namespace

Catalog::Learned Catalog::Learn(const KeyspaceDescriptor& descriptor) {
  const auto it = all_.find(descriptor.uuid);
  if (it != all_.end()) {
    const KeyspaceDescriptor& known = *it->second;
    if (known.deleted() != descriptor.deleted()) {
      if (known.deleted()) return Learned::kOutdated;
    } else if (known.deleted()) {
      return Learned::kSame;
    } else if (descriptor.epoch < known.epoch) {
      return Learned::kOutdated;
    } else if (descriptor.epoch == known.epoch) {
      return SameContent(known, descriptor) ? Learned::kSame : Learned::kConflict;
    }
  }
  const std::string old_name = it == all_.end() ? descriptor.name : it->second->name;
  all_[descriptor.uuid] = std::make_shared<const KeyspaceDescriptor>(descriptor);
  hidden_.erase(descriptor.uuid);
  AssignName(old_name);
  if (old_name != descriptor.name) AssignName(descriptor.name);
  return Learned::kNews;
}

void Catalog::AssignName(const std::string& name) {
  const KeyspaceDescriptor* owner = nullptr;
  for (const auto& [uuid, candidate] : all_) {
    if (candidate->deleted() || candidate->name != name) continue;
    if (owner == nullptr || std::tie(owner->created_at_us, owner->uuid) <
                                std::tie(candidate->created_at_us, candidate->uuid)) {
      owner = candidate.get();
    }
  }
  if (owner == nullptr) {
    names_.erase(name);
    return;
  }
  names_[name] = owner->uuid;
  for (const auto& [uuid, candidate] : all_) {
    if (candidate->deleted() || candidate->name != name) continue;
    if (candidate.get() == owner) {
      hidden_.erase(uuid);
    } else {
      hidden_.insert(uuid);
    }
  }
}

std::vector<NameConflict> Catalog::Conflicts() const {
  std::vector<NameConflict> conflicts;
  for (const Uuid& uuid : hidden_) {
    const std::string& name = all_.at(uuid)->name;
    conflicts.push_back({name, names_.at(name), uuid});
  }
  std::sort(conflicts.begin(), conflicts.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.hidden) < std::tie(b.name, b.hidden);
  });
  return conflicts;
}

const KeyspaceDescriptor* Catalog::Find(const Uuid& keyspace) const {
  const auto it = all_.find(keyspace);
  return it == all_.end() ? nullptr : it->second.get();
}

std::shared_ptr<const KeyspaceDescriptor> Catalog::FindShared(const Uuid& keyspace) const {
  const auto it = all_.find(keyspace);
  return it == all_.end() ? nullptr : it->second;
}

const KeyspaceDescriptor* Catalog::FindByName(const std::string& name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : Find(it->second);
}

std::map<std::string, KeyspaceDescriptor> Catalog::Published() const {
  std::map<std::string, KeyspaceDescriptor> published;
  for (const auto& [name, uuid] : names_) published.emplace(name, *all_.at(uuid));
  return published;
}

std::unordered_map<Uuid, int32_t> Catalog::HostedReplicas() const {
  std::unordered_map<Uuid, int32_t> hosted;
  for (const auto& [uuid, descriptor] : all_) {
    for (const ShardReplicas& shard : descriptor->shards) {
      for (const Replica& replica : shard.replicas) ++hosted[replica.store];
    }
  }
  return hosted;
}

KeyspaceDescriptor TombstoneOf(const KeyspaceDescriptor& descriptor, uint64_t term,
                               int64_t wall_us) {
  KeyspaceDescriptor tombstone = descriptor;
  tombstone.epoch = descriptor.epoch + 1;
  tombstone.term = term;
  tombstone.deleted_at_us = wall_us > 0 ? wall_us : 1;
  tombstone.shards.clear();
  return tombstone;
}

bool IsMeantFor(const KeyspaceDescriptor& descriptor, const Uuid& store) {
  if (descriptor.deleted()) return true;
  return std::any_of(descriptor.shards.begin(), descriptor.shards.end(), [&](const auto& shard) {
    return std::any_of(shard.replicas.begin(), shard.replicas.end(),
                       [&](const Replica& replica) { return replica.store == store; });
  });
}

std::map<Uuid, uint64_t> MembersOf(const KeyspaceDescriptor& descriptor) {
  std::map<Uuid, uint64_t> members;
  for (const ShardReplicas& shard : descriptor.shards) {
    for (const Replica& replica : shard.replicas) ++members[replica.store];
  }
  return members;
}

}  // namespace vasto::master
