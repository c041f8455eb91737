// SPDX-License-Identifier: Apache-2.0
// What a request says, checked before anything is done for it; and the descriptor of a new
// keyspace. Pure functions; any thread.
#pragma once

#include "core/base/random.h"
#include "core/base/status.h"
#include "core/master/catalog.h"
#include "core/master/store_table.h"
#include "core/rpc/messages.h"

namespace vasto::master {

// kInvalidArgument with the field and what it may be.
Status CheckRequest(const rpc::CreateKeyspaceRequest& request);
Status CheckRequest(const rpc::RegisterStoreRequest& request);

// The descriptor of epoch 1, every shard placed on stores that are up (placement.h); created_at_us
// is left 0. kAlreadyExists when an alive keyspace has the name, else as PlaceShards. random:
// borrowed for the call. REQUIRES: CheckRequest(request).ok().
StatusOr<KeyspaceDescriptor> PlanKeyspace(const rpc::CreateKeyspaceRequest& request,
                                          const Catalog& catalog, const StoreTable& stores,
                                          uint64_t term, Random* random);

}  // namespace vasto::master
