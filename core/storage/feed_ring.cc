// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed_ring.h"

#include <utility>

namespace vasto::storage {

void FeedRing::PopOldest() {
  const size_t bytes = BytesOf(batches_.front());
  budget_->Subtract(bytes);
  bytes_ -= bytes;
  batches_.pop_front();
}

void FeedRing::Shrink() {
  while (budget_->exceeded() && bytes_ > budget_->share_bytes()) PopOldest();
}

void FeedRing::Append(ChangeBatch changes) {
  batches_.push_back(std::move(changes));
  const size_t bytes = BytesOf(batches_.back());
  budget_->Add(bytes);
  bytes_ += bytes;
  Shrink();
}

FeedRing::Batches::const_iterator FeedRing::Find(LogId log, uint64_t have) const {
  // From the back: one follower that is away keeps much here, and those that keep up read the end.
  for (auto it = batches_.end(); it != batches_.begin();) {
    --it;
    if (it->log != log) continue;
    if (it->last <= have) break;
    if (it->first <= have + 1) return it;
  }
  return batches_.end();
}

bool FeedRing::Read(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const {
  auto it = Find(log, have);
  if (it == batches_.end()) return false;
  *out = {.log = log, .first = have + 1, .last = have, .changes = {}, .checksum = 0};
  for (; it != batches_.end(); ++it) {
    if (it->log != log) continue;
    const bool full = out->changes.size() + it->changes.size() > max_bytes;
    if (full && !out->changes.empty()) break;
    out->changes.append(it->changes);
    out->last = it->last;
  }
  return true;
}

void FeedRing::Trim(const VersionVector& covered) {
  while (!batches_.empty() && covered.Covers({batches_.front().log, batches_.front().last})) {
    PopOldest();
  }
  Shrink();
}

void FeedRing::Clear() {
  while (!batches_.empty()) PopOldest();
}

}  // namespace vasto::storage
