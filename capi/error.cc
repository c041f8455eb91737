// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/guard.h"

namespace vasto::capi {

const vasto_error_t* OutOfMemoryError() noexcept {
  // Made without any allocation (the message fits the string's own buffer) and never destroyed, so
  // valid to the last moment.
  alignas(vasto_error_t) static char storage[sizeof(vasto_error_t)];
  static const auto* const kError =
      new (storage) vasto_error_t{Code::kNoSpace, "out of memory", false, "client"};
  return kError;
}

}  // namespace vasto::capi

VASTO_API vasto_status_t vasto_error_code(const vasto_error_t* error) {
  return error != nullptr ? static_cast<vasto_status_t>(error->code) : VASTO_INTERNAL;
}

VASTO_API const char* vasto_error_message(const vasto_error_t* error) {
  return error != nullptr ? error->message.c_str() : "";
}

VASTO_API bool vasto_error_is_retryable(const vasto_error_t* error) {
  return error != nullptr && vasto::IsRetryable(error->code);
}

VASTO_API bool vasto_error_is_in_doubt(const vasto_error_t* error) {
  return error != nullptr && error->in_doubt;
}

VASTO_API const char* vasto_error_origin(const vasto_error_t* error) {
  return error != nullptr ? error->origin.c_str() : "";
}

VASTO_API void vasto_error_destroy(vasto_error_t* error) {
  if (error != nullptr && error != vasto::capi::OutOfMemoryError()) delete error;
}
