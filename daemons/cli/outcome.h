// SPDX-License-Identifier: Apache-2.0
// How the tools end: exit codes of the command-line contract, one clear line on stderr for a
// failure. Output that cannot be written is one.
#pragma once

#include <vasto/vasto.h>

#include <stdexcept>
#include <string>

namespace vasto::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitTimeout = 4,
  kExitUnavailable = 5,
};

ExitCode ExitCodeOf(vasto_status_t code);

// A call of the library that failed; its what() is the line for the user, without the tool's name.
class Failure : public std::runtime_error {
 public:
  Failure(vasto_status_t code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  vasto_status_t code() const { return code_; }

 private:
  vasto_status_t code_;
};

// Throws the Failure of a system call, with what errno says: "<what>: No such file or directory".
[[noreturn]] void FailErrno(const std::string& what);

// Something the user asked for that makes no sense; exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Receives the error object of one call: Check("open keyspace a", vasto_keyspace_open(..., error),
// error).
class Error {
 public:
  Error() = default;
  ~Error() { vasto_error_destroy(error_); }
  Error(const Error&) = delete;
  Error& operator=(const Error&) = delete;
  operator vasto_error_t**() { return &error_; }  // NOLINT(google-explicit-constructor)
  const vasto_error_t* get() const { return error_; }

 private:
  vasto_error_t* error_ = nullptr;
};

// "<message>" of the error, or the code's name when the call left no error object.
std::string Describe(vasto_status_t code, const Error& error);

// Throws Failure("<what>: <message>") unless code is OK.
void Check(const std::string& what, vasto_status_t code, const Error& error);

// Runs a tool's body: its result, or the exit code of the Failure or UsageError it threw after one
// line on stderr.
template <typename Body>
int RunTool(const char* tool, Body body);

// Control characters in the line are shown as \\xNN.
void PrintFailure(const char* tool, const std::string& line);

// Throws Failure unless everything that was printed could be written.
void FlushStdout();

// A program may be started with some of its standard files closed; the next file or socket it opens
// must not become one of them. Reading stdin, or writing the others, then fails as if they still
// were. To be called first.
void KeepStandardFiles();

template <typename Body>
int RunTool(const char* tool, Body body) {
  try {
    const int code = body();
    FlushStdout();
    return code;
  } catch (const Failure& failure) {
    PrintFailure(tool, failure.what());
    return ExitCodeOf(failure.code());
  } catch (const UsageError& error) {
    PrintFailure(tool, error.what());
    return kExitUsage;
  } catch (const std::exception& error) {
    PrintFailure(tool, error.what());
    return kExitFailure;
  }
}

}  // namespace vasto::cli
