// SPDX-License-Identifier: Apache-2.0
#include "core/storage/record_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace vasto::storage {
namespace {

// An index of a twelfth has two slots for each record of 130 bytes, so that few of them meet a
// bucket that is full.
constexpr size_t kIndexShare = 12;
constexpr size_t kUnit = 8;  // entries begin at multiples of it
// How many entries one addition carries over at most, which bounds its time.
constexpr int kMaxCarried = 8;

constexpr size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Spreads what the hash has in any bits over all of them (the finalizer of MurmurHash3).
uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

}  // namespace

RecordCache::Key::Key(const Owner& of_owner, std::string_view key, uint64_t hash_of_key)
    : bytes(key), key_hash(hash_of_key), owner(of_owner.number) {
  const uint64_t mixed = Mix(key_hash + owner);
  stripe = static_cast<uint32_t>(mixed >> (64 - kStripeBits));
  hash = static_cast<uint32_t>(mixed);
}

// In front of the key and the record, in the log.
struct RecordCache::Entry {
  uint32_t hash;
  uint32_t owner;
  uint16_t key_size;
  uint16_t record_size;
  bool live;  // a slot points here
  bool read;  // since it was appended

  static size_t SizeFor(size_t key_size, size_t record_size) {
    return RoundUp(sizeof(Entry) + key_size + record_size, kUnit);
  }
  size_t size() const { return SizeFor(key_size, record_size); }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view key() { return {bytes(), key_size}; }
  std::string_view record() { return {bytes() + key_size, record_size}; }
};

struct alignas(64) RecordCache::Bucket {
  struct Slot {
    uint32_t hash;
    uint32_t unit;  // of the entry, counted from 1; 0: the slot is free
  };
  static constexpr int kSlots = 7;

  uint32_t version;  // how many changes have ended
  uint32_t writers;  // how many go on
  Slot slots[kSlots];
};

