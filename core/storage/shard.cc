// SPDX-License-Identifier: Apache-2.0
#include "core/storage/shard.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/mutex.h"
#include "core/storage/checkpoint.h"
#include "core/storage/compaction_filter.h"
#include "core/storage/engine.h"
#include "core/storage/feed.h"
#include "core/storage/folder.h"
#include "core/storage/gc_floors.h"
#include "core/storage/health.h"
#include "core/storage/keys.h"
#include "core/storage/log_file_system.h"
#include "core/storage/reader.h"
#include "core/storage/rocksdb_status.h"
#include "core/storage/scan.h"
#include "core/storage/sequencer.h"

namespace vasto::storage {
namespace {

constexpr int64_t kResumeIntervalUs = 500'000;
// So that one write of floors serves much of a compaction.
constexpr int64_t kRaiseDelayUs = 500'000;

// Passes RocksDB's warnings on; its own log file would be one more per shard.
class InfoLog final : public rocksdb::Logger {
 public:
  InfoLog(std::string shard, const vasto::Logger* logger)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL),
        shard_(std::move(shard)),
        logger_(logger) {}

  using rocksdb::Logger::Logv;
  __attribute__((format(printf, 2, 0))) void Logv(const char* format, va_list arguments) override {
    char text[1024];
    std::vsnprintf(text, sizeof(text), format, arguments);
    VASTO_LOG(logger_, kWarning, "rocksdb").With("shard", shard_).With("message", text);
  }

 private:
  const std::string shard_;
  const vasto::Logger* const logger_;  // borrowed; outlives the database
};

// The identity, the clock bound and two of the feed.
constexpr uint64_t kMetaKeys = 4;

}  // namespace

class Shard::Impl {
 public:
  Impl(std::shared_ptr<Engine> engine, const ShardOptions& options)
      : engine_(std::move(engine)),
        cache_owner_(engine_->record_cache()->NewOwner()),
        options_(options),
        agreed_(options.replicated ? 0 : kMaxEventTime) {}
  ~Impl() { Close().IgnoreError(); }

  Status Open();
  Status Close();

  rocksdb::DB* db() const { return db_.get(); }
  const ShardOptions& options() const { return options_; }
  uint64_t incarnation() const { return folder_->identity().incarnation; }
  const Reader& reader() const { return *reader_; }
  Sequencer* sequencer() { return sequencer_.get(); }
  Feed* feed() { return feed_.get(); }
  Status health() const { return health_->Get(); }
  Status Flush();
  Status Compact();
  void CancelCompaction() { compaction_cancelled_.store(true); }
  void AllowForgetting(EventTime before) { agreed_.store(before, std::memory_order_relaxed); }
  StatusOr<std::unique_ptr<Checkpoint>> MakeCheckpoint();
  StatusOr<std::unique_ptr<CheckpointCopy>> NewCopy(bool join);

 private:
  Status OpenDatabase();
  // Compares the identity in the database with the folder's; a new database gets it.
  Status CheckIdentity();
  StatusOr<EventTime> ReadBound();
  Status LoadFloors();
  Status OpenFeed();
  void ScheduleRaise();
  // Makes the floors that compactions have asked for durable, after which they count. True: there
  // were some. may_wait: for RocksDB, when it asks writers to slow down; otherwise kBusy.
  StatusOr<bool> RaiseFloors(bool may_wait) EXCLUDES(raise_mu_);
  Status StoreFloors(const std::string& bytes, bool may_wait);
  Status CompactOnce();
  void ScheduleResume();
  void TryResume();

  const std::shared_ptr<Engine> engine_;
  const RecordCache::Owner cache_owner_;
  const ShardOptions options_;
  std::atomic<EventTime> agreed_;
  std::atomic<bool> opened_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> compaction_cancelled_{false};
  std::atomic<uint64_t> next_checkpoint_{1};
  bool closed_ = false;
  Status close_status_;
  Mutex raise_mu_;  // one raise at a time
  GcFloors floors_{[this] { ScheduleRaise(); }};
  // In this order: the lock goes last.
  std::unique_ptr<ShardFolder> folder_;
  std::shared_ptr<ShardHealth> health_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Sequencer> sequencer_;
};

