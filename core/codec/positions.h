// SPDX-License-Identifier: Apache-2.0
// How far a replica has come in the logs of all replicas of its shard: a version vector (Parker et
// al., "Detection of Mutual Inconsistency in Distributed Systems", IEEE TSE 1983).
//
// A log is what one replica accepted from clients between two openings of its database. Each
// opening begins a new one with a new random id, so that a database that lost its tail, or an old
// copy of one, never uses a position twice. Sequences begin at 1 and count what the database counts
// for one change; they may skip.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <vector>

namespace vasto {

using LogId = uint64_t;  // random; 0: none

// All changes of `log` up to and including `sequence`.
struct Position {
  LogId log = 0;
  uint64_t sequence = 0;
  bool operator==(const Position&) const = default;
};

class VersionVector {
 public:
  VersionVector() = default;
  // In any order; of two positions of one log the greater counts. Those without a log or a sequence
  // say nothing.
  explicit VersionVector(const std::vector<Position>& positions);

  // 0: nothing of this log.
  uint64_t Of(LogId log) const;
  bool Covers(const Position& position) const { return Of(position.log) >= position.sequence; }
  // Whether *this covers all that `other` does.
  bool Covers(const VersionVector& other) const;
  // Never lowers.
  void Raise(const Position& position);
  void Raise(const VersionVector& other);
  void Forget(LogId log);
  // Lowers to what `other` covers, too.
  void Intersect(const VersionVector& other);

  // By log, ascending; each log once, no sequence 0.
  const std::vector<Position>& positions() const { return positions_; }
  bool operator==(const VersionVector&) const = default;

 private:
  std::vector<Position> positions_;
};

}  // namespace vasto
