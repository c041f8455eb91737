// SPDX-License-Identifier: Apache-2.0
// Gives what a replica accepted alone to those that have taken its place: its store was away for
// so long that it was replaced, and is back.
//
// What it has beyond them is sent from its logs, with its positions, as if they had pulled it: so
// nothing is applied twice, and the one that takes it passes it on like all it has. What may have
// been deleted and forgotten meanwhile does not come back (storage::Write::late).
//
// Threads: GiveBackAll on a thread that may wait.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/rpc/messages.h"
#include "core/rpc/unique_function.h"
#include "core/storage/shard.h"

namespace vasto::replication {

struct GiveBackOptions {
  Uuid store;  // this one
  Uuid keyspace;
  int32_t number = 0;
  storage::Shard* shard = nullptr;  // borrowed, like all pointers here; no client writes to it
  std::vector<Uuid> heirs;          // the stores of the shard's replicas
  const Clock* clock = nullptr;
  // done: runs once, on any thread, maybe inside.
  std::function<void(const Uuid& heir, const rpc::GiveBackRequest& request, int64_t deadline_us,
                     rpc::UniqueFunction<void(StatusOr<rpc::GiveBackResponse>)> done)>
      send;
  std::function<bool()> cancelled;  // asked often
};

constexpr int64_t kGiveBackUs = 20'000'000;

// OK: one of them has all of it. kNotFound: the logs do not hold it any more. kCancelled. Else why
// none of them took it within kGiveBackUs.
Status GiveBackAll(const GiveBackOptions& options);

}  // namespace vasto::replication
