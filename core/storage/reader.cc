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

// A key's place in the request with its first bytes, so that most comparisons need no memory
// access.
struct Order {
  uint64_t head;
  uint32_t index;
};

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
  std::string keys;
  std::vector<Order> order;
  std::vector<uint32_t> asked;  // positions in the request, one for each distinct key, in key order
  std::vector<rocksdb::Slice> slices;
  std::vector<rocksdb::PinnableSlice> values;
  std::vector<rocksdb::Status> statuses;
};

Reader::Scratch* Reader::ThreadScratch() {
  thread_local Scratch scratch;
  return &scratch;
}

void Reader::Sort(const std::string_view* keys, size_t count, Scratch* scratch) {
  scratch->order.resize(count);
  for (size_t i = 0; i < count; ++i)
    scratch->order[i] = {HeadOf(keys[i]), static_cast<uint32_t>(i)};
  std::sort(scratch->order.begin(), scratch->order.end(), [keys](const Order& a, const Order& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = keys[a.index].compare(keys[b.index]);
    return order != 0 ? order < 0 : a.index < b.index;
  });
}

void Reader::Collect(const std::string_view* keys, Scratch* scratch) {
  size_t bytes = 0;
  for (const Order& o : scratch->order) bytes += keys[o.index].size() + 1;
  scratch->keys.clear();
  scratch->keys.reserve(bytes);
  scratch->asked.clear();
  scratch->slices.clear();
  for (const Order& o : scratch->order) {
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

void Reader::Finish(std::string_view key, const rocksdb::Status& status,
                    rocksdb::PinnableSlice* found, int64_t wall_us, ReadValue* out) {
  rocksdb::PinnableSlice* const pin = Pin(out);
  pin->Reset();
  out->record = Record();
  if (!status.ok()) {
    out->status = FromRocksDb(status);
    return;
  }
  *pin = std::move(*found);
  auto record = DecodeRecord(key, ToView(*pin), &out->content_checksum);
  if (!record.ok()) {
    out->status = record.status().Prefixed("key " + Printable(key));
  } else if (!record->VisibleAt(wall_us)) {
    out->status = Status::NotFound("");
  } else {
    out->status = {};
    out->record = *record;
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

void Reader::Fetch(rocksdb::DB* db, Scratch* scratch) {
  const size_t count = scratch->slices.size();
  if (scratch->values.size() < count) scratch->values.resize(count);
  scratch->statuses.resize(count);
  if (count == 1) {  // gains nothing from MultiGet
    scratch->statuses[0] = db->Get(rocksdb::ReadOptions(), db->DefaultColumnFamily(),
                                   scratch->slices[0], scratch->values.data());
    return;
  }
  db->MultiGet(rocksdb::ReadOptions(), db->DefaultColumnFamily(), count, scratch->slices.data(),
               scratch->values.data(), scratch->statuses.data(), true);
}

void Reader::MultiGet(rocksdb::DB* db, const std::string_view* keys, size_t count, bool may_wait,
                      int64_t wall_us, ReadValue* out) {
  Scratch* const scratch = ThreadScratch();
  Sort(keys, count, scratch);
  Collect(keys, scratch);
  const size_t asked = scratch->asked.size();
  {
    const NonBlockingScope scope(!may_wait);
    Fetch(db, scratch);
  }
  for (size_t i = 0; i < asked; ++i) {
    const uint32_t index = scratch->asked[i];
    Finish(keys[index], scratch->statuses[i], &scratch->values[i], wall_us, &out[index]);
    scratch->values[i].Reset();
  }
  if (asked == count) return;
  const ReadValue* first = nullptr;
  std::string_view first_key;
  for (const Order& o : scratch->order) {
    if (first != nullptr && keys[o.index] == first_key) {
      Repeat(*first, &out[o.index]);
    } else {
      first = &out[o.index];
      first_key = keys[o.index];
    }
  }
}

}  // namespace vasto::storage
