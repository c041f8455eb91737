// SPDX-License-Identifier: Apache-2.0
//
// The conversation with the kernel: a libfuse session over a device that we opened and mounted
// ourselves, its loop, and its end.
//
// Why not fuse_session_mount: libfuse 3.14 never tells the kernel that look-ups in one directory
// may run in parallel (FUSE_PARALLEL_DIROPS). With one directory per keyspace the kernel would then
// send one look-up at a time for a whole machine. fuse_session_custom_io gives us the bytes of
// every reply, and the session sets that flag in the first one, the reply to INIT; and, for kernels
// that have it, the one that allows shared mappings of files that bypass the page cache. Splice is
// given up for it: replies are written from memory.
//
// Threads: Start, Stop and the destructor by one thread; the loop runs on a thread of its own, and
// the operations on libfuse's workers.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "fuse/filesystem.h"

namespace vasto::fuse {

class Session {
 public:
  // `fs` is borrowed and outlives *this. `device` is taken over; the kernel talks to it already.
  Session(Filesystem* fs, int device);
  // The loop must have ended, and no operation may be running.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Starts the loop. `on_end` runs on its thread when it has ended: because the directory was
  // unmounted, or after Stop. "" or what is wrong.
  std::string Start(std::function<void()> on_end);
  // Ends the loop although the kernel still holds the connection; requests not answered yet are
  // answered by nobody once the device is closed, which the kernel turns into ENOTCONN.
  void Stop();
  // Waits for the end of the loop.
  void Join();

 private:
  Filesystem* const fs_;
  const int device_;
  fuse_session* session_ = nullptr;
  std::thread loop_;
  std::atomic<bool> ended_{false};
};

// Sets the flags we want in a reply to INIT: `body` is the struct fuse_init_out of `size` bytes.
void PatchInitReply(char* body, size_t size);

}  // namespace vasto::fuse
