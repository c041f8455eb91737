// SPDX-License-Identifier: Apache-2.0
// Scans and watches.
#include <algorithm>
#include <chrono>

#include "player.h"

namespace vectors {
namespace {

constexpr size_t kBlock = 100;
constexpr int64_t kWatchMs = 20'000;

struct Change {
  std::string key;
  bool deleted = false;
  std::string value;
  bool operator==(const Change&) const = default;
};

// Whether the last of each key in `came` is the last that is wanted, behind the others of the key
// in their order.
bool Complete(const std::vector<Change>& wanted, const std::vector<Change>& came) {
  for (const Change& one : wanted) {
    auto place = came.begin();
    const Change* last = nullptr;
    for (const Change& next : wanted) {
      if (next.key != one.key) continue;
      place = std::find(place, came.end(), next);
      if (place++ == came.end()) return false;
      last = &next;
    }
    const auto end =
        std::find_if(came.rbegin(), came.rend(), [&](const Change& c) { return c.key == one.key; });
    if (!(*end == *last)) return false;
  }
  return true;
}

}  // namespace

template <typename T>
Result Player::Ready(T* handle,
                     vasto_status_t (*ready)(T*, vasto_future_t**, vasto_error_t**)) const {
  if (!place_.async) return {};
  vasto_future_t* future = nullptr;
  Must([&](vasto_error_t** err) { return ready(handle, &future, err); });
  const Future owner(future);
  Must([&](vasto_error_t** err) { return vasto_future_wait(future, kWaitMs, err); });
  return Run([&](vasto_error_t** err) { return vasto_future_status(future, err); });
}

ScanOptions Player::ScanOptionsOf(const Json& step) const {
  vasto_scan_options_t* options = nullptr;
  Must([&](vasto_error_t** err) { return vasto_scan_options_create(&options, err); });
  ScanOptions owner(options);
  if (step.contains("limit")) vasto_scan_options_set_limit(options, step["limit"]);
  vasto_scan_options_set_keys_only(options, step.value("keys_only", false));
  if (step.contains("page_bytes")) vasto_scan_options_set_page_bytes(options, step["page_bytes"]);
  if (step.contains("resume")) {
    const std::string token = Token(step["resume"]);
    vasto_scan_options_set_resume_token(options, token.data(), token.size());
  }
  return owner;
}

Result Player::Rows(const Json& step, vasto_iter_t* iter, std::vector<Json>* rows) {
  const size_t take = step.value("take", SIZE_MAX);
  const bool keys_only = step.value("keys_only", false);
  while (rows->size() < take) {
    const Result ready = Ready(iter, vasto_iter_ready_async);
    if (!ready.ok()) return ready;
    vasto_kv_t block[kBlock];
    size_t count = 0;
    const Result next = Run([&](vasto_error_t** err) {
      return vasto_iter_next_block(iter, block, std::min(kBlock, take - rows->size()), &count, err);
    });
    if (next.code == VASTO_END) break;
    if (!next.ok()) return next;
    for (size_t i = 0; i < count; ++i) {
      Json row = {{"key", TextOf(block[i].key)}};
      if (keys_only) {
        row["size"] = block[i].value.size;
      } else {
        row["value"] = TextOf(block[i].value);
      }
      rows->push_back(std::move(row));
    }
  }
  if (!step.contains("save_token")) return {};
  const void* token = nullptr;
  size_t size = 0;
  const Result result =
      Run([&](vasto_error_t** err) { return vasto_iter_resume_token(iter, &token, &size, err); });
  tokens_[step["save_token"]] = TextOf({token, size});
  return result;
}

Result Player::Scan(const Json& step, const Json& expect) {
  const ScanOptions options = ScanOptionsOf(step);
  vasto_iter_t* iter = nullptr;
  const Result begun = Run([&](vasto_error_t** err) {
    if (step.contains("prefix")) {
      const std::string prefix = Bytes(step["prefix"]);
      return vasto_scan_prefix(keyspace_.get(), prefix.data(), prefix.size(), options.get(), &iter,
                               err);
    }
    const std::string start = Bytes(step.at("start"));
    const std::string end = Bytes(step.at("end"));
    return vasto_scan_range(keyspace_.get(), start.data(), start.size(), end.data(), end.size(),
                            options.get(), &iter, err);
  });
  if (!begun.ok()) return begun;
  const Iter owner(iter);
  std::vector<Json> rows;
  Result result = Rows(step, iter, &rows);
  if (!result.ok() || !expect.contains("rows")) return result;
  std::vector<Json> wanted;
  for (const Json& row : expect["rows"]) {
    wanted.push_back({{"key", Bytes(row.at("key"))}});
    if (row.contains("value")) wanted.back()["value"] = Bytes(row["value"]);
    if (row.contains("size")) wanted.back()["size"] = row["size"].get<size_t>();
  }
  if (rows != wanted)
    throw Failure(std::to_string(rows.size()) + " rows, not those that were wanted");
  return result;
}

Result Player::WatchOpen(const Json& step, const Json&) {
  vasto_watch_options_t* options = nullptr;
  Must([&](vasto_error_t** err) { return vasto_watch_options_create(&options, err); });
  const WatchOptions owner(options);
  if (step.contains("resume")) {
    const std::string token = Token(step["resume"]);
    vasto_watch_options_set_resume_token(options, token.data(), token.size());
  }
  const std::string prefix = Bytes(step.value("prefix", Json("")));
  vasto_watch_t* watch = nullptr;
  const Result result = Run([&](vasto_error_t** err) {
    return vasto_watch_open(keyspace_.get(), prefix.data(), prefix.size(), options, &watch, err);
  });
  if (result.ok()) watches_[step.at("watch")].reset(watch);
  return result;
}

Result Player::WatchNext(const Json& step, const Json& expect) {
  vasto_watch_t* const watch = watches_.at(step.at("watch")).get();
  std::vector<Change> wanted;
  for (const Json& change : expect.at("changes")) {
    const bool deleted = change.value("deleted", false);
    wanted.push_back({Bytes(change.at("key")), deleted, deleted ? "" : Bytes(change.at("value"))});
  }
  std::vector<Change> came;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kWatchMs);
  while (!Complete(wanted, came)) {
    if (std::chrono::steady_clock::now() > end) {
      throw Failure(std::to_string(came.size()) + " changes, not those that were wanted");
    }
    (void)Ready(watch, vasto_watch_ready_async);
    vasto_kv_t block[kBlock];
    size_t count = 0;
    const Result next = Run([&](vasto_error_t** err) {
      return vasto_watch_next(watch, block, kBlock, place_.async ? 0 : 1000, &count, err);
    });
    if (!next.ok() && !vasto_status_is_retryable(next.code)) return next;
    for (size_t i = 0; i < count; ++i) {
      const bool deleted = (block[i].flags & VASTO_KV_DELETED) != 0;
      came.push_back({TextOf(block[i].key), deleted, TextOf(block[i].value)});
    }
  }
  return {};
}

Result Player::WatchToken(const Json& step, const Json&) {
  const void* token = nullptr;
  size_t size = 0;
  const Result result = Run([&](vasto_error_t** err) {
    return vasto_watch_resume_token(watches_.at(step.at("watch")).get(), &token, &size, err);
  });
  tokens_[step.at("save")] = TextOf({token, size});
  return result;
}

Result Player::WatchClose(const Json& step, const Json&) {
  if (watches_.erase(step.at("watch")) == 0) throw Failure("there is no such watch");
  return {};
}

}  // namespace vectors
