// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/keyspace.h"

#include <utility>

#include "capi/internal/guard.h"

namespace vasto::capi {

Status CheckKeyspace(const vasto_keyspace_t* keyspace) {
  if (keyspace == nullptr) return Status::InvalidArgument("keyspace is NULL");
  return keyspace->core->CheckUsable();
}

Status CheckMayWait(const vasto_keyspace_t* keyspace) {
  if (keyspace == nullptr) return Status::InvalidArgument("keyspace is NULL");
  return keyspace->core->CheckMayWait();
}

}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

namespace {

std::string KeyspaceId(vasto::client::Client& client, const std::string& name) {
  const auto map = client.cluster_map();
  const auto* descriptor = map != nullptr ? map->Find(name) : nullptr;
  return descriptor != nullptr ? descriptor->uuid.ToString() : "";
}

}  // namespace

VASTO_STATUS vasto_keyspace_open(vasto_client_t* client, const char* name,
                                 vasto_keyspace_t** out_keyspace, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_keyspace == nullptr) return Status::InvalidArgument("out_keyspace is NULL");
    *out_keyspace = nullptr;
    if (client == nullptr || name == nullptr) {
      return Status::InvalidArgument("client and name must not be NULL");
    }
    if (Status usable = client->core->CheckMayWait(); !usable.ok()) return usable;
    if (Status valid = vasto::CheckKeyspaceName(name); !valid.ok()) return valid;
    auto handle = std::make_unique<vasto_keyspace_t>();
    auto opened = client->core->client().OpenKeyspace(name, 0);
    if (!opened.ok()) return Answer::FromCluster(std::move(opened).status());
    handle->core = client->core;
    handle->keyspace = std::move(*opened);
    handle->name = name;
    handle->id = KeyspaceId(client->core->client(), name);
    *out_keyspace = handle.release();
    return Answer::Ok();
  });
}

VASTO_API const char* vasto_keyspace_name(const vasto_keyspace_t* keyspace) {
  return keyspace != nullptr ? keyspace->name.c_str() : "";
}

VASTO_API const char* vasto_keyspace_id(const vasto_keyspace_t* keyspace) {
  return keyspace != nullptr ? keyspace->id.c_str() : "";
}

VASTO_API uint32_t vasto_keyspace_shard_count(const vasto_keyspace_t* keyspace) {
  if (keyspace == nullptr) return 0;
  return static_cast<uint32_t>(keyspace->keyspace->shard_count());
}

VASTO_API uint32_t vasto_keyspace_replica_count(const vasto_keyspace_t* keyspace) {
  if (keyspace == nullptr) return 0;
  return static_cast<uint32_t>(keyspace->keyspace->replica_count());
}

VASTO_API uint32_t vasto_keyspace_shard_of(const vasto_keyspace_t* keyspace,
                                           const vasto_key_t* key) {
  const auto ref = vasto::capi::ToKeyRef(key);
  if (keyspace == nullptr || !ref.ok()) return 0;
  const int32_t shards = keyspace->keyspace->shard_count();
  if (shards <= 0) return 0;
  return static_cast<uint32_t>(vasto::ShardOf(ref->key, ref->partition_hash, shards));
}

VASTO_API void vasto_keyspace_destroy(vasto_keyspace_t* keyspace) {
  if (keyspace == nullptr || keyspace->core->forked()) return;
  delete keyspace;
}
