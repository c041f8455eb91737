// SPDX-License-Identifier: Apache-2.0
// Reads of single keys and of groups of keys.
//
// Keys are sorted and repeated ones asked for once: RocksDB 7.8.3 may answer wrongly when one
// MultiGet holds a key twice. Values are pinned where they are in the block cache, not copied.
//
// Threads: any; scratch memory of the calling thread.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <string_view>

#include "core/storage/shard.h"

namespace vasto::storage {

class Reader {
 public:
  // As Shard::MultiGet; wall_us: the moment that decides what has expired.
  static void MultiGet(rocksdb::DB* db, const std::string_view* keys, size_t count, bool may_wait,
                       int64_t wall_us, ReadValue* out);

 private:
  struct Scratch;

  static Scratch* ThreadScratch();
  static void Sort(const std::string_view* keys, size_t count, Scratch* scratch);
  // Fills what RocksDB is asked for from the sorted order.
  static void Collect(const std::string_view* keys, Scratch* scratch);
  // Asks RocksDB for the slices of the scratch.
  static void Fetch(rocksdb::DB* db, Scratch* scratch);
  static rocksdb::PinnableSlice* Pin(ReadValue* value);
  // Turns what RocksDB gave for the key into the value's status and record.
  static void Finish(std::string_view key, const rocksdb::Status& status,
                     rocksdb::PinnableSlice* found, int64_t wall_us, ReadValue* out);
  // The same answer for a repeated key, with bytes of its own.
  static void Repeat(const ReadValue& first, ReadValue* out);

  friend class ReadValue;
};

}  // namespace vasto::storage
