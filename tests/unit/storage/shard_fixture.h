// SPDX-License-Identifier: Apache-2.0
// A shard in a folder of its own, with a clock that moves only when told to, and writes that can be
// waited for. Used by the tests of core/storage.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/storage/shard.h"

namespace vasto::storage {

// Keys in the order of their numbers.
inline std::string KeyOf(int i) {
  char key[16];
  std::snprintf(key, sizeof(key), "k%08d", i);
  return key;
}

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vasto-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Counts writes down to zero.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}
  void CountDown() {
    MutexLock lock(&mu_);
    if (--count_ == 0) zero_.SignalAll();
  }
  void Wait() {
    MutexLock lock(&mu_);
    while (count_ > 0) zero_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar zero_;
  int count_ GUARDED_BY(mu_);
};

// A shard's log, in which each change of its health is an entry.
class HealthLog final : public LogSink {
 public:
  void Write(LogLevel /*level*/, std::string_view /*line*/) override {
    MutexLock lock(&mu_);
    written_.SignalAll();
  }
  // False: it is not well within twenty seconds.
  bool AwaitHealthy(const Shard& shard) {
    MutexLock lock(&mu_);
    while (!shard.Health().ok()) {
      if (!written_.WaitFor(&mu_, 20'000'000)) return false;
    }
    return true;
  }

 private:
  Mutex mu_;
  CondVar written_;
};

struct TestWrite final : Write {
  void Done() override { latch->CountDown(); }
  Latch* latch = nullptr;
};

inline TestWrite Put(std::string key, std::string payload, EventTime event_time = 0) {
  TestWrite w;
  w.key = std::move(key);
  w.payload = std::move(payload);
  w.event_time = event_time;
  return w;
}
inline TestWrite Del(std::string key, EventTime event_time = 0) {
  TestWrite w;
  w.kind = WriteKind::kDelete;
  w.key = std::move(key);
  w.event_time = event_time;
  return w;
}
inline TestWrite Touch(std::string key, uint64_t ttl_seconds, EventTime event_time = 0) {
  TestWrite w;
  w.kind = WriteKind::kTouch;
  w.key = std::move(key);
  w.ttl_seconds = ttl_seconds;
  w.event_time = event_time;
  return w;
}

// Submits all as one list and waits until all are done.
inline void Apply(Shard* shard, std::vector<TestWrite>* writes) {
  Latch latch(static_cast<int>(writes->size()));
  for (size_t i = 0; i < writes->size(); ++i) {
    (*writes)[i].latch = &latch;
    (*writes)[i].next = i + 1 < writes->size() ? &(*writes)[i + 1] : nullptr;
  }
  shard->Submit(writes->data());
  latch.Wait();
}
inline WriteOutcome Apply(Shard* shard, TestWrite write) {
  std::vector<TestWrite> writes;
  writes.push_back(std::move(write));
  Apply(shard, &writes);
  return writes[0].outcome;
}

struct OwnedValue {
  Status status;
  std::string payload;
  EventTime event_time = 0;
  uint64_t expires_at_us = 0;
  uint32_t value_type = 0;
  std::optional<uint64_t> partition_hash;
};
inline OwnedValue Read(const Shard& shard, std::string_view key, bool may_wait = true) {
  ReadValue value;
  shard.MultiGet(&key, 1, may_wait, &value);
  OwnedValue out;
  out.status = value.status;
  if (!value.status.ok()) return out;
  EXPECT_EQ(value.content_checksum, ContentChecksum(key, value.record.payload));
  out.payload = std::string(value.record.payload);
  out.event_time = value.record.event_time;
  out.expires_at_us = value.record.expires_at_us;
  out.value_type = value.record.value_type;
  out.partition_hash = value.record.partition_hash;
  return out;
}
// The payload, or the name of the status.
inline std::string Get(const Shard& shard, std::string_view key) {
  OwnedValue value = Read(shard, key);
  return value.status.ok() ? value.payload : std::string(CodeName(value.status.code()));
}

// All rows of the range, page by page, as "key=payload".
inline std::vector<std::string> ScanAll(const Shard& shard, ScanRange range,
                                        size_t* pages = nullptr) {
  std::vector<std::string> rows;
  std::string resume;
  for (;;) {
    auto page = shard.Scan(range);
    EXPECT_TRUE(page.ok()) << page.status().ToString();
    if (!page.ok()) return rows;
    if (pages != nullptr) ++*pages;
    RowBlockReader reader(page->rows);
    Row row;
    size_t count = 0;
    while (reader.Next(&row).ok()) {
      ++count;
      rows.push_back(std::string(row.key) + "=" + std::string(row.payload));
    }
    EXPECT_EQ(count, page->row_count);
    if (!page->more) return rows;
    resume = page->resume_key;
    range.start = resume;
    range.start_exclusive = false;
  }
}

class ShardTest : public testing::Test {
 protected:
  ShardTest() : hlc_(&clock_), pool_("test", 2) {
    options_.dir = folder_.path() + "/shard";
    options_.keyspace = {1, 2};
    options_.shard = 3;
    options_.origin = 77;
    options_.clock = &clock_;
    options_.hlc = &hlc_;
    options_.pool = &pool_;
  }
  ~ShardTest() override { shard_.reset(); }

  Status TryOpen() {
    if (engine_ == nullptr) {
      auto engine = NewEngine(engine_options_);
      if (!engine.ok()) return engine.status();
      engine_ = *engine;
    }
    auto shard = Shard::Open(engine_, options_);
    if (!shard.ok()) return shard.status();
    shard_ = std::move(*shard);
    return {};
  }
  void Open() {
    const Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Reopen() {
    const Status closed = shard_->Close();
    ASSERT_TRUE(closed.ok()) << closed.ToString();
    shard_.reset();
    Open();
  }
  EventTime At(int64_t us_from_now) const {
    return MakeEventTime(clock_.WallMicros() + us_from_now);
  }

  TempFolder folder_;
  ManualClock clock_;
  HybridClock hlc_;
  ThreadPool pool_;
  EngineOptions engine_options_;
  std::shared_ptr<Engine> engine_;
  ShardOptions options_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace vasto::storage
