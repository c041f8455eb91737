// SPDX-License-Identifier: Apache-2.0
// Sorts entries of a memtable by key.
//
// Multikey quicksort (Bentley and Sedgewick, "Fast algorithms for sorting and searching strings",
// 1997) on eight bytes at a time, which lie beside the pointers: entries are spread over the whole
// memtable, and to look into one is a cache miss. What the keys of a group have in common is
// skipped, so that a group is looked into once for each place where its keys part.
//
// Threads: any; holds no state.
#pragma once

#include <rocksdb/memtablerep.h>

#include <cstdint>
#include <vector>

namespace vasto::storage {

struct SortItem {
  const char* entry;  // as RocksDB encodes it in a memtable
  uint64_t digits;    // the sort's own
};

// Sorts by user key, bytewise, and what is of one key as `compare` does, which must agree.
void SortEntries(std::vector<SortItem>* items, const rocksdb::MemTableRep::KeyComparator& compare);

}  // namespace vasto::storage
