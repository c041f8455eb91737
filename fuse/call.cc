// SPDX-License-Identifier: Apache-2.0
#include "fuse/call.h"

#include "fuse/task.h"

namespace vasto::fuse {

bool Call::SetWait(Abort abort, void* self) {
  if (arm_) {
    armed_ = true;
    std::exchange(arm_, nullptr)();
  }
  MutexLock lock(&mu_);
  if (interrupted_) return false;
  abort_ = abort;
  self_ = self;
  return true;
}

void Call::ClearWait() {
  MutexLock lock(&mu_);
  abort_ = nullptr;
  self_ = nullptr;
}

void Call::Interrupt() {
  std::coroutine_handle<> wake;
  {
    MutexLock lock(&mu_);
    interrupted_ = true;
    if (abort_ != nullptr) wake = std::exchange(abort_, nullptr)(self_);
  }
  if (wake) Resume(wake);
}

bool Call::interrupted() const {
  MutexLock lock(&mu_);
  return interrupted_;
}

}  // namespace vasto::fuse
