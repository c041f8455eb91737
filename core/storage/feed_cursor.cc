// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed_cursor.h"

#include <algorithm>
#include <utility>

#include "core/storage/log_reader.h"

namespace vasto::storage {

FeedCursor::FeedCursor(Feed* feed) : feed_(feed) {}

FeedCursor::~FeedCursor() = default;

StatusOr<ChangeBatch> FeedCursor::Read(const VersionVector& have, const std::vector<LogId>& relay,
                                       size_t max_bytes, bool may_wait) {
  const VersionVector here = feed_->Positions();
  std::vector<LogId> logs{feed_->log()};
  logs.insert(logs.end(), relay.begin(), relay.end());
  Status out_of_log;
  for (const LogId log : logs) {
    const uint64_t last = here.Of(log);
    if (last <= have.Of(log)) continue;
    StatusOr<ChangeBatch> batch = ChangeBatch{};
    if (!feed_->ReadRing(log, have.Of(log), max_bytes, &*batch)) {
      if (!may_wait) return Status::Busy("the log must be read from the disk");
      batch = ReadLog(log, have.Of(log), last, max_bytes);
    }
    if (batch.status().Is(Code::kNotFound)) {
      // The next one may be there.
      out_of_log = batch.status();
      continue;
    }
    if (batch.ok()) batch->checksum = ChecksumOf(*batch);
    return batch;
  }
  return out_of_log.ok() ? StatusOr<ChangeBatch>(ChangeBatch{}) : out_of_log;
}

StatusOr<ChangeBatch> FeedCursor::ReadLog(LogId log, uint64_t have, uint64_t last,
                                          size_t max_bytes) {
  if (reader_ == nullptr || reader_at_ != Position{log, have}) {
    VASTO_ASSIGN_OR_RETURN(place_, feed_->Locate(log, have));
    reader_ = std::make_unique<LogReader>(feed_->db(), feed_->holes(), place_.from);
    unread_.reset();
  }
  // What a log of an earlier opening lost, and got back from others, is tagged: another place.
  const uint64_t place_last =
      place_.untagged_last == 0 ? UINT64_MAX : place_.untagged_last - place_.base;
  ChangeBatch out{.log = log, .first = have + 1, .last = have, .changes = {}, .checksum = 0};
  const Status status = Gather(std::min(last, place_last), max_bytes, &out);
  // What comes before a hole may be had.
  const bool some = out.last != have && (status.ok() || status.Is(Code::kNotFound));
  if (!status.ok() || !some || out.last == place_last) reader_.reset();
  reader_at_ = {log, out.last};
  if (some) return out;
  return status.ok() ? Status::NotFound("the log does not hold what is asked for") : status;
}

Status FeedCursor::Gather(uint64_t last, size_t max_bytes, ChangeBatch* out) {
  while (out->last < last) {
    if (!unread_) {
      LogBatch next;
      VASTO_ASSIGN_OR_RETURN(const bool found, reader_->Next(&next));
      if (!found) return {};
      unread_ = std::move(next);
    }
    const bool full = out->changes.size() + unread_->changes.size() > max_bytes;
    if (full && !out->changes.empty()) return {};
    VASTO_RETURN_IF_ERROR(place_.untagged_last != 0 ? AddUntagged(out) : AddTagged(out));
    unread_.reset();
  }
  return {};
}

Status FeedCursor::AddUntagged(ChangeBatch* out) const {
  // Behind the last batch of clients' writes the log of an earlier opening has only others'.
  const bool past = unread_->database_last >= place_.untagged_last;
  if (unread_->tag.log == 0 || past) {
    out->last = std::min(unread_->database_last, place_.untagged_last) - place_.base;
  }
  if (unread_->tag.log == 0) out->changes.append(unread_->changes);
  return {};
}

Status FeedCursor::AddTagged(ChangeBatch* out) const {
  if (unread_->tag.log != out->log || unread_->tag.last <= out->last) return {};
  if (unread_->tag.first > out->last + 1) {
    return Status::NotFound("the log does not reach back to what is asked for");
  }
  out->last = unread_->tag.last;
  out->changes.append(unread_->changes);
  return {};
}

}  // namespace vasto::storage
