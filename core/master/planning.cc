// SPDX-License-Identifier: Apache-2.0
#include "core/master/planning.h"

#include <string>

#include "core/base/bytes.h"
#include "core/codec/limits.h"
#include "core/topology/placement.h"

namespace vasto::master {

Status CheckRequest(const rpc::CreateKeyspaceRequest& request) {
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(request.name));
  const auto in_range = [](const char* what, int64_t value, int64_t max) {
    if (value >= 1 && value <= max) return Status();
    return Status::InvalidArgument(std::string(what) + " must be 1 to " + std::to_string(max) +
                                   ", not " + std::to_string(value));
  };
  VASTO_RETURN_IF_ERROR(in_range("shards", request.shards, kMaxShards));
  VASTO_RETURN_IF_ERROR(in_range("replicas", request.replicas, kMaxReplicas));
  if (AckLevelName(request.acks) == "unknown" || SyncModeName(request.sync) == "unknown") {
    return Status::InvalidArgument("unknown level of acks or sync");
  }
  if (request.ttl_seconds > kMaxTtlSeconds) {
    return Status::InvalidArgument("a ttl of " + std::to_string(request.ttl_seconds) +
                                   " s; the limit is " + std::to_string(kMaxTtlSeconds) + " s");
  }
  for (const std::string& tag : request.tags) {
    if (tag.empty() || tag.size() > 128) {
      return Status::InvalidArgument("a tag has 1 to 128 bytes, not '" + Printable(tag) + "'");
    }
  }
  return {};
}

Status CheckRequest(const rpc::RegisterStoreRequest& request) {
  if (request.store.uuid.nil()) return Status::InvalidArgument("a store needs a uuid");
  if (request.store.address.rfind(':') == std::string::npos) {
    return Status::InvalidArgument("a store needs an address HOST:PORT, not '" +
                                   Printable(request.store.address) + "'");
  }
  return {};
}

StatusOr<KeyspaceDescriptor> PlanKeyspace(const rpc::CreateKeyspaceRequest& request,
                                          const Catalog& catalog, const StoreTable& stores,
                                          uint64_t term, Random* random) {
  if (catalog.FindByName(request.name) != nullptr) {
    return Status::AlreadyExists("keyspace '" + request.name + "' already exists");
  }
  const PlacementRequest wanted{.shard_count = request.shards,
                                .replica_count = request.replicas,
                                .tags = request.tags,
                                .hosted = catalog.HostedReplicas()};
  KeyspaceDescriptor descriptor;
  VASTO_ASSIGN_OR_RETURN(descriptor.shards, PlaceShards(wanted, stores.Infos(), random));
  descriptor.uuid = Uuid::Generate(random);
  descriptor.name = request.name;
  descriptor.epoch = 1;
  descriptor.term = term;
  descriptor.replica_count = request.replicas;
  descriptor.acks = request.acks;
  descriptor.sync = request.sync;
  descriptor.default_ttl_seconds = request.ttl_seconds;
  descriptor.tags = request.tags;
  return descriptor;
}

}  // namespace vasto::master
