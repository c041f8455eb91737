// SPDX-License-Identifier: Apache-2.0
// The clients that wait for a newer cluster map: parked watch_cluster calls and their deadlines.
//
// Threads: one at a time. Times are monotonic microseconds. No I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "core/master/events.h"

namespace vasto::master {

class Watchers {
 public:
  static constexpr uint32_t kMaxWaitMs = 60'000;

  // Whether a map with this (term, version) is an answer to the request. A master that has not
  // heard of any store (term 0) has nothing to tell a client that knows a map already.
  static bool IsNews(const rpc::WatchClusterRequest& request, uint64_t term, uint64_t version) {
    if (request.known_term == 0 && request.known_version == 0) return true;
    return term != 0 && (request.known_term != term || request.known_version != version);
  }

  // wait_for_ever: the call stays until Answer or Stop, whatever its wait_ms.
  void Park(const WatchEvent& event, bool wait_for_ever, int64_t now_us) {
    const uint32_t wait_ms = std::min(event.request.wait_ms, kMaxWaitMs);
    parked_.emplace(wait_for_ever ? INT64_MAX : now_us + int64_t{wait_ms} * 1000, event);
  }
  // The calls for which this (term, version) is news; they are no longer parked.
  std::vector<CallId> TakeInterested(uint64_t term, uint64_t version) {
    std::vector<CallId> calls;
    std::erase_if(parked_, [&](const auto& entry) {
      if (!IsNews(entry.second.request, term, version)) return false;
      calls.push_back(entry.second.call);
      return true;
    });
    return calls;
  }
  // The calls whose deadline has come; they are no longer parked.
  std::vector<CallId> TakeExpired(int64_t now_us) {
    std::vector<CallId> calls;
    while (!parked_.empty() && parked_.begin()->first <= now_us) {
      calls.push_back(parked_.begin()->second.call);
      parked_.erase(parked_.begin());
    }
    return calls;
  }
  std::vector<CallId> TakeAll() { return TakeExpired(INT64_MAX); }
  // INT64_MAX: no deadline.
  int64_t next_wake_us() const { return parked_.empty() ? INT64_MAX : parked_.begin()->first; }
  size_t size() const { return parked_.size(); }

 private:
  std::multimap<int64_t, WatchEvent> parked_;  // by deadline
};

}  // namespace vasto::master
