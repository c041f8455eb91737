// SPDX-License-Identifier: Apache-2.0
#include "core/storage/feed.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/bytes.h"
#include "core/storage/health.h"
#include "core/storage/keys.h"
#include "core/storage/log_file_system.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

// How much is written between two marks, where a change counts for some bytes whatever it holds,
// and how many marks there are before every other one goes.
constexpr size_t kBytesBetweenMarks = 1 << 20;
constexpr size_t kBytesOfChange = 64;
constexpr size_t kMaxMarks = 1024;

LogId NewLogId(Random* random) {
  LogId log = 0;
  while (log == 0) log = random->Next();
  return log;
}

bool HasData(rocksdb::DB* db) {
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
  it->Seek(ToSlice(kDataBegin));
  return it->Valid();
}

Status Damaged() { return Status::Corruption("what the database says of its logs is damaged"); }

}  // namespace

Feed::Feed(rocksdb::DB* db, const ShardHealth* health, FeedBudget* budget,
           const FeedOptions& options)
    : db_(db), health_(health), options_(options) {
  if (options.followed) ring_.emplace(budget);
}

// ---- On the disk

StatusOr<Feed::Stored> Feed::Decode(const std::string& bytes) {
  Stored stored;
  ByteReader reader(bytes);
  const auto format = reader.Fixed<uint8_t>();
  if (reader.ok() && format > kFeedFormat) {
    return Status::NotSupported("the database's logs have format " + std::to_string(format) +
                                ", this program reads formats up to " +
                                std::to_string(kFeedFormat) + ": run a newer version of vasto");
  }
  stored.trimmed = reader.Varint();
  stored.own_trimmed = reader.Varint();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    OwnLog own;
    own.id = reader.Fixed<uint64_t>();
    own.base = reader.Varint();
    own.last = reader.Varint();
    stored.own.push_back(own);
  }
  const bool sound = reader.ok() && reader.remaining() == 0 && format == kFeedFormat;
  return sound ? StatusOr<Stored>(std::move(stored)) : Damaged();
}

std::string Feed::Encode(const Stored& stored) {
  std::string bytes;
  bytes.push_back(static_cast<char>(kFeedFormat));
  PutVarint(&bytes, stored.trimmed);
  PutVarint(&bytes, stored.own_trimmed);
  PutVarint(&bytes, stored.own.size());
  for (const OwnLog& own : stored.own) {
    PutFixed<uint64_t>(&bytes, own.id);
    PutVarint(&bytes, own.base);
    PutVarint(&bytes, own.last);
  }
  return bytes;
}

StatusOr<VersionVector> Feed::ReadPositions(rocksdb::DB* db) {
  VersionVector positions;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
  const rocksdb::Slice prefix = ToSlice(kPositionPrefix);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const std::string_view log = ToView(it->key()).substr(kPositionPrefix.size());
    if (log.size() != sizeof(LogId) || it->value().size() != sizeof(uint64_t)) return Damaged();
    positions.Raise({GetFixed<LogId>(log.data()), GetFixed<uint64_t>(it->value().data())});
  }
  VASTO_RETURN_IF_ERROR(FromRocksDb(it->status()));
  return positions;
}

StatusOr<VersionVector> Feed::PositionsOfCopy(rocksdb::DB* db, const VersionVector& owner_had) {
  std::string stored;
  const rocksdb::Status found = db->Get(rocksdb::ReadOptions(), ToSlice(kFeedKey), &stored);
  if (found.IsNotFound()) return Status::Corruption("the copy knows nothing of its logs");
  VASTO_RETURN_IF_ERROR(FromRocksDb(found));
  VASTO_ASSIGN_OR_RETURN(const Stored known, Decode(stored));
  VASTO_ASSIGN_OR_RETURN(const uint64_t own_end, ReadOwnEnd(db));
  VASTO_ASSIGN_OR_RETURN(VersionVector positions, ReadPositions(db));
  for (const OwnLog& own : known.own) {
    // What the copy holds beyond that may be of no log: the owner writes for itself as well.
    const uint64_t last = own.last == 0 ? std::max(own.base, own_end) : own.last;
    positions.Raise({own.id, std::min(last - own.base, owner_had.Of(own.id))});
  }
  return positions;
}

Status Feed::StartFrom(const VersionVector& positions, rocksdb::DB* db,
                       rocksdb::WriteBatch* batch) {
  for (const Position& position : positions.positions()) {
    std::string value;
    PutFixed<uint64_t>(&value, position.sequence);
    VASTO_RETURN_IF_ERROR(FromRocksDb(batch->Put(PositionKey(position.log), value)));
  }
  const uint64_t latest = db->GetLatestSequenceNumber();
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch->Delete(ToSlice(kOwnEndKey))));
  return FromRocksDb(batch->Put(ToSlice(kFeedKey), Encode({latest, latest, {}})));
}

