// SPDX-License-Identifier: Apache-2.0
#include "fuse/request.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "fuse/filesystem.h"

namespace vasto::fuse {
namespace {

// Called by libfuse, under the lock of the request, when the kernel reports a signal.
void OnInterrupt(fuse_req_t /*request*/, void* data) {
  static_cast<Call*>(data)->NotifyInterrupt();
}

}  // namespace

Request::Request(fuse_req_t request)
    : request_(request),
      fs_(static_cast<Filesystem*>(fuse_req_userdata(request))),
      call_(std::make_shared<Call>(fs_->options().hard ? 0 : fs_->options().timeout_ms)) {
  fs_->RequestBegins();
  // Most operations never wait and need no ear for signals. Raw pointers: the call is held by this
  // request, which takes the ear off before it answers.
  call_->set_arm([request, call = call_.get(), fs = fs_] {
    ++fs->counters().waiting;
    call->set_on_interrupt([fs, weak = call->weak_from_this()] {
      fs->timer().After(kInterruptGrace, [fs, weak] {
        if (const CallPtr live = weak.lock()) {
          ++fs->counters().interrupted;
          live->Interrupt();
        }
      });
    });
    fuse_req_interrupt_func(request, &OnInterrupt, call);
  });
}

Request::Request(Request&& other) noexcept
    : request_(std::exchange(other.request_, nullptr)),
      fs_(std::exchange(other.fs_, nullptr)),
      call_(std::move(other.call_)) {}

Request::~Request() {
  if (request_ != nullptr) Error(EIO);
  if (fs_ == nullptr) return;
  if (call_->armed()) --fs_->counters().waiting;
  fs_->RequestEnds();
}

fuse_req_t Request::Take() {
  fuse_req_t request = std::exchange(request_, nullptr);
  // libfuse may be calling OnInterrupt right now; this waits until it is not and never will again.
  if (call_->armed()) fuse_req_interrupt_func(request, nullptr, nullptr);
  return request;
}

void Request::Error(int error) { fuse_reply_err(Take(), error); }

void Request::Entry(const NodePtr& node, const fuse_entry_param& entry) {
  if (fuse_reply_entry(Take(), &entry) != 0) fs_->nodes().Forget(node->id, 1);
}

bool Request::Create(const NodePtr& node, const fuse_entry_param& entry, const fuse_file_info& fi) {
  const bool sent = fuse_reply_create(Take(), &entry, &fi) == 0;
  if (!sent) fs_->nodes().Forget(node->id, 1);
  return sent;
}

bool Request::Open(const fuse_file_info& fi) { return fuse_reply_open(Take(), &fi) == 0; }

void Request::Attr(const struct stat& attr, double timeout_s) {
  fuse_reply_attr(Take(), &attr, timeout_s);
}

bool Request::Bytes(std::string_view bytes) {
  return fuse_reply_buf(Take(), bytes.data(), bytes.size()) == 0;
}

void Request::Written(size_t size) { fuse_reply_write(Take(), size); }

void Request::Statfs(const struct statvfs& numbers) { fuse_reply_statfs(Take(), &numbers); }

void Request::Xattr(std::string_view bytes, size_t capacity) {
  if (capacity == 0) {
    fuse_reply_xattr(Take(), bytes.size());
  } else if (bytes.size() > capacity) {
    Error(ERANGE);
  } else {
    Bytes(bytes);
  }
}

}  // namespace vasto::fuse
