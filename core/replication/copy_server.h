// SPDX-License-Identifier: Apache-2.0
// Lets other replicas copy a whole shard, file by file, when what they lack is in no log any more.
//
// Each store that copies has one checkpoint at a time. One that is not read from for kIdleUs goes,
// since it keeps files on the disk that the shard has replaced.
//
// Threads: any; answers come from the pool, which does all that waits for the disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/mutex.h"
#include "core/base/random.h"
#include "core/base/thread_pool.h"
#include "core/base/uuid.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/storage/checkpoint.h"
#include "core/storage/feed.h"
#include "core/storage/shard.h"

namespace vasto::replication {

class CopyServer {
 public:
  static constexpr int64_t kIdleUs = 60'000'000;
  static constexpr size_t kMaxReadBytes = 4 << 20;

  // All borrowed; shard lives until Close, the others longer than *this.
  CopyServer(storage::Shard* shard, ThreadPool* pool, const Clock* clock, Random* random)
      : shard_(shard), pool_(pool), clock_(clock), random_(random) {}
  ~CopyServer() { Close(); }
  CopyServer(const CopyServer&) = delete;
  CopyServer& operator=(const CopyServer&) = delete;

  void Begin(const Uuid& store, rpc::Responder<rpc::BeginCopy> responder) EXCLUDES(mu_);
  void Read(rpc::ReadCopyRequest request, rpc::Responder<rpc::ReadCopy> responder) EXCLUDES(mu_);
  void End(const rpc::EndCopyRequest& request, rpc::Responder<rpc::EndCopy> responder)
      EXCLUDES(mu_);
  // Drops what nobody reads any more. Waits for the disk.
  void Expire() EXCLUDES(mu_);
  // Waits for what runs, refuses what comes. Idempotent.
  void Close() EXCLUDES(mu_);

 private:
  struct Copy {
    Uuid store;
    std::shared_ptr<storage::Checkpoint> checkpoint;
    int64_t used_us = 0;
  };

  StatusOr<rpc::BeginCopyResponse> MakeCopy(const Uuid& store) EXCLUDES(mu_);
  // nullptr: there is none of this number.
  std::shared_ptr<storage::Checkpoint> Find(uint64_t copy) EXCLUDES(mu_);

  storage::Shard* const shard_;  // borrowed; lives until Close
  ThreadPool* const pool_;       // borrowed; outlives *this
  const Clock* const clock_;     // borrowed; outlives *this
  Random* const random_;         // borrowed; outlives *this
  Gate gate_;
  Mutex mu_;
  std::map<uint64_t, Copy> copies_ GUARDED_BY(mu_);
};

}  // namespace vasto::replication
