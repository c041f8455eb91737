// SPDX-License-Identifier: Apache-2.0
#include "fuse/errno_table.h"

#include <cerrno>

namespace vasto::fuse {

int ErrnoOf(vasto_status_t code) {
  switch (code) {
    case VASTO_OK:
      return 0;
    case VASTO_NOT_FOUND:
      return ENOENT;
    case VASTO_END:
      return ENODATA;
    case VASTO_INVALID_ARGUMENT:
      return EINVAL;
    case VASTO_TIMEOUT:
      return ETIMEDOUT;
    case VASTO_UNAVAILABLE:
      return EHOSTUNREACH;
    case VASTO_BUSY:
      return EBUSY;
    case VASTO_STALE_WRITE:
      return ESTALE;
    // The library retries until the deadline: what is left is that time was not enough.
    case VASTO_RESIZING:
      return ETIMEDOUT;
    case VASTO_TOO_LARGE:
      return EFBIG;
    case VASTO_BUFFER_TOO_SMALL:
      return ERANGE;
    case VASTO_CORRUPTION:
    case VASTO_IO_ERROR:
      return EIO;
    case VASTO_NO_SPACE:
      return ENOSPC;
    case VASTO_NOT_SUPPORTED:
      return EOPNOTSUPP;
    case VASTO_ALREADY_EXISTS:
      return EEXIST;
    case VASTO_CANCELLED:
      return EINTR;
    case VASTO_CLOSED:
      return ESHUTDOWN;
    case VASTO_PERMISSION:
      return EACCES;
    default:
      return EIO;
  }
}

}  // namespace vasto::fuse
