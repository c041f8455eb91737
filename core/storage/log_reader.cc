// SPDX-License-Identifier: Apache-2.0
#include "core/storage/log_reader.h"

#include <chrono>
#include <thread>
#include <utility>

#include "core/base/bytes.h"
#include "core/codec/change.h"
#include "core/storage/keys.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr uint8_t kTagFormat = 1;
// How long a late beginning may be RocksDB's own confusion: it heals within 100 ms.
constexpr int kLateBeginTries = 100;
constexpr auto kLateBeginPause = std::chrono::milliseconds(10);

// Collects the changes of a batch and its tag.
class Collector final : public rocksdb::WriteBatch::Handler {
 public:
  explicit Collector(LogBatch* batch) : batch_(batch) {}

  rocksdb::Status PutCF(uint32_t /*family*/, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (!key.empty() && key[0] == kDataPrefix) {
      AppendChange(ToView(key).substr(1), ToView(value), &batch_->changes);
    }
    return rocksdb::Status::OK();
  }
  void LogData(const rocksdb::Slice& blob) override {
    auto tag = DecodeBatchTag(ToView(blob));
    if (tag.ok()) batch_->tag = *tag;
    batch_->changes.append(batch_->tag.lost);
    status = tag.status();
  }

  Status status;

 private:
  LogBatch* const batch_;
};

}  // namespace

std::string EncodeBatchTag(const BatchTag& tag) {
  std::string bytes;
  bytes.push_back(static_cast<char>(kTagFormat));
  PutFixed<uint64_t>(&bytes, tag.log);
  PutFixed<uint64_t>(&bytes, tag.first);
  PutFixed<uint64_t>(&bytes, tag.last);
  bytes.append(tag.lost);
  return bytes;
}

StatusOr<BatchTag> DecodeBatchTag(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto format = reader.Fixed<uint8_t>();
  if (reader.ok() && format > kTagFormat) {
    return Status::NotSupported("the log has batches of format " + std::to_string(format) +
                                ", this program reads formats up to " + std::to_string(kTagFormat) +
                                ": run a newer version of vasto");
  }
  BatchTag tag;
  tag.log = reader.Fixed<uint64_t>();
  tag.first = reader.Fixed<uint64_t>();
  tag.last = reader.Fixed<uint64_t>();
  tag.lost = reader.Bytes(reader.remaining());
  if (!reader.ok() || format != kTagFormat || tag.log == 0) {
    return Status::Corruption("the log has a batch with a damaged tag");
  }
  return tag;
}

Status LogReader::Seek() {
  const int most = holes_->Knows(next_) ? 1 : kLateBeginTries;
  for (int tries = 0; tries < most; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kLateBeginPause);
    iterator_.reset();
    const rocksdb::Status status = db_->GetUpdatesSince(next_, &iterator_);
    if (status.ok() && iterator_->Valid()) {
      current_ = iterator_->GetBatch();
      if (current_.sequence <= next_) return {};
    } else if (!status.ok() && !status.IsNotFound() && !status.IsTryAgain() &&
               !status.IsPathNotFound()) {  // a file that was deleted meanwhile
      return FromRocksDb(status).Prefixed("read the log");
    }
  }
  iterator_.reset();
  holes_->Add(next_);
  return Status::NotFound("the log does not reach back to sequence " + std::to_string(next_));
}

bool LogReader::Advance() {
  if (iterator_ == nullptr) return false;
  // At its end an iterator goes on when the file has grown, and must be made anew when there is
  // another file.
  iterator_->Next();
  if (!iterator_->Valid() || !iterator_->status().ok()) return false;
  current_ = iterator_->GetBatch();
  // A gap is for Seek to look at again.
  return current_.sequence <= next_;
}

StatusOr<bool> LogReader::Next(LogBatch* batch) {
  for (;;) {
    if (next_ > db_->GetLatestSequenceNumber()) return false;
    if (!Advance()) VASTO_RETURN_IF_ERROR(Seek());
    // What ends before next_, and batches of nothing but LogData, which have no sequence.
    if (current_.sequence + static_cast<uint64_t>(current_.writeBatchPtr->Count()) > next_) break;
  }
  VASTO_RETURN_IF_ERROR(Parse(batch));
  return true;
}

Status LogReader::Parse(LogBatch* batch) {
  batch->database_first = current_.sequence;
  batch->database_last =
      current_.sequence + static_cast<uint64_t>(current_.writeBatchPtr->Count()) - 1;
  batch->tag = {};
  batch->changes.clear();
  Collector collector(batch);
  const rocksdb::Status status = current_.writeBatchPtr->Iterate(&collector);
  VASTO_RETURN_IF_ERROR(FromRocksDb(status).Prefixed("read the log"));
  VASTO_RETURN_IF_ERROR(collector.status);
  next_ = batch->database_last + 1;
  return {};
}

}  // namespace vasto::storage
