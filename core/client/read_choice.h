// SPDX-License-Identifier: Apache-2.0
// Which replica is to answer a read, and how old its answer may be.
// Threads: values only.
#pragma once

#include <cstdint>

namespace vasto::client {

enum class ReadFrom : uint8_t {
  kPrimary = 0,  // the first replica in the map's order that can be reached and serves
  kAny = 1,      // all alike: the reads are spread over them
  kNearest = 2,  // one on this host, else the one whose store answers pings fastest
};

struct ReadChoice {
  ReadFrom from = ReadFrom::kPrimary;
  // Another replica than the primary answers only if it lacks nothing that the primary had so long
  // ago; else the primary does. 0: no bound.
  uint32_t max_staleness_ms = 0;
  // With kAny and kNearest: a second replica is asked too where the first is slow (hedge.h).
  bool hedge = false;
  // It is such a second request: it passes over the replica that it would prefer, at first.
  bool second = false;
  // It belongs to a session (session.h): also the primary answers only if it has what that has
  // seen.
  bool in_session = false;
};

}  // namespace vasto::client
