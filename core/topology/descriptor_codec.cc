// SPDX-License-Identifier: Apache-2.0
#include "core/topology/descriptor_codec.h"

#include "core/base/bytes.h"

namespace vasto {
namespace {

constexpr std::string_view kMagic = "VKSD";
constexpr size_t kChecksumSize = sizeof(uint64_t);

uint64_t Fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

void PutUuid(std::string* out, const Uuid& id) {
  PutFixed(out, id.hi);
  PutFixed(out, id.lo);
}

Uuid GetUuid(ByteReader* in) {
  Uuid id;
  id.hi = in->Fixed<uint64_t>();
  id.lo = in->Fixed<uint64_t>();
  return id;
}

Status Damaged(const char* what) {
  return Status::Corruption(std::string("keyspace descriptor: ") + what);
}

// Reads an enumerator or count that must lie in [low, high].
template <typename T>
bool GetRanged(ByteReader* in, int64_t low, int64_t high, T* value) {
  const uint64_t number = in->Varint();
  if (number < static_cast<uint64_t>(low) || number > static_cast<uint64_t>(high)) return false;
  *value = static_cast<T>(number);
  return true;
}

bool GetReplica(ByteReader* in, Replica* replica) {
  replica->store = GetUuid(in);
  replica->incarnation = in->Varint();
  return GetRanged(in, 1, 2, &replica->role);
}

bool GetShards(ByteReader* in, std::vector<ShardReplicas>* shards) {
  uint64_t count = 0;
  if (!GetRanged(in, 0, kMaxShards, &count)) return false;
  shards->resize(count);
  for (ShardReplicas& shard : *shards) {
    uint64_t replicas = 0;
    // Learners come on top of the replicas that count, at most one for each.
    if (!GetRanged(in, 1, 2 * kMaxReplicas, &replicas)) return false;
    shard.replicas.resize(replicas);
    for (Replica& replica : shard.replicas) {
      if (!GetReplica(in, &replica)) return false;
    }
  }
  return true;
}

bool GetTags(ByteReader* in, std::vector<std::string>* tags) {
  const uint64_t count = in->Varint();
  if (count > in->remaining()) return false;
  tags->reserve(count);
  for (uint64_t i = 0; i < count; ++i) tags->emplace_back(in->LengthPrefixed());
  return true;
}

bool GetFields(ByteReader* in, KeyspaceDescriptor* d) {
  d->uuid = GetUuid(in);
  d->name = std::string(in->LengthPrefixed());
  d->epoch = in->Varint();
  d->term = in->Varint();
  bool good = GetRanged(in, 1, kMaxReplicas, &d->replica_count);
  good = good && GetRanged(in, 1, 3, &d->acks) && GetRanged(in, 1, 3, &d->sync);
  d->default_ttl_seconds = in->Varint();
  good = good && GetTags(in, &d->tags);
  d->created_at_us = static_cast<int64_t>(in->Varint());
  d->deleted_at_us = static_cast<int64_t>(in->Varint());
  return good && GetShards(in, &d->shards) && in->ok() && in->remaining() == 0;
}

}  // namespace

std::string EncodeDescriptor(const KeyspaceDescriptor& d) {
  std::string out(kMagic);
  PutFixed(&out, kDescriptorFormat);
  PutUuid(&out, d.uuid);
  PutLengthPrefixed(&out, d.name);
  PutVarint(&out, d.epoch);
  PutVarint(&out, d.term);
  PutVarint(&out, static_cast<uint64_t>(d.replica_count));
  PutVarint(&out, static_cast<uint64_t>(d.acks));
  PutVarint(&out, static_cast<uint64_t>(d.sync));
  PutVarint(&out, d.default_ttl_seconds);
  PutVarint(&out, d.tags.size());
  for (const std::string& tag : d.tags) PutLengthPrefixed(&out, tag);
  PutVarint(&out, static_cast<uint64_t>(d.created_at_us));
  PutVarint(&out, static_cast<uint64_t>(d.deleted_at_us));
  PutVarint(&out, d.shards.size());
  for (const ShardReplicas& shard : d.shards) {
    PutVarint(&out, shard.replicas.size());
    for (const Replica& replica : shard.replicas) {
      PutUuid(&out, replica.store);
      PutVarint(&out, replica.incarnation);
      PutVarint(&out, static_cast<uint64_t>(replica.role));
    }
  }
  PutFixed(&out, Fnv1a(out));
  return out;
}

StatusOr<KeyspaceDescriptor> DecodeDescriptor(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + 1 || !bytes.starts_with(kMagic)) {
    return Damaged("does not start with VKSD");
  }
  // Before the checksum: a newer format may end in another one.
  const auto format = static_cast<uint8_t>(bytes[kMagic.size()]);
  if (format > kDescriptorFormat) {
    return Status::NotSupported("keyspace descriptor has format " + std::to_string(format) +
                                ", this program knows formats up to " +
                                std::to_string(kDescriptorFormat) + "; use a newer vasto");
  }
  if (format == 0) return Damaged("format 0 does not exist");
  if (bytes.size() < kMagic.size() + 1 + kChecksumSize) return Damaged("truncated");
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumSize);
  if (GetFixed<uint64_t>(bytes.data() + covered.size()) != Fnv1a(covered)) {
    return Damaged("checksum mismatch");
  }
  ByteReader in(covered.substr(kMagic.size() + 1));
  KeyspaceDescriptor descriptor;
  if (!GetFields(&in, &descriptor)) return Damaged("a field is out of range or missing");
  return descriptor;
}

}  // namespace vasto
