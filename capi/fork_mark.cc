// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/fork_mark.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace vasto::capi {
namespace {
constexpr size_t kPageSize = 4096;
}  // namespace

ForkMark::ForkMark() : pid_(getpid()) {
  void* page = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, kPageSize, MADV_WIPEONFORK) != 0) {
    munmap(page, kPageSize);
    return;
  }
  page_ = new (page) std::atomic<int>(1);
}

ForkMark::~ForkMark() {
  if (page_ != nullptr) munmap(page_, kPageSize);
}

bool ForkMark::PidDiffers() const { return getpid() != pid_; }

}  // namespace vasto::capi
