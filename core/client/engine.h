// SPDX-License-Identifier: Apache-2.0
// What all operations of one client share: transport, routing table, the listener that keeps the
// map fresh, the pauses of operations that wait, the count of what is in flight, and the shutdown.
//
// Invariants
//  1. Each admitted operation leaves exactly once (Admit, Leave), also when the client closes:
//  calls
//     under way end with the transport, pausing calls are cancelled, deferred callbacks still run.
//  2. No lock is held while a callback or a channel is called.
//
// Threads: any, except Close. An I/O thread is inside a CallbackScope while it runs a callback.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/client/client.h"
#include "core/client/hedge_budget.h"
#include "core/client/routing_table.h"
#include "core/rpc/channel.h"

namespace vasto::client {

class Engine;
class MapListener;
class ShardCall;

// Marks the calling thread as one that runs a client's callback, where nothing may block.
class CallbackScope {
 public:
  CallbackScope() { ++depth_; }
  ~CallbackScope() { --depth_; }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
  static bool active() { return depth_ > 0; }

 private:
  static thread_local int depth_;
};

// One event that one thread waits for.
class Notification {
 public:
  void Notify() {
    MutexLock lock(&mu_);
    done_ = true;
    ready_.SignalAll();
  }
  // Waits for as long as it takes. REQUIRES: something is under way that will notify.
  void Wait(Engine* engine);
  // Returns false when the monotonic time came first.
  bool WaitUntil(Engine* engine, int64_t deadline_us);

 private:
  Mutex mu_;
  CondVar ready_;
  bool done_ GUARDED_BY(mu_) = false;
};

class Engine {
 public:
  // Connects to nothing yet: the listener is started by the client.
  Engine(std::shared_ptr<rpc::Transport> transport, const ClientOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The parts. Borrowed from the engine; live as long as it does.
  const ClientOptions& options() const { return options_; }
  rpc::Transport* transport() { return transport_.get(); }
  int64_t NowUs() const { return clock_->MonotonicMicros(); }
  int64_t BootUs() const { return clock_->BootMicros(); }
  int64_t WallUs() const { return clock_->WallMicros(); }
  RoutingTable* table() { return &table_; }
  MapListener* listener() { return listener_.get(); }
  HedgeBudget* hedges() { return &hedges_; }

  // Lets one operation in: kClosed after Close, kBusy beyond max_in_flight unless `unlimited`.
  Status Admit(bool unlimited = false);
  // REQUIRES: an Admit that was OK.
  void Leave();
  // The client is ending what is still under way.
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }

  // Runs fn soon on an I/O thread; on the calling one when the threads have stopped. Exactly once.
  void Defer(std::function<void()> fn);

  // Counts the maps installed so far: what a call reads before it decides to pause.
  uint64_t map_changes() const { return map_changes_.load(std::memory_order_acquire); }
  // Wakes the call at until_us or when the map changes; at once when it has changed since `seen`.
  // Returns false, keeping nothing, when the client is stopping.
  [[nodiscard]] bool Park(ShardCall* call, int64_t until_us, uint64_t seen);
  // The map has changed: wakes everything that pauses.
  void OnMapChanged();

  // A call over `pick` did not get through: remembers it and probes the store until it answers.
  void OnUnreachable(StoreLink* link, const StoreLink::Pick& pick, const Status& why);

  // Finds out how far away the store is.
  void Measure(StoreLink* link);

  // Client::Close. Not from a callback.
  void Close(int64_t timeout_us);

 private:
  // A timer of Park: the call may have been woken by a map before.
  void WakeParked(uint64_t id);
  std::vector<ShardCall*> TakeParked();
  void RunDeferred();
  // Asks a suspect store something cheap after a pause with jitter, again and again with longer
  // pauses, until it answers. One chain for each suspect store.
  void ScheduleProbe(StoreLink* link, int64_t pause_us);
  void Probe(StoreLink* link, int64_t pause_us);

  const ClientOptions options_;
  const std::shared_ptr<rpc::Transport> transport_;
  const Clock* const clock_;  // the transport's
  RoutingTable table_;
  HedgeBudget hedges_;
  std::unique_ptr<MapListener> listener_;

  static constexpr int64_t kClosedBit = int64_t{1} << 62;
  std::atomic<int64_t> in_flight_{0};  // operations, plus kClosedBit once Close began
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> map_changes_{0};

  Mutex close_mu_;  // one Close at a time; acquired before mu_
  Mutex mu_;
  CondVar idle_;
  bool stopped_ GUARDED_BY(mu_) = false;  // the I/O threads have ended
  uint64_t last_parked_ GUARDED_BY(mu_) = 0;
  std::unordered_map<uint64_t, ShardCall*> parked_ GUARDED_BY(mu_);
  std::vector<std::function<void()>> deferred_ GUARDED_BY(mu_);
};

}  // namespace vasto::client
