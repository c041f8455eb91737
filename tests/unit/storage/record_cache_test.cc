// SPDX-License-Identifier: Apache-2.0
#include "core/storage/record_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "core/codec/record.h"

namespace vasto::storage {
namespace {

class RecordCacheTest : public testing::Test {
 protected:
  explicit RecordCacheTest(size_t capacity = RecordCache::kMinCapacity) : cache_(capacity) {}
  RecordCache::Key KeyOf(const std::string& key) const { return {owner_, key, KeyHash(key)}; }
  // The cached record, or "-".
  std::string Find(const std::string& key) {
    std::string record;
    RecordCache::Ticket ticket;
    return cache_.Find(KeyOf(key), &record, &ticket) ? record : "-";
  }
  // Looks it up and adds it, as a reader does.
  void Add(const std::string& key, const std::string& record) {
    std::string found;
    RecordCache::Ticket ticket;
    if (!cache_.Find(KeyOf(key), &found, &ticket)) cache_.Add(KeyOf(key), record, ticket);
  }
  void Change(const std::string& key) {
    const std::vector<RecordCache::Key> keys = {KeyOf(key)};
    const RecordCache::WriteScope scope(&cache_, &keys);
  }

  RecordCache cache_;
  RecordCache::Owner owner_ = cache_.NewOwner();
};

TEST_F(RecordCacheTest, FindsWhatWasAdded) {
  EXPECT_EQ(Find("a"), "-");
  Add("a", "one");
  Add("", "empty key");
  Add("empty record", "");
  EXPECT_EQ(Find("a"), "one");
  EXPECT_EQ(Find(""), "empty key");
  EXPECT_EQ(Find("empty record"), "");
  EXPECT_EQ(Find("b"), "-");
}

TEST_F(RecordCacheTest, AnotherOwnerFindsNothing) {
  Add("a", "one");
  owner_ = cache_.NewOwner();
  EXPECT_EQ(Find("a"), "-");
}

TEST_F(RecordCacheTest, AChangeDropsTheRecord) {
  Add("a", "one");
  Change("a");
  EXPECT_EQ(Find("a"), "-");
  Add("a", "two");
  EXPECT_EQ(Find("a"), "two");
}

// A reader that found nothing, then read what a writer has changed meanwhile.
TEST_F(RecordCacheTest, WhatWasReadBeforeAChangeIsNotAdded) {
  std::string record;
  RecordCache::Ticket ticket;
  ASSERT_FALSE(cache_.Find(KeyOf("a"), &record, &ticket));
  Change("a");
  cache_.Add(KeyOf("a"), "old", ticket);
  EXPECT_EQ(Find("a"), "-");
}

TEST_F(RecordCacheTest, WhatWasReadDuringAChangeIsNotAdded) {
  RecordCache::Ticket before;
  RecordCache::Ticket during;
  std::string record;
  ASSERT_FALSE(cache_.Find(KeyOf("a"), &record, &before));
  const std::vector<RecordCache::Key> keys = {KeyOf("a"), KeyOf("a")};
  {
    const RecordCache::WriteScope scope(&cache_, &keys);
    ASSERT_FALSE(cache_.Find(KeyOf("a"), &record, &during));
    cache_.Add(KeyOf("a"), "old", before);
    EXPECT_EQ(Find("a"), "-");
    cache_.Add(KeyOf("a"), "old", during);
    EXPECT_EQ(Find("a"), "-");
  }
  cache_.Add(KeyOf("a"), "old", during);
  EXPECT_EQ(Find("a"), "-");
  Add("a", "new");
  EXPECT_EQ(Find("a"), "new");
}

TEST_F(RecordCacheTest, TooLargeOnesAreNotCached) {
  const std::string largest(RecordCache::kMaxEntryBytes - 1, 'v');
  Add("a", largest);
  Add("b", largest + "v");
  EXPECT_EQ(Find("a"), largest);
  EXPECT_EQ(Find("b"), "-");
}

TEST_F(RecordCacheTest, ASmallCapacityCachesNothing) {
  RecordCache small(RecordCache::kMinCapacity - 1);
  const RecordCache::Key key(small.NewOwner(), "a", KeyHash("a"));
  std::string record;
  RecordCache::Ticket ticket;
  EXPECT_FALSE(small.Find(key, &record, &ticket));
  small.Add(key, "one", ticket);
  EXPECT_FALSE(small.Find(key, &record, &ticket));
  const std::vector<RecordCache::Key> keys = {key};
  const RecordCache::WriteScope scope(&small, &keys);
}

std::string RecordOf(const std::string& key, size_t round) {
  return key + "/" + std::to_string(round) +
         std::string((key.size() * 131 + round * 37) % 700, 'v');
}

// Many times the capacity, with sizes that make the ring wrap at every offset: what is found is
// always what was added last.
// Resident memory of this process. 0 with a sanitizer, which keeps freed memory for a while.
size_t ResidentBytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 0;
#endif
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

class LimitedRecordCacheTest : public RecordCacheTest {
 protected:
  static constexpr size_t kCapacity = RecordCache::kMinCapacity * 16;
  static constexpr int kFitting = 20'000;  // of a thousand bytes

