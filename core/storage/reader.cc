// SPDX-License-Identifier: Apache-2.0
#include "core/storage/reader.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/storage/keys.h"
#include "core/storage/nonblocking_file_system.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

uint64_t HeadOf(std::string_view key) {
  unsigned char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<size_t>(key.size(), 8));
  uint64_t head = 0;
  for (unsigned char byte : bytes) head = head << 8 | byte;
  return head;
}

}  // namespace

static_assert(sizeof(rocksdb::PinnableSlice) <= 112 && alignof(rocksdb::PinnableSlice) <= 8);

// Reused by every read of a thread.
struct Reader::Scratch {
  // A key's place in the request with its first bytes, so that most comparisons need no memory
  // access.
  struct Order {
    uint64_t head;
    uint32_t index;
  };

  std::vector<RecordCache::Key> cache_keys;  // of the whole request
  std::vector<RecordCache::Ticket> tickets;  // of the whole request
  std::vector<Order> missing;                // what is not cached, sorted by key before it is read
  std::vector<uint32_t> asked;  // positions in the request, one for each distinct key, in key order
  std::string keys;
  std::vector<rocksdb::Slice> slices;
  std::vector<rocksdb::PinnableSlice> values;
  std::vector<rocksdb::Status> statuses;
};

Reader::Scratch* Reader::ThreadScratch() {
  thread_local Scratch scratch;
  return &scratch;
}

void Reader::FindCached(const std::string_view* keys, size_t count, int64_t wall_us,
                        Scratch* scratch, ReadValue* out) const {
  scratch->cache_keys.clear();
  for (size_t i = 0; i < count; ++i) {
    const RecordCache::Key& key =
        scratch->cache_keys.emplace_back(owner_, keys[i], KeyHash(keys[i]));
    if (count > 1) owner_.cache->Prefetch(key);
  }
  scratch->tickets.assign(count, {});
  scratch->missing.clear();
  for (size_t i = 0; i < count; ++i) {
    rocksdb::PinnableSlice* const pin = Pin(&out[i]);
    pin->Reset();
    if (owner_.cache->Find(scratch->cache_keys[i], pin->GetSelf(), &scratch->tickets[i])) {
      pin->PinSelf();
      Decode(scratch->cache_keys[i], wall_us, &out[i]);
    } else {
      scratch->missing.push_back({HeadOf(keys[i]), static_cast<uint32_t>(i)});
    }
  }
}

void Reader::Sort(const std::string_view* keys, Scratch* scratch) {
  const auto before = [keys](const Scratch::Order& a, const Scratch::Order& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = keys[a.index].compare(keys[b.index]);
    return order != 0 ? order < 0 : a.index < b.index;
  };
  std::sort(scratch->missing.begin(), scratch->missing.end(), before);
}

void Reader::Collect(const std::string_view* keys, Scratch* scratch) {
  size_t bytes = 0;
  for (const Scratch::Order& o : scratch->missing) bytes += keys[o.index].size() + 1;
  scratch->keys.clear();
  scratch->keys.reserve(bytes);
  scratch->asked.clear();
  scratch->slices.clear();
  for (const Scratch::Order& o : scratch->missing) {
    if (!scratch->asked.empty() && keys[scratch->asked.back()] == keys[o.index]) continue;
    const size_t begin = scratch->keys.size();
    AppendDataKey(keys[o.index], &scratch->keys);
    scratch->asked.push_back(o.index);
    scratch->slices.emplace_back(scratch->keys.data() + begin, scratch->keys.size() - begin);
  }
}

rocksdb::PinnableSlice* Reader::Pin(ReadValue* value) {
  return std::launder(reinterpret_cast<rocksdb::PinnableSlice*>(value->pin_));
}

ReadValue::ReadValue() noexcept { new (pin_) rocksdb::PinnableSlice(); }

ReadValue::~ReadValue() { Reader::Pin(this)->~PinnableSlice(); }

ReadValue::ReadValue(ReadValue&& other) noexcept {
  new (pin_) rocksdb::PinnableSlice();
  *this = std::move(other);
}

