// SPDX-License-Identifier: Apache-2.0
// Hedged reads: where the first replica has not answered when most reads are, a second one is asked
// too, and the first good answer counts (Dean and Barroso, "The Tail at Scale", CACM 2013).
//
// A hedged read is two shard calls side by side, each with its own retries. The second prefers
// another replica than the one that the choice prefers. What becomes of the one that loses is
// dropped; it ends by itself, no later than the deadline, and is counted until then.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/mutex.h"
#include "core/client/engine.h"
#include "core/client/hedge_budget.h"
#include "core/client/shard_call.h"

namespace vasto::client::internal {

// One read that may be hedged.
template <typename Method, typename Done>
class HedgedRead : public std::enable_shared_from_this<HedgedRead<Method, Done>> {
 public:
  using Request = typename Method::Request;
  using Response = typename Method::Response;

  HedgedRead(Engine* engine, const ShardTarget& target, LatencyEstimate* latency,
             int64_t deadline_us, Request request, Done done)
      : engine_(engine),
        target_(target),
        latency_(latency),
        deadline_us_(deadline_us),
        began_us_(engine->NowUs()),
        request_(std::move(request)),
        done_(std::move(done)) {}

  void Start() {
    engine_->hedges()->Earn();
    const int64_t hedge_us = began_us_ + latency_->p95_us();
    if (hedge_us < deadline_us_) {
      engine_->transport()->RunAt(hedge_us, [weak = this->weak_from_this()] {
        if (const auto self = weak.lock()) self->Hedge();
      });
    }
    Ask(target_);
  }

 private:
  void Ask(const ShardTarget& target) {
    StartShardCall<Method>(
        engine_, target, RouteKind::kRead, deadline_us_, request_,
        [self = this->shared_from_this()](Request& sent, StatusOr<Response> response) {
          self->Ended(&sent, std::move(response));
        });
  }

  // The time is over within which most reads are answered.
  void Hedge() EXCLUDES(mu_) {
    if (delivered() || !engine_->hedges()->Spend() || !engine_->Admit(true).ok()) return;
    {
      MutexLock lock(&mu_);
      if (delivered_) return engine_->Leave();
      hedged_ = true;
      ++running_;
    }
    ShardTarget second = target_;
    second.read.second = true;
    Ask(second);
  }

  void Ended(Request* sent, StatusOr<Response> response) EXCLUDES(mu_) {
    bool deliver = false;
    bool leave = false;
    {
      MutexLock lock(&mu_);
      --running_;
      // A failure counts only when nobody else may do better.
      deliver = !delivered_ && (response.ok() || running_ == 0);
      delivered_ = delivered_ || deliver;
      leave = hedged_ && running_ == 0;
    }
    if (leave) engine_->Leave();
    if (!deliver) return;
    if (response.ok()) latency_->Add(engine_->NowUs() - began_us_);
    done_(*sent, std::move(response));
  }

  bool delivered() const EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    return delivered_;
  }

  Engine* const engine_;  // borrowed; outlives the calls, which keep *this
  const ShardTarget target_;
  LatencyEstimate* const latency_;  // borrowed like the route of target_
  const int64_t deadline_us_;
  const int64_t began_us_;
  const Request request_;
  Done done_;  // called once

  mutable Mutex mu_;
  int running_ GUARDED_BY(mu_) = 1;
  bool hedged_ GUARDED_BY(mu_) = false;  // the second was asked, and admitted
  bool delivered_ GUARDED_BY(mu_) = false;
};

}  // namespace vasto::client::internal

namespace vasto::client {

// StartShardCall for a read, hedged when its choice says so and there is another replica. latency:
// of such reads; borrowed like target.route.
template <typename Method, typename Done>
void StartRead(Engine* engine, const ShardTarget& target, LatencyEstimate* latency,
               int64_t deadline_us, typename Method::Request request, Done done) {
  const bool hedge = target.read.hedge && target.read.from != ReadFrom::kPrimary &&
                     target.route->view()->replica_count > 1;
  if (!hedge) {
    return StartShardCall<Method>(engine, target, RouteKind::kRead, deadline_us, std::move(request),
                                  std::move(done));
  }
  std::make_shared<internal::HedgedRead<Method, Done>>(engine, target, latency, deadline_us,
                                                       std::move(request), std::move(done))
      ->Start();
}

}  // namespace vasto::client
