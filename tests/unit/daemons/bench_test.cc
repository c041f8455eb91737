// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemons/vasto/bench/histogram.h"
#include "daemons/vasto/bench/workload.h"

namespace vasto::tool {
namespace {

TEST(LatencyHistogram, QuantilesAreWithinTheirPromise) {
  std::mt19937_64 random(11);
  LatencyHistogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(random() >> (random() % 40 + 10));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (double q : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<double>(values[static_cast<size_t>(q * 100'000 + 0.5) - 1]);
    EXPECT_GE(static_cast<double>(histogram.QuantileNs(q)), exact) << q;
    EXPECT_LE(static_cast<double>(histogram.QuantileNs(q)), exact * 1.0157 + 1) << q;
  }
  EXPECT_EQ(histogram.max_ns(), values.back());
  EXPECT_EQ(histogram.min_ns(), values.front());
}

TEST(LatencyHistogram, MergesAndStartsEmpty) {
  LatencyHistogram a;
  EXPECT_EQ(a.QuantileNs(0.5), 0u);
  EXPECT_EQ(a.min_ns(), 0u);
  LatencyHistogram b;
  a.Record(10);
  b.Record(30);
  a.Merge(b);
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(a.QuantileNs(0.5), 10u);
  EXPECT_EQ(a.QuantileNs(1.0), 30u);
  EXPECT_DOUBLE_EQ(a.mean_ns(), 20);
}

// P(rank 0) of a Zipfian distribution is 1 / zeta(n, theta).
TEST(Zipfian, DrawsTheFirstRanksAsOftenAsItShould) {
  constexpr uint64_t kKeys = 1000;
  constexpr int kDraws = 400'000;
  double zeta = 0;
  for (uint64_t i = 1; i <= kKeys; ++i) zeta += std::pow(1.0 / static_cast<double>(i), 0.99);
  Zipfian zipfian(kKeys);
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> unit(0, 1);
  std::map<uint64_t, int> counts;
  for (int i = 0; i < kDraws; ++i) ++counts[zipfian.Draw(unit(random))];
  EXPECT_NEAR(counts[0], kDraws / zeta, kDraws / zeta * 0.03);
  EXPECT_NEAR(counts[1], kDraws / zeta * std::pow(0.5, 0.99), kDraws / zeta * 0.03);
  EXPECT_LT(counts.rbegin()->first, kKeys);
}

TEST(Workload, SequentialKeysAreDealtOutWithoutGaps) {
  const WorkloadOptions options{.keys = 10, .distribution = Distribution::kSequential};
  Workload a(options, 0, 2);
  Workload b(options, 1, 2);
  std::map<std::string, int> seen;
  for (int i = 0; i < 5; ++i) {
    ++seen[std::string(a.NextKey())];
    ++seen[std::string(b.NextKey())];
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(seen.begin()->first, "key:000000000000");
}

TEST(Workload, MixesReadsAsAsked) {
  Workload workload({.keys = 10, .read_percent = 25}, 0, 1);
  int reads = 0;
  for (int i = 0; i < 20'000; ++i) reads += workload.NextIsRead();
  EXPECT_NEAR(reads, 5000, 300);
  EXPECT_EQ(workload.NextValue().size(), 100u);
}

}  // namespace
}  // namespace vasto::tool
