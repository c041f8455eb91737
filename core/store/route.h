// SPDX-License-Identifier: Apache-2.0
// The check that a request is at the right place, and of what it brings: keyspace, epoch, shard,
// limits. Pure functions; any thread.
//
// Answers a client recognises: kNotFound "unknown keyspace …" when this store knows no such
// keyspace (or knows that it was deleted); kUnavailable "moved: …" when the client's map and this
// store do not agree on who serves the key, or another replica has to. In both cases nothing was
// done, and another store or a newer map may help.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/status.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/store/routing_table.h"

namespace vasto::store {

// The keyspace of the request. An older epoch of the client is fine as long as the shard is right.
Status FindKeyspace(const RoutingTable& table, const rpc::ShardRef& ref, const KeyspaceView** view);

// The shard with this number, when it is served here to a request that came at this monotonic time.
// kCorruption and the like when it could not be opened and there is no other replica; kBusy while
// it is handed over.
Status FindShard(const KeyspaceView& view, int32_t number, int64_t received_us,
                 ShardHandle** shard);

// The shard of this key, when ref.shard agrees with it.
Status FindShardOfKey(const KeyspaceView& view, const rpc::ShardRef& ref, int64_t received_us,
                      std::string_view key, const std::optional<uint64_t>& partition_hash,
                      ShardHandle** shard);

// kUnavailable, kBehindPrefix, when the replica may lack what the read wants to see; kBusy while it
// finds out. One of a shard without others lacks nothing. The message is for whoever asked all
// replicas.
Status CheckBound(const ShardHandle& shard, const std::optional<rpc::ReadBound>& bound,
                  int64_t received_us);

// kUnavailable "moved: …" when the shard takes no writes and another replica may; and when the
// write is for one that stands in for the primary, and this one does not. kBusy while a replica
// that is well again gets what it had no room for.
Status CheckTakesWrites(const ShardHandle& shard, bool stand_in);

// Of what a store that stops has not begun.
inline Status StoppingStatus() { return Status::Unavailable("the store is stopping"); }

// kTooLarge for a key above the limit.
Status CheckKey(std::string_view key);
// The limits and the enumerations of one write.
Status CheckWrite(const rpc::WriteEntry& entry);

// When the work of a call is too late, monotonic; 0: never.
inline int64_t DeadlineOf(const rpc::ShardRef& ref, const rpc::CallContext& context) {
  return ref.timeout_ms == 0 ? 0 : context.received_us + int64_t{ref.timeout_ms} * 1000;
}

}  // namespace vasto::store
