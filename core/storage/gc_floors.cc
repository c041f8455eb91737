// SPDX-License-Identifier: Apache-2.0
#include "core/storage/gc_floors.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/storage/timestamp_sketch.h"

namespace vasto::storage {
namespace {

constexpr size_t kSlots = TimestampSketch::kSlots;
constexpr size_t kStoredSize = 1 + kSlots * sizeof(EventTime);

}  // namespace

void GcFloors::Raise(const Floors& to, Floors* floors) {
  if (to.empty()) return;
  floors->resize(kSlots);
  for (size_t i = 0; i < kSlots; ++i) (*floors)[i] = std::max((*floors)[i], to[i]);
}

StatusOr<GcFloors::Floors> GcFloors::Decode(std::string_view stored) {
  Floors floors;
  if (stored.empty()) return floors;
  const auto format = static_cast<uint8_t>(stored.front());
  if (format > kGcFloorsFormat) {
    return Status::NotSupported("its floors of dropped records have format " +
                                std::to_string(format) + ": run a newer version of vasto");
  }
  if (format != kGcFloorsFormat || stored.size() != kStoredSize) {
    return Status::Corruption("its floors of dropped records are damaged");
  }
  floors.resize(kSlots);
  ByteReader reader(stored.substr(1));
  for (EventTime& floor : floors) floor = reader.Fixed<EventTime>();
  return floors;
}

std::string GcFloors::Encode(const Floors& floors) {
  std::string bytes;
  bytes.reserve(kStoredSize);
  PutFixed(&bytes, kGcFloorsFormat);
  for (const EventTime floor : floors) PutFixed(&bytes, floor);
  return bytes;
}

StatusOr<std::string> GcFloors::Join(std::string_view a, std::string_view b) {
  VASTO_ASSIGN_OR_RETURN(Floors floors, Decode(a));
  VASTO_ASSIGN_OR_RETURN(const Floors others, Decode(b));
  Raise(others, &floors);
  return floors.empty() ? std::string() : Encode(floors);
}

Status GcFloors::Load(std::string_view stored) {
  VASTO_ASSIGN_OR_RETURN(const Floors floors, Decode(stored));
  bool tell = false;
  {
    MutexLock lock(&mu_);
    Raise(floors, &floors_);
    loaded_ = true;
    tell = told_ = !wanted_.empty();
  }
  if (tell) on_wanted_();
  return {};
}

bool GcFloors::MayDrop(uint64_t key_hash, EventTime event_time) {
  const size_t slot = TimestampSketch::Slot(key_hash);
  {
    MutexLock lock(&mu_);
    if (!floors_.empty() && event_time <= floors_[slot]) return true;
    wanted_.resize(kSlots);
    wanted_[slot] = std::max(wanted_[slot], event_time);
    if (!loaded_ || told_) return false;
    told_ = true;
  }
  on_wanted_();
  return false;
}

bool GcFloors::Covers(uint64_t key_hash, EventTime event_time) const {
  MutexLock lock(&mu_);
  return !floors_.empty() && event_time <= floors_[TimestampSketch::Slot(key_hash)];
}

std::string GcFloors::BeginRaise() {
  MutexLock lock(&mu_);
  told_ = false;
  if (wanted_.empty()) return {};
  raising_ = floors_;
  Raise(wanted_, &raising_);
  wanted_ = Floors();
  return Encode(raising_);
}

void GcFloors::EndRaise(bool stored) {
  MutexLock lock(&mu_);
  Raise(raising_, stored ? &floors_ : &wanted_);
  raising_ = Floors();
}

}  // namespace vasto::storage
