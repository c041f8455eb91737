// SPDX-License-Identifier: Apache-2.0
#include "core/storage/batch_builder.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "core/base/bytes.h"
#include "core/codec/limits.h"
#include "core/storage/keys.h"
#include "core/storage/log_batch.h"
#include "core/storage/nonblocking_file_system.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

constexpr uint32_t kFree = UINT32_MAX;
// How far ahead the clock bound is stored, so that it changes every other second at most.
constexpr int64_t kBoundAheadUs = 2'000'000;
// A batch with large values leaves no more than this behind for the next.
constexpr size_t kMaxKeptBatchBytes = 4 << 20;

std::string Seconds(int64_t us) {
  char text[48];
  std::snprintf(text, sizeof(text), "%lld.%06lld s", static_cast<long long>(us / 1'000'000),
                static_cast<long long>(us % 1'000'000));
  return text;
}

Status CheckShape(const Write& w) {
  if (w.key.size() > kMaxKeySize) {
    return Status::TooLarge("key of " + std::to_string(w.key.size()) + " bytes; the limit is " +
                            std::to_string(kMaxKeySize));
  }
  if (w.payload.size() > kMaxValueSize) {
    return Status::TooLarge("value of " + std::to_string(w.payload.size()) +
                            " bytes; the limit is " + std::to_string(kMaxValueSize));
  }
  if (w.ttl_seconds > kMaxTtlSeconds) {
    return Status::InvalidArgument("time to live of " + std::to_string(w.ttl_seconds) +
                                   " s; the limit is " + std::to_string(kMaxTtlSeconds));
  }
  const bool merges = w.kind == WriteKind::kMerge || w.kind == WriteKind::kAppend;
  if (merges && (w.event_time != 0 || w.ttl_seconds != 0 || w.condition != Condition::kNone)) {
    return Status::InvalidArgument(
        "a merge takes the store's event time, the value's time to live and no condition");
  }
  if (w.condition == Condition::kIfAbsent && w.kind != WriteKind::kPut) {
    return Status::InvalidArgument("only a put can ask that the key be absent");
  }
  return {};
}

}  // namespace

BatchBuilder::BatchBuilder(rocksdb::DB* db, const RecordCache::Owner& owner,
                           const ShardOptions& options, EventTime bound, const GcFloors* floors,
                           Feed* feed, const std::atomic<EventTime>* agreed)
    : db_(db),
      floors_(floors),
      feed_(feed),
      agreed_(agreed),
      owner_(owner),
      origin_(options.origin),
      replicated_(options.replicated),
      default_ttl_seconds_(options.default_ttl_seconds),
      max_clock_skew_us_(options.max_clock_skew_us),
      clock_(options.clock),
      hlc_(options.hlc),
      sketch_(bound),
      bound_(bound),
      next_bound_(bound) {}

void BatchBuilder::Prepare(Write* const* writes, size_t count) {
  wall_us_ = clock_->WallMicros();
  const bool deadlines =
      std::any_of(writes, writes + count, [](const Write* w) { return w->deadline_us != 0; });
  const int64_t monotonic_us = deadlines ? clock_->MonotonicMicros() : 0;
  states_.clear();
  buffers_.clear();
  items_.clear();
  applying_ = writes[0]->kind == WriteKind::kApply ? writes[0] : nullptr;
  if (applying_ != nullptr) {
    writes[0]->outcome = {};
    writes[0]->outcome.status = PrepareApplied(*applying_->applied);
    if (!writes[0]->outcome.status.ok()) items_.clear();
    return;
  }
  items_.resize(count);
  size_t reads = 0;
  for (size_t i = 0; i < count; ++i) {
    Item& item = items_[i];
    item.write = writes[i];
    item.key = item.write->key;
    item.write->outcome = {};
    item.write->outcome.status = Check(&item, monotonic_us);
    item.refused = !item.write->outcome.status.ok();
    item.read = !item.refused && NeedsRead(item);
    reads += item.read ? 1 : 0;
    if (!item.refused) sketch_.Raise(item.hash, item.event_time);
  }
  if (reads > 0) AddStates(reads);
}

