// SPDX-License-Identifier: Apache-2.0
#include "core/storage/watch_cursor.h"

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/storage/log_reader.h"

namespace vasto::storage {
namespace {

Status TooOld() {
  return Status::TooOld(
      "the shard's log does not reach back to where the watcher stands; read the keyspace by a "
      "scan and watch it from now on");
}

Status TooOldIfGone(const Status& status) { return status.Is(Code::kNotFound) ? TooOld() : status; }

// Appends those with the prefix.
Status AppendMatching(std::string_view from, std::string_view prefix, std::string* to) {
  ByteReader reader(from);
  while (reader.remaining() > 0) {
    const std::string_view key = reader.LengthPrefixed();
    const std::string_view record = reader.LengthPrefixed();
    if (!reader.ok()) return Status::Corruption("the shard's log is damaged");
    if (key.starts_with(prefix)) AppendChange(key, record, to);
  }
  return {};
}

}  // namespace

WatchCursor::WatchCursor(Feed* feed) : feed_(feed) {}

WatchCursor::~WatchCursor() = default;

void WatchCursor::StartAt(uint64_t sequence) {
  reader_ = std::make_unique<LogReader>(feed_->db(), feed_->holes(), sequence);
}

void WatchCursor::SeekToEnd() {
  Feed::Outline outline = feed_->OutlineFor({});
  own_ = std::move(outline.own);
  at_ = std::move(outline.now.positions);
  StartAt(outline.now.sequence + 1);
}

Status WatchCursor::Seek(const VersionVector& have) {
  const Feed::Outline outline = feed_->OutlineFor(have);
  own_ = outline.own;
  reader_.reset();
  const Status status =
      outline.covered ? Skip(*outline.covered, outline.now.sequence, have) : Survey(outline, have);
  return TooOldIfGone(status);
}

WatchCursor::Range WatchCursor::RangeOf(const LogBatch& batch) const {
  if (batch.tag.log != 0) return {batch.tag.log, batch.tag.first, batch.tag.last};
  if (batch.changes.empty()) return {};
  for (const Feed::OwnLog& own : own_) {
    const uint64_t last = own.last == 0 ? UINT64_MAX : own.last;
    if (batch.database_first <= own.base || batch.database_first > last) continue;
    return {own.id, batch.database_first - own.base,
            std::min(batch.database_last, last) - own.base};
  }
  return {};
}

Status WatchCursor::Skip(const Feed::Mark& from, uint64_t end, const VersionVector& have) {
  at_ = from.positions;
  LogReader reader(feed_->db(), feed_->holes(), from.sequence + 1);
  while (reader.next() <= end) {
    LogBatch batch;
    VASTO_ASSIGN_OR_RETURN(const bool found, reader.Next(&batch));
    if (!found) break;
    const Range range = RangeOf(batch);
    if (range.last > have.Of(range.log)) {
      StartAt(batch.database_first);
      return {};
    }
    at_.Raise({range.log, range.last});
  }
  StartAt(end + 1);
  return {};
}

WatchCursor::Known WatchCursor::AtTrim(const Feed::Outline& outline) {
  Known known;
  for (const Feed::OwnLog& own : outline.own) {
    // Of one that had ended, others may have brought more since.
    if (own.last != 0 && own.last <= outline.trimmed) continue;
    const uint64_t last = own.last == 0 ? UINT64_MAX : own.last;
    known[own.id] = std::clamp(outline.own_trimmed, own.base, last) - own.base;
  }
  return known;
}

Status WatchCursor::Survey(const Feed::Outline& outline, const VersionVector& have) {
  const uint64_t end = outline.now.sequence;
  uint64_t start = std::max(end, outline.trimmed) + 1;
  bool found_start = false;
  Known before = AtTrim(outline);
  Known behind;  // of a log's first batch behind the start, what comes before it
  LogReader reader(feed_->db(), feed_->holes(), outline.trimmed + 1);
  while (reader.next() <= end) {
    LogBatch batch;
    VASTO_ASSIGN_OR_RETURN(const bool found, reader.Next(&batch));
    if (!found) break;
    const Range range = RangeOf(batch);
    if (range.log == 0) continue;
    if (!found_start && range.last > have.Of(range.log)) {
      found_start = true;
      start = batch.database_first;
    }
    if (found_start) {
      behind.try_emplace(range.log, range.first - 1);
    } else {
      before[range.log] = range.last;
    }
  }
  std::vector<Position> positions;
  for (const Position& now : outline.now.positions.positions()) {
    // Of what comes neither before nor behind, nothing has changed since.
    Position at = now;
    if (const auto it = before.find(now.log); it != before.end()) {
      at.sequence = it->second;
    } else if (const auto later = behind.find(now.log); later != behind.end()) {
      at.sequence = later->second;
    }
    if (!have.Covers(at)) return TooOld();
    positions.push_back(at);
  }
  at_ = VersionVector(positions);
  StartAt(start);
  return {};
}

void WatchCursor::Rest() { StartAt(reader_->next()); }

bool WatchCursor::AtEnd() const { return reader_->next() > feed_->latest(); }

Status WatchCursor::Read(std::string_view prefix, size_t max_bytes, std::string* changes) {
  const uint64_t end = feed_->latest();
  size_t read = 0;
  while (reader_->next() <= end && changes->size() < max_bytes && read < kMaxReadBytes) {
    LogBatch batch;
    const auto found = reader_->Next(&batch);
    if (!found.ok()) return TooOldIfGone(found.status());
    if (!*found) break;
    read += batch.changes.size();
    // What lost comes first, from the tag.
    const std::string_view won = std::string_view(batch.changes).substr(batch.tag.lost.size());
    VASTO_RETURN_IF_ERROR(AppendMatching(won, prefix, changes));
    const Range range = RangeOf(batch);
    at_.Raise({range.log, range.last});
  }
  return {};
}

}  // namespace vasto::storage
