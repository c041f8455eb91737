// SPDX-License-Identifier: Apache-2.0
#include "core/base/metrics.h"

#include <gtest/gtest.h>

namespace vasto {
namespace {

TEST(HistogramTest, QuantilesAreUpperBoundsWithin25Percent) {
  for (uint64_t us : {0, 1, 3, 4, 5, 7, 8, 100, 999, 65'536, 3'000'000}) {
    Histogram histogram;
    histogram.Record(us);
    EXPECT_GE(histogram.Quantile(1.0), us);
    EXPECT_LE(histogram.Quantile(1.0), us + us / 4 + 1) << us;
  }
}

TEST(HistogramTest, QuantilesOfASpread) {
  Histogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
  for (uint64_t us = 1; us <= 1000; ++us) histogram.Record(us);
  histogram.Record(1, 1000);
  EXPECT_EQ(histogram.count(), 2000u);
  EXPECT_EQ(histogram.sum_us(), 500'500u + 1000u);
  EXPECT_EQ(histogram.Quantile(0.5), 1u);
  EXPECT_GE(histogram.Quantile(0.99), 980u);
  EXPECT_LE(histogram.Quantile(0.99), 1250u);
  histogram.Record(~uint64_t{0} >> 20);
  EXPECT_GT(histogram.Quantile(1.0), 3'600'000'000u);
}

TEST(MetricsTest, TextHasEverySeriesOnceWithItsType) {
  Metrics metrics;
  metrics.GetCounter("vasto_writes_total", "shard=\"1\"")->Add(3);
  metrics.GetCounter("vasto_writes_total", "shard=\"1\"")->Add();
  metrics.GetCounter("vasto_writes_total", "shard=\"2\"")->Add();
  metrics.GetHistogram("vasto_put_us")->Record(10);
  metrics.SetGauge("vasto_open", "", [] { return 2.5; });
  const std::string text = metrics.ToText();
  EXPECT_NE(text.find("vasto_writes_total{shard=\"1\"} 4\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vasto_writes_total{shard=\"2\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE vasto_writes_total counter\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("# TYPE vasto_writes_total"), text.rfind("# TYPE vasto_writes_total"));
  EXPECT_NE(text.find("vasto_put_us_count 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vasto_open 2.5\n"), std::string::npos) << text;
  metrics.RemoveGauge("vasto_open", "");
  EXPECT_EQ(metrics.ToText().find("vasto_open"), std::string::npos);
}

}  // namespace
}  // namespace vasto
