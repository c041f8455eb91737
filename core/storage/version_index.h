// SPDX-License-Identifier: Apache-2.0
// Which versions a memtable has of a key, newest first.
//
// A chained hash table that never moves what it has: when it is full, another one, twice as large,
// takes what comes, and lookups go from the newest table to the oldest. So readers need no lock and
// never see an entry twice.
//
// Threads: one adds; any look up. Memory: the caller's arena, which must outlive *this.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vasto::storage {

class VersionIndex {
 public:
  // One version; lives in the arena, behind its entry.
  struct Version {
    Version* older;     // in the same chain
    Version* previous;  // added before it, whatever its key
    uint32_t hash;
    uint32_t distance;  // bytes from the entry, which is as RocksDB encodes it

    const char* entry() const { return reinterpret_cast<const char*>(this) - distance; }
  };

  // What AddTable wants: so many bytes, aligned to eight.
  size_t BytesOfNextTable() const;
  // Whether the next Add needs a further table.
  bool full() const { return added_ == capacity_; }
  // memory: BytesOfNextTable() of them.
  void AddTable(char* memory);

  // version: hash and distance are set. REQUIRES: !full().
  void Add(Version* version);

  // The version that was added last, and by `previous` all before it; nullptr: none.
  Version* newest() const { return newest_.load(std::memory_order_acquire); }

  // Calls visit(Version*) for those with this hash, newest first, until it returns true.
  template <typename VisitFn>
  void ForEach(uint32_t hash, VisitFn visit) const {
    for (size_t i = tables_in_use_.load(std::memory_order_acquire); i-- > 0;) {
      const std::atomic<Version*>& head = tables_[i][hash & (Buckets(i) - 1)];
      for (Version* v = head.load(std::memory_order_acquire); v != nullptr; v = v->older) {
        if (v->hash == hash && visit(v)) return;
      }
    }
  }

 private:
  // Small enough to leave an idle memtable in the first 2 KiB of its arena.
  static constexpr size_t kFirstBuckets = 64;
  // The last, of half a billion buckets, takes all that comes.
  static constexpr size_t kMaxTables = 24;

  static size_t Buckets(size_t table) { return kFirstBuckets << table; }

  std::array<std::atomic<Version*>*, kMaxTables> tables_{};
  std::atomic<size_t> tables_in_use_{0};
  std::atomic<Version*> newest_{nullptr};
  // The inserter's own.
  size_t added_ = 0;
  size_t capacity_ = 0;
};

}  // namespace vasto::storage
