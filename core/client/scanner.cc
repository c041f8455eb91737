// SPDX-License-Identifier: Apache-2.0
#include "core/client/scanner.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/client/resume_token.h"
#include "core/client/shard_call.h"
#include "core/codec/limits.h"
#include "core/codec/record.h"
#include "core/codec/row_block.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

constexpr uint32_t kDefaultPageBytes = 1 << 20;
constexpr uint32_t kSmallestPageBytes = 16 << 10;

// A page that was asked for. Written by the callback before `arrived`, read by the scan after it.
struct Page {
  Notification arrived;
  Status status;
  std::string rows;
  bool more = false;
  std::string resume_key;  // when more: where the next page starts
  size_t row_count = 0;
};

// Reads the block through once, on the I/O thread: every row is parsed and its checksum compared,
// so that the scan's thread only merges. start: what the page was asked for.
Status CheckPage(bool verify, std::string_view start, Page* page) {
  std::string last_key;
  RowBlockReader reader(page->rows);
  Row row;
  while (true) {
    const Status status = reader.Next(&row);
    if (status.Is(Code::kEnd)) break;
    VASTO_RETURN_IF_ERROR(status);
    ++page->row_count;
    last_key.assign(row.key);
    if (verify && row.has_payload &&
        ContentChecksum(row.key, row.payload) != row.content_checksum) {
      return Status::Corruption("the value of key " + Printable(row.key) +
                                " was damaged on its way: its checksum does not match");
    }
  }
  // A page may have no rows, after many deleted ones, but the next one must begin further on: a
  // scan never turns in circles.
  const std::string_view passed = page->row_count == 0 ? start : std::string_view(last_key);
  if (page->more && page->resume_key <= passed) {
    return Status::Internal("a store's page of a scan does not say where the next one starts");
  }
  return Status::Ok();
}

// One shard of the scan.
class Cursor {
 public:
  explicit Cursor(ShardTarget target) : target_(target), reader_({}) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  const ShardTarget target_;
  std::shared_ptr<Page> current_;  // what row_ and reader_ borrow from
  std::shared_ptr<Page> next_;     // asked for
  RowBlockReader reader_;
  Row row_;
  bool at_end_ = false;
  bool may_repeat_ = false;  // its first row may be one that was returned already
  std::string start_;        // of the next page
};

class MergingScanner final : public Scanner {
 public:
  MergingScanner(std::shared_ptr<Engine> engine, KeyspaceRoute* route, ScanRange range,
                 std::optional<ScanPosition> last, const ScanOptions& options)
      : engine_(std::move(engine)),
        route_(route),
        range_(std::move(range)),
        options_(options),
        spread_(SpreadOf(engine_.get(), options.read)),
        left_(options.limit == 0 ? std::numeric_limits<uint64_t>::max() : options.limit) {
    if (!last) return;
    has_last_ = true;
    last_key_ = std::move(last->key);
    last_hash_ = last->partition_hash;
  }

  Status Next(Row* row) override {
    if (CallbackScope::active()) {
      return Status(Code::kWrongThread, "a callback of the client must not wait for a scan");
    }
    if (left_ == 0) return Status::End();
    began_us_ = 0;
    passing_over_ = false;
    if (Status status = Position(); !status.ok()) {
      if (!status.Is(Code::kResizing)) return status;
      cursors_.clear();  // the shards changed
      VASTO_RETURN_IF_ERROR(Position());
    }
    if (heap_.empty()) return Status::End();
    *row = heap_.front()->row_;
    has_last_ = true;
    last_key_.assign(row->key);
    last_hash_ = row->partition_hash;
    consumed_ = heap_.front();
    --left_;
    return Status::Ok();
  }

  std::string ResumeToken() const override {
    std::optional<ScanPosition> last;
    if (has_last_) last = ScanPosition{last_key_, PartitionHashOf(last_key_, last_hash_)};
    return EncodeResumeToken(range_, last);
  }

 private:
  // The smallest key on top; a key that lies in several partitions by its partition hash, which is
  // what a position in the scan is made of.
  static bool Later(const Cursor* a, const Cursor* b) {
    const int order = a->row_.key.compare(b->row_.key);
    return order != 0 ? order > 0
                      : PartitionHashOf(a->row_.key, a->row_.partition_hash) >
                            PartitionHashOf(b->row_.key, b->row_.partition_hash);
  }

