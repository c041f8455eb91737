// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed_ring.h"

#include <algorithm>
#include <utility>

namespace vasto::storage {

void FeedRing::PopOldest() {
  budget_->Subtract(BytesOf(batches_.front()));
  batches_.pop_front();
}

void FeedRing::Append(ChangeBatch changes) {
  batches_.push_back(std::move(changes));
  budget_->Add(BytesOf(batches_.back()));
  while (budget_->exceeded() && !batches_.empty()) PopOldest();
}

bool FeedRing::Read(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const {
  auto it = std::find_if(batches_.begin(), batches_.end(), [&](const ChangeBatch& batch) {
    return batch.log == log && batch.last > have;
  });
  if (it == batches_.end() || it->first > have + 1) return false;
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
}

void FeedRing::Clear() {
  while (!batches_.empty()) PopOldest();
}

}  // namespace vasto::storage
