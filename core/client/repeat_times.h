// SPDX-License-Identifier: Apache-2.0
// The event times of writes that are repeated. The stores give event times; but a write that may
// have been carried out, and is sent again, must not get a second one, or it would win over what
// somebody else wrote meanwhile and was told is kept. So the client gives it one with the first
// repetition: what the store said of it, else what the clocks of the replicas showed when it was
// first sent.
//
// That is more than what they had given to earlier writes: a repetition does not lose against what
// was there before. It may be more than what the first store gave to it, by no more than a request
// takes; who writes within that time writes at the same time, and either order is right.
//
// Threads: a StoreClock any; a RepeatTimes one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/hlc.h"
#include "core/rpc/messages.h"

namespace vasto::client {

// What a client knows of one store's clock.
class StoreClock {
 public:
  // The store gave this event time to a write that was sent at that (monotonic) time.
  void Observe(EventTime given, int64_t sent_us) {
    ahead_us_.store(EventTimeMicros(given) + 1 - sent_us, std::memory_order_relaxed);
  }
  // The least event time above all that the store had given by then; 0: nothing is known of it.
  EventTime At(int64_t monotonic_us) const {
    const int64_t ahead_us = ahead_us_.load(std::memory_order_relaxed);
    return ahead_us == kUnknown ? 0 : MakeEventTime(ahead_us + monotonic_us);
  }

 private:
  static constexpr int64_t kUnknown = INT64_MIN;
  // Of the hybrid clock, against this machine's monotonic one.
  std::atomic<int64_t> ahead_us_{kUnknown};
};

// Those that one request got from the client. Entries and results are always the request's own.
class RepeatTimes {
 public:
  // The request was sent, and its end is not known. Each entry without an event time gets what its
  // result says (of an answer "not confirmed"), else estimate, growing with each entry so that two
  // of one key keep their order. 0: not known; then the next store gives one.
  void Give(std::span<rpc::WriteEntry> entries, std::span<const rpc::WriteResult> results,
            EventTime estimate);
  // The caller named no event time, so that losing against another write is no failure to it.
  void Settle(std::span<const rpc::WriteEntry> entries, std::span<rpc::WriteResult> results) const;
  // The entries as the caller gave them.
  void TakeBack(std::span<rpc::WriteEntry> entries);

 private:
  std::vector<bool> given_;  // parallel to the entries; empty: none
};

// The event time that a store gave to the last of the entries; 0: it had one, or was not done.
EventTime LastGiven(std::span<const rpc::WriteEntry> entries,
                    std::span<const rpc::WriteResult> results);

// The entries of a request and the results of a response: none, unless they are of writes.
inline std::span<rpc::WriteEntry> EntriesOf(rpc::WriteRequest* request) {
  return {&request->entry, 1};
}
inline std::span<rpc::WriteEntry> EntriesOf(rpc::WriteBatchRequest* request) {
  return request->entries;
}
inline std::span<rpc::WriteEntry> EntriesOf(void* /*request*/) { return {}; }
inline std::span<rpc::WriteResult> ResultsOf(rpc::WriteResponse* response) { return {response, 1}; }
inline std::span<rpc::WriteResult> ResultsOf(rpc::WriteBatchResponse* response) {
  return response->results;
}
inline std::span<rpc::WriteResult> ResultsOf(void* /*response*/) { return {}; }

}  // namespace vasto::client
