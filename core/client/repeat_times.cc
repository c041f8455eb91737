// SPDX-License-Identifier: Apache-2.0
#include "core/client/repeat_times.h"

#include <algorithm>

namespace vasto::client {

void RepeatTimes::Give(std::span<rpc::WriteEntry> entries,
                       std::span<const rpc::WriteResult> results, EventTime estimate) {
  given_.resize(entries.size());
  EventTime last = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    EventTime& event_time = entries[i].event_time;
    if (event_time != 0) continue;
    const bool told = results.size() == entries.size() && results[i].code == Code::kTimeout;
    if (told) event_time = results[i].event_time;
    if (event_time == 0 && estimate != 0) event_time = std::max(estimate + i, last + 1);
    given_[i] = event_time != 0;
    last = std::max(last, event_time);
  }
}

void RepeatTimes::Settle(std::span<const rpc::WriteEntry> entries,
                         std::span<rpc::WriteResult> results) const {
  if (results.size() != given_.size()) return;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!given_[i] || results[i].code != Code::kOk || !results[i].superseded) continue;
    results[i].superseded = false;
    results[i].event_time = entries[i].event_time;
  }
}

void RepeatTimes::TakeBack(std::span<rpc::WriteEntry> entries) {
  for (size_t i = 0; i < given_.size(); ++i) {
    if (given_[i]) entries[i].event_time = 0;
  }
  given_.clear();
}

EventTime LastGiven(std::span<const rpc::WriteEntry> entries,
                    std::span<const rpc::WriteResult> results) {
  if (entries.empty() || results.size() != entries.size()) return 0;
  const bool given = entries.back().event_time == 0 && results.back().code == Code::kOk;
  return given ? results.back().event_time : 0;
}

}  // namespace vasto::client
