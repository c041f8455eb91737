// SPDX-License-Identifier: Apache-2.0
#include "core/store/route.h"

#include <algorithm>
#include <string>

#include "core/codec/limits.h"
#include "core/hash/partition.h"
#include "core/storage/feed.h"

namespace vasto::store {
namespace {

Status Moved(const std::string& what) { return Status::Unavailable("moved: " + what); }

Status Behind(const std::string& what) {
  return Status::Unavailable(std::string(rpc::kBehindPrefix) + what);
}

std::string ShardName(const KeyspaceView& view, int32_t number) {
  return "shard " + std::to_string(number) + " of keyspace " + view.name;
}

Status NotServing(const KeyspaceView& view, const ShardHandle& handle) {
  const std::string name = ShardName(view, handle.number);
  if (handle.replica->handing_over()) {
    return Status::Busy("this store is taking over or handing over " + name);
  }
  if (const Status health = handle.Health(); !health.ok()) return Moved(health.message());
  return Moved("this store is still catching up with the other replicas of " + name);
}

Status CheckTtl(const rpc::WriteEntry& entry) {
  if (entry.ttl_seconds > kMaxTtlSeconds) {
    return Status::InvalidArgument("ttl of " + std::to_string(entry.ttl_seconds) +
                                   " s; the limit is " + std::to_string(kMaxTtlSeconds) + " s");
  }
  return {};
}

Status CheckSize(const rpc::WriteEntry& entry) {
  if (entry.payload.size() <= kMaxValueSize) return {};
  return Status::TooLarge("value of " + std::to_string(entry.payload.size()) +
                          " bytes; the limit is " + std::to_string(kMaxValueSize));
}

Status CheckPut(const rpc::WriteEntry& entry) {
  VASTO_RETURN_IF_ERROR(CheckSize(entry));
  return CheckTtl(entry);
}

Status CheckMerge(const rpc::WriteEntry& entry) {
  VASTO_RETURN_IF_ERROR(CheckSize(entry));
  const bool plain = entry.event_time == 0 && entry.ttl_seconds == 0 && entry.expires_at_us == 0 &&
                     entry.value_type == 0 && entry.condition == rpc::Condition::kNone;
  if (plain) return {};
  return Status::InvalidArgument(
      "a merge or append takes the store's event time, time to live and type of what is there, and "
      "no condition");
}

}  // namespace

Status FindKeyspace(const RoutingTable& table, const rpc::ShardRef& ref,
                    const KeyspaceView** view) {
  *view = table.Find(ref.keyspace);
  if (*view == nullptr) return Status::NotFound("unknown keyspace " + ref.keyspace.ToString());
  if (ref.epoch > (*view)->epoch) {
    return Moved("epoch " + std::to_string(ref.epoch) + " of keyspace " + (*view)->name +
                 " has not reached this store, which knows epoch " +
                 std::to_string((*view)->epoch));
  }
  return {};
}

Status FindShard(const KeyspaceView& view, int32_t number, int64_t received_us,
                 ShardHandle** shard) {
  if (number < 0 || static_cast<size_t>(number) >= view.shards.size() ||
      view.shards[number] == nullptr) {
    return Moved(ShardName(view, number) + " is not on this store");
  }
  ShardHandle* const handle = view.shards[number];
  if (!handle->failure.ok()) {
    return view.replica_count > 1 ? Moved(handle->failure.message()) : handle->failure;
  }
  if (handle->replica != nullptr && !handle->replica->Serves(received_us)) {
    return NotServing(view, *handle);
  }
  *shard = handle;
  return {};
}

Status CheckBound(const ShardHandle& shard, const std::optional<rpc::ReadBound>& bound,
                  int64_t received_us) {
  if (!bound || shard.replica == nullptr) return {};
  if (bound->needs.size() > kMaxNeeds) {
    return Status::InvalidArgument("the session needs " + std::to_string(bound->needs.size()) +
                                   " positions of a shard; the limit is " +
                                   std::to_string(kMaxNeeds) + ": begin a new session");
  }
  if (bound->turned_us) {
    const int64_t turned_us =
        received_us - static_cast<int64_t>(std::min<uint64_t>(*bound->turned_us, INT64_MAX / 2));
    if (!shard.replica->LookedSince(turned_us)) {
      return Status::Busy("this store is looking at what the other replicas have");
    }
  }
  const int64_t had_all_us = received_us - int64_t{bound->max_staleness_ms} * 1000;
  if (bound->max_staleness_ms != 0 && !shard.replica->HadAllAt(had_all_us)) {
    return Behind("this store may lack what other replicas had " +
                  std::to_string(bound->max_staleness_ms) + " ms ago");
  }
  if (bound->needs.empty() || shard.shard->feed()->Has(bound->needs)) return {};
  return Behind(
      "no replica that can be reached has all that the session has written and seen: "
      "whoever has it is away, or slow to pass it on");
}

Status CheckTakesWrites(const ShardHandle& shard, bool stand_in) {
  if (shard.OthersMayWrite()) return Moved(shard.Health().message());
  if (shard.replica == nullptr) return {};
  if (shard.replica->reads_only() && shard.Health().ok()) {
    return Status::Busy("this replica is getting what it could not take before");
  }
  if (!stand_in || shard.replica->StandsIn()) return {};
  return Moved("a replica before this one may be there still");
}

Status FindShardOfKey(const KeyspaceView& view, const rpc::ShardRef& ref, int64_t received_us,
                      std::string_view key, const std::optional<uint64_t>& partition_hash,
                      ShardHandle** shard) {
  const int32_t number = ShardOf(key, partition_hash, static_cast<int32_t>(view.shards.size()));
  if (ref.shard >= 0 && ref.shard != number) {
    return Moved("the key belongs to " + ShardName(view, number) + ", not to shard " +
                 std::to_string(ref.shard));
  }
  return FindShard(view, number, received_us, shard);
}

Status CheckKey(std::string_view key) {
  if (key.size() <= kMaxKeySize) return {};
  return Status::TooLarge("key of " + std::to_string(key.size()) + " bytes; the limit is " +
                          std::to_string(kMaxKeySize));
}

Status CheckWrite(const rpc::WriteEntry& entry) {
  VASTO_RETURN_IF_ERROR(CheckKey(entry.key));
  switch (entry.condition) {
    case rpc::Condition::kNone:
    case rpc::Condition::kIfAbsent:
    case rpc::Condition::kIfVersion:
      break;
    default:
      return Status::NotSupported("this store does not know write condition " +
                                  std::to_string(static_cast<int32_t>(entry.condition)));
  }
  switch (entry.kind) {
    case rpc::WriteKind::kPut:
      return CheckPut(entry);
    case rpc::WriteKind::kDelete:
      return {};
    case rpc::WriteKind::kTouch:
      return CheckTtl(entry);
    case rpc::WriteKind::kAddInt64:
    case rpc::WriteKind::kMinInt64:
    case rpc::WriteKind::kMaxInt64:
    case rpc::WriteKind::kAddFloat64:
    case rpc::WriteKind::kMinFloat64:
    case rpc::WriteKind::kMaxFloat64:
    case rpc::WriteKind::kAppend:
      return CheckMerge(entry);
  }
  return Status::NotSupported("this store does not know write kind " +
                              std::to_string(static_cast<int32_t>(entry.kind)));
}

}  // namespace vasto::store
