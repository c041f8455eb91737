// SPDX-License-Identifier: Apache-2.0
// A progress line on stderr, only when that is a terminal; redrawn at most ten times a second and
// wiped at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vasto::cli {

// Threads: one.
class Progress {
 public:
  // unit: what is counted, as in "rows".
  Progress(std::string what, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // total 0: not known.
  void Update(uint64_t done, uint64_t total);

 private:
  std::string what_;
  std::string unit_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace vasto::cli
