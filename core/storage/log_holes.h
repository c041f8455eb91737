// SPDX-License-Identifier: Apache-2.0
// Where a database's write-ahead log is known not to go on: a power loss may take the end of a log
// whose content a flush had brought to the disk already, so that the next one begins later.
//
// It takes a reader a second to be sure of that (log_reader.h). What is gone stays gone, so the
// others need not wait again: a follower may ask for dozens of logs that all break off there.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <set>

#include "core/base/mutex.h"

namespace vasto::storage {

class LogHoles {
 public:
  // Of so many it knows; of more the earliest are found out again.
  static constexpr size_t kMaxHoles = 256;

  // Whether the log does not hold this sequence, but later ones.
  bool Knows(uint64_t sequence) const EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    return holes_.contains(sequence);
  }
  void Add(uint64_t sequence) EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    holes_.insert(sequence);
    if (holes_.size() > kMaxHoles) holes_.erase(holes_.begin());
  }

 private:
  mutable Mutex mu_;
  std::set<uint64_t> holes_ GUARDED_BY(mu_);
};

}  // namespace vasto::storage
