// SPDX-License-Identifier: Apache-2.0
//
// The life of a mount.vasto process from parsed options to its exit code: connect, mount, serve
// until unmounted or told to stop, publish what is left, leave.
//
// Signals: TERM and INT stop cleanly (before the mount stands they end the process at once), HUP
// opens the log file anew and asks for the keyspaces again.
//
// Threads: main thread only; one per process.
#pragma once

#include "fuse/options.h"

namespace vasto::fuse {

// Returns the exit code, or, in the parent of a background mount, does not return.
int RunMount(const Options& options, bool is_root);

}  // namespace vasto::fuse
