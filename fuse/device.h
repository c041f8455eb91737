// SPDX-License-Identifier: Apache-2.0
//
// /dev/fuse and mount(2): how the directory becomes a mount and how it stops being one.
//
// As root we open the device and mount ourselves, because the reply to the kernel's first request
// must pass through our hands (fuse/session.h). Other users go through fusermount3, which passes
// the open device over a socket.
//
// Threads: any; Mount and the Unmount functions are called by the main thread.
#pragma once

#include <string>
#include <vector>

#include "fuse/options.h"

namespace vasto::fuse {

// Mounts options.directory. Returns the open device, owned by the caller, or -1 and a line that
// says why.
int MountDevice(const Options& options, bool is_root, std::string* problem);

// Checks that `directory` can be mounted on: exists, is a directory, and no live mount of the same
// source is there. The remains of a mount whose daemon died are removed first. "" if all is well.
std::string PrepareDirectory(const Options& options, bool is_root);

// Takes the mount away. Each returns 0 or an errno value. Lazy: at once for new users, for those
// inside when they are done.
int Unmount(const std::string& directory, bool is_root);
int UnmountLazily(const std::string& directory, bool is_root);

// Sets how far the kernel reads ahead on the mount; needs root, and a failure does not matter.
// `device` is st_dev of the mounted directory.
void SetReadAhead(dev_t device, uint32_t readahead_kb);

// "PID (COMMAND)" of the processes that have a file open, or work, below `directory`; as far as may
// be seen. Touches nothing in the mount.
std::vector<std::string> FindHolders(const std::string& directory);

// What f_namemax may be with this kernel.
size_t KernelNameMax();

}  // namespace vasto::fuse
