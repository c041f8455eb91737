// SPDX-License-Identifier: Apache-2.0
#include "core/client/repeat_times.h"

#include <algorithm>

#include "core/client/router.h"

namespace vasto::client {
namespace {

// The result of an entry whose event time was given here. What is wrong with that is no fault of
// the caller's: it is too old, or too far ahead of a store that has never heard of the first one's
// clock.
void SettleGiven(EventTime given, rpc::WriteResult* result) {
  if (result->code == Code::kOk && result->superseded) {
    result->superseded = false;
    result->event_time = given;
  } else if (result->code == Code::kStaleWrite || result->code == Code::kInvalidArgument) {
    result->code = Code::kTimeout;
    result->event_time = 0;
    result->message = "not confirmed, and its repetition was refused: " + result->message;
  }
}

}  // namespace

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
  const bool repeated = results.size() == given_.size();
  for (size_t i = 0; i < results.size(); ++i) {
    rpc::WriteResult* const result = &results[i];
    if (repeated && given_[i]) SettleGiven(entries[i].event_time, result);
    const bool doubtful = repeated && result->code != Code::kOk && result->code != Code::kNotFound;
    if (doubtful || result->code == Code::kTimeout) result->message += kInDoubtNote;
  }
}

void RepeatTimes::TakeBack(std::span<rpc::WriteEntry> entries) {
  for (size_t i = 0; i < given_.size(); ++i) {
    if (given_[i]) entries[i].event_time = 0;
  }
  given_.clear();
}

EventTime LastShown(std::span<const rpc::WriteEntry> entries,
                    std::span<const rpc::WriteResult> results) {
  if (entries.empty() || results.size() != entries.size()) return 0;
  const Code code = results.back().code;
  const bool shown = code == Code::kOk || code == Code::kUnavailable;
  return shown && entries.back().event_time == 0 ? results.back().event_time : 0;
}

}  // namespace vasto::client
