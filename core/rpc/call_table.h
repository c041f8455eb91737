// SPDX-License-Identifier: Apache-2.0
// The calls of a channel that wait for their replies: found by sequence id in constant time, and by
// deadline through a heap.
//
// Sequence ids count up and are not used again before 2^31 others were, so that a late reply to a
// call that timed out finds nothing, rather than another call.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "core/rpc/channel.h"

namespace vasto::rpc::internal {

struct PendingCall {
  int32_t seqid = 0;  // 0: a free slot
  uint32_t heap_index = 0;
  int64_t deadline_us = 0;
  uint64_t end_offset = 0;  // of its frame in the connection's stream of requests
  std::string_view method;
  Channel::RawCallback done;
};

class CallTable {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  CallTable() : slots_(kFirstSlots) {}

  size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  // kNever when empty.
  int64_t next_deadline_us() const { return heap_.empty() ? kNever : heap_.front().deadline_us; }

  // The new call; its seqid is set. Valid until the next call of this object.
  PendingCall* Add(std::string_view method, int64_t deadline_us, Channel::RawCallback done);
  // Moves the call out. False when no such call waits.
  bool Take(int32_t seqid, PendingCall* call);
  // Moves out the call with the earliest deadline when that is not after now_us.
  bool TakeExpired(int64_t now_us, PendingCall* call);
  // Moves out all of them.
  std::vector<PendingCall> TakeAll();

 private:
  static constexpr size_t kFirstSlots = 16;  // a power of two, as ever after

  struct HeapEntry {
    int64_t deadline_us;
    uint32_t slot;
  };

  size_t SlotOf(int32_t seqid) const { return static_cast<uint32_t>(seqid) & (slots_.size() - 1); }
  int32_t NextSeqid();
  void Grow();
  void Remove(size_t slot, PendingCall* call);
  void Place(size_t index, HeapEntry entry);
  void SiftUp(size_t index);
  void SiftDown(size_t index);

  std::vector<PendingCall> slots_;
  std::vector<HeapEntry> heap_;
  int32_t last_seqid_ = 0;
};

}  // namespace vasto::rpc::internal