class RecordCache::Stripe {
 public:
  // One mapping, zeroed and taken as it is touched: the index, then the log.
  explicit Stripe(size_t capacity)
      : capacity_(capacity),
        bucket_count_(static_cast<uint32_t>(capacity / kIndexShare / sizeof(Bucket))),
        map_(::mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
        buckets_(static_cast<Bucket*>(map_)),
        log_(static_cast<char*>(map_) + bucket_count_ * sizeof(Bucket)),
        log_size_(LogSize(capacity)) {}
  ~Stripe() { ::munmap(map_, capacity_); }
  Stripe(const Stripe&) = delete;
  Stripe& operator=(const Stripe&) = delete;
  bool mapped() const { return map_ != MAP_FAILED; }

  bool Find(const Key& key, std::string* record, Ticket* ticket) EXCLUDES(mu_);
  void Add(const Key& key, std::string_view record, const Ticket& ticket) EXCLUDES(mu_);
  void BeginWrite(const Key& key) EXCLUDES(mu_);
  void EndWrite(const Key& key) EXCLUDES(mu_);
  void Limit(size_t bytes) EXCLUDES(mu_);
  void Prefetch(const Key& key) const { __builtin_prefetch(BucketOf(key.hash)); }

 private:
  // What `bytes` leave for the log when the index has its part.
  size_t LogSize(size_t bytes) const {
    const size_t index = bucket_count_ * sizeof(Bucket);
    return bytes <= index ? 0 : (bytes - index) / kUnit * kUnit;
  }
  Bucket* BucketOf(uint32_t hash) const {
    return buckets_ + (static_cast<uint64_t>(hash) * bucket_count_ >> 32);
  }
  Entry* At(size_t position) const { return reinterpret_cast<Entry*>(log_ + position); }
  Entry* EntryOf(const Bucket::Slot& slot) const { return At((slot.unit - 1) * kUnit); }
  static uint32_t UnitOf(size_t position) { return static_cast<uint32_t>(position / kUnit + 1); }

  Bucket::Slot* FindSlot(const Key& key) REQUIRES(mu_);
  // The slot that points at the live entry.
  Bucket::Slot* SlotOf(const Entry& entry, size_t position) REQUIRES(mu_);
  // A slot to use for a new entry: a free one, or one whose entry is given up.
  Bucket::Slot* TakeSlot(uint32_t hash) REQUIRES(mu_);
  void Drop(Bucket::Slot* slot) REQUIRES(mu_);
  // Makes room for `size` bytes at head_.
  void Reserve(size_t size) REQUIRES(mu_);
  // Gives up the oldest entry, or carries it over to head_.
  void Recycle(bool may_carry, int* carried) REQUIRES(mu_);
  void Wrap() REQUIRES(mu_);

  const size_t capacity_;
  const uint32_t bucket_count_;
  void* const map_;
  Bucket* const buckets_;
  char* const log_;

  Mutex mu_;
  size_t log_size_ GUARDED_BY(mu_);
  // The log: entries of this lap in [0, head_), those of the last one in [oldest_, lap_end_).
  size_t head_ GUARDED_BY(mu_) = 0;
  size_t oldest_ GUARDED_BY(mu_) = 0;
  size_t lap_end_ GUARDED_BY(mu_) = 0;
};

RecordCache::Bucket::Slot* RecordCache::Stripe::FindSlot(const Key& key) {
  for (Bucket::Slot& slot : BucketOf(key.hash)->slots) {
    if (slot.unit == 0 || slot.hash != key.hash) continue;
    Entry* const entry = EntryOf(slot);
    if (entry->owner == key.owner && entry->key() == key.bytes) return &slot;
  }
  return nullptr;
}

RecordCache::Bucket::Slot* RecordCache::Stripe::SlotOf(const Entry& entry, size_t position) {
  Bucket::Slot* slot = BucketOf(entry.hash)->slots;
  while (slot->unit != UnitOf(position)) ++slot;
  return slot;
}

RecordCache::Bucket::Slot* RecordCache::Stripe::TakeSlot(uint32_t hash) {
  Bucket::Slot* victim = nullptr;
  for (Bucket::Slot& slot : BucketOf(hash)->slots) {
    if (slot.unit == 0) return &slot;
    if (victim == nullptr || (EntryOf(*victim)->read && !EntryOf(slot)->read)) victim = &slot;
  }
  Drop(victim);
  return victim;
}

void RecordCache::Stripe::Drop(Bucket::Slot* slot) {
  EntryOf(*slot)->live = false;
  slot->unit = 0;
}

void RecordCache::Stripe::Wrap() {
  int carried = 0;
  while (oldest_ < lap_end_) Recycle(false, &carried);
  lap_end_ = head_;
  oldest_ = 0;
  head_ = 0;
}

void RecordCache::Stripe::Recycle(bool may_carry, int* carried) {
  Entry* const entry = At(oldest_);
  const size_t size = entry->size();
  if (entry->live) {
    Bucket::Slot* const slot = SlotOf(*entry, oldest_);
    if (may_carry && entry->read) {
      // Never over an entry that is still to come: there is at least the room of this one.
      std::memmove(log_ + head_, entry, size);
      At(head_)->read = false;
      slot->unit = UnitOf(head_);
      head_ += size;
      ++*carried;
    } else {
      Drop(slot);
    }
  }
  oldest_ += size;
}

void RecordCache::Stripe::Reserve(size_t size) {
  int carried = 0;
  for (;;) {
    if (head_ + size > log_size_) Wrap();
    if (oldest_ >= lap_end_ || oldest_ >= head_ + size) return;
    Recycle(carried < kMaxCarried, &carried);
  }
}

bool RecordCache::Stripe::Find(const Key& key, std::string* record, Ticket* ticket) {
  MutexLock lock(&mu_);
  if (const Bucket::Slot* slot = FindSlot(key)) {
    Entry* const entry = EntryOf(*slot);
    entry->read = true;
    record->assign(entry->record());
    return true;
  }
  ticket->version_ = BucketOf(key.hash)->version;
  return false;
}

void RecordCache::Stripe::Add(const Key& key, std::string_view record, const Ticket& ticket) {
  const size_t size = Entry::SizeFor(key.bytes.size(), record.size());
  MutexLock lock(&mu_);
  const Bucket& bucket = *BucketOf(key.hash);
  if (bucket.writers != 0 || bucket.version != ticket.version_) return;
  if (FindSlot(key) != nullptr) return;  // another reader was faster
  if (size > log_size_) return;
  Reserve(size);
  // After Reserve, which may have freed one.
  Bucket::Slot* const slot = TakeSlot(key.hash);
  Entry* const entry = At(head_);
  *entry = {.hash = key.hash,
            .owner = key.owner,
            .key_size = static_cast<uint16_t>(key.bytes.size()),
            .record_size = static_cast<uint16_t>(record.size()),
            .live = true,
            .read = false};
  std::memcpy(entry->bytes(), key.bytes.data(), key.bytes.size());
  std::memcpy(entry->bytes() + key.bytes.size(), record.data(), record.size());
  *slot = {key.hash, UnitOf(head_)};
  head_ += size;
}

void RecordCache::Stripe::BeginWrite(const Key& key) {
  MutexLock lock(&mu_);
  ++BucketOf(key.hash)->writers;
  if (Bucket::Slot* slot = FindSlot(key)) Drop(slot);
}

void RecordCache::Stripe::EndWrite(const Key& key) {
  MutexLock lock(&mu_);
  Bucket* const bucket = BucketOf(key.hash);
  --bucket->writers;
  ++bucket->version;
}

void RecordCache::Stripe::Limit(size_t bytes) {
  MutexLock lock(&mu_);
  const size_t before = std::exchange(log_size_, LogSize(std::min(bytes, capacity_)));
  if (log_size_ >= before) return;
  for (uint32_t i = 0; i < bucket_count_; ++i) {
    for (Bucket::Slot& slot : buckets_[i].slots) slot.unit = 0;
  }
  head_ = oldest_ = lap_end_ = 0;
  // Whole pages only: the index ends somewhere in the first one.
  char* const map = static_cast<char*>(map_);
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = RoundUp(static_cast<size_t>(log_ - map), page);
  if (first < capacity_) ::madvise(map + first, capacity_ - first, MADV_DONTNEED);
}

RecordCache::RecordCache(size_t capacity_bytes) {
  if (capacity_bytes < kMinCapacity) return;
  // What a slot can address.
  constexpr size_t kMaxStripe = (size_t{UINT32_MAX} - 1) * kUnit;
  for (Stripe*& stripe : stripes_) {
    stripe = new Stripe(std::min(capacity_bytes / kStripes, kMaxStripe));
    if (!stripe->mapped()) {
      delete stripe;
      stripe = nullptr;
    }
  }
}

RecordCache::~RecordCache() {
  for (Stripe* stripe : stripes_) delete stripe;
}

void RecordCache::Limit(size_t bytes) {
  for (Stripe* stripe : stripes_) {
    if (stripe != nullptr) stripe->Limit(bytes / kStripes);
  }
}

bool RecordCache::Find(const Key& key, std::string* record, Ticket* ticket) {
  Stripe* const stripe = StripeOf(key);
  return stripe != nullptr && stripe->Find(key, record, ticket);
}

void RecordCache::Add(const Key& key, std::string_view record, const Ticket& ticket) {
  if (key.bytes.size() + record.size() > kMaxEntryBytes) return;
  if (Stripe* stripe = StripeOf(key)) stripe->Add(key, record, ticket);
}

void RecordCache::Prefetch(const Key& key) const {
  if (const Stripe* stripe = StripeOf(key)) stripe->Prefetch(key);
}

RecordCache::WriteScope::WriteScope(RecordCache* cache, const std::vector<Key>* keys)
    : cache_(cache), keys_(keys) {
  for (const Key& key : *keys_) cache_->Prefetch(key);
  for (const Key& key : *keys_) {
    if (Stripe* stripe = cache_->StripeOf(key)) stripe->BeginWrite(key);
  }
}

RecordCache::WriteScope::~WriteScope() {
  for (const Key& key : *keys_) {
    if (Stripe* stripe = cache_->StripeOf(key)) stripe->EndWrite(key);
  }
}

}  // namespace vasto::storage
