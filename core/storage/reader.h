// SPDX-License-Identifier: Apache-2.0
// Reads of single keys and of groups of keys: from the record cache, and what is not there from
// RocksDB.
//
// Of RocksDB, keys are asked for in order and repeated ones once: 7.8.3 may answer wrongly when one
// MultiGet holds a key twice. Its values are pinned where they are in the block cache, not copied.
//
// Threads: any; scratch memory of the calling thread.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <string_view>

#include "core/storage/record_cache.h"
#include "core/storage/shard.h"

namespace vasto::storage {

class Reader {
 public:
  // db: borrowed; outlives *this. owner: the database's.
  Reader(rocksdb::DB* db, const RecordCache::Owner& owner) : db_(db), owner_(owner) {}

  // As Shard::MultiGet; wall_us: the moment that decides what has expired.
  void MultiGet(const std::string_view* keys, size_t count, bool may_wait, int64_t wall_us,
                ReadValue* out) const;

 private:
  struct Scratch;

  static Scratch* ThreadScratch();
  // Finishes what is cached; the others are the scratch's `missing`.
  void FindCached(const std::string_view* keys, size_t count, int64_t wall_us, Scratch* scratch,
                  ReadValue* out) const;
  // Reads the missing from RocksDB, and caches them.
  void ReadMissing(const std::string_view* keys, bool may_wait, int64_t wall_us, Scratch* scratch,
                   ReadValue* out) const;
  static void Sort(const std::string_view* keys, Scratch* scratch);
  // Fills what RocksDB is asked for from the sorted order.
  static void Collect(const std::string_view* keys, Scratch* scratch);
  // Asks RocksDB for the slices of the scratch.
  void Fetch(Scratch* scratch) const;
  static rocksdb::PinnableSlice* Pin(ReadValue* value);
  // Turns the pinned bytes of a record into the value's status and record.
  static void Decode(const RecordCache::Key& key, int64_t wall_us, ReadValue* out);
  // The same answer for a repeated key, with bytes of its own.
  static void Repeat(const ReadValue& first, ReadValue* out);

  rocksdb::DB* const db_;
  const RecordCache::Owner owner_;

  friend class ReadValue;
};

}  // namespace vasto::storage