  // Makes heap_ hold every cursor that has a row after the last one returned.
  Status Position() {
    if (cursors_.empty()) StartOver();
    if (consumed_ != nullptr) {
      // On an error the cursor stays "consumed", so that the next call tries again.
      VASTO_RETURN_IF_ERROR(Advance(consumed_));
      Replace();
      consumed_ = nullptr;
    }
    while (!starting_.empty()) {
      Cursor* cursor = starting_.back();
      VASTO_RETURN_IF_ERROR(Advance(cursor));
      starting_.pop_back();
      if (cursor->at_end_) continue;
      heap_.push_back(cursor);
      std::push_heap(heap_.begin(), heap_.end(), Later);
    }
    return Status::Ok();
  }

  void StartOver() {
    heap_.clear();
    starting_.clear();
    consumed_ = nullptr;
    const int32_t shard_count = route_->view()->shard_count();
    for (int32_t shard = 0; shard < shard_count; ++shard) {
      ShardTarget target;
      target.route = route_;
      target.shard = shard;
      target.shard_count = shard_count;
      target.read = options_.read;
      target.spread = spread_;
      target.session = options_.session;
      auto cursor = std::make_unique<Cursor>(target);
      cursor->may_repeat_ = has_last_ && last_key_ >= range_.start;
      cursor->start_ = cursor->may_repeat_ ? last_key_ : range_.start;
      cursors_.push_back(std::move(cursor));
    }
    for (const auto& cursor : cursors_) {
      Ask(cursor.get());
      starting_.push_back(cursor.get());
    }
  }