Status Shard::Impl::Open() {
  VASTO_ASSIGN_OR_RETURN(folder_, ShardFolder::Open(options_.files, options_.random, options_.dir,
                                                    options_.keyspace, options_.shard));
  VASTO_RETURN_IF_ERROR(InstallCopy(options_.files, options_.dir));
  VASTO_RETURN_IF_ERROR(RemoveLeftovers(options_.files, options_.dir));
  health_ = std::make_shared<ShardHealth>(folder_->identity().ToString(), options_.logger);
  health_->SetNoSpaceCallback([this] { ScheduleResume(); });
  VASTO_RETURN_IF_ERROR(OpenDatabase());
  VASTO_RETURN_IF_ERROR(CheckOptions(db_->GetOptions()));
  VASTO_RETURN_IF_ERROR(CheckIdentity());
  VASTO_RETURN_IF_ERROR(folder_->MarkComplete());
  VASTO_ASSIGN_OR_RETURN(const EventTime bound, ReadBound());
  options_.hlc->Observe(bound);
  VASTO_RETURN_IF_ERROR(LoadFloors());
  VASTO_RETURN_IF_ERROR(OpenFeed());
  reader_ = std::make_unique<Reader>(db_.get(), cache_owner_);
  sequencer_ = std::make_unique<Sequencer>(db_.get(), cache_owner_, options_, bound, &floors_,
                                           feed_.get(), &agreed_, health_.get(), engine_.get());
  VASTO_RETURN_IF_ERROR(engine_->Attach(db_.get(), health_.get()));
  opened_.store(true);
  if (health_->Get().Is(Code::kNoSpace)) ScheduleResume();
  return {};
}

Status Shard::Impl::OpenDatabase() {
  rocksdb::Options options = engine_->MakeDbOptions();
  options.create_if_missing = !folder_->complete();
  env_ = rocksdb::NewCompositeEnv(NewLogFileSystem(options.env->GetFileSystem(), health_));
  options.env = env_.get();
  options.listeners.push_back(health_);
  options.compaction_filter_factory =
      NewRecordFilterFactory(options_.clock, options_.tombstone_grace_us, &agreed_, &floors_);
  // Log files are kept until Feed::PurgeLog deletes them: RocksDB knows nothing of who reads them.
  options.WAL_ttl_seconds = std::numeric_limits<uint64_t>::max();
  options.info_log = std::make_shared<InfoLog>(folder_->identity().ToString(), options_.logger);
  if (folder_->complete()) {
    const Status current = options_.files->Read(folder_->db_path() + "/CURRENT").status();
    if (current.Is(Code::kNotFound)) {
      return Status::Corruption(options_.dir + ": its database is missing or incomplete");
    }
    VASTO_RETURN_IF_ERROR(current);
  }
  // RocksDB looks into it before it makes it, and would log that as an error.
  VASTO_RETURN_IF_ERROR(options_.files->MakeFolder(folder_->db_path()));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, folder_->db_path(), &db);
  db_.reset(db);
  return FromRocksDb(status).Prefixed("open " + options_.dir);
}

Status Shard::Impl::CheckIdentity() {
  std::string stored;
  const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), ToSlice(kIdentityKey), &stored);
  if (found.IsNotFound() && !folder_->complete()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    rocksdb::WriteBatch batch;
    VASTO_RETURN_IF_ERROR(
        FromRocksDb(batch.Put(ToSlice(kIdentityKey), EncodeIdentity(folder_->identity()))));
    return FromRocksDb(WriteLogged(db_.get(), *health_, write, &batch));
  }
  if (found.IsNotFound()) {
    return Status::InvalidArgument(options_.dir + " holds a database that is no shard's");
  }
  VASTO_RETURN_IF_ERROR(FromRocksDb(found).Prefixed("open " + options_.dir));
  VASTO_ASSIGN_OR_RETURN(const ShardIdentity identity, DecodeIdentity(stored));
  if (identity == folder_->identity()) return {};
  return Status::InvalidArgument(options_.dir + " holds the database of " + identity.ToString() +
                                 ": it was put together from two folders");
}

