// SPDX-License-Identifier: Apache-2.0
// The border between C++ and C: every function of vasto.h that returns a vasto_status_t runs its
// body inside Guard(), the only place of the library that catches exceptions.
//
// A body returns an Answer: a Status, and what only the C interface tells about it. Guard turns it
// into a code and, on failure and if the caller wants one, into an error object. Memory that runs
// out becomes NO_SPACE with a preallocated error object, everything else that is thrown INTERNAL.
//
// Threads: any; nothing here has state.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/status.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

// An error as callers hold it. Immutable after creation.
struct vasto_error_t {
  vasto::Code code;
  std::string message;
  bool in_doubt;
  std::string origin;
};

namespace vasto::capi {

// The result of a body. A Status converts to the answer of a refusal made in this library (bad
// argument, closed, …).
struct Answer {
  Answer(Status s) : status(std::move(s)) {}  // NOLINT(google-explicit-constructor)
  static Answer Ok() { return {Status()}; }
  // An answer rather than a failure (NOT_FOUND, END, …): a code without an error object.
  static Answer Plain(Code code) {
    Answer answer{code == Code::kOk ? Status() : Status(code, "")};
    answer.plain = true;
    return answer;
  }
  // What core/client said.
  static Answer FromCluster(Status s) {
    Answer answer{std::move(s)};
    answer.from_cluster = true;
    return answer;
  }

  Status status;
  bool plain = false;
  bool in_doubt = false;  // a write that failed may have happened
  bool from_cluster = false;
};

// The error object of "out of memory", which cannot be allocated then; vasto_error_destroy knows
// it.
const vasto_error_t* OutOfMemoryError() noexcept;

inline vasto_status_t ReportOutOfMemory(vasto_error_t** err) noexcept {
  if (err != nullptr) *err = const_cast<vasto_error_t*>(OutOfMemoryError());
  return VASTO_NO_SPACE;
}

// Turns an answer into its code and, if it is a failure, an error object in *err.
inline vasto_status_t Report(Answer answer, vasto_error_t** err) {
  const Code code = answer.status.code();
  if (code != Code::kOk && !answer.plain && err != nullptr) {
    const std::string& message = answer.status.message();
    const std::string_view origin = answer.from_cluster ? client::StoreOf(message) : "client";
    *err = new vasto_error_t{code, message, answer.in_doubt, std::string(origin)};
  }
  return static_cast<vasto_status_t>(code);
}

// Runs body, which returns an Answer or a Status, and never throws.
template <typename Body>
vasto_status_t Guard(vasto_error_t** err, Body&& body) noexcept {
  try {
    return Report(std::forward<Body>(body)(), err);
  } catch (const std::bad_alloc&) {
    return ReportOutOfMemory(err);
  } catch (const std::exception& e) {
    const char* what = e.what();
    try {
      return Report(Answer(Status::Internal(std::string("unexpected exception: ") + what)), err);
    } catch (...) {
      return ReportOutOfMemory(err);
    }
  } catch (...) {
    return ReportOutOfMemory(err);
  }
}

// Runs a body without a result, for setters and destroy functions. Returns false when it threw.
template <typename Body>
bool GuardVoid(Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace vasto::capi
