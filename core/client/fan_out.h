// SPDX-License-Identifier: Apache-2.0
// Operations on many keys: split by shard and by what one request may hold, sent side by side, the
// results put back in the order of the keys.
//
// Requests to different shards go at once. Writes to one shard go one request after the other, so
// that two entries of one key are applied in their order; reads of one shard go at once.
//
// A shard that cannot be reached fails only its own keys: the code is in their results.
// Threads: any; `done` runs once, on an I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/status.h"
#include "core/client/engine.h"
#include "core/client/read_choice.h"
#include "core/client/session.h"
#include "core/rpc/messages.h"

namespace vasto::client {

// What holds for all requests of an operation.
struct FanOutOptions {
  ReadChoice read;                   // of reads
  std::optional<AckLevel> acks;      // of writes, see CallOptions
  std::shared_ptr<Session> session;  // see CallOptions
  int64_t deadline_us = 0;           // monotonic
};

// engine: borrowed; an operation was admitted and is left before `done` runs. route: borrowed from
// the engine.
void StartMultiGet(Engine* engine, KeyspaceRoute* route, std::vector<rpc::ReadKey> keys,
                   bool meta_only, const FanOutOptions& options,
                   std::function<void(StatusOr<std::vector<rpc::ReadResult>>)> done);
void StartWriteBatch(Engine* engine, KeyspaceRoute* route, std::vector<rpc::WriteEntry> entries,
                     const FanOutOptions& options,
                     std::function<void(StatusOr<std::vector<rpc::WriteResult>>)> done);

// Checks that belong to one key: OK, or kTooLarge.
Status CheckReadKey(std::string_view key);
Status CheckWriteEntry(const rpc::WriteEntry& entry);
// Fills in the content checksum of a put that has none.
void AddChecksum(rpc::WriteEntry* entry);
// Turns a value whose checksum does not match into kCorruption.
void VerifyResult(std::string_view key, rpc::ReadResult* result);

}  // namespace vasto::client
