// SPDX-License-Identifier: Apache-2.0
// A network inside one process, for deterministic tests: transports whose channels end at
// dispatchers, a clock that the test moves, messages that are delivered when the test says so, and
// faults on demand.
//
// Nothing happens inside Call or RunAt: each request, reply, loss and due timer is one step, taken
// in the order in which they came to be (timers: by time). After each delivered request the
// dispatcher's EndBatch runs.
//
// Loss: a dropped message leaves its call to its deadline, as a network does that swallows packets.
// A disconnect fails the calls of the connection with kUnavailable ("not sent: " for requests not
// yet delivered), tells the dispatcher and the channel's OnDisconnect; the next call connects
// again, under a new connection id.
//
// Threads: Step, RunUntilIdle, Advance and the faults from one thread, which runs all handlers and
// callbacks; calls and replies may also come from other threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"

namespace vasto::rpc {

class InMemoryNetwork {
 public:
  struct Message {
    std::string_view from;  // name of the calling transport
    std::string_view to;    // the address it calls
    std::string_view method;
    bool is_reply;  // on its way back from `to`
  };
  enum class Verdict { kDeliver, kDrop, kDisconnect };
  class State;  // internal

  // clock: borrowed; outlives *this.
  explicit InMemoryNetwork(ManualClock* clock);
  ~InMemoryNetwork();
  InMemoryNetwork(const InMemoryNetwork&) = delete;
  InMemoryNetwork& operator=(const InMemoryNetwork&) = delete;

  // The dispatcher answers at this address from now on. Borrowed until Remove.
  void Serve(const std::string& address, const Dispatcher* dispatcher);
  // Nobody answers there any more: connections to it are lost, new ones refused.
  void Remove(const std::string& address);
  // A transport whose messages bear this name. Stop it before the network goes: calls still
  // outstanding then are forgotten, not completed.
  std::shared_ptr<Transport> NewTransport(const std::string& name);

  // Judges every message when it is about to be delivered; nullptr: all are delivered.
  void SetFault(std::function<Verdict(const Message&)> fault);
  // Loses the connections from a transport to an address; an empty name or address means any.
  void Disconnect(const std::string& from, const std::string& to);

  // Takes one step. False when there is nothing to do at this time.
  bool Step();
  // Steps until there is nothing to do. Returns how many.
  size_t RunUntilIdle();
  // Moves the clock, stopping at each timer and deadline on the way to take all steps there.
  void Advance(int64_t us);

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace vasto::rpc
