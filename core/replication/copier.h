// SPDX-License-Identifier: Apache-2.0
// Copies a whole shard from another replica, for one that lacks more than any log still holds.
//
// Threads: Run on a thread that may wait for long; one at a time per object.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/codec/positions.h"
#include "core/rpc/messages.h"
#include "core/rpc/unique_function.h"
#include "core/storage/checkpoint.h"
#include "core/storage/shard.h"

namespace vasto::replication {

// The way to the replica that is copied. done, of all: runs once, on any thread, maybe inside.
// Threads: any.
class CopySource {
 public:
  virtual ~CopySource() = default;
  virtual void Begin(const rpc::BeginCopyRequest& request, int64_t deadline_us,
                     rpc::UniqueFunction<void(StatusOr<rpc::BeginCopyResponse>)> done) = 0;
  virtual void Read(const rpc::ReadCopyRequest& request, int64_t deadline_us,
                    rpc::UniqueFunction<void(StatusOr<rpc::ReadCopyResponse>)> done) = 0;
  virtual void End(const rpc::EndCopyRequest& request, int64_t deadline_us) = 0;
};

struct CopierOptions {
  Uuid store;  // this one
  Uuid keyspace;
  int32_t number = 0;
  // Borrowed, like all pointers here; its next opening takes the copy.
  storage::Shard* shard = nullptr;
  bool join = false;  // the copy is joined with what the shard has
  CopySource* source = nullptr;
  const Clock* clock = nullptr;
  const Logger* logger = nullptr;
  // Whether to give up; asked often.
  std::function<bool()> cancelled;
};

class Copier {
 public:
  static constexpr uint32_t kReadBytes = 256 << 10;
  static constexpr size_t kReadsAhead = 8;
  // Of one call; a read is repeated for kRetryUs in all before the copy is given up.
  static constexpr int64_t kBeginTimeoutUs = 60'000'000;
  static constexpr int64_t kReadTimeoutUs = 10'000'000;
  static constexpr int64_t kRetryUs = 30'000'000;

  explicit Copier(const CopierOptions& options) : options_(options) {}

  // OK: the shard's next opening has what the source had. Without join, kBusy: this replica has
  // something that the source does not have yet, which the copy would lose; ask again later.
  // kNoSpace: it would not fit. kCancelled: no more than Awaited::kLookUs after it was cancelled,
  // or than the copy is verified.
  Status Run();

 private:
  Status CopyFiles(const rpc::BeginCopyResponse& begun, storage::CheckpointCopy* copy);
  // All bytes of all files, several parts asked for ahead.
  Status CopyParts(uint64_t id, const std::vector<storage::CheckpointFile>& files,
                   storage::CheckpointCopy* copy);
  rpc::ReadCopyRequest PartOf(uint64_t id, size_t file, uint64_t offset, uint64_t size) const;
  StatusOr<std::string> ReadAgain(const rpc::ReadCopyRequest& request);

  const CopierOptions options_;
};

}  // namespace vasto::replication
