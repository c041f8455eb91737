// SPDX-License-Identifier: Apache-2.0
// The queue in front of a shard's sequencer: many threads push lists of writes, at most one thread,
// the leader, takes them. Whoever pushes onto an idle queue becomes the leader and stays it until
// TakeOrRetire finds nothing.
//
// Invariants
//  1. At most one leader at a time, and always one while writes wait.
//  2. Writes come out in the order their pushes went in; each list in its own order.
//  3. What one leader wrote before it retired is visible to the next leader.
//
// Threads: Push from any thread; TakeOrRetire from the leader; TryClose from any. Lock-free.
#pragma once

#include <atomic>

#include "core/storage/shard.h"

namespace vasto::storage {

class WriteQueue {
 public:
  enum class PushResult { kQueued, kLeader, kClosed };

  // Adds the list (linked by Write::next, ended by nullptr). kLeader: the caller must now lead,
  // until TakeOrRetire returned nullptr, or hand that duty to another thread. kClosed: nothing was
  // taken and the list is unchanged. REQUIRES: list != nullptr.
  PushResult Push(Write* list);

  // The leader takes all that waits, oldest first, linked by Write::next. nullptr: there was
  // nothing, and the caller is no longer the leader.
  Write* TakeOrRetire();

  // Refuses later pushes. False, without effect, while there is a leader.
  bool TryClose();

 private:
  // What head_ may hold besides the newest write: nullptr (idle), Led() (a leader, nothing waits),
  // Closed().
  static Write* Led() { return reinterpret_cast<Write*>(uintptr_t{1}); }
  static Write* Closed() { return reinterpret_cast<Write*>(uintptr_t{2}); }
  // Turns a list round; returns its new first element.
  static Write* Reverse(Write* list);

  std::atomic<Write*> head_{nullptr};  // newest first
};

}  // namespace vasto::storage
