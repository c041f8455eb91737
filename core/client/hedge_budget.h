// SPDX-License-Identifier: Apache-2.0
// When a read is hedged (hedge.h), and how many are.
// Threads: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace vasto::client {

// What 95 of 100 reads take: an estimate that follows the samples with small steps and keeps none
// of them (Ma, Muthukrishnan and Sandler, "Frugal Streaming for Estimating Quantiles", 2013). It
// comes to rest where 19 steps down meet one up, which is 19 times as large.
class LatencyEstimate {
 public:
  // Below that, a hedge would only answer to the scheduler's whims.
  static constexpr int64_t kLeastUs = 1'000;
  // From there on a router leaves a silent replica by itself.
  static constexpr int64_t kMostUs = 250'000;

  void Add(int64_t sample_us) {
    const int64_t now_us = p95_us();
    const int64_t step_us = std::max<int64_t>(1, now_us / 256);
    const int64_t next_us = sample_us > now_us ? now_us + 19 * step_us : now_us - step_us;
    // Of two at a time one is lost.
    p95_us_.store(std::clamp(next_us, kLeastUs, kMostUs), std::memory_order_relaxed);
  }
  int64_t p95_us() const { return p95_us_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> p95_us_{10'000};
};

// A token bucket: one hedge for so many reads that could be hedged, a few saved up. So a cluster
// that is slow as a whole gets no more load than that by hedges.
class HedgeBudget {
 public:
  static constexpr int kReadsPerHedge = 20;
  static constexpr int kMostSaved = 10;  // hedges; there at the beginning, too

  // A read that may be hedged has begun.
  void Earn() {
    int saved = saved_.load(std::memory_order_relaxed);
    while (saved < kMostSaved * kReadsPerHedge &&
           !saved_.compare_exchange_weak(saved, saved + 1, std::memory_order_relaxed)) {
    }
  }
  // Whether a read may be hedged now; it is then.
  [[nodiscard]] bool Spend() {
    int saved = saved_.load(std::memory_order_relaxed);
    while (saved >= kReadsPerHedge) {
      if (saved_.compare_exchange_weak(saved, saved - kReadsPerHedge, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

 private:
  std::atomic<int> saved_{kMostSaved * kReadsPerHedge};
};

}  // namespace vasto::client
