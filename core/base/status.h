// SPDX-License-Identifier: Apache-2.0
// Status is the result of every operation that can fail: a code from status_codes.inc and, on
// failure, a message that tells a person what happened and what to do. OK costs one null pointer;
// Status is movable and copyable.
//
// StatusOr<T> is a Status or a T. Neither may be dropped: [[nodiscard]]; IgnoreError() is the one,
// greppable, way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace vasto {

// Stored, sent and exposed through the C ABI: the numbers are frozen.
enum class Code : int32_t {
#define X(name, wire, number, retryable) name = number,
#include "core/base/status_codes.inc"
#undef X
};

// The code's upper-case name ("NOT_FOUND"); an unknown number reads as "INTERNAL".
std::string_view CodeName(Code code);
// The code of a number that came from outside; an unknown number is kInternal.
Code CodeFromNumber(int32_t number);
// Whether the same request may succeed when it is tried again unchanged.
bool IsRetryable(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  // REQUIRES: code != kOk.
  Status(Code code, std::string message);

  Status(const Status& other) : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}
  Status& operator=(const Status& other) {
    if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  static Status Ok() { return {}; }
  static Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
  static Status End() { return {Code::kEnd, "no more entries"}; }
  static Status InvalidArgument(std::string m) { return {Code::kInvalidArgument, std::move(m)}; }
  static Status Timeout(std::string m) { return {Code::kTimeout, std::move(m)}; }
  static Status Unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
  static Status Busy(std::string m) { return {Code::kBusy, std::move(m)}; }
  static Status StaleWrite(std::string m) { return {Code::kStaleWrite, std::move(m)}; }
  static Status TooLarge(std::string m) { return {Code::kTooLarge, std::move(m)}; }
  static Status Corruption(std::string m) { return {Code::kCorruption, std::move(m)}; }
  static Status IoError(std::string m) { return {Code::kIoError, std::move(m)}; }
  static Status NoSpace(std::string m) { return {Code::kNoSpace, std::move(m)}; }
  static Status NotSupported(std::string m) { return {Code::kNotSupported, std::move(m)}; }
  static Status AlreadyExists(std::string m) { return {Code::kAlreadyExists, std::move(m)}; }
  static Status Cancelled(std::string m) { return {Code::kCancelled, std::move(m)}; }
  static Status Closed(std::string m) { return {Code::kClosed, std::move(m)}; }
  static Status Permission(std::string m) { return {Code::kPermission, std::move(m)}; }
  static Status TooOld(std::string m) { return {Code::kTooOld, std::move(m)}; }
  static Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }
  // The code that fits an errno value (ENOSPC → kNoSpace, EACCES → kPermission, …), message
  // "<what>: <strerror>".
  static Status FromErrno(int error, std::string_view what);

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  bool Is(Code code) const { return this->code() == code; }
  bool retryable() const { return IsRetryable(code()); }
  // Empty when ok(). Borrowed from *this.
  const std::string& message() const;
  // "OK" or "NOT_FOUND: message".
  std::string ToString() const;

  // Adds context in front of the message: Prefixed("open shard 3") → "open shard 3: <message>". OK
  // stays OK.
  Status Prefixed(std::string_view context) const;
  void IgnoreError() const {}

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

template <typename T>
class [[nodiscard]] StatusOr {
 public:
  // REQUIRES: !status.ok().
  StatusOr(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)
  StatusOr(T value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  const Status& status() const& { return status_; }
  Status status() && { return std::move(status_); }

  // REQUIRES: ok().
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  void IgnoreError() const {}

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace vasto

#define VASTO_CONCAT_INNER(a, b) a##b
#define VASTO_CONCAT(a, b) VASTO_CONCAT_INNER(a, b)

// Returns from the enclosing function when the expression is not OK.
#define VASTO_RETURN_IF_ERROR(expr)                                                     \
  do {                                                                                  \
    if (::vasto::Status vasto_status = (expr); !vasto_status.ok()) return vasto_status; \
  } while (false)

// VASTO_ASSIGN_OR_RETURN(auto x, MakeX()): assigns the value or returns the error.
#define VASTO_ASSIGN_OR_RETURN(lhs, expr) \
  VASTO_ASSIGN_OR_RETURN_IMPL(VASTO_CONCAT(vasto_or_, __LINE__), lhs, expr)
#define VASTO_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return std::move(tmp).status();    \
  lhs = std::move(tmp).value()
