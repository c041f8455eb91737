// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/bench/histogram.h"

#include <algorithm>
#include <bit>

namespace vasto::tool {

size_t LatencyHistogram::BucketOf(uint64_t ns) {
  constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  if (ns < kSub) return static_cast<size_t>(ns);
  const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;
  return static_cast<size_t>(((shift + 1) << kSubBits) + ((ns >> shift) & (kSub - 1)));
}

uint64_t LatencyHistogram::UpperBound(size_t bucket) {
  constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  if (bucket < kSub) return bucket;
  const unsigned shift = static_cast<unsigned>(bucket >> kSubBits) - 1;
  return ((kSub + (bucket & (kSub - 1)) + 1) << shift) - 1;
}

void LatencyHistogram::Record(uint64_t ns) {
  ++buckets_[BucketOf(ns)];
  ++count_;
  sum_ += ns;
  min_ = std::min(min_, ns);
  max_ = std::max(max_, ns);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

uint64_t LatencyHistogram::QuantileNs(double q) const {
  const auto wanted = static_cast<uint64_t>(q * static_cast<double>(count_) + 0.999999);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) return std::min(UpperBound(i), max_);
  }
  return max_;
}

}  // namespace vasto::tool
