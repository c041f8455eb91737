// SPDX-License-Identifier: Apache-2.0
#include "core/storage/memtable.h"

#include <atomic>
#include <cassert>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/codec/record.h"
#include "core/storage/entry_sort.h"
#include "core/storage/rocksdb_status.h"
#include "core/storage/version_index.h"

namespace vasto::storage {
namespace {

using rocksdb::MemTableRep;
using Version = VersionIndex::Version;

// Takes the key out of a LookupKey, which only RocksDB itself can look into: MemTableRep::Get asks
// for an iterator of one prefix and lets it seek the key.
class KeyCatcher final : public MemTableRep::Iterator {
 public:
  bool Valid() const override { return false; }
  const char* key() const override { return key_; }
  void Next() override {}
  void Prev() override {}
  void Seek(const rocksdb::Slice& /*internal_key*/, const char* memtable_key) override {
    key_ = memtable_key;
  }
  void SeekForPrev(const rocksdb::Slice& /*internal_key*/, const char* /*memtable_key*/) override {}
  void SeekToFirst() override {}
  void SeekToLast() override {}

 private:
  const char* key_ = nullptr;
};

// Entries in order of their keys lie anywhere in the memtable.
constexpr size_t kLookAhead = 8;

thread_local KeyCatcher* waiting_catcher = nullptr;

class Memtable final : public MemTableRep {
 public:
  // ordered: a skip list in the same arena.
  Memtable(const KeyComparator& compare, rocksdb::Allocator* arena,
           std::unique_ptr<MemTableRep> ordered)
      : MemTableRep(arena), compare_(compare), ordered_(std::move(ordered)) {}

  rocksdb::KeyHandle Allocate(size_t bytes, char** entry) override;
  void Insert(rocksdb::KeyHandle handle) override;
  void Get(const rocksdb::LookupKey& key, void* args,
           bool (*take)(void* args, const char* entry)) override;
  bool Contains(const char* entry) const override;
  Iterator* GetIterator(rocksdb::Arena* arena) override;
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override;
  uint64_t ApproximateNumEntries(const rocksdb::Slice& begin, const rocksdb::Slice& end) override;
  void UniqueRandomSample(uint64_t entries, uint64_t samples,
                          std::unordered_set<const char*>* sample) override;
  size_t ApproximateMemoryUsage() override { return ordered_->ApproximateMemoryUsage(); }

 private:
  std::string_view UserKeyOf(const char* entry) const { return ToView(UserKey(entry)); }
  uint32_t HashOf(const char* entry) const {
    return static_cast<uint32_t>(KeyHash(UserKeyOf(entry)));
  }
  void AddTable();
  // Moves what is not there yet into ordered_.
  void Order() EXCLUDES(order_mu_);
  // Those added after `done`, up to `newest`, by their keys.
  std::vector<SortItem> Sorted(const Version* done, const Version* newest) const;