StatusOr<EventTime> Shard::Impl::ReadBound() {
  std::string stored;
  const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), ToSlice(kHlcBoundKey), &stored);
  if (found.IsNotFound()) return EventTime{0};
  VASTO_RETURN_IF_ERROR(FromRocksDb(found).Prefixed("open " + options_.dir));
  if (stored.size() != sizeof(EventTime)) {
    return Status::Corruption(options_.dir + ": its clock bound is damaged");
  }
  return GetFixed<EventTime>(stored.data());
}

// ---- Floors of what compactions drop

Status Shard::Impl::LoadFloors() {
  std::string stored;
  const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), ToSlice(kGcFloorsKey), &stored);
  if (!found.IsNotFound()) {
    VASTO_RETURN_IF_ERROR(FromRocksDb(found).Prefixed("open " + options_.dir));
  }
  return floors_.Load(stored).Prefixed(options_.dir);
}

Status Shard::Impl::OpenFeed() {
  FeedOptions feed;
  feed.followed = options_.replicated;
  feed.max_log_bytes = options_.max_log_bytes;
  feed.min_log_bytes = options_.min_log_bytes;
  feed_ = std::make_unique<Feed>(db_.get(), health_.get(), engine_->feed_budget(), feed);
  return feed_->Open(options_.random, options_.hlc->Now()).Prefixed("open " + options_.dir);
}

void Shard::Impl::ScheduleRaise() {
  if (closing_.load()) return;
  engine_->timers()->After(kRaiseDelayUs, this, [this] {
    if (!closing_.load()) RaiseFloors(false).status().IgnoreError();
  });
}

StatusOr<bool> Shard::Impl::RaiseFloors(bool may_wait) {
  MutexLock lock(&raise_mu_);
  const std::string bytes = floors_.BeginRaise();
  if (bytes.empty()) return false;
  const Status stored = StoreFloors(bytes, may_wait);
  floors_.EndRaise(stored.ok());
  VASTO_RETURN_IF_ERROR(stored);
  return true;
}

Status Shard::Impl::StoreFloors(const std::string& bytes, bool may_wait) {
  VASTO_RETURN_IF_ERROR(health_->Get());
  rocksdb::WriteOptions options;
  options.no_slowdown = !may_wait;
  rocksdb::WriteBatch batch;
  VASTO_RETURN_IF_ERROR(FromRocksDb(batch.Put(ToSlice(kGcFloorsKey), bytes)));
  rocksdb::Status status = WriteLogged(db_.get(), *health_, options, &batch);
  if (status.IsIncomplete()) return Status::Busy("RocksDB asks writers to slow down");
  // A sync of its own, for which the leader of the sequencer does not have to wait.
  if (status.ok()) status = SyncLog(db_.get(), *health_);
  health_->Fail(FromRocksDb(status), "a log write");
  return FromRocksDb(status);
}

Status Shard::Impl::CompactOnce() {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  // Also what lies at the bottom: that is where tombstones end.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.canceled = &compaction_cancelled_;
  const rocksdb::Status status = db_->CompactRange(options, nullptr, nullptr);
  if (!status.IsManualCompactionPaused()) return FromRocksDb(status);
  return Status::Cancelled("it was closed meanwhile: compact again once the replica serves");
}

Status Shard::Impl::Compact() {
  VASTO_RETURN_IF_ERROR(CompactOnce());
  VASTO_ASSIGN_OR_RETURN(const bool raised, RaiseFloors(true));
  // What the first pass had to keep goes in a second one.
  return raised ? CompactOnce() : Status::Ok();
}

StatusOr<std::unique_ptr<Checkpoint>> Shard::Impl::MakeCheckpoint() {
  const std::string path =
      options_.dir + "/checkpoints/" + std::to_string(next_checkpoint_.fetch_add(1));
  return Checkpoint::Make(options_.files, db_.get(), rocksdb::Env::Default(), path);
}

StatusOr<std::unique_ptr<CheckpointCopy>> Shard::Impl::NewCopy(bool join) {
  CopyTarget target;
  target.engine = engine_.get();
  target.files = options_.files;
  target.dir = options_.dir;
  target.identity = folder_->identity();
  if (join) {
    target.joined = db_.get();
    target.joined_has = feed_->Positions();
  }
  return CheckpointCopy::Begin(std::move(target));
}

Status Shard::Impl::Flush() {
  VASTO_RETURN_IF_ERROR(FromRocksDb(db_->Flush(rocksdb::FlushOptions())));
  return FromRocksDb(SyncLog(db_.get(), *health_));
}

