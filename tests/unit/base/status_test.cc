// SPDX-License-Identifier: Apache-2.0
#include "core/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace vasto {
namespace {

// The numbers are on disk, on the wire and in the C ABI.
TEST(StatusTest, CodesAreFrozen) {
  EXPECT_EQ(static_cast<int>(Code::kOk), 0);
  EXPECT_EQ(static_cast<int>(Code::kNotFound), 1);
  EXPECT_EQ(static_cast<int>(Code::kTimeout), 4);
  EXPECT_EQ(static_cast<int>(Code::kStaleWrite), 7);
  EXPECT_EQ(static_cast<int>(Code::kNoSpace), 13);
  EXPECT_EQ(static_cast<int>(Code::kPermission), 20);
  EXPECT_EQ(static_cast<int>(Code::kTooOld), 21);
  EXPECT_EQ(static_cast<int>(Code::kInternal), 99);
  EXPECT_EQ(CodeName(Code::kBufferTooSmall), "BUFFER_TOO_SMALL");
}

TEST(StatusTest, UnknownNumbersAreInternal) {
  EXPECT_EQ(CodeFromNumber(1), Code::kNotFound);
  EXPECT_EQ(CodeFromNumber(98), Code::kInternal);
  EXPECT_EQ(CodeFromNumber(-1), Code::kInternal);
  EXPECT_EQ(CodeName(static_cast<Code>(1234)), "INTERNAL");
}

TEST(StatusTest, RetryableCodes) {
  EXPECT_TRUE(IsRetryable(Code::kTimeout));
  EXPECT_TRUE(IsRetryable(Code::kUnavailable));
  EXPECT_TRUE(IsRetryable(Code::kBusy));
  EXPECT_TRUE(IsRetryable(Code::kResizing));
  EXPECT_FALSE(IsRetryable(Code::kOk));
  EXPECT_FALSE(IsRetryable(Code::kCorruption));
  EXPECT_FALSE(IsRetryable(Code::kStaleWrite));
}

TEST(StatusTest, MessagesAndContext) {
  const Status ok;
  EXPECT_TRUE(ok.ok());
  EXPECT_EQ(ok.ToString(), "OK");
  EXPECT_EQ(ok.message(), "");
  EXPECT_TRUE(ok.Prefixed("open shard 3").ok());
  const Status status = Status::NotFound("no such key").Prefixed("open shard 3");
  EXPECT_EQ(status.ToString(), "NOT_FOUND: open shard 3: no such key");
  const Status copy = status;
  EXPECT_EQ(copy.message(), status.message());
}

TEST(StatusTest, ErrnoValues) {
  EXPECT_EQ(Status::FromErrno(ENOSPC, "write").code(), Code::kNoSpace);
  EXPECT_EQ(Status::FromErrno(ENOENT, "open").code(), Code::kNotFound);
  EXPECT_EQ(Status::FromErrno(EACCES, "open").code(), Code::kPermission);
  EXPECT_EQ(Status::FromErrno(EIO, "read").code(), Code::kIoError);
  EXPECT_EQ(Status::FromErrno(ENOSPC, "write a").message(), "write a: No space left on device");
}

StatusOr<int> Half(int n) {
  if (n % 2 != 0) return Status::InvalidArgument("odd");
  return n / 2;
}

StatusOr<int> Quarter(int n) {
  VASTO_ASSIGN_OR_RETURN(const int half, Half(n));
  VASTO_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

Status CheckQuarter(int n) {
  VASTO_RETURN_IF_ERROR(Quarter(n).status());
  return {};
}

TEST(StatusOrTest, MacrosReturnTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_TRUE(CheckQuarter(4).ok());
  EXPECT_EQ(CheckQuarter(5).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace vasto
