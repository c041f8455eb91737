// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/bench/workload.h"

#include <cmath>
#include <cstdio>

namespace vasto::tool {
namespace {

constexpr double kTheta = 0.99;

double Zeta(uint64_t n) {
  double sum = 0;
  for (uint64_t i = 1; i <= n; ++i) sum += std::pow(1.0 / static_cast<double>(i), kTheta);
  return sum;
}

// Spreads neighbouring ranks over the key space, as YCSB's scrambled distribution does (FNV-1a, 64
// bits).
uint64_t Scramble(uint64_t rank) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int i = 0; i < 8; ++i, rank >>= 8) hash = (hash ^ (rank & 0xff)) * 0x100000001b3;
  return hash;
}

}  // namespace

Zipfian::Zipfian(uint64_t n) : n_(n), zeta_(Zeta(n)) {
  const double zeta2 = Zeta(2);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(n), 1 - kTheta)) / (1 - zeta2 / zeta_);
}

uint64_t Zipfian::Draw(double uniform) const {
  const double scaled = uniform * zeta_;
  if (scaled < 1) return 0;
  if (scaled < 1 + std::pow(0.5, kTheta)) return n_ > 1 ? 1 : 0;
  const auto rank = static_cast<uint64_t>(static_cast<double>(n_) *
                                          std::pow(eta_ * uniform - eta_ + 1, 1 / (1 - kTheta)));
  return rank < n_ ? rank : n_ - 1;
}

Workload::Workload(const WorkloadOptions& options, uint64_t worker, uint64_t workers)
    : options_(options),
      random_(options.seed * 1'000'003 + worker),
      zipfian_(options.distribution == Distribution::kZipfian ? options.keys : 2),
      next_(worker),
      step_(workers) {
  constexpr uint64_t kSpare = 4096;
  values_.resize(options.value_size + kSpare);
  for (char& c : values_) c = static_cast<char>(random_());
}

std::string_view Workload::NextKey() {
  uint64_t index = 0;
  switch (options_.distribution) {
    case Distribution::kUniform:
      index = random_() % options_.keys;
      break;
    case Distribution::kZipfian:
      index = Scramble(zipfian_.Draw(unit_(random_))) % options_.keys;
      break;
    case Distribution::kSequential:
      index = next_ % options_.keys;
      next_ += step_;
      break;
  }
  const int size =
      std::snprintf(key_, sizeof(key_), "key:%012llu", static_cast<unsigned long long>(index));
  return {key_, static_cast<size_t>(size)};
}

std::string_view Workload::NextValue() {
  const uint64_t spare = values_.size() - options_.value_size;
  return std::string_view(values_).substr(random_() % spare, options_.value_size);
}

bool Workload::NextIsRead() {
  if (options_.read_percent >= 100) return true;
  if (options_.read_percent <= 0) return false;
  return static_cast<int>(random_() % 100) < options_.read_percent;
}

}  // namespace vasto::tool
