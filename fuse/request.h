// SPDX-License-Identifier: Apache-2.0
//
// One request of the kernel, from its arrival to its one reply.
//
// Every operation owns its Request and answers it exactly once; a Request that goes unanswered
// answers EIO by itself, so that no process ever waits for a reply that will not come.
//
// Interruption: when the process that waits gets a signal the kernel says so. The operation then
// has kInterruptGrace to finish by itself (most do, so that a timer signal does not make a read
// fail), after which what it waits for is aborted and it ends with EINTR.
//
// Threads: used by its operation only.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <chrono>
#include <cstdint>
#include <string_view>

#include "fuse/call.h"
#include "fuse/node.h"

namespace vasto::fuse {

class Filesystem;

constexpr std::chrono::milliseconds kInterruptGrace{100};

class Request {
 public:
  // Takes over `request`; the Filesystem is its session's user data.
  explicit Request(fuse_req_t request);
  Request(Request&& other) noexcept;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  Request& operator=(Request&&) = delete;
  ~Request();

  Filesystem* fs() const { return fs_; }
  // The deadline and the interruption of the operation. Valid as long as the Request.
  Call* call() const { return call_.get(); }
  const fuse_ctx* context() const { return fuse_req_ctx(request_); }

  // The replies; one of them, once. error 0 is success without data.
  void Error(int error);
  // Gives the kernel one lookup of `node`, which the caller has counted already; takes it back if
  // the kernel does not get the answer.
  void Entry(const NodePtr& node, const fuse_entry_param& entry);
  // As Entry; also hands over fi. False if the kernel did not get it: the file is not open then.
  bool Create(const NodePtr& node, const fuse_entry_param& entry, const fuse_file_info& fi);
  // False if the kernel did not get the answer: the file is not open then.
  bool Open(const fuse_file_info& fi);
  void Attr(const struct stat& attr, double timeout_s);
  // False if the kernel did not get the answer.
  bool Bytes(std::string_view bytes);
  void Written(size_t size);
  void Statfs(const struct statvfs& numbers);
  // Answers a getxattr or listxattr that may take `capacity` bytes (0: only the size is asked for).
  void Xattr(std::string_view bytes, size_t capacity);

 private:
  fuse_req_t Take();

  fuse_req_t request_;
  Filesystem* fs_;
  CallPtr call_;
};

}  // namespace vasto::fuse
