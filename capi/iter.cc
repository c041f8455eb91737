// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/iter.h"

#include <algorithm>
#include <utility>

#include "capi/internal/keyspace.h"
#include "core/base/hlc.h"

namespace vasto::capi {
namespace {

constexpr size_t kBlockBytes = 1 << 20;   // a block ends after the row that reaches this
constexpr size_t kBlockRows = 4096;       // and after this many
constexpr size_t kBackgroundRows = 1024;  // what a wait for rows brings along

vasto_kv_t ToKv(const Row& row) {
  vasto_kv_t kv = {};
  kv.key.size = row.key.size();
  kv.value.size = row.has_payload ? row.payload.size() : row.payload_size;
  kv.version = row.event_time;
  kv.updated_at_ns = EventTimeToNanos(row.event_time);
  kv.expires_at_ns = row.expires_at_us * 1000;
  kv.type = row.value_type;
  if (row.partition_hash.has_value()) {
    kv.partition_hash = *row.partition_hash;
    kv.flags = VASTO_KEY_HAS_PARTITION_HASH;
  }
  return kv;
}

}  // namespace

Status IterState::CheckIdle() {
  VASTO_RETURN_IF_ERROR(core_->CheckUsable());
  MutexLock lock(&mu_);
  if (pending_ != nullptr) return Status::Busy("a vasto_iter_ready_async is pending");
  return Status::Ok();
}

void IterState::Append(const Row& row) {
  items_.push_back({bytes_.size(), row.key.size(), ToKv(row)});
  bytes_.append(row.key);
  // Not NULL even for 0 bytes: bytes_ ends with a NUL behind its last byte.
  if (row.has_payload) {
    items_.back().row.value.data = "";
    bytes_.append(row.payload);
  }
}

Status IterState::Fill(size_t max_rows, bool with_tokens) {
  bytes_.clear();
  items_.clear();
  tokens_.clear();
  next_item_ = 0;
  if (with_tokens) base_token_ = scanner_->ResumeToken();
  Row row;
  while (items_.size() < std::min(max_rows, kBlockRows) && bytes_.size() < kBlockBytes) {
    if (Status next = scanner_->Next(&row); !next.ok()) {
      if (items_.empty()) return next;
      break;
    }
    Append(row);
    if (with_tokens) tokens_.push_back(scanner_->ResumeToken());
  }
  for (Item& item : items_) {
    item.row.key.data = bytes_.data() + item.offset;
    if (item.row.value.data != nullptr) {
      item.row.value.data = bytes_.data() + item.offset + item.key_size;
    }
  }
  return Status::Ok();
}

Answer IterState::Next(vasto_kv_t* out_rows, size_t capacity, size_t* out_count) {
  if (Status idle = CheckIdle(); !idle.ok()) return idle;
  if (next_item_ == items_.size() && !ready_failure_.ok()) {
    if (ready_failure_.Is(Code::kEnd)) return Answer::Plain(Code::kEnd);
    return Answer::FromCluster(std::exchange(ready_failure_, Status::Ok()));
  }
  if (next_item_ == items_.size()) {
    if (Status may_wait = core_->CheckMayWait(); !may_wait.ok()) return may_wait;
    Status filled = Fill(capacity, /*with_tokens=*/false);
    if (filled.Is(Code::kEnd)) return Answer::Plain(Code::kEnd);
    if (!filled.ok()) return Answer::FromCluster(std::move(filled));
  }
  const size_t count = std::min(capacity, items_.size() - next_item_);
  for (size_t i = 0; i < count; ++i) out_rows[i] = items_[next_item_ + i].row;
  next_item_ += count;
  *out_count = count;
  return Answer::Ok();
}

Status IterState::ReadyAsync(vasto_future_t** out_future) {
  VASTO_RETURN_IF_ERROR(CheckIdle());
  PendingFuture future(core_, FutureKind::kReady);
  if (next_item_ < items_.size()) {
    *out_future = future.Started();
    (*out_future)->OperationDone(Status::Ok());
    return Status::Ok();
  }
  {
    MutexLock lock(&mu_);
    pending_ = future.get();
  }
  core_->RunInBackground([self = shared_from_this(), pending = future.get()] {
    Status filled = self->Fill(kBackgroundRows, /*with_tokens=*/true);
    {
      MutexLock lock(&self->mu_);
      self->pending_ = nullptr;
      self->ready_failure_ = filled;
    }
    pending->OperationDone(filled.Is(Code::kEnd) ? Status::Ok() : filled);
  });
  *out_future = future.Started();
  return Status::Ok();
}

Status IterState::Token(const std::string** out_token) {
  VASTO_RETURN_IF_ERROR(CheckIdle());
  if (tokens_.empty()) {
    token_ = scanner_->ResumeToken();
  } else {
    token_ = next_item_ > 0 ? tokens_[next_item_ - 1] : base_token_;
  }
  *out_token = &token_;
  return Status::Ok();
}

void IterState::Abandon() {
  vasto_future_t* pending = nullptr;
  {
    MutexLock lock(&mu_);
    pending = pending_;
    if (pending != nullptr) pending->Ref();
  }
  if (pending == nullptr) return;
  pending->Cancel();
  pending->Unref();
}

namespace {

Answer StartScan(vasto_keyspace_t* keyspace, std::string_view start, std::string_view end,
                 const vasto_scan_options_t* options, vasto_iter_t** out_iter) {
  auto scan = ToScanOptions(options);
  if (!scan.ok()) return std::move(scan).status();
  auto handle = std::make_unique<vasto_iter_t>();
  handle->state = std::make_shared<IterState>(
      keyspace->core, keyspace->core->client().Scan(keyspace->keyspace, std::string(start),
                                                    std::string(end), *scan));
  *out_iter = handle.release();
  return Answer::Ok();
}

Status CheckScan(const vasto_keyspace_t* keyspace, vasto_iter_t** out_iter) {
  if (out_iter == nullptr) return Status::InvalidArgument("out_iter is NULL");
  *out_iter = nullptr;
  return CheckKeyspace(keyspace);
}

Status CheckIter(const vasto_iter_t* iter) {
  return iter != nullptr ? Status::Ok() : Status::InvalidArgument("iter is NULL");
}

}  // namespace
}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_scan_prefix(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size,
                               const vasto_scan_options_t* options, vasto_iter_t** out_iter,
                               vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = vasto::capi::CheckScan(keyspace, out_iter); !usable.ok()) return usable;
    const auto bytes = vasto::capi::ToBytes(prefix, prefix_size, "prefix");
    if (!bytes.ok()) return bytes.status();
    return vasto::capi::StartScan(keyspace, *bytes, vasto::client::PrefixEnd(*bytes), options,
                                  out_iter);
  });
}

