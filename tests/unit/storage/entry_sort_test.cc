// SPDX-License-Identifier: Apache-2.0
#include "core/storage/entry_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace vasto::storage {
namespace {

// Keys up, sequence numbers down, as RocksDB has them; counts how often it is asked.
class Order final : public rocksdb::MemTableRep::KeyComparator {
 public:
  int operator()(const char* a, const char* b) const override { return (*this)(a, decode_key(b)); }
  int operator()(const char* a, const rocksdb::Slice& b) const override {
    ++asked_;
    const rocksdb::Slice own = decode_key(a);
    if (const int order = UserKey(own).compare(UserKey(b)); order != 0) return order;
    return Sequence(own) > Sequence(b) ? -1 : Sequence(own) < Sequence(b) ? 1 : 0;
  }
  size_t asked() const { return asked_; }

  static rocksdb::Slice UserKey(const rocksdb::Slice& key) { return {key.data(), key.size() - 8}; }
  static uint64_t Sequence(const rocksdb::Slice& key) {
    uint64_t sequence = 0;
    std::copy_n(key.data() + key.size() - 8, 8, reinterpret_cast<char*>(&sequence));
    return sequence;
  }

 private:
  mutable size_t asked_ = 0;
};

class EntrySortTest : public testing::Test {
 protected:
  // As a memtable has it: the length of the internal key, the user key, the sequence number.
  void Add(std::string_view key) {
    std::string entry;
    for (uint64_t left = key.size() + 8; left > 0 || entry.empty(); left >>= 7) {
      entry.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
    }
    entry.append(key);
    const uint64_t sequence = entries_.size() + 1;
    entry.append(reinterpret_cast<const char*>(&sequence), sizeof(sequence));
    entries_.push_back(std::move(entry));
  }
  // Sorts, compares with a sort by comparisons alone, and tells how many were asked for.
  size_t ExpectSorted() {
    std::vector<SortItem> items;
    std::vector<const char*> expected;
    for (const std::string& entry : entries_) {
      items.push_back({entry.data(), 0});
      expected.push_back(entry.data());
    }
    const Order order;
    SortEntries(&items, order);
    const size_t asked = order.asked();
    std::sort(expected.begin(), expected.end(),
              [&](const char* a, const char* b) { return order(a, b) < 0; });
    for (size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(items[i].entry, expected[i]) << "place " << i << " of " << items.size();
      if (items[i].entry != expected[i]) break;
    }
    return asked;
  }

  std::deque<std::string> entries_;
  std::mt19937 random_{42};
};

TEST_F(EntrySortTest, NoneAndOne) {
  ExpectSorted();
  Add("k");
  ExpectSorted();
}

TEST_F(EntrySortTest, KeysThatPartLateOrAreOneAnother) {
  const std::string zeros(20, '\0');
  const std::string long_key(70'000, 'x');
  for (int i = 0; i < 2000; ++i) {
    Add(std::string_view(zeros).substr(0, random_() % zeros.size()));
    Add(std::string(random_() % 12, 'a') + std::to_string(random_() % 100));
    Add(std::string(random_() % 12, '\xff') + zeros.substr(0, random_() % 12));
    Add("same");
  }
  for (int i = 0; i < 30; ++i) Add(long_key + std::to_string(i % 20));
  ExpectSorted();
}

TEST_F(EntrySortTest, AnyBytes) {
  for (int i = 0; i < 20'000; ++i) {
    std::string key(random_() % 24, '\0');
    for (char& c : key) c = static_cast<char>(random_() % (i % 2 == 0 ? 256 : 3));
    Add(key);
  }
  ExpectSorted();
}

// An empty key beside zeros: they part from it nowhere that eight bytes would show.
TEST_F(EntrySortTest, AKeyThatEndsBesideZerosCostsNoStack) {
  const std::string zeros(64 << 10, '\0');
  Add("");
  for (int i = 0; i < 30; ++i) Add(zeros + std::to_string(i));
  ExpectSorted();
}

TEST_F(EntrySortTest, WholeKeysAreComparedSeldomWhateverTheyHaveInCommon) {
  constexpr size_t kKeys = 50'000;
  Add(std::string("\0a stranger", 11));
  for (size_t i = 0; i < kKeys; ++i) {
    const std::string number = std::to_string(1'000'000 + random_() % 1'000'000);
    Add((i % 2 == 0 ? "a table of users:" : "orders, by day, of the same shop:") + number);
  }
  EXPECT_LT(ExpectSorted(), kKeys);
}

}  // namespace
}  // namespace vasto::storage
