// SPDX-License-Identifier: Apache-2.0
// For each of a few thousand slots, an upper bound of the event times of all keys that hash to it:
// what lets nearly every write go in without reading first.
//
// As long as event times only rise, as they do when all come from the shard's clock, one bound says
// the same as all slots; there are none until the first write that is older than another.
//
// Invariant: Of(h) >= the event time of every record stored, or in the batch being built, under a
// key whose hash is h. So a write with a greater event time is the newest of its key.
// A write that failed may leave its slot too high; that costs a read later, never a wrong result.
//
// Threads: one at a time (the leader of the shard's sequencer).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/hlc.h"

namespace vasto::storage {

class TimestampSketch {
 public:
  static constexpr size_t kSlots = 4096;  // a power of two; 32 KiB a shard, once there are any

  static size_t Slot(uint64_t key_hash) { return key_hash & (kSlots - 1); }

  // bound: at least every event time stored so far.
  explicit TimestampSketch(EventTime bound) : bound_(bound) {}

  EventTime Of(uint64_t key_hash) const { return slots_.empty() ? bound_ : slots_[Slot(key_hash)]; }
  void Raise(uint64_t key_hash, EventTime event_time) {
    if (slots_.empty()) {
      if (event_time > bound_) {
        bound_ = event_time;
        return;
      }
      slots_.assign(kSlots, bound_);
    }
    EventTime& slot = slots_[Slot(key_hash)];
    slot = std::max(slot, event_time);
  }

 private:
  EventTime bound_;  // of all slots, while there are none
  std::vector<EventTime> slots_;
};

}  // namespace vasto::storage
