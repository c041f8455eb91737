// SPDX-License-Identifier: Apache-2.0
// What a benchmark asks for, operation by operation. Threads: one Workload a thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace vasto::tool {

enum class Distribution { kUniform, kZipfian, kSequential };

struct WorkloadOptions {
  uint64_t keys = 1'000'000;
  uint64_t value_size = 100;
  Distribution distribution = Distribution::kUniform;
  int read_percent = 100;  // the other operations are puts
  uint64_t seed = 1;
};

// Ranks 0 … n-1 with the Zipfian distribution of YCSB (theta 0.99), drawn as in Gray et al.,
// "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994.
class Zipfian {
 public:
  explicit Zipfian(uint64_t n);
  uint64_t Draw(double uniform) const;

 private:
  uint64_t n_;
  double zeta_;
  double eta_;
};

class Workload {
 public:
  // worker of workers: sequential keys are dealt out to them in turn.
  Workload(const WorkloadOptions& options, uint64_t worker, uint64_t workers);

  // The next key, 16 bytes and more; valid until the next call.
  std::string_view NextKey();
  // A value of options.value_size pseudo-random, badly compressible bytes; valid for ever.
  std::string_view NextValue();
  bool NextIsRead();

 private:
  WorkloadOptions options_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> unit_{0.0, 1.0};
  Zipfian zipfian_;
  uint64_t next_;
  uint64_t step_;
  std::string values_;
  char key_[32];
};

}  // namespace vasto::tool