StatusOr<uint64_t> Feed::ReadOwnEnd(rocksdb::DB* db) {
  std::string stored;
  const rocksdb::Status found = db->Get(rocksdb::ReadOptions(), ToSlice(kOwnEndKey), &stored);
  if (found.IsNotFound()) return db->GetLatestSequenceNumber();
  VASTO_RETURN_IF_ERROR(FromRocksDb(found));
  if (stored.size() != sizeof(uint64_t)) return Damaged();
  const auto end = GetFixed<uint64_t>(stored.data());
  return end == kOwnOpen ? db->GetLatestSequenceNumber() : end;
}

Status Feed::AppendOwnEnd(const ChangeBatch* applied, rocksdb::WriteBatch* batch) {
  MutexLock lock(&mu_);
  const bool own = applied == nullptr;
  coming_ = own ? Position{log_, 0} : Position{applied->log, applied->last};
  // It changes only when the one kind follows the other.
  const uint64_t end = own ? kOwnOpen : own_end_;
  if (end == stored_own_end_) return {};
  std::string value;
  PutFixed<uint64_t>(&value, end);
  return FromRocksDb(batch->Put(ToSlice(kOwnEndKey), value));
}

Status Feed::Open(Random* random, EventTime now) {
  MutexLock lock(&mu_);
  settled_.store(now, std::memory_order_release);
  VASTO_ASSIGN_OR_RETURN(own_end_, ReadOwnEnd(db_));
  std::string stored;
  const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), ToSlice(kFeedKey), &stored);
  const uint64_t latest = db_->GetLatestSequenceNumber();
  if (found.IsNotFound()) {
    trimmed_ = own_trimmed_ = latest;
    // What was written before anybody was told is a log that can be had only with the whole shard.
    if (HasData(db_)) own_.push_back({NewLogId(random), 0, latest});
  } else {
    VASTO_RETURN_IF_ERROR(FromRocksDb(found));
    VASTO_ASSIGN_OR_RETURN(Stored known, Decode(stored));
    trimmed_ = known.trimmed;
    own_trimmed_ = known.own_trimmed;
    own_ = std::move(known.own);
    if (!own_.empty() && own_.back().last == 0)
      own_.back().last = std::max(own_.back().base, own_end_);
  }
  VASTO_ASSIGN_OR_RETURN(positions_, ReadPositions(db_));
  // Those that hold nothing, or nothing that could still be read.
  for (const OwnLog& own : own_) positions_.Raise({own.id, own.last - own.base});
  rocksdb::WriteBatch batch;
  for (const OwnLog& own : own_) {
    if (own.last > trimmed_ || own.last == own.base) continue;
    std::string value;
    PutFixed<uint64_t>(&value, positions_.Of(own.id));
    VASTO_RETURN_IF_ERROR(FromRocksDb(batch.Put(PositionKey(own.id), value)));
  }
  std::erase_if(own_, [this](const OwnLog& own)
                          REQUIRES(mu_) { return own.last <= trimmed_ || own.last == own.base; });
  log_ = NewLogId(random);
  own_.push_back({log_, latest, 0});
  own_last_ = latest;
  needless_ = {trimmed_, {}};
  marks_.push_back({latest, positions_});
  VASTO_RETURN_IF_ERROR(
      FromRocksDb(batch.Put(ToSlice(kFeedKey), Encode({trimmed_, own_trimmed_, own_}))));
  std::string end;
  PutFixed<uint64_t>(&end, own_end_);
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch.Put(ToSlice(kOwnEndKey), end)));
  stored_own_end_ = own_end_;
  VASTO_RETURN_IF_ERROR(FromRocksDb(WriteLogged(db_, *health_, rocksdb::WriteOptions(), &batch)));
  latest_ = db_->GetLatestSequenceNumber();
  return {};
}

// ---- Positions

VersionVector Feed::Positions() const {
  MutexLock lock(&mu_);
  return positions_;
}

VersionVector Feed::Visible() const {
  MutexLock lock(&mu_);
  VersionVector visible = positions_;
  visible.Raise(unlogged_);
  const uint64_t sequence = db_->GetLatestSequenceNumber();
  if (coming_.log == 0 || sequence <= latest_) return visible;
  visible.Raise(coming_.log == log_ ? Position{log_, sequence - base()} : coming_);
  return visible;
}

