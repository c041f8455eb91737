// SPDX-License-Identifier: Apache-2.0
// Single records in memory, in front of RocksDB: what a read of one key needs is a lookup in a hash
// table and a copy, not a search of memtable, filters, index and block.
//
// The cache has stripes, each with a lock, a log and an index. The log is a ring to which records
// are appended; the index has buckets of one cache line. The oldest records go when room is needed;
// one that was read since it was appended goes round once more. Log and index are those of MICA
// (Lim, Han, Andersen, Kaminsky, NSDI 2014), the second chance is that of CLOCK.
//
// Invariants
//  1. What Find gives is what RocksDB would have given at some moment during the call: whoever
//     changes a key holds a WriteScope from before the change until after it, in which the key is
//     not cached; and a record read before or during a change of its bucket is not added.
//  2. Each slot of the index in use points at a live entry of the log, and each live entry has one.
//  3. Memory never exceeds the capacity, the index included; the index stays as large as it was
//  made.
//
// Threads: all methods from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"

namespace vasto::storage {

class RecordCache {
 public:
  // Of key and record together; larger ones are read from RocksDB, where the copy is what counts.
  static constexpr size_t kMaxEntryBytes = 4096;
  // Below this it caches nothing.
  static constexpr size_t kMinCapacity = 2 << 20;

  // capacity_bytes: taken as it is used.
  explicit RecordCache(size_t capacity_bytes);
  ~RecordCache();
  RecordCache(const RecordCache&) = delete;
  RecordCache& operator=(const RecordCache&) = delete;

  // Leaves this much of the capacity in use, at least what the index takes. Less than before: the
  // cache is emptied and what it had beyond goes back to the system.
  void Limit(size_t bytes);

  // One opening of a database: what was cached for an earlier one is never found.
  struct Owner {
    RecordCache* cache;  // borrowed; outlives the database
    uint32_t number;
  };
  Owner NewOwner() { return {this, next_owner_.fetch_add(1, std::memory_order_relaxed)}; }

  // A key of an owner. bytes: borrowed; key_hash: KeyHash(bytes).
  struct Key {
    Key(const Owner& of_owner, std::string_view key, uint64_t hash_of_key);
    std::string_view bytes;
    uint64_t key_hash;
    uint32_t owner;
    uint32_t stripe;
    uint32_t hash;
  };
  // What a reader that found nothing needs to add what it then reads.
  class Ticket {
    friend class RecordCache;
    uint32_t version_ = 0;
  };

  // True: *record has the record's bytes. False: it is not cached, and *ticket is for Add.
  bool Find(const Key& key, std::string* record, Ticket* ticket);
  // Caches what was read after the Find that gave the ticket, unless the key may have changed.
  void Add(const Key& key, std::string_view record, const Ticket& ticket);
  // Lets the memory of a later Find of the key come while other work is done.
  void Prefetch(const Key& key) const;

  // Held while keys change in RocksDB, from before the write until it returned. While one is held
  // nothing is cached for its keys, nor for those that share their buckets. keys: borrowed.
  class WriteScope {
   public:
    WriteScope(RecordCache* cache, const std::vector<Key>* keys);
    ~WriteScope();
    WriteScope(const WriteScope&) = delete;
    WriteScope& operator=(const WriteScope&) = delete;

   private:
    RecordCache* const cache_;
    const std::vector<Key>* const keys_;
  };

 private:
  static constexpr int kStripeBits = 4;
  static constexpr size_t kStripes = size_t{1} << kStripeBits;

  struct Bucket;
  struct Entry;
  class Stripe;

  Stripe* StripeOf(const Key& key) const { return stripes_[key.stripe]; }

  std::atomic<uint32_t> next_owner_{1};
  std::array<Stripe*, kStripes> stripes_{};  // owned; nullptr when the capacity is too small
};

}  // namespace vasto::storage
