// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "capi/internal/guard.h"
#include "core/base/hlc.h"
#include "core/base/status.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

// The numbers of status_codes.inc are those of vasto.h.
#define X(name, wire, number, retryable) static_assert(VASTO_##wire == (number));
#include "core/base/status_codes.inc"
#undef X

#define VASTO_TEXT_OF(x) #x
#define VASTO_TEXT(x) VASTO_TEXT_OF(x)

VASTO_API void vasto_version(int32_t* out_major, int32_t* out_minor, int32_t* out_patch) {
  if (out_major != nullptr) *out_major = VASTO_VERSION_MAJOR;
  if (out_minor != nullptr) *out_minor = VASTO_VERSION_MINOR;
  if (out_patch != nullptr) *out_patch = VASTO_VERSION_PATCH;
}

VASTO_API const char* vasto_version_string(void) {
  return "vasto " VASTO_BUILD_VERSION " (abi " VASTO_TEXT(VASTO_VERSION_MAJOR) "." VASTO_TEXT(
      VASTO_VERSION_MINOR) "." VASTO_TEXT(VASTO_VERSION_PATCH) ")";
}

// CodeName's views are literals, so NUL-terminated.
VASTO_API const char* vasto_status_name(vasto_status_t code) {
  return vasto::CodeName(vasto::CodeFromNumber(code)).data();
}

VASTO_API bool vasto_status_is_retryable(vasto_status_t code) {
  return vasto::IsRetryable(vasto::CodeFromNumber(code));
}

VASTO_API uint64_t vasto_partition_hash(const void* data, size_t size) {
  if (data == nullptr) size = 0;
  return vasto::PartitionHash({static_cast<const char*>(data), size});
}

VASTO_API uint64_t vasto_version_time_ns(uint64_t version) {
  return vasto::EventTimeToNanos(version);
}
