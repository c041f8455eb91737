// SPDX-License-Identifier: Apache-2.0
// What lets compactions forget deletions without an older write ever bringing a value back: for
// each of a few thousand slots of keys, the floor, at or above the event time of everything that
// was dropped there. A write to a key of which nothing is stored must be above its slot's floor,
// else nobody can tell any more whether the key was deleted later.
//
// Two steps, so that a crash at any moment leaves the floors high enough: a compaction that meets a
// record above its floor keeps it and notes the floor it wants; the shard puts the noted floors on
// the disk (meta key kGcFloorsKey) and only then they count; a later compaction drops the record.
// So floors rise for what is really dropped: where nothing was deleted they are 0, and data of any
// age can be imported in any order.
//
// On the disk: byte 0 is the format, kGcFloorsFormat (1); then TimestampSketch::kSlots floors,
// fixed64 each.
//
// Invariants
//  1. What MayDrop lets go is at or below a floor that is on the disk, synced.
//  2. A floor never sinks.
//  3. No floor is above the greatest event time stored so far in its slot, so a write that the
//  timestamp sketch lets in unread is above the floor, too.
//
// Threads: MayDrop, Covers from any; Load once, before the first raise; BeginRaise and EndRaise in
// turn, by one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hlc.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace vasto::storage {

constexpr uint8_t kGcFloorsFormat = 1;

class GcFloors {
 public:
  // on_wanted: called, by a compaction's thread and without a lock, when there is something to
  // raise; not again before BeginRaise. Never before Load.
  explicit GcFloors(std::function<void()> on_wanted) : on_wanted_(std::move(on_wanted)) {}

  // Takes the bytes stored under kGcFloorsKey; empty: there are none. kCorruption, kNotSupported
  // for a newer format.
  Status Load(std::string_view stored) EXCLUDES(mu_);
  // The floors of a database that lacks what either of two has dropped, as they are stored. Errors
  // as of Load.
  static StatusOr<std::string> Join(std::string_view a, std::string_view b);

  // Whether a record of this key and event time may be dropped now. If not it is noted.
  bool MayDrop(uint64_t key_hash, EventTime event_time) EXCLUDES(mu_);
  // Whether something as new as this may have been dropped under this key. To be asked after the
  // key was found to have nothing stored: what is dropped later was there then.
  bool Covers(uint64_t key_hash, EventTime event_time) const EXCLUDES(mu_);

  // The bytes to store and sync, with the floors noted until now; empty when nothing is wanted.
  std::string BeginRaise() EXCLUDES(mu_);
  // stored: they are durable, and count from now on. Otherwise they stay noted.
  void EndRaise(bool stored) EXCLUDES(mu_);

 private:
  using Floors = std::vector<EventTime>;  // by slot; empty: all 0

  static void Raise(const Floors& to, Floors* floors);
  static StatusOr<Floors> Decode(std::string_view stored);
  static std::string Encode(const Floors& floors);

  const std::function<void()> on_wanted_;
  mutable Mutex mu_;
  Floors floors_ GUARDED_BY(mu_);
  Floors wanted_ GUARDED_BY(mu_);
  Floors raising_ GUARDED_BY(mu_);  // between BeginRaise and EndRaise
  bool loaded_ GUARDED_BY(mu_) = false;
  bool told_ GUARDED_BY(mu_) = false;  // on_wanted was called
};

}  // namespace vasto::storage