  const KeyComparator& compare_;
  VersionIndex versions_;
  Mutex order_mu_;
  // Inserted into under order_mu_; read, and allocated from, without.
  const std::unique_ptr<MemTableRep> ordered_;
  std::atomic<Version*> last_ordered_{nullptr};  // all up to it are in ordered_
};

rocksdb::KeyHandle Memtable::Allocate(size_t bytes, char** entry) {
  // The skip list wants room for its node before the entry.
  ordered_->Allocate(bytes + alignof(Version) - 1 + sizeof(Version), entry);
  void* behind = *entry + bytes;
  size_t space = alignof(Version) - 1 + sizeof(Version);
  std::align(alignof(Version), sizeof(Version), behind, space);
  auto* version = new (behind) Version{};
  version->distance = static_cast<uint32_t>(static_cast<char*>(behind) - *entry);
  return version;
}

void Memtable::AddTable() {
  const size_t bytes = versions_.BytesOfNextTable();
  size_t space = bytes + alignof(Version) - 1;
  char* memory = nullptr;
  MemTableRep::Allocate(space, &memory);
  void* aligned = memory;
  versions_.AddTable(static_cast<char*>(std::align(alignof(Version), bytes, aligned, space)));
}

void Memtable::Insert(rocksdb::KeyHandle handle) {
  auto* version = static_cast<Version*>(handle);
  version->hash = HashOf(version->entry());
  if (versions_.full()) AddTable();
  versions_.Add(version);
}

void Memtable::Get(const rocksdb::LookupKey& key, void* args,
                   bool (*take)(void* args, const char* entry)) {
  KeyCatcher catcher;
  waiting_catcher = &catcher;
  MemTableRep::Get(key, args, take);
  assert(waiting_catcher == nullptr);
  const char* const wanted = catcher.key();
  const std::string_view user_key = UserKeyOf(wanted);
  versions_.ForEach(HashOf(wanted), [&](const Version* version) {
    // Of the same key, what is newer comes first in RocksDB's order.
    return UserKeyOf(version->entry()) == user_key && compare_(version->entry(), wanted) >= 0 &&
           !take(args, version->entry());
  });
}

bool Memtable::Contains(const char* entry) const {
  bool found = false;
  versions_.ForEach(HashOf(entry), [&](const Version* version) {
    found = compare_(version->entry(), entry) == 0;
    return found;
  });
  return found;
}

MemTableRep::Iterator* Memtable::GetDynamicPrefixIterator(rocksdb::Arena* arena) {
  if (waiting_catcher != nullptr) return std::exchange(waiting_catcher, nullptr);
  return GetIterator(arena);
}

MemTableRep::Iterator* Memtable::GetIterator(rocksdb::Arena* arena) {
  Order();
  return ordered_->GetIterator(arena);
}

uint64_t Memtable::ApproximateNumEntries(const rocksdb::Slice& begin, const rocksdb::Slice& end) {
  Order();
  return ordered_->ApproximateNumEntries(begin, end);
}

void Memtable::UniqueRandomSample(uint64_t entries, uint64_t samples,
                                  std::unordered_set<const char*>* sample) {
  Order();
  ordered_->UniqueRandomSample(entries, samples, sample);
}

void Memtable::Order() {
  if (versions_.newest() == last_ordered_.load(std::memory_order_acquire)) return;
  MutexLock lock(&order_mu_);
  const Version* const done = last_ordered_.load(std::memory_order_relaxed);
  Version* const newest = versions_.newest();
  if (newest == done) return;
  const std::vector<SortItem> items = Sorted(done, newest);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + kLookAhead < items.size()) __builtin_prefetch(items[i + kLookAhead].entry);
    ordered_->Insert(const_cast<char*>(items[i].entry));
  }
  last_ordered_.store(newest, std::memory_order_release);
}

std::vector<SortItem> Memtable::Sorted(const Version* done, const Version* newest) const {
  size_t count = 0;
  for (const Version* v = newest; v != done; v = v->previous) ++count;
  std::vector<SortItem> items;
  items.reserve(count);
  for (const Version* v = newest; v != done; v = v->previous) items.push_back({v->entry(), 0});
  SortEntries(&items, compare_);
  return items;
}

class Factory final : public rocksdb::MemTableRepFactory {
 public:
  const char* Name() const override { return "vasto.Memtable"; }
  using MemTableRepFactory::CreateMemTableRep;
  MemTableRep* CreateMemTableRep(const MemTableRep::KeyComparator& compare,
                                 rocksdb::Allocator* arena,
                                 const rocksdb::SliceTransform* transform,
                                 rocksdb::Logger* logger) override {
    std::unique_ptr<MemTableRep> ordered(
        skip_lists_.CreateMemTableRep(compare, arena, transform, logger));
    return new Memtable(compare, arena, std::move(ordered));
  }

 private:
  rocksdb::SkipListFactory skip_lists_;
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtableFactory() {
  return std::make_shared<Factory>();
}

}  // namespace vasto::storage
