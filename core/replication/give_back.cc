// SPDX-License-Identifier: Apache-2.0
#include "core/replication/give_back.h"

#include <memory>
#include <utility>

#include "core/replication/awaited.h"
#include "core/rpc/protocol_version.h"
#include "core/storage/feed.h"
#include "core/storage/feed_cursor.h"

namespace vasto::replication {
namespace {

constexpr int64_t kCallTimeoutUs = 5'000'000;
constexpr int64_t kPauseUs = 200'000;
constexpr size_t kBatchBytes = 1 << 20;

// What is under way in the shard is in its positions after this.
struct Fence final : storage::Write {
  Fence() { kind = storage::WriteKind::kFence; }
  void Done() override { done.Set(true); }
  Awaited<bool> done;
};

Status Settle(const GiveBackOptions& options) {
  Fence fence;
  options.shard->Submit(&fence);
  return fence.done.Wait([] { return false; }).status();
}

// What the heir has, with this batch.
StatusOr<VersionVector> Send(const GiveBackOptions& options, const Uuid& heir, ChangeBatch batch) {
  rpc::GiveBackRequest request;
  request.keyspace = options.keyspace;
  request.shard = options.number;
  request.store = options.store;
  request.batch = std::move(batch);
  request.protocol_version = rpc::kProtocolVersion;
  auto awaited = std::make_shared<Awaited<rpc::GiveBackResponse>>();
  options.send(
      heir, request, options.clock->MonotonicMicros() + kCallTimeoutUs,
      [awaited](StatusOr<rpc::GiveBackResponse> response) { awaited->Set(std::move(response)); });
  VASTO_ASSIGN_OR_RETURN(const rpc::GiveBackResponse response, awaited->Wait(options.cancelled));
  VASTO_RETURN_IF_ERROR(rpc::CheckProtocolVersion("the other store", response.protocol_version));
  return VersionVector(response.has);
}

Status GiveTo(const GiveBackOptions& options, const Uuid& heir) {
  storage::Feed* const feed = options.shard->feed();
  const VersionVector all = feed->Positions();
  storage::FeedCursor cursor(feed);
  VASTO_ASSIGN_OR_RETURN(VersionVector has, Send(options, heir, {}));
  while (!has.Covers(all)) {
    std::vector<LogId> logs;
    for (const Position& position : all.positions()) {
      if (!has.Covers(position) && position.log != feed->log()) logs.push_back(position.log);
    }
    VASTO_ASSIGN_OR_RETURN(ChangeBatch batch, cursor.Read(has, logs, kBatchBytes, true));
    if (batch.log == 0) return Status::Internal("the logs do not say what the positions claim");
    const Position sent{batch.log, batch.last};
    VASTO_ASSIGN_OR_RETURN(has, Send(options, heir, std::move(batch)));
    if (!has.Covers(sent)) return Status::Internal("the other store did not take the changes");
  }
  return {};
}

}  // namespace

Status GiveBackAll(const GiveBackOptions& options) {
  VASTO_RETURN_IF_ERROR(Settle(options));
  const int64_t end_us = options.clock->MonotonicMicros() + kGiveBackUs;
  Status last = Status::Unavailable("the shard has no replica");
  Awaited<bool> never;
  for (;;) {
    for (const Uuid& heir : options.heirs) {
      if (options.cancelled()) return Status::Cancelled("the store stops");
      last = GiveTo(options, heir);
      if (last.ok() || last.Is(Code::kNotFound) || last.Is(Code::kCancelled)) return last;
    }
    if (options.clock->MonotonicMicros() >= end_us) return last;
    never.Pause(kPauseUs);
  }
}

}  // namespace vasto::replication