bool Feed::Has(const std::vector<Position>& positions) const {
  MutexLock lock(&mu_);
  return std::all_of(positions.begin(), positions.end(),
                     [this](const Position& position)
                         REQUIRES(mu_) { return positions_.Covers(position); });
}

Position Feed::OwnPosition() const {
  MutexLock lock(&mu_);
  return {log_, own_last_ - base()};
}

Status Feed::CheckNext(const ChangeBatch& batch) const {
  MutexLock lock(&mu_);
  if (batch.log == log_) {
    return Status::InvalidArgument("changes of this replica's own log came from another one");
  }
  const uint64_t have = positions_.Of(batch.log);
  if (batch.last <= have) return Status::AlreadyExists("these changes are applied already");
  if (batch.first <= have + 1) return {};
  return Status::StaleWrite("changes up to " + std::to_string(batch.first - 1) +
                            " of a log are missing; applied are those up to " +
                            std::to_string(have));
}

void Feed::Committed(ChangeBatch batch, uint64_t database_sequence) {
  latest_ = database_sequence;
  coming_ = {};
  positions_.Raise({batch.log, batch.last});
  unmarked_bytes_ += batch.changes.size() + kBytesOfChange * (batch.last - batch.first + 1);
  if (ring_) ring_->Append(std::move(batch));
  if (unmarked_bytes_ < kBytesBetweenMarks) return;
  unmarked_bytes_ = 0;
  marks_.push_back({database_sequence, positions_});
  if (marks_.size() < kMaxMarks) return;
  size_t kept = 0;
  for (size_t i = 1; i < marks_.size(); i += 2) marks_[kept++] = std::move(marks_[i]);
  marks_.resize(kept);
}

void Feed::CommittedOwn(std::string changes, uint64_t database_sequence, EventTime now) {
  MutexLock lock(&mu_);
  ChangeBatch batch{.log = log_,
                    .first = own_last_ - base() + 1,
                    .last = database_sequence - base(),
                    .changes = std::move(changes),
                    .checksum = 0};
  own_last_ = own_end_ = database_sequence;
  stored_own_end_ = kOwnOpen;
  Committed(std::move(batch), database_sequence);
  settled_.store(now, std::memory_order_release);
}

void Feed::CommittedApplied(ChangeBatch applied, uint64_t database_sequence, EventTime now) {
  MutexLock lock(&mu_);
  stored_own_end_ = own_end_;
  Committed(std::move(applied), database_sequence);
  settled_.store(now, std::memory_order_release);
}

void Feed::AppliedUnlogged(uint64_t database_sequence) {
  MutexLock lock(&mu_);
  stored_own_end_ = own_end_;
  latest_ = database_sequence;
  unlogged_.Raise(std::exchange(coming_, {}));
}

void Feed::SetListener(std::function<void()> listener) {
  MutexLock lock(&listener_mu_);
  listener_ = std::move(listener);
}

void Feed::SetWatchListener(std::function<void()> listener) {
  MutexLock lock(&listener_mu_);
  watch_listener_ = std::move(listener);
}

void Feed::NotifyListener() {
  MutexLock lock(&listener_mu_);
  if (listener_) listener_();
  if (watch_listener_) watch_listener_();
}

// ---- Reading

bool Feed::ReadRing(LogId log, uint64_t have, size_t max_bytes, ChangeBatch* out) const {
  MutexLock lock(&mu_);
  return ring_ && ring_->Read(log, have, max_bytes, out);
}

StatusOr<Feed::Place> Feed::Locate(LogId log, uint64_t have) const {
  MutexLock lock(&mu_);
  const auto own = std::find_if(own_.begin(), own_.end(),
                                [log](const OwnLog& candidate) { return candidate.id == log; });
  const bool newest = own != own_.end() && own->last == 0;
  if (own == own_.end()) return Place{.from = trimmed_ + 1, .untagged_last = 0, .base = 0};
  if (!newest && own->base + have >= own->last) {
    // What came back came after this log had ended.
    return Place{.from = std::max(trimmed_, own->last) + 1, .untagged_last = 0, .base = 0};
  }
  Place place{.from = own->base + have + 1,
              .untagged_last = newest ? UINT64_MAX : own->last,
              .base = own->base};
  if (place.from > trimmed_) return place;
  if (own->base + have < own_trimmed_) {
    return Status::NotFound("the log begins after what is asked for");
  }
  place.from = trimmed_ + 1;
  return place;
}

uint64_t Feed::latest() const {
  MutexLock lock(&mu_);
  return latest_;
}

const Feed::Mark* Feed::LastCovered(const VersionVector& have) const {
  const auto behind = std::partition_point(
      marks_.begin(), marks_.end(), [&](const Mark& mark) { return have.Covers(mark.positions); });
  return behind == marks_.begin() ? nullptr : &*std::prev(behind);
}

