// SPDX-License-Identifier: Apache-2.0
#include "core/codec/positions.h"

#include <algorithm>

namespace vasto {
namespace {

constexpr auto kByLog = [](const Position& position, LogId log) { return position.log < log; };

}  // namespace

VersionVector::VersionVector(const std::vector<Position>& positions) {
  for (const Position& position : positions) Raise(position);
}

uint64_t VersionVector::Of(LogId log) const {
  const auto it = std::lower_bound(positions_.begin(), positions_.end(), log, kByLog);
  return it == positions_.end() || it->log != log ? 0 : it->sequence;
}

bool VersionVector::Covers(const VersionVector& other) const {
  return std::all_of(other.positions_.begin(), other.positions_.end(),
                     [this](const Position& position) { return Covers(position); });
}

void VersionVector::Raise(const Position& position) {
  if (position.log == 0 || position.sequence == 0) return;
  const auto it = std::lower_bound(positions_.begin(), positions_.end(), position.log, kByLog);
  if (it == positions_.end() || it->log != position.log) {
    positions_.insert(it, position);
  } else {
    it->sequence = std::max(it->sequence, position.sequence);
  }
}

void VersionVector::Raise(const VersionVector& other) {
  for (const Position& position : other.positions_) Raise(position);
}

void VersionVector::Intersect(const VersionVector& other) {
  for (Position& position : positions_) {
    position.sequence = std::min(position.sequence, other.Of(position.log));
  }
  std::erase_if(positions_, [](const Position& position) { return position.sequence == 0; });
}

void VersionVector::Forget(LogId log) {
  std::erase_if(positions_, [log](const Position& position) { return position.log == log; });
}

}  // namespace vasto
