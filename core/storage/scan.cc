// SPDX-License-Identifier: Apache-2.0
#include "core/storage/scan.h"

#include <algorithm>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/codec/limits.h"
#include "core/storage/keys.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr size_t kRowsBetweenClockReads = 256;
// Larger scans leave the block cache to point reads.
constexpr size_t kMaxRowsToCache = 1000;

class PageBuilder {
 public:
  PageBuilder(const ScanRange& range, const Clock* clock)
      : range_(range),
        clock_(clock),
        wall_us_(clock->WallMicros()),
        max_rows_(range.limit == 0 ? SIZE_MAX : range.limit),
        max_bytes_(std::min(range.max_bytes, kMaxScanPageBytes)) {}

  // Takes the row the iterator stands on. False: the page is full and the row is not in it.
  StatusOr<bool> Take(std::string_view key, std::string_view bytes) {
    if (Full()) return false;
    uint64_t content_checksum = 0;
    auto record = DecodeRecord(key, bytes, &content_checksum);
    if (!record.ok()) {
      if (writer_.rows() > 0) return false;
      return record.status().Prefixed("key " + Printable(key));
    }
    if (!record->VisibleAt(wall_us_)) {
      ++skipped_;
      return true;
    }
    const size_t row_bytes = key.size() + (range_.keys_only ? 0 : record->payload.size());
    if (writer_.rows() > 0 && bytes_ + row_bytes > max_bytes_) return false;
    bytes_ += row_bytes;
    Row row;
    row.key = key;
    row.has_payload = !range_.keys_only;
    if (row.has_payload) row.payload = record->payload;
    row.payload_size = record->payload.size();
    row.event_time = record->event_time;
    row.expires_at_us = record->expires_at_us;
    row.value_type = record->value_type;
    row.partition_hash = record->partition_hash;
    row.content_checksum = content_checksum;
    writer_.Add(row);
    return true;
  }

  size_t rows() const { return writer_.rows(); }

  ScanPage Finish(bool more, std::string_view resume_key) {
    ScanPage page;
    page.row_count = writer_.rows();
    page.rows = writer_.Finish();
    page.more = more;
    if (more) page.resume_key = resume_key;
    return page;
  }

 private:
  bool Full() {
    if (writer_.rows() >= max_rows_ || skipped_ >= kMaxSkippedRows) return true;
    if (range_.deadline_us == 0 || ++calls_ % kRowsBetweenClockReads != 0) return false;
    return clock_->MonotonicMicros() >= range_.deadline_us;
  }

  const ScanRange& range_;
  const Clock* const clock_;
  const int64_t wall_us_;
  const size_t max_rows_;
  const size_t max_bytes_;
  RowBlockWriter writer_;
  size_t bytes_ = 0;
  size_t skipped_ = 0;
  size_t calls_ = 0;
};

}  // namespace

StatusOr<ScanPage> ScanOnePage(rocksdb::DB* db, const ScanRange& range, const Clock* clock) {
  std::string begin;
  AppendDataKey(range.start, &begin);
  if (range.start_exclusive) begin.push_back('\0');
  std::string end(kDataEnd);
  if (!range.end.empty()) {
    end.clear();
    AppendDataKey(range.end, &end);
  }
  PageBuilder page(range, clock);
  if (begin >= end) return page.Finish(false, {});

  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  options.fill_cache = range.limit > 0 && range.limit <= kMaxRowsToCache;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(options));
  std::string last;  // the last key taken, so that a damaged block after it can be told as "more"
  for (it->Seek(begin); it->Valid(); it->Next()) {
    const std::string_view key = ToView(it->key()).substr(1);
    VASTO_ASSIGN_OR_RETURN(const bool taken, page.Take(key, ToView(it->value())));
    if (!taken) return page.Finish(true, key);
    last.assign(key);
  }
  if (it->status().ok()) return page.Finish(false, {});
  if (page.rows() == 0) return FromRocksDb(it->status());
  return page.Finish(true, last + '\0');
}

}  // namespace vasto::storage
