// SPDX-License-Identifier: Apache-2.0
// Where a store's unix socket goes. A socket's path is limited to 107 bytes, a folder's is not.
// Threads: any.
#pragma once

#include <string>

#include "core/base/status.h"

namespace vasto::store {

// An absolute path: <dir>/store.sock when that is short enough, else a name made from the folder's
// in a private folder (mode 0700) below $XDG_RUNTIME_DIR or /tmp, which is made here. kPermission
// when that folder is another user's.
StatusOr<std::string> ChooseSocketPath(const std::string& dir);

}  // namespace vasto::store