Status BatchBuilder::PrepareApplied(const ChangeBatch& batch) {
  if (!replicated_) return Status::InvalidArgument("this shard has no other replicas");
  VASTO_RETURN_IF_ERROR(CheckChangeBatch(batch));
  VASTO_RETURN_IF_ERROR(feed_->CheckNext(batch));
  applied_.clear();
  ChangeReader changes(batch.changes);
  Change change;
  EventTime newest = 0;
  while (changes.Next(&change)) {
    applied_.push_back(change.record);
    Item& item = items_.emplace_back();
    item.key = change.key;
    item.hash = change.key_hash;
    item.content_checksum = change.content_checksum;
    item.event_time = change.record.event_time;
    newest = std::max(newest, item.event_time);
  }
  VASTO_RETURN_IF_ERROR(changes.status());
  size_t reads = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    item.read = item.event_time <= sketch_.Of(item.hash) || !applied_[i].merge.empty();
    reads += item.read ? 1 : 0;
    sketch_.Raise(item.hash, item.event_time);
  }
  // Later writes of this store come after these.
  hlc_->Observe(newest);
  if (reads > 0) AddStates(reads);
  return {};
}

Status BatchBuilder::Check(Item* item, int64_t monotonic_us) {
  const Write& w = *item->write;
  VASTO_RETURN_IF_ERROR(CheckShape(w));
  if (w.deadline_us != 0 && monotonic_us >= w.deadline_us) {
    return Status::Timeout("the deadline passed before the write's turn came");
  }
  item->hash = KeyHash(w.key);
  const bool has_payload = w.kind != WriteKind::kDelete && w.kind != WriteKind::kTouch;
  const std::string_view payload = has_payload ? w.payload : std::string_view();
  item->content_checksum = ContentChecksumWithKeyHash(item->hash, payload);
  if (w.content_checksum != 0 && has_payload && w.content_checksum != item->content_checksum) {
    return Status::Corruption("the value's checksum does not match: it was damaged on its way");
  }
  if (HasExpired(w)) item->content_checksum = ContentChecksumWithKeyHash(item->hash, {});
  if (w.clock_floor != 0) {
    VASTO_RETURN_IF_ERROR(CheckEventTime(w.clock_floor));
    hlc_->Observe(w.clock_floor);
  }
  if (w.event_time == 0) {
    item->event_time = hlc_->NowAt(wall_us_);
    if (w.not_after == 0 || item->event_time <= w.not_after) return {};
    item->write->outcome.event_time = item->event_time;
    return Status::Unavailable("not done: it came " +
                               Seconds(EventTimeMicros(item->event_time - w.not_after)) +
                               " after its caller stopped waiting for it, by this store's clock");
  }
  VASTO_RETURN_IF_ERROR(CheckEventTime(w.event_time));
  item->event_time = w.event_time;
  // Later writes without an event time come after this one.
  hlc_->Observe(w.event_time);
  return {};
}

Status BatchBuilder::CheckEventTime(EventTime event_time) const {
  const int64_t event_us = EventTimeMicros(event_time);
  // A write that is repeated here has the time of another store, whose wall clock may be far ahead
  // of this one's; this one has seen earlier ones of it.
  const int64_t now_us = std::max(wall_us_, EventTimeMicros(hlc_->last()));
  if (event_us <= now_us + max_clock_skew_us_) return {};
  return Status::InvalidArgument("event time " + Seconds(event_us) + " is " +
                                 Seconds(event_us - now_us) + " ahead of the store's clock, " +
                                 Seconds(now_us) + "; allowed are " + Seconds(max_clock_skew_us_));
}

bool BatchBuilder::NeedsRead(const Item& item) const {
  const Write& w = *item.write;
  return w.kind == WriteKind::kTouch || w.kind == WriteKind::kMerge ||
         w.kind == WriteKind::kAppend || w.condition != Condition::kNone ||
         item.event_time <= sketch_.Of(item.hash);
}

