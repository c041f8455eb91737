// SPDX-License-Identifier: Apache-2.0
// What a fuzz target defines. Built two ways from the same source: as a ctest program (driver.cc
// mutates the seeds with a fixed random sequence, so a failure repeats) and, with
// -DVASTO_LIBFUZZER=ON and clang, against libFuzzer, which searches by coverage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Handles one input; returns 0. Anything wrong ends the process (VASTO_FUZZ_CHECK, a sanitizer).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vasto::fuzz {

// Well-formed inputs, from which mutations start.
std::vector<std::string> Seeds();

// Ends the process with a message.
[[noreturn]] void Fail(const char* file, int line, const char* what);

}  // namespace vasto::fuzz

#define VASTO_FUZZ_CHECK(condition) \
  ((condition) ? void() : ::vasto::fuzz::Fail(__FILE__, __LINE__, #condition))
