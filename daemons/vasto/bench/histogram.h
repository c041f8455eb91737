// SPDX-License-Identifier: Apache-2.0
// Latencies in nanoseconds, in buckets of 1/64 of a power of two (the layout of HdrHistogram): any
// quantile within 1.6 %, from 1 ns to hours, in 30 KiB. Threads: one; merge the histograms of
// several threads at the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vasto::tool {

class LatencyHistogram {
 public:
  void Record(uint64_t ns);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  uint64_t min_ns() const { return count_ == 0 ? 0 : min_; }
  uint64_t max_ns() const { return max_; }
  double mean_ns() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // Upper bound of the bucket that holds the q-quantile, 0 < q <= 1; never more than max_ns().
  uint64_t QuantileNs(double q) const;

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static size_t BucketOf(uint64_t ns);
  static uint64_t UpperBound(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t min_ = ~uint64_t{0};
  uint64_t max_ = 0;
};

}  // namespace vasto::tool