void BatchBuilder::AddStates(size_t count) {
  table_.assign(std::bit_ceil(count * 2), kFree);
  // Room for all, so that their addresses stay.
  states_.reserve(count);
  for (const Item& item : items_) {
    if (!item.read || FindState(item.hash, item.key) != nullptr) continue;
    KeyState& state = states_.emplace_back();
    state.hash = item.hash;
    state.key = item.key;
    size_t slot = item.hash & (table_.size() - 1);
    while (table_[slot] != kFree) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<uint32_t>(states_.size() - 1);
  }
}

BatchBuilder::KeyState* BatchBuilder::FindState(uint64_t hash, std::string_view key) {
  for (size_t slot = hash & (table_.size() - 1);; slot = (slot + 1) & (table_.size() - 1)) {
    if (table_[slot] == kFree) return nullptr;
    KeyState& state = states_[table_[slot]];
    if (state.hash == hash && state.key == key) return &state;
  }
}

bool BatchBuilder::Fetch(bool may_wait) {
  const NonBlockingScope scope(!may_wait);
  found_.clear();
  found_.resize(states_.size());
  for (size_t i = 0; i < states_.size(); ++i) {
    KeyState& state = states_[i];
    read_key_.clear();
    AppendDataKey(state.key, &read_key_);
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), read_key_, &found_[i]);
    if (status.IsBusy()) return false;
    if (status.IsNotFound()) continue;
    state.error = FromRocksDb(status);
    if (!state.error.ok()) continue;
    auto record = DecodeRecord(state.key, ToView(found_[i]), &state.content_checksum);
    state.error = record.status();
    state.present = record.ok();
    if (record.ok()) state.record = *record;
  }
  return true;
}

uint64_t BatchBuilder::ArrivedUs() const {
  return static_cast<uint64_t>(EventTimeMicros(hlc_->NowAt(wall_us_)));
}

bool BatchBuilder::HasExpired(const Write& w) const {
  return w.kind == WriteKind::kPut && w.expires_at_us != 0 &&
         w.expires_at_us <= static_cast<uint64_t>(wall_us_);
}

uint64_t BatchBuilder::ExpiryOf(const Write& w) const {
  const bool put = w.kind == WriteKind::kPut;
  if (put && w.expires_at_us == kNeverExpires) return 0;
  // The grace time counts from its arrival at the earliest.
  if (put && w.expires_at_us != 0) return std::max(w.expires_at_us, ArrivedUs());
  if (put && w.ttl_seconds == 0) return DefaultExpiry();
  return w.ttl_seconds == 0 ? 0 : static_cast<uint64_t>(wall_us_) + w.ttl_seconds * 1'000'000;
}

uint64_t BatchBuilder::DefaultExpiry() const {
  const uint64_t ttl = default_ttl_seconds_;
  return ttl == 0 ? 0 : static_cast<uint64_t>(wall_us_) + ttl * 1'000'000;
}

StatusOr<Record> BatchBuilder::MakeRecord(const Item& item, const KeyState* state) {
  const Write& w = *item.write;
  switch (w.kind) {
    case WriteKind::kTouch:
      return MakeTouch(item, state->record);
    case WriteKind::kMerge:
      return MakeMerge(item, *state);
    case WriteKind::kAppend:
      return MakeAppend(item, *state);
    default:
      break;
  }
  Record record;
  record.partition_hash = w.partition_hash;
  record.event_time = item.event_time;
  record.origin = origin_;
  if (w.kind == WriteKind::kDelete || HasExpired(w)) return MakeDelete(item, record);
  record.expires_at_us = ExpiryOf(w);
  record.value_type = w.value_type;
  record.payload = w.payload;
  return record;
}

Record BatchBuilder::MakeDelete(const Item& item, Record record) const {
  record.tombstone = true;
  if (item.write->event_time == 0) return record;
  const uint64_t arrived_us = ArrivedUs();
  if (static_cast<uint64_t>(EventTimeMicros(item.event_time)) < arrived_us) {
    record.expires_at_us = arrived_us;
  }
  return record;
}