VASTO_STATUS vasto_scan_range(vasto_keyspace_t* keyspace, const void* start, size_t start_size,
                              const void* end, size_t end_size, const vasto_scan_options_t* options,
                              vasto_iter_t** out_iter, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = vasto::capi::CheckScan(keyspace, out_iter); !usable.ok()) return usable;
    const auto first = vasto::capi::ToBytes(start, start_size, "start");
    if (!first.ok()) return first.status();
    const auto last = vasto::capi::ToBytes(end, end_size, "end");
    if (!last.ok()) return last.status();
    return vasto::capi::StartScan(keyspace, *first, *last, options, out_iter);
  });
}

VASTO_STATUS vasto_iter_next(vasto_iter_t* iter, vasto_kv_t* out_row, vasto_error_t** err) {
  size_t count = 0;
  return vasto_iter_next_block(iter, out_row, 1, &count, err);
}

VASTO_STATUS vasto_iter_next_block(vasto_iter_t* iter, vasto_kv_t* out_rows, size_t capacity,
                                   size_t* out_count, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_count == nullptr) return Status::InvalidArgument("out_count is NULL");
    *out_count = 0;
    if (Status usable = vasto::capi::CheckIter(iter); !usable.ok()) return usable;
    if (out_rows == nullptr || capacity == 0) {
      return Status::InvalidArgument("there is no room for rows");
    }
    return iter->state->Next(out_rows, capacity, out_count);
  });
}

VASTO_STATUS vasto_iter_ready_async(vasto_iter_t* iter, vasto_future_t** out_future,
                                    vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_future == nullptr) return Status::InvalidArgument("out_future is NULL");
    *out_future = nullptr;
    if (Status usable = vasto::capi::CheckIter(iter); !usable.ok()) return usable;
    return iter->state->ReadyAsync(out_future);
  });
}

VASTO_STATUS vasto_iter_resume_token(vasto_iter_t* iter, const void** out_token, size_t* out_size,
                                     vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_token == nullptr || out_size == nullptr) {
      return Status::InvalidArgument("out_token and out_size must not be NULL");
    }
    *out_token = nullptr;
    *out_size = 0;
    if (Status usable = vasto::capi::CheckIter(iter); !usable.ok()) return usable;
    const std::string* token = nullptr;
    if (Status made = iter->state->Token(&token); !made.ok()) return made;
    *out_token = token->data();
    *out_size = token->size();
    return Answer::Ok();
  });
}

VASTO_API void vasto_iter_destroy(vasto_iter_t* iter) {
  if (iter == nullptr || iter->state->forked()) return;
  vasto::capi::GuardVoid([&] { iter->state->Abandon(); });
  delete iter;
}
