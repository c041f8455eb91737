// SPDX-License-Identifier: Apache-2.0
// The memtable of a shard: entries are put in order when somebody needs the order.
//
// To insert into RocksDB's skip list is most of what a write of a small record costs: twenty
// comparisons and as many cache misses. Here an insertion goes into a hash table, which answers
// reads of single keys. A flush or the first scan sorts what has come since the last time and moves
// it into a skip list in that order, which is several times cheaper, and on another thread.
//
// Invariants
//  1. Get finds the newest version that is not newer than asked for, as with a skip list.
//  2. An iterator has, in order, all entries whose insertion ended before it was made. It may lack
//     later ones until another one is made; their sequence numbers are above its snapshot.
//  3. All that lives as long as the memtable is in its arena, and counted.
//
// Threads: one inserts (RocksDB's write group, with allow_concurrent_memtable_write off), any read.
// Who asks for an iterator may have to sort for long (measured: see README.md) and holds up those
// who do the same, but neither inserters nor Get.
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace vasto::storage {

// For databases that compare keys bytewise.
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtableFactory();

}  // namespace vasto::storage
