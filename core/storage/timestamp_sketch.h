// SPDX-License-Identifier: Apache-2.0
// For each of a few thousand slots, an upper bound of the event times of all keys that hash to it:
// what lets nearly every write go in without reading first.
//
// Invariant: Of(h) >= the event time of every record stored, or in the batch being built, under a
// key whose hash is h. So a write with a greater event time is the newest of its key.
// A write that failed may leave its slot too high; that costs a read later, never a wrong result.
//
// Threads: one at a time (the leader of the shard's sequencer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/hlc.h"

namespace vasto::storage {

class TimestampSketch {
 public:
  static constexpr size_t kSlots = 4096;  // a power of two; 32 KiB a shard

  static size_t Slot(uint64_t key_hash) { return key_hash & (kSlots - 1); }

  // bound: at least every event time stored so far.
  explicit TimestampSketch(EventTime bound) : slots_(kSlots, bound) {}

  EventTime Of(uint64_t key_hash) const { return slots_[Slot(key_hash)]; }
  void Raise(uint64_t key_hash, EventTime event_time) {
    EventTime& slot = slots_[Slot(key_hash)];
    if (slot < event_time) slot = event_time;
  }

 private:
  std::vector<EventTime> slots_;
};

}  // namespace vasto::storage