  // Puts the top of the heap, whose row has changed, in its place.
  void Replace() {
    if (heap_.front()->at_end_) {
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      heap_.pop_back();
      return;
    }
    size_t hole = 0;
    Cursor* const moving = heap_.front();
    for (size_t child = 1; child < heap_.size(); child = 2 * hole + 1) {
      if (child + 1 < heap_.size() && Later(heap_[child], heap_[child + 1])) ++child;
      if (!Later(moving, heap_[child])) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = moving;
  }

  // The cursor's next row, over page boundaries; sets at_end_ after the last.
  Status Advance(Cursor* cursor) {
    while (true) {
      if (cursor->current_ != nullptr) {
        const Status status = cursor->reader_.Next(&cursor->row_);
        if (status.ok() && WasReturned(cursor)) continue;
        if (!status.Is(Code::kEnd)) return status;
        if (!cursor->current_->more) {
          cursor->at_end_ = true;
          cursor->current_ = nullptr;
          return Status::Ok();
        }
      }
      VASTO_RETURN_IF_ERROR(TakePage(cursor));
    }
  }

  // Whether the cursor's row is not after the last one returned. Only rows of the very key where a
  // scan begins anew can be: the other partitions may hold it too.
  bool WasReturned(Cursor* cursor) const {
    if (!cursor->may_repeat_) return false;
    const Row& row = cursor->row_;
    cursor->may_repeat_ = row.key == last_key_ && PartitionHashOf(row.key, row.partition_hash) <=
                                                      PartitionHashOf(last_key_, last_hash_);
    return cursor->may_repeat_;
  }

  Status TakePage(Cursor* cursor) {
    if (began_us_ == 0) began_us_ = engine_->NowUs();
    if (cursor->next_ == nullptr) Ask(cursor);
    VASTO_RETURN_IF_ERROR(Await(cursor->next_.get()));
    const std::shared_ptr<Page> page = std::move(cursor->next_);
    VASTO_RETURN_IF_ERROR(page->status);
    cursor->current_ = page;
    cursor->reader_ = RowBlockReader(page->rows);
    if (!page->more) return Status::Ok();
    cursor->start_ = page->resume_key;
    // Rows enough are here already when the limit is near.
    if (page->row_count < left_) Ask(cursor);
    if (page->row_count > 0) return Status::Ok();
    passing_over_ = true;
    return engine_->NowUs() < began_us_ + options_.timeout_us ? Status::Ok() : NoRowInTime();
  }

  // Waits for the page. Each has its own deadline; those after a page without rows share that of
  // the first, so that a long stretch of deleted rows does not hold the caller up for longer.
  Status Await(Page* page) {
    if (!passing_over_) {
      page->arrived.Wait(engine_.get());
      return Status::Ok();
    }
    const int64_t deadline_us = began_us_ + options_.timeout_us;
    return page->arrived.WaitUntil(engine_.get(), deadline_us) ? Status::Ok() : NoRowInTime();
  }

  static Status NoRowInTime() {
    return Status::Timeout(
        "the scan met only deleted or expired rows until its deadline; it goes on from there");
  }

  void Ask(Cursor* cursor) {
    auto page = std::make_shared<Page>();
    cursor->next_ = page;
    if (Status status = engine_->Admit(true); !status.ok()) {
      page->status = std::move(status);
      page->arrived.Notify();
      return;
    }
    rpc::ScanRequest request;
    request.start = cursor->start_;
    request.end = range_.end;
    request.limit = PageRows();
    request.max_bytes = PageBytes();
    request.keys_only = options_.keys_only;
    StartShardCall<rpc::Scan>(engine_.get(), cursor->target_, RouteKind::kRead,
                              engine_->NowUs() + options_.timeout_us, std::move(request),
                              [engine = engine_.get(), page](const rpc::ScanRequest& asked,
                                                             StatusOr<rpc::ScanResponse> response) {
                                if (response.ok()) {
                                  page->rows = std::move(response->rows);
                                  page->more = response->more;
                                  page->resume_key = std::move(response->resume_key);
                                  page->status = CheckPage(engine->options().verify_checksums,
                                                           asked.start, page.get());
                                } else {
                                  page->status = std::move(response).status();
                                }
                                engine->Leave();
                                page->arrived.Notify();
                              });
  }

  uint32_t PageBytes() const {
    const size_t share = kScanBudget / (2 * std::max<size_t>(1, cursors_.size()));
    const size_t wanted = options_.page_bytes == 0 ? kDefaultPageBytes : options_.page_bytes;
    const size_t most = std::clamp<size_t>(share, kSmallestPageBytes, kMaxScanPageBytes);
    return static_cast<uint32_t>(std::min(wanted, most));
  }

  // With a limit, each shard's likely share of it and a margin; 0: what fits.
  uint32_t PageRows() const {
    if (options_.limit == 0) return 0;
    const uint64_t share = left_ / std::max<size_t>(1, cursors_.size());
    const uint64_t rows = std::min<uint64_t>(left_, share + share / 2 + 16);
    return static_cast<uint32_t>(std::min<uint64_t>(rows, std::numeric_limits<int32_t>::max()));
  }

  const std::shared_ptr<Engine> engine_;
  KeyspaceRoute* const route_;  // borrowed from the engine
  const ScanRange range_;
  const ScanOptions options_;
  const uint64_t spread_;  // the same for all pages, so that they are asked of the same replicas
  uint64_t left_;          // rows to return
  // The last row returned; without a hash its key's own.
  bool has_last_ = false;
  std::string last_key_;
  std::optional<uint64_t> last_hash_;
  // Of the call of Next that runs.
  int64_t began_us_ = 0;       // when it first needed a page; 0: not yet
  bool passing_over_ = false;  // it has met a page without rows
  std::vector<std::unique_ptr<Cursor>> cursors_;
  std::vector<Cursor*> starting_;  // without a first row yet
  std::vector<Cursor*> heap_;      // with a row
  Cursor* consumed_ = nullptr;     // heap_.front(), when its row was returned
};

class FailedScanner final : public Scanner {
 public:
  explicit FailedScanner(Status status) : status_(std::move(status)) {}
  Status Next(Row*) override { return status_; }
  std::string ResumeToken() const override { return ""; }

 private:
  const Status status_;
};

}  // namespace

std::unique_ptr<Scanner> NewScanner(std::shared_ptr<Engine> engine, KeyspaceRoute* route,
                                    std::string start, std::string end,
                                    const ScanOptions& options) {
  ScanRange range{route->uuid(), std::move(start), std::move(end)};
  auto last = DecodeResumeToken(range, options.resume_token);
  if (!last.ok()) return NewFailedScanner(last.status());
  return std::make_unique<MergingScanner>(std::move(engine), route, std::move(range),
                                          std::move(last).value(), options);
}

std::unique_ptr<Scanner> NewFailedScanner(Status status) {
  return std::make_unique<FailedScanner>(std::move(status));
}

}  // namespace vasto::client
