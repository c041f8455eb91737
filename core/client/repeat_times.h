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
// It may as well be less, by as long as the first attempt took. So the repetition also says what no
// attempt can have got more than, and the store goes beyond that with its own times before it takes
// it (rpc::WriteRequest::clock_floor): what is acknowledged after the repetition must not be undone
// when the first attempt comes to light with a store that was away. Clocks that agree are beyond it
// anyway; a store that follows one whose clock is ahead is not.
//
// A repetition may come so late that a store refuses its time as too old: a later deletion may have
// been forgotten. What became of the first attempt is not known, and with a newer time the write
// could undo that deletion; so it ends in doubt.
//
// The same knowledge keeps the first attempt from being carried out after its caller has gone on,
// as it may lie in a connection for minutes while the network is cut: rpc::WriteRequest::not_after.
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

// What a client knows of one store's clock. Its own times are those of Clock::BootMicros: a clock
// that stops while the machine sleeps would fall behind the store's.
class StoreClock {
 public:
  // How long an observation counts: the store's clock may be set meanwhile.
  static constexpr int64_t kCountsUs = 10'000'000;
  // How far a store's clock may be ahead of the wall clock here, as long as nothing is known of it.
  // A store whose clock is farther ahead refuses the first write, and its clock is known then.
  static constexpr int64_t kAssumedSkewUs = 500'000;

  // The store's clock showed this event time when it took a write that was sent at that time.
  void Observe(EventTime shown, int64_t sent_us) {
    ahead_us_.store(EventTimeMicros(shown) + 1 - sent_us, std::memory_order_relaxed);
    observed_us_.store(sent_us, std::memory_order_release);
  }
  // The least event time above all that the store had given by then; 0: nothing that still counts
  // is known of it.
  EventTime At(int64_t sent_us) const {
    // What is read next is no older than this one.
    const int64_t observed_us = observed_us_.load(std::memory_order_acquire);
    if (observed_us == kNever || sent_us - observed_us > kCountsUs) return 0;
    return MakeEventTime(ahead_us_.load(std::memory_order_relaxed) + sent_us);
  }

 private:
  static constexpr int64_t kNever = INT64_MIN;
  std::atomic<int64_t> ahead_us_{0};  // of the hybrid clock, against the boot clock here
  std::atomic<int64_t> observed_us_{kNever};
};

// Those that one request got from the client. Entries and results are always the request's own.
class RepeatTimes {
 public:
  // The request was sent, and its end is not known. Each entry without an event time gets what its
  // result says (of an answer "not confirmed"), else estimate, growing with each entry so that two
  // of one key keep their order. 0: not known; then the next store gives one.
  void Give(std::span<rpc::WriteEntry> entries, std::span<const rpc::WriteResult> results,
            EventTime estimate);
  // What the results of the last attempt mean to the caller. It named no event time, so that losing
  // against another write is no failure to it. What is not confirmed, or failed when an earlier
  // attempt may have been carried out, is in doubt and says so as a single write does.
  void Settle(std::span<const rpc::WriteEntry> entries, std::span<rpc::WriteResult> results) const;
  // The entries as the caller gave them.
  void TakeBack(std::span<rpc::WriteEntry> entries);

 private:
  std::vector<bool> given_;  // parallel to the entries; empty: none
};

// The event time that a store gave to the last of the entries, or refused it for; 0: it had one, or
// failed otherwise.
EventTime LastShown(std::span<const rpc::WriteEntry> entries,
                    std::span<const rpc::WriteResult> results);

// The entries of a request and the results of a response: none, unless they are of writes.
inline std::span<rpc::WriteEntry> EntriesOf(rpc::WriteRequest* request) {
  return {&request->entry, 1};
}
inline std::span<rpc::WriteEntry> EntriesOf(rpc::WriteBatchRequest* request) {
  return request->entries;
}
inline std::span<rpc::WriteEntry> EntriesOf(void* /*request*/) { return {}; }
inline std::span<rpc::WriteResult> ResultsOf(rpc::WriteResponse* response) {
  return {static_cast<rpc::WriteResult*>(response), 1};
}
inline std::span<rpc::WriteResult> ResultsOf(rpc::WriteBatchResponse* response) {
  return response->results;
}
inline std::span<rpc::WriteResult> ResultsOf(void* /*response*/) { return {}; }

}  // namespace vasto::client