  LimitedRecordCacheTest() : RecordCacheTest(kCapacity) {}
  void Fill() {
    for (int i = 0; i < kFitting; ++i) Add(std::to_string(i), std::string(1000, 'r'));
  }
  int CountFound() {
    int found = 0;
    for (int i = 0; i < kFitting; ++i) {
      const std::string record = Find(std::to_string(i));
      if (record == "-") continue;
      EXPECT_EQ(record, std::string(1000, 'r'));
      ++found;
    }
    return found;
  }
};

TEST_F(LimitedRecordCacheTest, LessEmptiesItAndGivesMemoryBack) {
  Fill();
  EXPECT_EQ(CountFound(), kFitting);
  const size_t full = ResidentBytes();
  cache_.Limit(kCapacity / 4);
  EXPECT_EQ(CountFound(), 0);
  EXPECT_LE(ResidentBytes() + kFitting * (full == 0 ? 0 : 900), full);
  Fill();
  EXPECT_LT(CountFound(), kFitting / 3);
  EXPECT_GT(CountFound(), kFitting / 8);
}

TEST_F(LimitedRecordCacheTest, MoreLetsItGrowAgainUpToTheCapacity) {
  cache_.Limit(kCapacity / 4);
  Fill();
  const int kept = CountFound();
  cache_.Limit(SIZE_MAX);
  EXPECT_EQ(CountFound(), kept);
  for (int round = 0; round < 3; ++round) Fill();
  EXPECT_GT(CountFound(), kFitting * 9 / 10);
}

TEST_F(LimitedRecordCacheTest, WithNoRoomItCachesNothing) {
  cache_.Limit(0);
  Fill();
  EXPECT_EQ(CountFound(), 0);
  Change("1");
}

TEST_F(RecordCacheTest, RecordsStayWholeWhenTheRingWraps) {
  std::vector<std::string> last(5000);
  size_t found = 0;
  for (size_t i = 0; i < 200'000; ++i) {
    const size_t number = (i * 2654435761U >> 7) % last.size();
    const std::string key = "key" + std::to_string(number);
    const std::string cached = Find(key);
    if (cached != "-") {
      ++found;
      ASSERT_EQ(cached, last[number]);
      if (i % 3 != 0) continue;
      Change(key);
      ASSERT_EQ(Find(key), "-");
    }
    last[number] = RecordOf(key, i);
    Add(key, last[number]);
    ASSERT_EQ(Find(key), last[number]);
  }
  // 2 MiB hold most of the 5000 records of some 370 bytes.
  EXPECT_GT(found, 100'000U);
}

TEST_F(RecordCacheTest, WhatIsReadOutlivesWhatIsNot) {
  const auto fill = [this](const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) Add(prefix + std::to_string(i), std::string(100, 'v'));
  };
  fill("read", 500);
  fill("idle", 500);
  // Five times the capacity passes through; the first 500 are read all the time.
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 500; ++i) Find("read" + std::to_string(i));
    fill("cold" + std::to_string(round) + "/", 700);
  }
  const auto cached = [this](const std::string& prefix) {
    int count = 0;
    for (int i = 0; i < 500; ++i) count += Find(prefix + std::to_string(i)) != "-" ? 1 : 0;
    return count;
  };
  // Not all: one addition carries over only so many, and a full bucket gives up one.
  EXPECT_GT(cached("read"), 300);
  EXPECT_EQ(cached("idle"), 0);
}

// One writer counts each of a few keys up in a "database"; readers must never see a number go back,
// nor one below what was complete before they asked.
TEST_F(RecordCacheTest, ReadersNeverSeeAnOlderRecord) {
  constexpr size_t kKeys = 8;
  constexpr uint64_t kRounds = 20'000;
  std::array<std::atomic<uint64_t>, kKeys> database{};
  std::array<std::atomic<uint64_t>, kKeys> completed{};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> hits{0};
  const auto read = [&] {
    std::string record;
    for (size_t i = 0; !done.load(); i = (i + 1) % kKeys) {
      const std::string key = std::to_string(i);
      RecordCache::Ticket ticket;
      const uint64_t least = completed[i].load();
      if (cache_.Find(KeyOf(key), &record, &ticket)) {
        ASSERT_GE(std::strtoull(record.c_str(), nullptr, 10), least);
        hits.fetch_add(1);
      } else {
        cache_.Add(KeyOf(key), std::to_string(database[i].load()), ticket);
      }
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (uint64_t round = 1; round <= kRounds || hits.load() < 1000; ++round) {
    for (size_t i = 0; i < kKeys; ++i) {
      const std::string key = std::to_string(i);
      const std::vector<RecordCache::Key> keys = {KeyOf(key)};
      {
        const RecordCache::WriteScope scope(&cache_, &keys);
        database[i].store(round);
      }
      completed[i].store(round);
    }
  }
  done.store(true);
  first.join();
  second.join();
}

}  // namespace
}  // namespace vasto::storage