Feed::Outline Feed::OutlineFor(const VersionVector& have) const {
  MutexLock lock(&mu_);
  Outline outline{.now = {latest_, positions_},
                  .covered = {},
                  .trimmed = trimmed_,
                  .own_trimmed = own_trimmed_,
                  .own = own_};
  const Mark* const mark = LastCovered(have);
  if (have.Covers(positions_)) {
    outline.covered = outline.now;
  } else if (mark != nullptr && mark->sequence >= trimmed_) {
    outline.covered = *mark;
  }
  return outline;
}

// ---- Forgetting

void Feed::Trim(const VersionVector& everyone_has) {
  MutexLock lock(&mu_);
  if (ring_) ring_->Trim(everyone_has);
  if (everyone_has.Covers(positions_)) {
    needless_ = {latest_, positions_};
  } else if (const Mark* const mark = LastCovered(everyone_has); mark != nullptr) {
    if (mark->sequence > needless_.sequence) needless_ = *mark;
  }
}

std::string Feed::TrimTo(uint64_t sequence) {
  // What was written since the last batch that this knows of may be clients' writes.
  const uint64_t own = sequence <= latest_ ? std::min(sequence, own_end_) : sequence;
  trimmed_ = std::max(trimmed_, sequence);
  own_trimmed_ = std::max(own_trimmed_, own);
  while (!marks_.empty() && marks_.front().sequence < trimmed_) marks_.pop_front();
  return Encode({trimmed_, own_trimmed_, own_});
}

Status Feed::Store(const std::string& feed_value) {
  rocksdb::WriteBatch batch;
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch.Put(ToSlice(kFeedKey), feed_value)));
  return FromRocksDb(WriteLogged(db_, *health_, rocksdb::WriteOptions(), &batch));
}

Status Feed::LogResumed() {
  MutexLock purge_lock(&purge_mu_);
  const uint64_t failures = health_->log_failures();
  if (failures == log_failures_) return {};
  std::string value;
  {
    MutexLock lock(&mu_);
    value = TrimTo(db_->GetLatestSequenceNumber());
  }
  VASTO_RETURN_IF_ERROR(Store(value));
  log_failures_ = failures;
  return {};
}

Status Feed::PurgeLog() {
  MutexLock purge_lock(&purge_mu_);
  std::pair<uint64_t, uint64_t> now;
  {
    MutexLock lock(&mu_);
    now = {latest_, options_.followed ? std::max(needless_.sequence, trimmed_) : latest_};
    if (purged_at_ == now) return {};
  }
  const uint64_t needless = now.second;
  rocksdb::VectorLogPtr files;
  VASTO_RETURN_IF_ERROR(FromRocksDb(db_->GetSortedWalFiles(files)));
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file->SizeFileBytes();
  std::vector<std::string> names;
  uint64_t sequence = 0;  // up to which the log will be gone
  bool settled = true;
  for (size_t i = 0; i < files.size(); ++i) {
    // A file that is empty yet is not among them; the one before it may be the last.
    const bool ends = i + 1 == files.size();
    if (ends && files[i]->Type() != rocksdb::kArchivedLogFile) break;
    const uint64_t last = ends ? db_->GetLatestSequenceNumber() : files[i + 1]->StartSequence() - 1;
    const bool needed = last > needless && bytes <= options_.max_log_bytes;
    if (needed || bytes - files[i]->SizeFileBytes() < options_.min_log_bytes) break;
    // RocksDB moves a file that it does not need itself some time later.
    settled = files[i]->Type() == rocksdb::kArchivedLogFile;
    if (!settled) break;
    bytes -= files[i]->SizeFileBytes();
    names.push_back(files[i]->PathName());
    sequence = last;
  }
  std::string value;
  {
    MutexLock lock(&mu_);
    if (settled) purged_at_ = now;
    if (names.empty()) return {};
    value = TrimTo(sequence);
  }
  const Status health = health_->Get();
  if (health.ok()) {
    VASTO_RETURN_IF_ERROR(Store(value));
    VASTO_RETURN_IF_ERROR(FromRocksDb(SyncLog(db_, *health_)));
  } else if (options_.followed || !health.Is(Code::kNoSpace)) {
    return health;
  }
  // Where nobody follows, the space is worth more than that it is known where the log begins: a
  // watcher finds out by the files.
  for (const std::string& name : names) {
    VASTO_RETURN_IF_ERROR(FromRocksDb(db_->DeleteFile(name)));
  }
  return {};
}

}  // namespace vasto::storage
