// SPDX-License-Identifier: Apache-2.0
// Runs a MasterCore in the real world: requests become events, actions become answers and calls to
// stores, next_wake_us becomes a timer, what the core knows becomes metrics.
//
// Threads: the handlers run on any I/O thread and never block. Events go into one queue; the thread
// that finds nobody at work takes them off one by one, so that steps and their actions happen in
// one order. mu_ is held during a step, never while an action is carried out. The rest of the
// public methods may be called from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/metrics.h"
#include "core/base/mutex.h"
#include "core/base/random.h"
#include "core/master/events.h"
#include "core/master/master_core.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"

namespace vasto::master {

class MasterNode {
 public:
  // transport, random: borrowed; outlive *this; transport->Stop() is called before *this is
  // destroyed. metrics: borrowed; outlives *this; may be nullptr.
  MasterNode(const MasterCoreOptions& options, rpc::Transport* transport, Random* random,
             Metrics* metrics);
  ~MasterNode();
  MasterNode(const MasterNode&) = delete;
  MasterNode& operator=(const MasterNode&) = delete;

  // Adds the master's methods. REQUIRES: before the server starts.
  void Serve(rpc::Dispatcher* dispatcher);
  // Begins recovery. REQUIRES: called once, before the first request.
  void Start();
  // Answers everything that waits with kUnavailable, and every later request too. Idempotent.
  void Stop();

  // What clients would be told now.
  ClusterMap Map() const;
  bool recovering() const;
  std::vector<NameConflict> NameConflicts() const;

 private:
  using Answerer = std::function<void(const Answer&)>;
  struct Peer {
    std::string address;
    std::shared_ptr<rpc::Channel> channel;
  };

  template <typename Method, typename E>
  void Handle(rpc::Dispatcher* dispatcher);
  // Queues the event and, unless another thread does so, works the queue off. answerer: for events
  // with a call.
  void Post(Event event);
  void Drain();
  void Perform(const std::vector<Action>& actions);
  void Perform(const AnswerAction& action);
  void Perform(const InstallAction& action);
  void Perform(const CompactAction& action);
  void Schedule(int64_t wake_us);
  std::shared_ptr<rpc::Channel> ChannelTo(const Uuid& store, const std::string& address);
  void AddGauge(const std::string& name, const std::string& labels,
                std::function<double(const MasterCore&)> read);
  void AddGauges();
  Counter* Count(const std::string& name);

  rpc::Transport* const transport_;  // borrowed; outlives *this
  Metrics* const metrics_;           // borrowed; outlives *this; may be nullptr
  Metrics unread_;                   // takes the counts when metrics_ is nullptr
  std::vector<std::pair<std::string, std::string>> gauges_;
  Counter* const installs_;
  Counter* const install_failures_;
  Counter* const events_;

  mutable Mutex mu_;
  MasterCore core_ GUARDED_BY(mu_);
  std::deque<Event> queue_ GUARDED_BY(mu_);
  bool draining_ GUARDED_BY(mu_) = false;
  bool stopped_ GUARDED_BY(mu_) = false;
  CallId last_call_ GUARDED_BY(mu_) = 0;
  std::unordered_map<CallId, Answerer> calls_ GUARDED_BY(mu_);
  int64_t wake_us_ GUARDED_BY(mu_) = INT64_MAX;  // of the earliest timer set
  std::map<Uuid, Peer> peers_ GUARDED_BY(mu_);
};

}  // namespace vasto::master
