// SPDX-License-Identifier: Apache-2.0
#include "core/storage/entry_sort.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>

namespace vasto::storage {
namespace {

using KeyComparator = rocksdb::MemTableRep::KeyComparator;

// Below this, to compare whole keys costs less than another round.
constexpr size_t kSmallGroup = 12;
// What RocksDB puts behind a user key: sequence number and kind.
constexpr size_t kTrailerBytes = 8;

std::string_view UserKeyOf(const SortItem& item, const KeyComparator& compare) {
  const rocksdb::Slice internal_key = compare.decode_key(item.entry);
  return {internal_key.data(), internal_key.size() - kTrailerBytes};
}

// Eight bytes as a number that compares as they do; zeros stand for what is missing.
uint64_t Digits(std::string_view text) {
  uint64_t digits = 0;
  std::memcpy(&digits, text.data(), std::min(text.size(), sizeof(digits)));
  return std::endian::native == std::endian::little ? __builtin_bswap64(digits) : digits;
}

class GroupSort {
 public:
  explicit GroupSort(const KeyComparator& compare) : compare_(compare) {}

  // The keys of the group have their first `depth` bytes in common, zeros for those that ended.
  void Sort(std::span<SortItem> group, size_t depth) {
    for (;;) {
      group = SortEnded(group, depth);
      if (group.size() <= kSmallGroup) return SortWhole(group);
      depth = SkipCommon(group, depth);
      for (SortItem& item : group) item.digits = Digits(UserKeyOf(item, compare_).substr(depth));
      std::sort(group.begin(), group.end(),
                [](const SortItem& a, const SortItem& b) { return a.digits < b.digits; });
      depth += sizeof(uint64_t);
      if (group.front().digits != group.back().digits) return SortParts(group, depth);
      // Some ended and others go on with zeros; no stack is spent on that.
    }
  }

 private:
  void SortWhole(std::span<SortItem> group) {
    std::sort(group.begin(), group.end(), [this](const SortItem& a, const SortItem& b) {
      return compare_(a.entry, b.entry) < 0;
    });
  }

  void SortParts(std::span<SortItem> group, size_t depth) {
    for (size_t begin = 0, end = 0; begin < group.size(); begin = end) {
      while (end < group.size() && group[end].digits == group[begin].digits) ++end;
      if (end - begin > 1) Sort(group.subspan(begin, end - begin), depth);
    }
  }

  // Keys that ended come before those that go on, which are returned.
  std::span<SortItem> SortEnded(std::span<SortItem> group, size_t depth) {
    const auto rest = std::partition(group.begin(), group.end(), [&](const SortItem& item) {
      return UserKeyOf(item, compare_).size() <= depth;
    });
    SortWhole({group.begin(), rest});
    return {rest, group.end()};
  }

  // How many bytes all keys have in common. REQUIRES: at least the first `depth`.
  size_t SkipCommon(std::span<const SortItem> group, size_t depth) const {
    std::string_view common = UserKeyOf(group.front(), compare_);
    for (const SortItem& item : group) {
      const std::string_view key = UserKeyOf(item, compare_);
      const auto from = static_cast<std::ptrdiff_t>(depth);
      const auto parted =
          std::mismatch(common.begin() + from, common.end(), key.begin() + from, key.end());
      common = common.substr(0, static_cast<size_t>(parted.first - common.begin()));
    }
    return common.size();
  }

  const KeyComparator& compare_;
};

}  // namespace

void SortEntries(std::vector<SortItem>* items, const KeyComparator& compare) {
  GroupSort(compare).Sort(*items, 0);
}

}  // namespace vasto::storage
