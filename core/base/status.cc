// SPDX-License-Identifier: Apache-2.0
#include "core/base/status.h"

#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace vasto {

std::string_view CodeName(Code code) {
  switch (code) {
#define X(name, wire, number, retryable) \
  case Code::name:                       \
    return #wire;
#include "core/base/status_codes.inc"
#undef X
  }
  return "INTERNAL";
}

Code CodeFromNumber(int32_t number) {
  switch (number) {
#define X(name, wire, number, retryable) \
  case number:                           \
    return Code::name;
#include "core/base/status_codes.inc"
#undef X
    default:
      return Code::kInternal;
  }
}

bool IsRetryable(Code code) {
  switch (code) {
#define X(name, wire, number, retryable) \
  case Code::name:                       \
    return retryable;
#include "core/base/status_codes.inc"
#undef X
  }
  return false;
}

Status::Status(Code code, std::string message)
    : rep_(std::make_unique<Rep>(Rep{code, std::move(message)})) {
  assert(code != Code::kOk);
}

Status Status::FromErrno(int error, std::string_view what) {
  std::string message(what);
  message.append(": ").append(std::generic_category().message(error));
  switch (error) {
    case ENOENT:
      return NotFound(std::move(message));
    case EEXIST:
    case EADDRINUSE:
      return AlreadyExists(std::move(message));
    case EACCES:
    case EPERM:
    case EROFS:
      return Permission(std::move(message));
    case ENOSPC:
    case EDQUOT:
      return NoSpace(std::move(message));
    case ETIMEDOUT:
      return Timeout(std::move(message));
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Unavailable(std::move(message));
    case EINVAL:
      return InvalidArgument(std::move(message));
    default:
      return IoError(std::move(message));
  }
}

const std::string& Status::message() const {
  static const std::string kEmpty;
  return rep_ ? rep_->message : kEmpty;
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  return std::string(CodeName(code())) + ": " + message();
}

Status Status::Prefixed(std::string_view context) const {
  if (ok()) return {};
  return {code(), std::string(context) + ": " + message()};
}

}  // namespace vasto
