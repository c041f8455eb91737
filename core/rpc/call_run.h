// SPDX-License-Identifier: Apache-2.0
// A run of calls: a thread that is about to make several one after the other says so, and what they
// have to send to a peer goes out at the end of the run, at once and by that thread. Without it the
// first goes out alone, and whoever turns the loop is woken for the others.
//
// Threads: a run belongs to the thread that made it, on whose stack it lives; of nested runs the
// innermost counts.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace vasto::rpc {

class CallRun {
 public:
  // A connection that has something to send at the end of a run.
  class Sender {
   public:
    virtual ~Sender() = default;
    virtual void SendGathered() = 0;
  };

  CallRun() : outer_(std::exchange(current, this)) {}
  ~CallRun() {
    current = outer_;
    for (const auto& sender : senders_) sender->SendGathered();
  }
  CallRun(const CallRun&) = delete;
  CallRun& operator=(const CallRun&) = delete;

  // The innermost of the calling thread; nullptr when it has none.
  static CallRun* Current() { return current; }
  // SendGathered follows for each time it was added.
  void Add(std::shared_ptr<Sender> sender) { senders_.push_back(std::move(sender)); }

 private:
  static inline thread_local CallRun* current = nullptr;

  CallRun* const outer_;
  std::vector<std::shared_ptr<Sender>> senders_;
};

}  // namespace vasto::rpc
