// SPDX-License-Identifier: Apache-2.0
// A file system that keeps the failures of a shard's write-ahead log from RocksDB and reports them
// to ShardHealth.
//
// RocksDB 7.8.3 goes on with a log whose append failed when its memtable is empty at DB::Resume(),
// and then, or at a SyncWAL() at the wrong moment, an assertion ends the process, and with it every
// other shard of the store. Here each append and sync of a log appears to succeed; what failed
// stops the shard's writes (ShardHealth), so that RocksDB is not asked for more, and the log is not
// written to again. Since the records of the failed write are in the memtable then, a Flush() makes
// them durable and begins a new log, after which writes may go on.
//
// A log that cannot be created for want of space is created later, by the first write that needs
// it; RocksDB would call that failure fatal.
//
// So a write may be acknowledged only when no log failed while it ran: WriteLogged and SyncLog
// look. One that failed is visible until the shard closes, and after that if a flush came before:
// of a replicated shard it is told to the feed, or replicas would differ in it for good. Its
// sequences are taken, so that a log that goes on has a hole (Feed::LogResumed).
//
// Threads: any.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/file_system.h>

#include <memory>

#include "core/base/status.h"
#include "core/storage/health.h"

namespace vasto::storage {

// All but the writing of logs (NNNNNN.log) goes to the target.
std::shared_ptr<rocksdb::FileSystem> NewLogFileSystem(std::shared_ptr<rocksdb::FileSystem> target,
                                                      std::shared_ptr<ShardHealth> health);

// db->Write, and whether it is in the log. Incomplete: RocksDB asks writers to slow down and
// options.no_slowdown is set; nothing was written. Other errors have stopped the shard's writes.
// *visible: whether the database holds it, in the log or not; nullptr: the caller does not ask.
rocksdb::Status WriteLogged(rocksdb::DB* db, const ShardHealth& health,
                            const rocksdb::WriteOptions& options, rocksdb::WriteBatch* batch,
                            bool* visible = nullptr);
// db->SyncWAL, and whether the log is on the disk.
rocksdb::Status SyncLog(rocksdb::DB* db, const ShardHealth& health);

}  // namespace vasto::storage
