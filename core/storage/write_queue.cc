// SPDX-License-Identifier: Apache-2.0
#include "core/storage/write_queue.h"

namespace vasto::storage {

Write* WriteQueue::Reverse(Write* list) {
  Write* reversed = nullptr;
  while (list != nullptr) {
    Write* next = list->next;
    list->next = reversed;
    reversed = list;
    list = next;
  }
  return reversed;
}

WriteQueue::PushResult WriteQueue::Push(Write* list) {
  Write* const oldest = list;
  Write* const newest = Reverse(list);
  Write* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == Closed()) {
      oldest->next = nullptr;
      Reverse(newest);
      return PushResult::kClosed;
    }
    oldest->next = head == Led() ? nullptr : head;
    // Acquire: a leader elected here sees what the last one wrote before it retired.
  } while (!head_.compare_exchange_weak(head, newest, std::memory_order_acq_rel,
                                        std::memory_order_relaxed));
  return head == nullptr ? PushResult::kLeader : PushResult::kQueued;
}

Write* WriteQueue::TakeOrRetire() {
  for (;;) {
    Write* const taken = head_.exchange(Led(), std::memory_order_acq_rel);
    if (taken != Led()) return Reverse(taken);
    Write* expected = Led();
    if (head_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      return nullptr;
    }
  }
}

bool WriteQueue::TryClose() {
  Write* expected = nullptr;
  return head_.compare_exchange_strong(expected, Closed(), std::memory_order_acq_rel,
                                       std::memory_order_relaxed) ||
         expected == Closed();
}

}  // namespace vasto::storage
