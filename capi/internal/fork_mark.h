// SPDX-License-Identifier: Apache-2.0
// Tells whether the calling process is the one that made this object, or a forked child of it, at
// the price of one load: the mark is a page that the kernel hands to children zeroed
// (MADV_WIPEONFORK). Where the kernel cannot do that, the pid is compared instead.
//
// Threads: any, without synchronization (constant after construction).
#pragma once

#include <sys/types.h>

#include <atomic>

namespace vasto::capi {

class ForkMark {
 public:
  ForkMark();
  ~ForkMark();
  ForkMark(const ForkMark&) = delete;
  ForkMark& operator=(const ForkMark&) = delete;

  bool InChild() const {
    return page_ != nullptr ? page_->load(std::memory_order_relaxed) == 0 : PidDiffers();
  }

 private:
  bool PidDiffers() const;

  // Constant after construction.
  std::atomic<int>* page_ = nullptr;  // nullptr: compare pids
  pid_t pid_;
};

}  // namespace vasto::capi
