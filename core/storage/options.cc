// SPDX-License-Identifier: Apache-2.0
#include "core/storage/options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <string>

#include "core/storage/memtable.h"

namespace vasto::storage {
namespace {

constexpr size_t kBlockBytes = 8 << 10;

std::shared_ptr<rocksdb::TableFactory> MakeTableFactory(const SharedParts& shared) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = shared.block_cache;
  // Half the index and cache entries of the default, for the same speed of reads.
  table.block_size = kBlockBytes;
  table.format_version = 5;
  // Debian's RocksDB computes CRC32C without the CPU's instruction.
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  // In the cache, so that the memory of a store is bounded whatever it holds.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.pin_top_level_index_and_filter = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.data_block_hash_table_util_ratio = 0.75;
  return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(table));
}

void SetShape(const SharedParts& shared, rocksdb::Options* options) {
  options->memtable_factory = NewMemtableFactory();
  options->allow_concurrent_memtable_write = false;
  options->max_write_buffer_number = 2;  // one filling, one being flushed
  // Most reads find nothing in the memtable: a filter spares them a look into each of its tables. A
  // hundredth of the buffer is some 15 bits for a small record.
  options->memtable_whole_key_filtering = true;
  options->memtable_prefix_bloom_size_ratio = 0.01;
  options->level_compaction_dynamic_level_bytes = true;
  // Each shard has two such buffers for good, for its log and its manifest. A block is enough.
  options->writable_file_max_buffer_size = kBlockBytes;
  // A shard has tens of files open; RocksDB's 64 parts of their table are for a database that has
  // the machine to itself.
  options->table_cache_numshardbits = 2;
  // By levels from the one that L0 goes into, which every compaction writes anew: that must be
  // cheap. It is the only one until a shard has some 256 MiB; what lies deeper is rewritten seldom.
  options->compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression,
                                    rocksdb::kZSTD};
  options->compression_opts.level = 1;
  options->max_background_jobs = shared.background_threads;
}

void SetDurability(rocksdb::Options* options) {
  options->wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options->wal_bytes_per_sync = 1 << 20;
  options->bytes_per_sync = 1 << 20;
  options->paranoid_checks = true;
  // Health owns the return from errors.
  options->max_bgerror_resume_count = 0;
}

void SetFixedCost(rocksdb::Options* options) {
  options->max_manifest_file_size = 4 << 20;
  options->keep_log_file_num = 1;
  options->stats_dump_period_sec = 0;
  options->stats_persist_period_sec = 0;
  options->max_file_opening_threads = 1;
  options->avoid_unnecessary_blocking_io = true;
}

Status Refuse(bool bad, const char* option, const char* why) {
  if (!bad) return {};
  return Status::InvalidArgument(std::string("RocksDB option ") + option + ": " + why);
}

}  // namespace

rocksdb::Options MakeOptions(const SharedParts& shared) {
  rocksdb::Options options;
  options.env = shared.env;
  options.write_buffer_manager = shared.write_buffers;
  options.rate_limiter = shared.rate_limiter;
  options.sst_file_manager = shared.sst_files;
  options.table_factory = MakeTableFactory(shared);
  SetShape(shared, &options);
  SetDurability(&options);
  SetFixedCost(&options);
  return options;
}

Status CheckOptions(const rocksdb::Options& o) {
  VASTO_RETURN_IF_ERROR(Refuse(o.two_write_queues, "two_write_queues", "hides the log's order"));
  VASTO_RETURN_IF_ERROR(Refuse(o.unordered_write, "unordered_write", "breaks the log's order"));
  VASTO_RETURN_IF_ERROR(
      Refuse(o.enable_pipelined_write, "enable_pipelined_write", "one writer gains nothing"));
  VASTO_RETURN_IF_ERROR(Refuse(o.allow_concurrent_memtable_write, "allow_concurrent_memtable_write",
                               "our memtable has one inserter"));
  VASTO_RETURN_IF_ERROR(Refuse(o.wal_compression != rocksdb::kNoCompression, "wal_compression",
                               "an empty compressed log breaks the search for a position"));
  VASTO_RETURN_IF_ERROR(
      Refuse(o.manual_wal_flush, "manual_wal_flush", "acknowledged writes would sit in a buffer"));
  VASTO_RETURN_IF_ERROR(Refuse(o.track_and_verify_wals_in_manifest,
                               "track_and_verify_wals_in_manifest",
                               "reports logs as missing after SyncWAL"));
  VASTO_RETURN_IF_ERROR(Refuse(o.allow_ingest_behind, "allow_ingest_behind",
                               "may compact for ever and leaves holes in the log"));
  VASTO_RETURN_IF_ERROR(Refuse(o.max_write_buffer_number > 2, "max_write_buffer_number",
                               "above 2 a failed flush may mis-order updates"));
  VASTO_RETURN_IF_ERROR(
      Refuse(o.recycle_log_file_num != 0, "recycle_log_file_num", "old records reappear"));
  VASTO_RETURN_IF_ERROR(Refuse(o.merge_operator != nullptr, "merge_operator",
                               "makes reads of often written keys slow"));
  VASTO_RETURN_IF_ERROR(
      Refuse(o.inplace_update_support, "inplace_update_support", "breaks readers' snapshots"));
  return Refuse(!o.paranoid_checks, "paranoid_checks", "damage would go unnoticed");
}

}  // namespace vasto::storage