StatusOr<Record> BatchBuilder::MakeTouch(const Item& item, const Record& stored) {
  const uint64_t expires_at_us = ExpiryOf(*item.write);
  if (!stored.merge.empty()) {
    return TouchMerged(stored, item.event_time, expires_at_us, NewBuffer());
  }
  Record record = stored;
  record.event_time = item.event_time;
  record.origin = origin_;
  record.expires_at_us = expires_at_us;
  return record;
}

StatusOr<Record> BatchBuilder::MakeMerge(const Item& item, const KeyState& state) {
  const Write& w = *item.write;
  Merge merge;
  merge.op = w.merge_op;
  merge.operand = w.payload;
  merge.log = replicated_ ? feed_->log() : 0;
  merge.event_time = item.event_time;
  merge.wall_us = wall_us_;
  merge.agreed = agreed_->load(std::memory_order_relaxed);
  merge.expires_at_us = DefaultExpiry();
  merge.partition_hash = w.partition_hash;
  return MergeInto(state.present ? &state.record : nullptr, merge, NewBuffer());
}

StatusOr<Record> BatchBuilder::MakeAppend(const Item& item, const KeyState& state) {
  const Write& w = *item.write;
  Record record;
  if (state.present && state.record.VisibleAt(wall_us_)) {
    record = state.record;
  } else {
    record.partition_hash = w.partition_hash;
    record.expires_at_us = DefaultExpiry();
  }
  if (!record.merge.empty()) {
    return Status::InvalidArgument("the value is a number that is merged into; put it to append");
  }
  if (record.payload.size() + w.payload.size() > kMaxValueSize) {
    return Status::TooLarge("the value would have " +
                            std::to_string(record.payload.size() + w.payload.size()) +
                            " bytes; the limit is " + std::to_string(kMaxValueSize));
  }
  record.event_time = item.event_time;
  record.origin = origin_;
  std::string* const buffer = NewBuffer();
  buffer->reserve(record.payload.size() + w.payload.size());
  record.payload = buffer->append(record.payload).append(w.payload);
  return record;
}

uint64_t BatchBuilder::ChecksumOf(const Item& item, const KeyState* state,
                                  const Record& record) const {
  const WriteKind kind = item.write->kind;
  const bool as_it_is = record.merge.empty() && kind != WriteKind::kAppend;
  if (!as_it_is) return ContentChecksumWithKeyHash(item.hash, record.payload);
  return kind == WriteKind::kTouch ? state->content_checksum : item.content_checksum;
}

Status BatchBuilder::CheckCondition(const Write& w, const KeyState& state, bool visible) {
  if (w.condition == Condition::kIfAbsent && visible) {
    return Status::AlreadyExists("the key has a value already");
  }
  if (w.condition == Condition::kIfVersion &&
      (!visible || state.record.event_time != w.if_version)) {
    return Status::StaleWrite(visible ? "the value has another version by now"
                                      : "the value is not there any more");
  }
  if (w.kind == WriteKind::kTouch && !visible) return Status::NotFound("the key has no value");
  return {};
}

StatusOr<bool> BatchBuilder::JoinStored(const Record& stored, Record* record) {
  if (record->merge.empty() && stored.merge.empty()) return WinsOver(*record, stored);
  auto joined = Join(*record, stored, NewBuffer());
  if (!joined.ok()) return std::move(joined).status();
  *record = *joined;
  return !(*record == stored);
}

bool BatchBuilder::Decide(const Item& item, const KeyState& state, Record* record,
                          WriteOutcome* outcome) {
  const Write& w = *item.write;
  const bool visible = state.present && state.record.VisibleAt(wall_us_);
  if (visible) outcome->event_time = state.record.event_time;
  outcome->status = CheckCondition(w, state, visible);
  if (!outcome->status.ok()) return false;
  // In a replicated shard an older deletion may be stored while a newer one was forgotten.
  const bool absent = !state.present || (replicated_ && !visible);
  if (absent && TooOld(item, *record, outcome)) return false;
  if (!state.present) return true;
  // The very same record again, as after a retry, has taken place; it is not superseded. Of a
  // deletion the time of arrival differs then.
  const Record own = *record;
  const bool repeated_delete = own.tombstone && state.record.tombstone &&
                               own.event_time == state.record.event_time &&
                               own.origin == state.record.origin;
  const StatusOr<bool> more = JoinStored(state.record, record);
  outcome->status = more.status();
  if (outcome->status.ok() && *more && !repeated_delete) return true;
  outcome->event_time = state.record.event_time;
  outcome->superseded = outcome->status.ok() && !repeated_delete && !(own == state.record);
  return false;
}

