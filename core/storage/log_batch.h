// SPDX-License-Identifier: Apache-2.0
// One batch of a shard's write-ahead log, as a follower's feed sees it. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/codec/positions.h"

namespace vasto::storage {

// Whose changes a batch holds: the LogData blob at its front. Batches without one hold what this
// replica accepted from clients, or nothing a follower needs.
// Changes that lost here are in the tag: who gets the batch from here may not have what they lost
// against, and with the position it claims to.
struct BatchTag {
  LogId log = 0;
  uint64_t first = 0;
  uint64_t last = 0;
  std::string lost;  // changes (core/codec/change.h)
};
std::string EncodeBatchTag(const BatchTag& tag);
StatusOr<BatchTag> DecodeBatchTag(std::string_view bytes);

struct LogBatch {
  uint64_t database_first = 0;  // sequences of its first and last entry
  uint64_t database_last = 0;
  BatchTag tag;         // log 0: this replica's own
  std::string changes;  // without those of meta keys
};

}  // namespace vasto::storage
