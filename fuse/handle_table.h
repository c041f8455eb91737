// SPDX-License-Identifier: Apache-2.0
//
// The open files and directories of a mount. fi->fh is a handle's address, from the reply that
// opened it until its release; the table owns it meanwhile. What the kernel sent no release for
// when the mount went ends with the table.
//
// Threads: any. Whoever uses a handle knows that its release has not come: the kernel sends that
// last.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "fuse/mutex.h"

namespace vasto::fuse {

struct Handle {
  virtual ~Handle() = default;
};
static_assert(sizeof(Handle*) <= sizeof(uint64_t), "a handle must fit fi->fh");

class HandleTable {
 public:
  // Returns what goes into fi->fh. Before the reply: a release may come right after it.
  uint64_t Add(std::unique_ptr<Handle> handle) EXCLUDES(mu_) {
    const auto fh = reinterpret_cast<uint64_t>(handle.get());
    MutexLock lock(&mu_);
    handles_.emplace(fh, std::move(handle));
    return fh;
  }

  // REQUIRES: fh came from Add, of a T, and was not taken.
  template <typename T>
  static T* Get(uint64_t fh) {
    return static_cast<T*>(reinterpret_cast<Handle*>(fh));
  }
  template <typename T>
  std::unique_ptr<T> Take(uint64_t fh) EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    auto entry = handles_.extract(fh);
    return std::unique_ptr<T>(static_cast<T*>(entry.mapped().release()));
  }

 private:
  Mutex mu_;
  std::unordered_map<uint64_t, std::unique_ptr<Handle>> handles_ GUARDED_BY(mu_);
};

}  // namespace vasto::fuse
