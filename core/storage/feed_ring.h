// SPDX-License-Identifier: Apache-2.0
// The latest changes of a shard in memory, for followers that keep up: they are served without
// reading the log from its file.
//
// All rings of a store share a budget. A fifth of it is divided among them, so that a quiet shard's
// latest changes stay, however much a busy one appends. While all together have more than the rest,
// a ring that appends forgets its oldest changes down to its share; followers then read them from
// the log. What every follower has is forgotten at once.
//
// Memory: the budget. Beyond that is only what a ring kept while fewer shared, until it appends or
// trims the next time.
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
  // Counts a ring in, and out again.
  void Join() { rings_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() { rings_.fetch_sub(1, std::memory_order_relaxed); }
  void Add(size_t bytes) { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void Subtract(size_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  bool exceeded() const { return used_bytes() > limit_bytes_ - limit_bytes_ / kSharedPart; }
  size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  // What a ring may keep even so. REQUIRES: there is one.
  size_t share_bytes() const {
    return limit_bytes_ / kSharedPart / rings_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kSharedPart = 5;  // one in so many bytes is divided among the rings

  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
  std::atomic<size_t> rings_{0};
};

class FeedRing {
 public:
  // budget: borrowed; outlives *this.
  explicit FeedRing(FeedBudget* budget) : budget_(budget) { budget_->Join(); }
  ~FeedRing() {
    Clear();
    budget_->Leave();
  }
  FeedRing(const FeedRing&) = delete;
  FeedRing& operator=(const FeedRing&) = delete;

  // What one batch of the database holds.
  void Append(ChangeBatch changes);
  // What follows `have` in the log, as far as it is here and fits max_bytes; a single batch that
  // does not fit goes alone. False: what comes next is not here. Takes the longer the farther
  // behind `have` is.
  bool Read(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const;
  // Forgets the oldest batches as long as they are covered, or above the share of an exceeded
  // budget.
  void Trim(const VersionVector& covered);
  void Clear();

 private:
  static size_t BytesOf(const ChangeBatch& batch) { return sizeof(batch) + batch.changes.size(); }
  using Batches = std::deque<ChangeBatch>;  // oldest first

  // The batch that holds what follows `have`; end(): it is not here.
  Batches::const_iterator Find(LogId log, uint64_t have) const;
  void PopOldest();
  // Forgets the oldest while the budget is exceeded and this has more than its share.
  void Shrink();

  FeedBudget* const budget_;  // borrowed; outlives *this
  Batches batches_;
  size_t bytes_ = 0;  // of batches_
};

}  // namespace vasto::storage