// ---- The return from a full disk

void Shard::Impl::ScheduleResume() {
  if (!opened_.load() || closing_.load()) return;
  engine_->timers()->After(kResumeIntervalUs, this, [this] { TryResume(); });
}

void Shard::Impl::TryResume() {
  if (closing_.load() || !health_->Get().Is(Code::kNoSpace)) return;
  const auto usage = options_.files->Usage(options_.dir);
  const bool space = usage.ok() && usage->free_bytes >= engine_->resume_headroom_bytes();
  // The flush begins a new log.
  if (space && db_->Resume().ok() && db_->Flush(rocksdb::FlushOptions()).ok()) {
    if (feed_->LogResumed().ok()) return health_->Recovered();
  }
  ScheduleResume();
}

Status Shard::Impl::Close() {
  if (closed_) return close_status_;
  closed_ = true;
  if (sequencer_ != nullptr) sequencer_->Close();
  closing_.store(true);
  Timers* const timers = engine_->timers();
  timers->Cancel(sequencer_.get());
  timers->Cancel(this);
  if (db_ != nullptr) {
    engine_->Detach(db_.get());
    Status sync;
    if (health_->ok()) sync = FromRocksDb(SyncLog(db_.get(), *health_));
    close_status_ = FromRocksDb(db_->Close());
    if (!sync.ok()) close_status_ = sync;
    db_.reset();
  }
  // A background error until now may have scheduled one more.
  timers->Cancel(this);
  folder_.reset();
  return close_status_;
}

Shard::Shard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Shard::~Shard() = default;

StatusOr<std::unique_ptr<Shard>> Shard::Open(std::shared_ptr<Engine> engine,
                                             const ShardOptions& options) {
  if (options.hlc == nullptr || options.pool == nullptr || options.dir.empty()) {
    return Status::InvalidArgument("a shard needs a folder, a clock and a thread pool");
  }
  auto impl = std::make_unique<Impl>(std::move(engine), options);
  VASTO_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Shard>(new Shard(std::move(impl)));
}

uint64_t Shard::incarnation() const { return impl_->incarnation(); }

Feed* Shard::feed() const { return impl_->feed(); }

void Shard::MultiGet(const std::string_view* keys, size_t count, bool may_wait,
                     ReadValue* out) const {
  impl_->reader().MultiGet(keys, count, may_wait, impl_->options().clock->WallMicros(), out);
}

void Shard::Submit(Write* list) { impl_->sequencer()->Submit(list); }

StatusOr<ScanPage> Shard::Scan(const ScanRange& range) const {
  return ScanOnePage(impl_->db(), range, impl_->options().clock);
}

StatusOr<std::unique_ptr<Checkpoint>> Shard::MakeCheckpoint() { return impl_->MakeCheckpoint(); }

StatusOr<std::unique_ptr<CheckpointCopy>> Shard::NewCopy(bool join) { return impl_->NewCopy(join); }

Status Shard::Compact() { return impl_->Compact(); }

void Shard::AllowForgetting(EventTime before) { impl_->AllowForgetting(before); }

void Shard::CancelCompaction() { impl_->CancelCompaction(); }

Status Shard::Flush() { return impl_->Flush(); }

ShardStats Shard::Stats() const {
  rocksdb::DB* const db = impl_->db();
  ShardStats stats;
  const uint64_t keys = IntProperty(db, rocksdb::DB::Properties::kEstimateNumKeys);
  stats.estimated_keys = keys - std::min(keys, kMetaKeys);
  stats.disk_bytes = IntProperty(db, rocksdb::DB::Properties::kTotalSstFilesSize);
  rocksdb::VectorLogPtr logs;
  if (db->GetSortedWalFiles(logs).ok()) {
    for (const auto& log : logs) stats.disk_bytes += log->SizeFileBytes();
  }
  stats.memory_bytes = IntProperty(db, rocksdb::DB::Properties::kCurSizeAllMemTables) +
                       IntProperty(db, rocksdb::DB::Properties::kEstimateTableReadersMem);
  return stats;
}

Status Shard::Health() const { return impl_->health(); }

Status Shard::Close() { return impl_->Close(); }

}  // namespace vasto::storage
