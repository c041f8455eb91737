// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/outcome.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "daemons/cli/text.h"

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

void FailErrno(const std::string& what) {
  throw Failure(VASTO_IO_ERROR, what + ": " + std::strerror(errno));
}

std::string Describe(vasto_status_t code, const Error& error) {
  if (error.get() == nullptr)
    return code == VASTO_NOT_FOUND ? "not found" : vasto_status_name(code);
  const std::string text = vasto_error_message(error.get());
  return text.empty() ? vasto_status_name(code) : text;
}

void Check(const std::string& what, vasto_status_t code, const Error& error) {
  if (code != VASTO_OK) throw Failure(code, what + ": " + Describe(code, error));
}

void PrintFailure(const char* tool, const std::string& line) {
  std::fprintf(stderr, "%s: %s\n", tool, OneLine(line).c_str());
}

void FlushStdout() {
  const bool failed_before = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !failed_before) return;
  const std::string why = failed_before ? "" : std::string(": ") + std::strerror(errno);
  std::clearerr(stdout);
  throw Failure(VASTO_IO_ERROR, "cannot write to stdout" + why);
}

void KeepStandardFiles() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free descriptor is this one.
    if (::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) std::abort();
  }
}

}  // namespace vasto::cli