bool BatchBuilder::TooOld(const Item& item, const Record& record, WriteOutcome* outcome) const {
  // An event time of the store's own is above everything.
  if (item.write->event_time == 0 || !floors_->Covers(item.hash, item.event_time)) return false;
  if (!record.VisibleAt(wall_us_)) {
    // Another replica may have accepted something that this deletes.
    if (replicated_) return false;
    // Nobody sees the difference, and whatever is older than this will be refused as well.
    outcome->superseded = true;
    return true;
  }
  outcome->status = Status::StaleWrite(
      "event time " + Seconds(EventTimeMicros(item.event_time)) +
      " is so old that a later deletion of this key may have been forgotten already; store it with "
      "a newer event time, or with none");
  return true;
}

Status BatchBuilder::ResolveOne(const Item& item) {
  WriteOutcome* const outcome = &item.write->outcome;
  KeyState* const state = states_.empty() ? nullptr : FindState(item.hash, item.key);
  if (item.read) {
    outcome->status = state->error;
    if (!outcome->status.ok()) return {};
  }
  auto made = MakeRecord(item, state);
  outcome->status = made.status();
  if (!made.ok()) return {};
  Record& record = *made;
  if (item.read && !Decide(item, *state, &record, outcome)) {
    const bool log = item.write->log_anyway && replicated_ && outcome->status.ok();
    if (!log || !state->present) return {};
    return Append(item, state->record, state->content_checksum);
  }
  const uint64_t content_checksum = ChecksumOf(item, state, record);
  VASTO_RETURN_IF_ERROR(Append(item, record, content_checksum));
  outcome->event_time = item.event_time;
  if (state != nullptr) state->Becomes(record, content_checksum);
  return {};
}

bool BatchBuilder::MayBeDeleted(const KeyState& state, size_t index) const {
  const bool absent = !state.present || !state.record.VisibleAt(wall_us_);
  return state.error.ok() && absent && applied_[index].VisibleAt(wall_us_) &&
         floors_->Covers(items_[index].hash, items_[index].event_time);
}

Status BatchBuilder::JoinApplied(const KeyState& state, size_t index, std::string* lost) {
  Item& item = items_[index];
  // Which of the two is newer cannot be told.
  if (!state.error.ok() || !state.present) return state.error;
  const Record change = applied_[index];
  VASTO_ASSIGN_OR_RETURN(const bool more, JoinStored(state.record, &applied_[index]));
  item.refused = !more;
  if (item.refused) {
    std::string record;
    EncodeRecord(change, item.content_checksum, &record);
    AppendChange(item.key, record, lost);
  } else if (!applied_[index].merge.empty()) {
    item.content_checksum = ContentChecksumWithKeyHash(item.hash, applied_[index].payload);
  }
  return {};
}

void BatchBuilder::KeepChange(size_t index) {
  std::string record;
  EncodeRecord(applied_[index], items_[index].content_checksum, &record);
  AppendChange(items_[index].key, record, &changes_);
}

Status BatchBuilder::ResolveApplied() {
  const ChangeBatch& batch = *applying_->applied;
  BatchTag tag{.log = batch.log, .first = batch.first, .last = batch.last, .lost = {}};
  for (size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    KeyState* const state = states_.empty() ? nullptr : FindState(item.hash, item.key);
    if (applying_->late) {
      item.refused = item.read && MayBeDeleted(*state, i);
      if (item.refused) continue;
      KeepChange(i);
    }
    if (item.read) VASTO_RETURN_IF_ERROR(JoinApplied(*state, i, &tag.lost));
    if (!item.refused && state != nullptr) state->Becomes(applied_[i], item.content_checksum);
  }
  // First of all: what follows in the log is this one's.
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch_.PutLogData(EncodeBatchTag(tag))));
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].refused) continue;
    VASTO_RETURN_IF_ERROR(Append(items_[i], applied_[i], items_[i].content_checksum));
  }
  std::string value;
  PutFixed<uint64_t>(&value, batch.last);
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch_.Put(PositionKey(batch.log), value)));
  VASTO_RETURN_IF_ERROR(feed_->AppendOwnEnd(&batch, &batch_));
  return AppendBound();
}

