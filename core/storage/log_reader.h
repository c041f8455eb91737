// SPDX-License-Identifier: Apache-2.0
// Reads a database's write-ahead log as batches of changes, from a sequence on, as it grows.
//
// RocksDB 7.8.3's iterator begins later than asked when what was asked for is gone, and sometimes,
// for moments, when it is not; so the beginning is compared, and taken for gone only when it stays
// so. A batch of another replica's changes says whose it is in a LogData entry that comes first
// (BatchTag); RocksDB may put batches of two writers into one record, in which order is kept.
//
// Threads: one at a time per object. May wait for the disk.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/transaction_log.h>

#include <cstdint>
#include <memory>

#include "core/base/status.h"
#include "core/storage/log_batch.h"
#include "core/storage/log_holes.h"

namespace vasto::storage {

class LogReader {
 public:
  // Begins with the batch that holds the database's sequence `from`. db, holes, which are the
  // database's: borrowed; outlive *this.
  LogReader(rocksdb::DB* db, LogHoles* holes, uint64_t from)
      : db_(db), holes_(holes), next_(from) {}

  // False: there is nothing more yet. kNotFound: the log does not hold what comes next.
  StatusOr<bool> Next(LogBatch* batch);
  // The sequence that comes next.
  uint64_t next() const { return next_; }

 private:
  // Makes current_ the record that holds next_.
  Status Seek();
  // Makes current_ the record behind it. False: there is none in this file yet.
  bool Advance();
  Status Parse(LogBatch* batch);

  rocksdb::DB* const db_;                                      // borrowed; outlives *this
  LogHoles* const holes_;                                      // the same
  std::unique_ptr<rocksdb::TransactionLogIterator> iterator_;  // nullptr until the first Seek
  rocksdb::BatchResult current_;
  uint64_t next_;
};

}  // namespace vasto::storage
