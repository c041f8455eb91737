// SPDX-License-Identifier: Apache-2.0
// One follower's place in a shard's feed: reads from memory what is there, else from the
// write-ahead log, and keeps the log open, because opening costs a pass over a file.
//
// Threads: one at a time per object. Must not outlive the shard.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/status.h"
#include "core/codec/change.h"
#include "core/codec/positions.h"
#include "core/storage/feed.h"
#include "core/storage/log_batch.h"

namespace vasto::storage {

class LogReader;

class FeedCursor {
 public:
  // feed: borrowed; outlives *this.
  explicit FeedCursor(Feed* feed);
  ~FeedCursor();

  // The next changes for who has `have`: of the shard's own log, else of the first log in `relay`
  // of which there is more here. About max_bytes of them; one larger batch goes alone. log 0: there
  // is nothing more. kBusy: the log must be read from the disk, and may_wait forbids it. kNotFound:
  // no log of which there is more here reaches back that far, the follower needs a checkpoint.
  StatusOr<ChangeBatch> Read(const VersionVector& have, const std::vector<LogId>& relay,
                             size_t max_bytes, bool may_wait);

 private:
  // As Read, of one log that goes on up to `last` here, from the disk. Ends where the log's part
  // without tags ends.
  StatusOr<ChangeBatch> ReadLog(LogId log, uint64_t have, uint64_t last, size_t max_bytes);
  // Adds to *out what follows in the log, up to `last` or until it is full.
  Status Gather(uint64_t last, size_t max_bytes, ChangeBatch* out);
  // What unread_ has for *out.
  Status AddUntagged(ChangeBatch* out) const;
  Status AddTagged(ChangeBatch* out) const;

  Feed* const feed_;  // borrowed; outlives *this
  // Of the last read from the disk: what it would go on with.
  std::unique_ptr<LogReader> reader_;
  Position reader_at_;
  Feed::Place place_;
  std::optional<LogBatch> unread_;  // taken from the reader, did not fit the answer
};

}  // namespace vasto::storage
