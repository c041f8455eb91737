// SPDX-License-Identifier: Apache-2.0
#include "core/storage/compaction_filter.h"

#include "core/codec/record.h"
#include "core/storage/keys.h"
#include "core/storage/rocksdb_status.h"

namespace vasto::storage {
namespace {

class RecordFilter final : public rocksdb::CompactionFilter {
 public:
  RecordFilter(int64_t horizon_us, EventTime agreed, GcFloors* floors)
      : horizon_us_(horizon_us), agreed_(agreed), floors_(floors) {}

  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    if (key.empty() || key[0] != kDataPrefix) return false;
    const auto record = PeekRecord(ToView(value));
    if (!record.ok() || !EndedLongAgo(*record) || !IsAgreed(*record)) return false;
    return floors_->MayDrop(KeyHash(ToView(key).substr(1)), record->event_time);
  }
  const char* Name() const override { return "vasto.RecordFilter"; }

 private:
  bool EndedLongAgo(const Record& record) const {
    if (record.tombstone && record.expires_at_us == 0) {
      return EventTimeMicros(record.event_time) <= horizon_us_;
    }
    return record.expires_at_us != 0 && horizon_us_ > 0 &&
           record.expires_at_us <= static_cast<uint64_t>(horizon_us_);
  }

  // Of one that ended long ago. When it did is known to a microsecond only.
  bool IsAgreed(const Record& record) const {
    const bool ended_before =
        record.expires_at_us == 0 ||
        MakeEventTime(static_cast<int64_t>(record.expires_at_us) + 1) <= agreed_;
    return ended_before && record.event_time < agreed_;
  }

  const int64_t horizon_us_;  // what ended before this moment may go
  const EventTime agreed_;
  GcFloors* const floors_;  // borrowed; outlives the database
};

class RecordFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  RecordFilterFactory(const Clock* clock, int64_t grace_us, const std::atomic<EventTime>* agreed,
                      GcFloors* floors)
      : clock_(clock), grace_us_(grace_us), agreed_(agreed), floors_(floors) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<RecordFilter>(clock_->WallMicros() - grace_us_,
                                          agreed_->load(std::memory_order_relaxed), floors_);
  }
  const char* Name() const override { return "vasto.RecordFilterFactory"; }

 private:
  const Clock* const clock_;  // borrowed; outlives the database
  const int64_t grace_us_;
  const std::atomic<EventTime>* const agreed_;  // borrowed; outlives the database
  GcFloors* const floors_;                      // borrowed; outlives the database
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> NewRecordFilterFactory(
    const Clock* clock, int64_t grace_us, const std::atomic<EventTime>* agreed, GcFloors* floors) {
  return std::make_shared<RecordFilterFactory>(clock, grace_us, agreed, floors);
}

}  // namespace vasto::storage
