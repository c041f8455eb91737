// SPDX-License-Identifier: Apache-2.0
//
// The one place where results of libvasto become errno values. Operations of the mount that fail
// for reasons of their own (a bad name, a read-only option) use errno directly; a vasto_status_t is
// turned into one here and nowhere else.
//
// Threads: any.
#pragma once

#include "vasto/vasto.h"

namespace vasto::fuse {

// 0 for VASTO_OK, otherwise an errno value > 0. Unknown codes are EIO, as corruption is: an answer
// that cannot be trusted is never ENOENT. Never ENOSYS, which the kernel would remember for ever.
int ErrnoOf(vasto_status_t code);

}  // namespace vasto::fuse
