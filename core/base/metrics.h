// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and latency histograms with Prometheus-legal names and labels. A Metrics object
// is owned by a process part (store, master, client) and passed down; there is no process-wide
// registry.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/mutex.h"

namespace vasto {

// Threads: all of these from any thread, lock-free.
class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Log-linear buckets (4 a power of two) over microseconds up to about one hour; relative error
// below 25 %.
class Histogram {
 public:
  // n: how many requests took this long.
  void Record(uint64_t us, uint64_t n = 1);
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }
  // Upper bound of the bucket that holds the q-quantile, 0 < q <= 1; 0 when nothing was recorded.
  uint64_t Quantile(double q) const;

 private:
  static constexpr size_t kBuckets = 128;
  static size_t BucketOf(uint64_t us);
  static uint64_t UpperBound(size_t bucket);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> sum_us_{0};
};

// Threads: any.
class Metrics {
 public:
  using Gauge = std::function<double()>;

  // The named series, made at first use; lives as long as *this. labels: `keyspace="a",shard="3"`
  // or empty.
  Counter* GetCounter(const std::string& name, const std::string& labels = "");
  Histogram* GetHistogram(const std::string& name, const std::string& labels = "");
  // Replaces the gauge of that name and labels. read: called by ToText, from any thread, without
  // locks held.
  void SetGauge(const std::string& name, const std::string& labels, Gauge read);
  void RemoveGauge(const std::string& name, const std::string& labels);
  // Prometheus text exposition format 0.0.4.
  std::string ToText() const;

 private:
  using Key = std::pair<std::string, std::string>;  // name, labels

  mutable Mutex mu_;
  std::map<Key, std::unique_ptr<Counter>> counters_ GUARDED_BY(mu_);
  std::map<Key, std::unique_ptr<Histogram>> histograms_ GUARDED_BY(mu_);
  std::map<Key, Gauge> gauges_ GUARDED_BY(mu_);
};

}  // namespace vasto
