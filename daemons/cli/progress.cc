// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace vasto::cli {
namespace {
constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr int kBarWidth = 30;
}  // namespace

Progress::Progress(std::string what, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(uint64_t done, uint64_t total) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  drawn_ = true;
  if (total == 0) {
    std::fprintf(stderr, "\r\033[K%s: %llu %s", what_.c_str(),
                 static_cast<unsigned long long>(done), unit_.c_str());
    return;
  }
  const double share = static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  const int filled = static_cast<int>(share * kBarWidth);
  std::fprintf(stderr, "\r\033[K%s [%.*s%*s] %3.0f%% %llu/%llu %s", what_.c_str(), filled,
               "##############################", kBarWidth - filled, "", share * 100,
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
               unit_.c_str());
}

}  // namespace vasto::cli