Status BatchBuilder::Resolve() {
  batch_.Clear();
  changed_.clear();
  changes_.clear();
  if (batch_.Data().capacity() > kMaxKeptBatchBytes) batch_ = rocksdb::WriteBatch();
  greatest_ = 0;
  if (applying_ != nullptr) {
    return applying_->outcome.status.ok() ? ResolveApplied() : Status::Ok();
  }
  for (const Item& item : items_) {
    if (!item.refused) VASTO_RETURN_IF_ERROR(ResolveOne(item));
  }
  if (!empty()) {
    VASTO_RETURN_IF_ERROR(feed_->AppendOwnEnd(nullptr, &batch_));
  }
  return AppendBound();
}

Status BatchBuilder::Append(const Item& item, const Record& record, uint64_t content_checksum) {
  greatest_ = std::max(greatest_, record.event_time);
  changed_.emplace_back(owner_, item.key, item.hash);
  if (!record.merge.empty()) return AppendMerged(item, record, content_checksum);
  char header[kMaxRecordHeaderSize];
  char trailer[kRecordTrailerSize];
  const size_t header_size = EncodeRecordAround(record, content_checksum, header, trailer);
  const rocksdb::Slice key_parts[] = {rocksdb::Slice(&kDataPrefix, 1), ToSlice(item.key)};
  if (replicated_ && applying_ == nullptr) {
    PutLengthPrefixed(&changes_, item.key);
    PutVarint(&changes_, header_size + record.payload.size() + kRecordTrailerSize);
    changes_.append(header, header_size).append(record.payload);
    changes_.append(trailer, kRecordTrailerSize);
  }
  const rocksdb::Slice value_parts[] = {rocksdb::Slice(header, header_size),
                                        ToSlice(record.payload),
                                        rocksdb::Slice(trailer, kRecordTrailerSize)};
  return FromRocksDb(
      batch_.Put(rocksdb::SliceParts(key_parts, 2), rocksdb::SliceParts(value_parts, 3)));
}

Status BatchBuilder::AppendMerged(const Item& item, const Record& record,
                                  uint64_t content_checksum) {
  std::string value;
  EncodeRecord(record, content_checksum, &value);
  if (replicated_ && applying_ == nullptr) AppendChange(item.key, value, &changes_);
  const rocksdb::Slice key_parts[] = {rocksdb::Slice(&kDataPrefix, 1), ToSlice(item.key)};
  const rocksdb::Slice value_part = ToSlice(value);
  return FromRocksDb(
      batch_.Put(rocksdb::SliceParts(key_parts, 2), rocksdb::SliceParts(&value_part, 1)));
}

Status BatchBuilder::AppendBound() {
  next_bound_ = bound_;
  if (greatest_ <= bound_) return {};
  next_bound_ = MakeEventTime(EventTimeMicros(greatest_) + kBoundAheadUs);
  std::string value;
  PutFixed<uint64_t>(&value, next_bound_);
  return FromRocksDb(batch_.Put(ToSlice(kHlcBoundKey), value));
}

void BatchBuilder::Committed(bool logged) {
  bound_ = next_bound_;
  const uint64_t sequence = db_->GetLatestSequenceNumber();
  const EventTime now = hlc_->Now();
  if (applying_ == nullptr) return feed_->CommittedOwn(std::move(changes_), sequence, now);
  if (!logged) return feed_->AppliedUnlogged(sequence);
  ChangeBatch passed_on = *applying_->applied;
  if (applying_->late) passed_on.changes = std::move(changes_);
  feed_->CommittedApplied(std::move(passed_on), sequence, now);
}

}  // namespace vasto::storage
