// SPDX-License-Identifier: Apache-2.0
#include "core/base/metrics.h"

#include <bit>
#include <sstream>

namespace vasto {

size_t Histogram::BucketOf(uint64_t us) {
  if (us < 4) return static_cast<size_t>(us);
  const auto log = static_cast<size_t>(std::bit_width(us)) - 1;
  const size_t bucket = (log - 1) * 4 + ((us >> (log - 2)) & 3);
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

uint64_t Histogram::UpperBound(size_t bucket) {
  if (bucket < 4) return bucket;
  const size_t log = bucket / 4 + 1;
  return ((uint64_t{4} + bucket % 4 + 1) << (log - 2)) - 1;
}

void Histogram::Record(uint64_t us, uint64_t n) {
  buckets_[BucketOf(us)].fetch_add(n, std::memory_order_relaxed);
  count_.fetch_add(n, std::memory_order_relaxed);
  sum_us_.fetch_add(us * n, std::memory_order_relaxed);
}

uint64_t Histogram::Quantile(double q) const {
  const uint64_t total = count();
  if (total == 0) return 0;
  const auto wanted = static_cast<uint64_t>(q * static_cast<double>(total) + 0.999999);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= wanted) return UpperBound(i);
  }
  return UpperBound(kBuckets - 1);
}

Counter* Metrics::GetCounter(const std::string& name, const std::string& labels) {
  MutexLock lock(&mu_);
  auto& slot = counters_[{name, labels}];
  if (!slot) slot = std::make_unique<Counter>();
  return slot.get();
}

Histogram* Metrics::GetHistogram(const std::string& name, const std::string& labels) {
  MutexLock lock(&mu_);
  auto& slot = histograms_[{name, labels}];
  if (!slot) slot = std::make_unique<Histogram>();
  return slot.get();
}

void Metrics::SetGauge(const std::string& name, const std::string& labels, Gauge read) {
  MutexLock lock(&mu_);
  gauges_[{name, labels}] = std::move(read);
}

void Metrics::RemoveGauge(const std::string& name, const std::string& labels) {
  MutexLock lock(&mu_);
  gauges_.erase({name, labels});
}

namespace {

std::string Braced(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

std::string Quantiled(const std::string& labels, const char* quantile) {
  return "{" + labels + (labels.empty() ? "" : ",") + "quantile=\"" + quantile + "\"}";
}

class TypeLine {
 public:
  explicit TypeLine(std::ostream* out) : out_(out) {}
  void For(const std::string& name, const char* type) {
    if (name != last_) *out_ << "# TYPE " << name << " " << type << "\n";
    last_ = name;
  }

 private:
  std::ostream* out_;
  std::string last_;
};

}  // namespace

std::string Metrics::ToText() const {
  std::ostringstream out;
  std::map<Key, Gauge> gauges;
  {
    MutexLock lock(&mu_);
    TypeLine type(&out);
    for (const auto& [key, counter] : counters_) {
      type.For(key.first, "counter");
      out << key.first << Braced(key.second) << " " << counter->value() << "\n";
    }
    for (const auto& [key, histogram] : histograms_) {
      type.For(key.first, "summary");
      out << key.first << Quantiled(key.second, "0.5") << " " << histogram->Quantile(0.5) << "\n"
          << key.first << Quantiled(key.second, "0.99") << " " << histogram->Quantile(0.99) << "\n"
          << key.first << Quantiled(key.second, "0.999") << " " << histogram->Quantile(0.999)
          << "\n"
          << key.first << "_sum" << Braced(key.second) << " " << histogram->sum_us() << "\n"
          << key.first << "_count" << Braced(key.second) << " " << histogram->count() << "\n";
    }
    gauges = gauges_;
  }
  TypeLine type(&out);
  for (const auto& [key, read] : gauges) {
    type.For(key.first, "gauge");
    out << key.first << Braced(key.second) << " " << read() << "\n";
  }
  return out.str();
}

}  // namespace vasto
