// SPDX-License-Identifier: Apache-2.0
#include "fuse/errno_table.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace vasto::fuse {
namespace {

TEST(ErrnoTableTest, TheTableOfTheManualPage) {
  EXPECT_EQ(ErrnoOf(VASTO_OK), 0);
  EXPECT_EQ(ErrnoOf(VASTO_NOT_FOUND), ENOENT);
  EXPECT_EQ(ErrnoOf(VASTO_ALREADY_EXISTS), EEXIST);
  EXPECT_EQ(ErrnoOf(VASTO_STALE_WRITE), ESTALE);
  EXPECT_EQ(ErrnoOf(VASTO_TIMEOUT), ETIMEDOUT);
  EXPECT_EQ(ErrnoOf(VASTO_UNAVAILABLE), EHOSTUNREACH);
  EXPECT_EQ(ErrnoOf(VASTO_CORRUPTION), EIO);
  EXPECT_EQ(ErrnoOf(VASTO_NO_SPACE), ENOSPC);
  EXPECT_EQ(ErrnoOf(VASTO_TOO_LARGE), EFBIG);
  EXPECT_EQ(ErrnoOf(VASTO_INVALID_ARGUMENT), EINVAL);
  EXPECT_EQ(ErrnoOf(VASTO_PERMISSION), EACCES);
  EXPECT_EQ(ErrnoOf(VASTO_CANCELLED), EINTR);
}

TEST(ErrnoTableTest, NoCodeIsTakenForAbsenceOrForSuccessOrRemembered) {
  for (vasto_status_t code = 1; code < 200; ++code) {
    const int error = ErrnoOf(code);
    EXPECT_GT(error, 0) << code;
    EXPECT_NE(error, ENOSYS) << code;  // the kernel would never ask again
    if (code != VASTO_NOT_FOUND) {
      EXPECT_NE(error, ENOENT) << code;
    }
  }
  EXPECT_EQ(ErrnoOf(-1), EIO);
}

}  // namespace
}  // namespace vasto::fuse
