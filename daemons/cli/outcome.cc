// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/outcome.h"

#include <cstdio>

namespace vasto::cli {

ExitCode ExitCodeOf(vasto_status_t code) {
  switch (code) {
    case VASTO_OK:
    case VASTO_END:
      return kExitOk;
    case VASTO_NOT_FOUND:
      return kExitNotFound;
    case VASTO_TIMEOUT:
      return kExitTimeout;
    case VASTO_UNAVAILABLE:
      return kExitUnavailable;
    default:
      return kExitFailure;
  }
}

std::string Describe(vasto_status_t code, const Error& error) {
  const std::string name = vasto_status_name(code);
  if (error.get() == nullptr) return name;
  std::string text = vasto_error_message(error.get());
  if (text.empty()) text = name;
  if (vasto_error_is_in_doubt(error.get())) text += " (the write may have happened)";
  return text;
}

void Check(const std::string& what, vasto_status_t code, const Error& error) {
  if (code != VASTO_OK) throw Failure(code, what + ": " + Describe(code, error));
}

void PrintFailure(const char* tool, const std::string& line) {
  std::fprintf(stderr, "%s: %s\n", tool, line.c_str());
}

}  // namespace vasto::cli
