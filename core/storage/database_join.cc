// SPDX-License-Identifier: Apache-2.0
#include "core/storage/database_join.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/hlc.h"
#include "core/codec/merge.h"
#include "core/codec/record.h"
#include "core/storage/gc_floors.h"
#include "core/storage/keys.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr size_t kBatchBytes = 1 << 20;
constexpr size_t kReadaheadBytes = 2 << 20;
constexpr size_t kRecordsBetweenLooks = 4096;
// So far the next key is looked for step by step.
constexpr int kMaxSteps = 8;

std::unique_ptr<rocksdb::Iterator> AllRecords(rocksdb::DB* db) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = kReadaheadBytes;
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(options));
  it->Seek(ToSlice(kDataBegin));
  return it;
}

void AdvanceTo(const rocksdb::Slice& key, rocksdb::Iterator* it) {
  for (int steps = 0; it->Valid() && it->key().compare(key) < 0; ++steps) {
    if (steps == kMaxSteps) return it->Seek(key);
    it->Next();
  }
}

// The bytes of the record that is both; empty: it is what is there.
StatusOr<std::string> JoinRecords(std::string_view key, std::string_view here,
                                  std::string_view there) {
  VASTO_ASSIGN_OR_RETURN(const Record own, DecodeRecord(key, here, nullptr));
  VASTO_ASSIGN_OR_RETURN(const Record other, DecodeRecord(key, there, nullptr));
  std::string buffer;
  VASTO_ASSIGN_OR_RETURN(const Record joined, Join(own, other, &buffer));
  std::string bytes;
  if (!(joined == other)) {
    EncodeRecord(joined, ContentChecksum(key, joined.payload), &bytes);
  }
  return bytes;
}

// What the join changes of `into`, which is flushed in the end instead of logged.
class Output {
 public:
  explicit Output(rocksdb::DB* db) : db_(db) { options_.disableWAL = true; }

  Status Put(const rocksdb::Slice& key, const rocksdb::Slice& value) {
    VASTO_RETURN_IF_ERROR(FromRocksDb(batch_.Put(key, value)));
    return batch_.GetDataSize() < kBatchBytes ? Status::Ok() : Write();
  }
  Status Finish() {
    VASTO_RETURN_IF_ERROR(Write());
    return FromRocksDb(db_->Flush(rocksdb::FlushOptions()));
  }

 private:
  Status Write() {
    VASTO_RETURN_IF_ERROR(FromRocksDb(db_->Write(options_, &batch_)));
    batch_.Clear();
    return {};
  }

  rocksdb::DB* const db_;  // borrowed; outlives *this
  rocksdb::WriteOptions options_;
  rocksdb::WriteBatch batch_;
};

Status PutRecord(const rocksdb::Iterator& from, const rocksdb::Iterator& into, Output* output) {
  const std::string_view key = ToView(from.key()).substr(1);
  if (!into.Valid() || into.key() != from.key()) {
    VASTO_RETURN_IF_ERROR(DecodeRecord(key, ToView(from.value()), nullptr).status());
    return output->Put(from.key(), from.value());
  }
  if (into.value() == from.value()) return {};
  VASTO_ASSIGN_OR_RETURN(const std::string joined,
                         JoinRecords(key, ToView(from.value()), ToView(into.value())));
  return joined.empty() ? Status::Ok() : output->Put(from.key(), joined);
}

Status JoinAllRecords(const DatabaseJoin& join, Output* output) {
  const auto from = AllRecords(join.from);
  const auto into = AllRecords(join.into);
  for (size_t n = 0; from->Valid(); from->Next(), ++n) {
    if (n % kRecordsBetweenLooks == 0) VASTO_RETURN_IF_ERROR(join.go_on());
    AdvanceTo(from->key(), into.get());
    VASTO_RETURN_IF_ERROR(FromRocksDb(into->status()));
    VASTO_RETURN_IF_ERROR(PutRecord(*from, *into, output));
  }
  return FromRocksDb(from->status());
}

StatusOr<std::string> GetOrEmpty(rocksdb::DB* db, std::string_view key) {
  std::string value;
  const rocksdb::Status found = db->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (!found.ok() && !found.IsNotFound()) return FromRocksDb(found);
  return value;
}

Status JoinBounds(const DatabaseJoin& join, Output* output) {
  EventTime bound = 0;
  for (rocksdb::DB* db : {join.from, join.into}) {
    VASTO_ASSIGN_OR_RETURN(const std::string stored, GetOrEmpty(db, kHlcBoundKey));
    if (stored.empty()) continue;
    if (stored.size() != sizeof(EventTime)) return Status::Corruption("a clock bound is damaged");
    bound = std::max(bound, GetFixed<EventTime>(stored.data()));
  }
  std::string value;
  PutFixed<EventTime>(&value, bound);
  return output->Put(ToSlice(kHlcBoundKey), value);
}

Status JoinFloors(const DatabaseJoin& join, Output* output) {
  VASTO_ASSIGN_OR_RETURN(const std::string from, GetOrEmpty(join.from, kGcFloorsKey));
  if (from.empty()) return {};
  VASTO_ASSIGN_OR_RETURN(const std::string into, GetOrEmpty(join.into, kGcFloorsKey));
  VASTO_ASSIGN_OR_RETURN(const std::string joined, GcFloors::Join(from, into));
  return output->Put(ToSlice(kGcFloorsKey), joined);
}

}  // namespace

Status JoinDatabases(const DatabaseJoin& join) {
  Output output(join.into);
  VASTO_RETURN_IF_ERROR(JoinAllRecords(join, &output));
  VASTO_RETURN_IF_ERROR(JoinBounds(join, &output));
  VASTO_RETURN_IF_ERROR(JoinFloors(join, &output));
  return output.Finish();
}

}  // namespace vasto::storage
