// SPDX-License-Identifier: Apache-2.0
// A watcher's place in a shard: gives, in the order of the database, every change that won when it
// came, whichever replica accepted it.
//
// A place is what the replica had at a moment, as a version vector: it means the same at every
// replica of the shard. Seek finds the last moment at which this database had no more than that,
// and goes on from there. Where replicas came to what they have in another order, some changes that
// the watcher was given elsewhere come again behind that moment, as they came here: so the last
// change given for a key is always the one that this replica keeps, without a look at what is
// stored. Changes that lost when they came are left out; a newer one was given before.
//
// Everything is read from the write-ahead log on the disk, mostly what the system has in memory
// still. Between two calls it has a log file open, and in memory what RocksDB reads it by, which is
// as large as the largest batch; after Rest neither.
//
// Threads: one at a time per object. May wait for the disk. Must not outlive the shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/codec/positions.h"
#include "core/storage/feed.h"
#include "core/storage/log_batch.h"

namespace vasto::storage {

class LogReader;

class WatchCursor {
 public:
  // How much of the log one Read goes through at most when little of it is wanted.
  static constexpr size_t kMaxReadBytes = 8 << 20;

  // feed: borrowed; outlives *this.
  explicit WatchCursor(Feed* feed);
  ~WatchCursor();

  // To where the log ends now.
  void SeekToEnd();
  // To where `have` is. kTooOld: the log does not reach back that far.
  Status Seek(const VersionVector& have);
  // Appends what comes next of the keys with this prefix, as changes (core/codec/change.h), until
  // there are max_bytes or nothing more is here; the last batch is given whole. kTooOld: what comes
  // next is in the log no more. REQUIRES: a Seek that was OK.
  Status Read(std::string_view prefix, size_t max_bytes, std::string* changes);
  // Closes the log until the next Read, which takes longer. REQUIRES: a Seek that was OK.
  void Rest();
  // Whether Read would find nothing now. Never waits for the disk.
  bool AtEnd() const;
  // Where it stands.
  const VersionVector& at() const { return at_; }

 private:
  // What a batch raises the positions by; log 0: nothing.
  struct Range {
    LogId log = 0;
    uint64_t first = 0;
    uint64_t last = 0;
  };
  // Positions that are known, 0 included.
  using Known = std::map<LogId, uint64_t>;

  Range RangeOf(const LogBatch& batch) const;
  // What is known of the positions where the log on the disk begins.
  static Known AtTrim(const Feed::Outline& outline);
  // The same from `have` on, when no moment that it covers is known: reads the log to its end.
  Status Survey(const Feed::Outline& outline, const VersionVector& have);
  // From a moment that `have` covers on.
  Status Skip(const Feed::Mark& from, uint64_t end, const VersionVector& have);
  void StartAt(uint64_t sequence);

  Feed* const feed_;  // borrowed; outlives *this
  std::vector<Feed::OwnLog> own_;
  std::unique_ptr<LogReader> reader_;  // nullptr before the first Seek
  VersionVector at_;
};

}  // namespace vasto::storage
