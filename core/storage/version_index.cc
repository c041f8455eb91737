// SPDX-License-Identifier: Apache-2.0
#include "core/storage/version_index.h"

#include <cassert>
#include <limits>
#include <memory>

namespace vasto::storage {

size_t VersionIndex::BytesOfNextTable() const {
  return Buckets(tables_in_use_.load(std::memory_order_relaxed)) * sizeof(std::atomic<Version*>);
}

void VersionIndex::AddTable(char* memory) {
  const size_t table = tables_in_use_.load(std::memory_order_relaxed);
  assert(table < kMaxTables);
  tables_[table] = reinterpret_cast<std::atomic<Version*>*>(memory);
  std::uninitialized_value_construct_n(tables_[table], Buckets(table));
  capacity_ =
      table + 1 == kMaxTables ? std::numeric_limits<size_t>::max() : capacity_ + Buckets(table);
  tables_in_use_.store(table + 1, std::memory_order_release);
}

void VersionIndex::Add(Version* version) {
  assert(!full());
  const size_t table = tables_in_use_.load(std::memory_order_relaxed) - 1;
  std::atomic<Version*>& head = tables_[table][version->hash & (Buckets(table) - 1)];
  version->older = head.load(std::memory_order_relaxed);
  version->previous = newest_.load(std::memory_order_relaxed);
  head.store(version, std::memory_order_release);
  newest_.store(version, std::memory_order_release);
  ++added_;
}

}  // namespace vasto::storage
