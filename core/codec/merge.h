// SPDX-License-Identifier: Apache-2.0
// Numbers that several replicas merge into at once: sums, least and greatest ones.
//
// The value is a number as text, so that it reads like any other. Behind it the record keeps a
// merge state: what was put or deleted last (the base), and for each log (positions.h) what its
// replica has merged into that, as one number. A replica changes the entries of its own log only,
// and always stores the whole new state; so applying a change twice, or in another order, makes no
// difference, and a replica that lost its end, whose next log has another id, never counts under an
// old name. This is the state-based counter of Shapiro et al., "A comprehensive study of Convergent
// and Commutative Replicated Data Types" (INRIA RR-7506, 2011), as Cassandra and Scylla have it,
// with the rules for bases and for folding added:
//
//  1. A base replaces the entries that began before it. What a log merged after a put or delete
//  that
//     its replica had not seen yet, into an entry that began before it, goes with that entry.
//  2. An entry is closed kMergeEntryOpenUs after its last merge: then its log begins another. What
//     is closed, and known to every replica (EventTime `agreed`, core/replication), may be folded
//     into one number. Two replicas that fold up to the same moment come to the same number, so of
//     two the one that reaches further counts, and other states' entries up to it are in it.
//
// The state, in its one encoding, all integers little-endian:
//
//   1  version, kMergeStateFormat
//   1  bit 0: the base's payload is that of the whole record, since it is no number
//   …  varint length and bytes of the base, a record (record.h) without a state; with bit 0 its
//      payload is left out
//   8  event time of the last touch (0: none since the base), 8 its expiry (0: never)
//   …  varint number of entries, then each, ascending by log and first; log 0, once, first: what
//   was
//      folded, up to its `last`
//      8 log, 8 first, 8 last, 1 operation, 8 number (int64 or IEEE 754 binary64)
//
// Invariants
//  1. Join is associative, commutative and idempotent.
//  2. A record with a state is a function of that state; one whose state would say nothing but its
//     base is the base.
//
// Threads: any; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/hlc.h"
#include "core/base/status.h"
#include "core/codec/positions.h"
#include "core/codec/record.h"

namespace vasto {

constexpr uint8_t kMergeStateFormat = 1;
constexpr int64_t kMergeEntryOpenUs = 600'000'000;
// Of one state; so many logs merged into one key while some replica was away.
constexpr size_t kMaxMergeEntries = 1024;

enum class MergeOp : uint8_t {
  kAddInt64 = 1,
  kMinInt64 = 2,
  kMaxInt64 = 3,
  kAddFloat64 = 4,
  kMinFloat64 = 5,
  kMaxFloat64 = 6,
};

// A merge as the replica that accepts it sees it.
struct Merge {
  MergeOp op = MergeOp::kAddInt64;
  std::string_view operand;  // a number of the operation's type, see MergeInto
  LogId log = 0;             // the replica's; 0: there is only one, and never another
  EventTime event_time = 0;  // above all that the replica has seen
  int64_t wall_us = 0;
  EventTime agreed = 0;  // every replica has all that any accepted before
  // Of a key without a value:
  uint64_t expires_at_us = 0;  // 0: never
  std::optional<uint64_t> partition_hash;
};

// The record after the merge, which borrows from *buffer. stored: nullptr when nothing is. An int64
// is a decimal number, a float64 one as strtod(3) knows it in the C locale, finite and without hex;
// white space around either does not count. kInvalidArgument: operand or value is no such number,
// the value was merged into with another operation, or the result is beyond the type; kBusy beyond
// kMaxMergeEntries; kCorruption.
StatusOr<Record> MergeInto(const Record* stored, const Merge& merge, std::string* buffer);

// The record of a value that was touched: stored, with this expiry (0: never) since event_time.
// REQUIRES: stored has a state.
StatusOr<Record> TouchMerged(const Record& stored, EventTime event_time, uint64_t expires_at_us,
                             std::string* buffer);

// What a replica holds that has seen both: of two plain records the one that wins (WinsOver). The
// result borrows from them or from *buffer. kCorruption: a state is not what these functions wrote.
StatusOr<Record> Join(const Record& a, const Record& b, std::string* buffer);

}  // namespace vasto
