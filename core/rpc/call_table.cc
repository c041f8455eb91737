// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/call_table.h"

#include <utility>

namespace vasto::rpc::internal {

int32_t CallTable::NextSeqid() {
  // At least half of the slots are free, so a free one comes soon; those in the way are calls that
  // wait long.
  do {
    last_seqid_ = last_seqid_ == std::numeric_limits<int32_t>::max() ? 1 : last_seqid_ + 1;
  } while (slots_[SlotOf(last_seqid_)].seqid != 0);
  return last_seqid_;
}

PendingCall* CallTable::Add(std::string_view method, int64_t deadline_us,
                            Channel::RawCallback done) {
  if (heap_.size() * 2 >= slots_.size()) Grow();
  const int32_t seqid = NextSeqid();
  const size_t slot = SlotOf(seqid);
  PendingCall& call = slots_[slot];
  call.seqid = seqid;
  call.deadline_us = deadline_us;
  call.method = method;
  call.done = std::move(done);
  heap_.push_back({deadline_us, static_cast<uint32_t>(slot)});
  SiftUp(heap_.size() - 1);
  return &call;
}

bool CallTable::Take(int32_t seqid, PendingCall* call) {
  const size_t slot = SlotOf(seqid);
  if (seqid == 0 || slots_[slot].seqid != seqid) return false;
  Remove(slot, call);
  return true;
}

bool CallTable::TakeExpired(int64_t now_us, PendingCall* call) {
  if (next_deadline_us() > now_us || heap_.empty()) return false;
  Remove(heap_.front().slot, call);
  return true;
}

std::vector<PendingCall> CallTable::TakeAll() {
  std::vector<PendingCall> calls;
  calls.reserve(heap_.size());
  for (const HeapEntry& entry : heap_) {
    calls.push_back(std::move(slots_[entry.slot]));
    slots_[entry.slot].seqid = 0;
  }
  heap_.clear();
  return calls;
}

void CallTable::Grow() {
  std::vector<PendingCall> old(slots_.size() * 2);
  old.swap(slots_);
  // Ids that differ in their lower bits still do with one bit more.
  for (PendingCall& call : old) {
    if (call.seqid == 0) continue;
    const size_t slot = SlotOf(call.seqid);
    heap_[call.heap_index].slot = static_cast<uint32_t>(slot);
    slots_[slot] = std::move(call);
  }
}

void CallTable::Remove(size_t slot, PendingCall* call) {
  *call = std::move(slots_[slot]);
  slots_[slot].seqid = 0;
  const size_t index = call->heap_index;
  const HeapEntry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  Place(index, last);
  SiftUp(index);
  SiftDown(slots_[last.slot].heap_index);
}

void CallTable::Place(size_t index, HeapEntry entry) {
  heap_[index] = entry;
  slots_[entry.slot].heap_index = static_cast<uint32_t>(index);
}

void CallTable::SiftUp(size_t index) {
  const HeapEntry entry = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent].deadline_us <= entry.deadline_us) break;
    Place(index, heap_[parent]);
    index = parent;
  }
  Place(index, entry);
}

void CallTable::SiftDown(size_t index) {
  const HeapEntry entry = heap_[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].deadline_us < heap_[child].deadline_us)
      ++child;
    if (entry.deadline_us <= heap_[child].deadline_us) break;
    Place(index, heap_[child]);
    index = child;
  }
  Place(index, entry);
}

}  // namespace vasto::rpc::internal