ReadValue& ReadValue::operator=(ReadValue&& other) noexcept {
  if (this == &other) return *this;
  rocksdb::PinnableSlice* const from = Reader::Pin(&other);
  rocksdb::PinnableSlice* const to = Reader::Pin(this);
  // A short value that is not pinned moves with its bytes, so the view is made anew.
  const size_t offset =
      from->empty() ? 0 : static_cast<size_t>(other.record.payload.data() - from->data());
  const size_t size = other.record.payload.size();
  status = std::move(other.status);
  record = other.record;
  content_checksum = other.content_checksum;
  *to = std::move(*from);
  record.payload = size == 0 ? std::string_view() : std::string_view(to->data() + offset, size);
  other.record = Record();
  return *this;
}

void Reader::Decode(const RecordCache::Key& key, int64_t wall_us, ReadValue* out) {
  rocksdb::PinnableSlice* const pin = Pin(out);
  out->record = Record();
  auto record = DecodeRecordWithKeyHash(key.key_hash, ToView(*pin), &out->content_checksum);
  if (!record.ok()) {
    out->status = record.status().Prefixed("key " + Printable(key.bytes));
  } else if (!record->VisibleAt(wall_us)) {
    out->status = Status::NotFound("");
  } else {
    out->status = {};
    out->record = *record;
    out->record.merge = {};
    return;
  }
  pin->Reset();
}

void Reader::Repeat(const ReadValue& first, ReadValue* out) {
  out->status = first.status;
  out->record = first.record;
  out->content_checksum = first.content_checksum;
  rocksdb::PinnableSlice* const pin = Pin(out);
  pin->Reset();
  if (!first.status.ok()) return;
  pin->PinSelf(ToSlice(first.record.payload));
  out->record.payload = ToView(*pin);
}

void Reader::Fetch(Scratch* scratch) const {
  const size_t count = scratch->slices.size();
  if (scratch->values.size() < count) scratch->values.resize(count);
  scratch->statuses.resize(count);
  if (count == 1) {  // gains nothing from MultiGet
    scratch->statuses[0] = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(),
                                    scratch->slices[0], scratch->values.data());
    return;
  }
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), count, scratch->slices.data(),
                scratch->values.data(), scratch->statuses.data(), true);
}

void Reader::ReadMissing(const std::string_view* keys, bool may_wait, int64_t wall_us,
                         Scratch* scratch, ReadValue* out) const {
  Sort(keys, scratch);
  Collect(keys, scratch);
  {
    const NonBlockingScope scope(!may_wait);
    Fetch(scratch);
  }
  for (size_t i = 0; i < scratch->asked.size(); ++i) {
    const uint32_t index = scratch->asked[i];
    ReadValue* const value = &out[index];
    if (!scratch->statuses[i].ok()) {
      value->record = Record();
      value->status = FromRocksDb(scratch->statuses[i]);
    } else {
      const RecordCache::Key& key = scratch->cache_keys[index];
      *Pin(value) = std::move(scratch->values[i]);
      const std::string_view bytes = ToView(*Pin(value));
      Decode(key, wall_us, value);
      if (value->status.ok()) owner_.cache->Add(key, bytes, scratch->tickets[index]);
    }
    scratch->values[i].Reset();
  }
}

void Reader::MultiGet(const std::string_view* keys, size_t count, bool may_wait, int64_t wall_us,
                      ReadValue* out) const {
  Scratch* const scratch = ThreadScratch();
  FindCached(keys, count, wall_us, scratch, out);
  if (scratch->missing.empty()) return;
  ReadMissing(keys, may_wait, wall_us, scratch, out);
  if (scratch->asked.size() == scratch->missing.size()) return;
  const ReadValue* first = nullptr;
  std::string_view first_key;
  for (const Scratch::Order& o : scratch->missing) {
    if (first != nullptr && keys[o.index] == first_key) {
      Repeat(*first, &out[o.index]);
    } else {
      first = &out[o.index];
      first_key = keys[o.index];
    }
  }
}

}  // namespace vasto::storage
