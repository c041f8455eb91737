// SPDX-License-Identifier: Apache-2.0
// The latest changes of a shard in memory, for followers that keep up: they are served without
// reading the log from its file.
//
// All rings of a store share a budget; a ring that would exceed it forgets its oldest changes,
// which followers then read from the log. What every follower has is forgotten at once.
//
// Threads: one at a time per object (the feed's mutex); the budget any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "core/codec/change.h"

namespace vasto::storage {

// How much memory the rings of a store may take together.
class FeedBudget {
 public:
  explicit FeedBudget(size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  void Add(size_t bytes) { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void Subtract(size_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  bool exceeded() const { return used_bytes() > limit_bytes_; }
  size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
};

class FeedRing {
 public:
  // budget: borrowed; outlives *this.
  explicit FeedRing(FeedBudget* budget) : budget_(budget) {}
  ~FeedRing() { Clear(); }
  FeedRing(const FeedRing&) = delete;
  FeedRing& operator=(const FeedRing&) = delete;

  // What one batch of the database holds.
  void Append(ChangeBatch changes);
  // What follows `have` in the log, as far as it is here and fits max_bytes; a single batch that
  // does not fit goes alone. False: what comes next is not here.
  bool Read(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const;
  // Forgets the oldest batches as long as they are covered.
  void Trim(const VersionVector& covered);
  void Clear();

 private:
  static size_t BytesOf(const ChangeBatch& batch) { return sizeof(batch) + batch.changes.size(); }
  void PopOldest();

  FeedBudget* const budget_;         // borrowed; outlives *this
  std::deque<ChangeBatch> batches_;  // oldest first
};

}  // namespace vasto::storage
