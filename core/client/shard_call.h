// SPDX-License-Identifier: Apache-2.0
// One request to one shard on its way: the runtime of a Router. It picks the channel of the store
// the router chose, sends, decodes, and hands the end to the operation that made it.
//
// A call owns itself: Start() makes it live until it has ended, exactly once, on an I/O thread (on
// the closing thread when the client closes). It never ends inside Start().
//
// Threads: one at a time, by construction: a call is either under way in a channel, parked in the
// engine, or running.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/client/engine.h"
#include "core/client/repeat_times.h"
#include "core/client/router.h"
#include "core/client/routing_table.h"
#include "core/client/session.h"
#include "core/hash/jump_hash.h"
#include "core/rpc/messages.h"
#include "core/rpc/wire.h"

namespace vasto::client {

// Which shard a call is for.
struct ShardTarget {
  KeyspaceRoute* route = nullptr;  // borrowed; lives as long as the engine
  uint64_t hash = 0;               // of the one key; the shard follows the keyspace's shard count
  int32_t shard = -1;              // >= 0: this shard of shard_count, instead of the hash
  int32_t shard_count = 0;         // another count meanwhile ends the call with kResizing
  ReadChoice read = {};            // of a read
  uint64_t spread = 0;             // see Router; of a read with kAny
  std::shared_ptr<Session> session = {};  // that the call belongs to; none: nullptr
};

// What an attempt is held to.
struct AttemptTerms {
  std::optional<rpc::ReadBound> bound;  // of a read
  EventTime not_after = 0;              // of a write, see rpc::WriteRequest
  bool tell_seen = false;               // of a write
  bool stand_in = false;                // of a write, see rpc::WriteRequest
  EventTime clock_floor = 0;            // of a write, see rpc::WriteRequest
};

// The part that does not depend on the RPC.
class ShardCall {
 public:
  virtual ~ShardCall() = default;
  ShardCall(const ShardCall&) = delete;
  ShardCall& operator=(const ShardCall&) = delete;

  void Start();
  // The pause of an engine Park is over, or the client is stopping.
  void Wake();

 protected:
  // engine: borrowed; outlives *this.
  ShardCall(Engine* engine, const ShardTarget& target, RouteKind kind, int64_t deadline_us)
      : engine_(engine),
        target_(target),
        router_(kind, deadline_us, ChoiceOf(target), target.spread) {}

  // The name of the RPC.
  virtual std::string_view method() const = 0;
  // Appends the request; called once for each attempt.
  virtual void Encode(const rpc::ShardRef& ref, const AttemptTerms& terms, std::string* body) = 0;
  // Keeps the response. An error is the store's answer to the request as a whole.
  virtual Status Decode(std::string_view body) = 0;
  // The attempt may have been carried out. estimate: as of RepeatTimes::Give.
  virtual void InDoubt(EventTime estimate) = 0;
  // Hands over the result and frees *this.
  virtual void End(Status status) = 0;

  // The answer to the last attempt said so: its session, if any, has seen that from now on.
  // kNotSupported: it said nothing.
  Status Saw(const rpc::Seen& seen);
  // The clock of the store of the last attempt has shown this event time.
  void ClockShown(EventTime event_time) { link_->clock()->Observe(event_time, sent_us_); }

 private:
  static ReadChoice ChoiceOf(const ShardTarget& target);
  // What the attempt that is sent now is held to, and asked for.
  AttemptTerms TermsOf(const RouteAction& action, const ShardLinks& replicas, int32_t shard,
                       int64_t now_us);
  // Feeds the router until the call is under way, parked or ended. *this may be gone afterwards.
  void Run(RouteEvent event);
  // Returns false when there was nobody to send to; *event then says so. *this may be gone after
  // true.
  bool Send(const KeyspaceView& view, int32_t shard, const RouteAction& action, int64_t now_us,
            RouteEvent* event);
  void OnReply(const StatusOr<std::string_view>& reply);
  // Up to when, by the clock of link_, the write sent now may be carried out if the attempt ends
  // after duration_us.
  EventTime NotAfter(int64_t duration_us) const;
  // Before a read that prefers the nearest: sees to it that the distances are known.
  void MeasureDistances();
  // Adds where it happened to an error and ends the call.
  void Finish(const RouteAction& action);
  // An event time above all that the shard's replicas had given by then, on the boot clock; 0: not
  // known.
  EventTime GivenBy(int64_t boot_us) const;
  // -1: the keyspace has another number of shards than the call was made for.
  int32_t ShardIn(const KeyspaceView& view) const;

  Engine* const engine_;
  const ShardTarget target_;
  Router router_;
  StoreLink* link_ = nullptr;                        // of the last attempt
  int32_t shard_ = 0;                                // of it
  int32_t shard_count_ = 0;                          // of the keyspace then
  std::atomic<int64_t>* behind_until_us_ = nullptr;  // of its replica; borrowed from the table
  std::atomic<int64_t>* turned_us_ = nullptr;        // the same
  StoreLink::Pick pick_;
  int64_t sent_us_ = 0;        // the last attempt of a write, of the boot clock
  EventTime clock_floor_ = 0;  // above all that an attempt in doubt may have got
  bool starting_ = false;      // inside Start(), and not handed over yet
};

namespace internal {

// The error inside a response that speaks for the whole request, so that it is routed like one: a
// code that may pass by itself, of the one result or of all.
template <typename Response>
Status InnerError(const Response& response) {
  if constexpr (requires { response.code; }) {
    if (IsRetryable(response.code)) return Status(response.code, response.message);
  } else if constexpr (requires { response.results; }) {
    const auto& results = response.results;
    const bool all = std::ranges::all_of(results, [&](const auto& result) {
      return IsRetryable(result.code) && result.code == results.front().code;
    });
    if (all && !results.empty()) return Status(results.front().code, results.front().message);
  }
  return Status::Ok();
}

// Done: void(Request& request, StatusOr<Response> response); may start other calls.
template <typename Method, typename Done>
class TypedShardCall final : public ShardCall {
 public:
  using Request = typename Method::Request;
  using Response = typename Method::Response;

  TypedShardCall(Engine* engine, const ShardTarget& target, RouteKind kind, int64_t deadline_us,
                 Request request, Done done)
      : ShardCall(engine, target, kind, deadline_us),
        request_(std::move(request)),
        done_(std::move(done)) {}

 protected:
  std::string_view method() const override { return Method::kName; }
  void Encode(const rpc::ShardRef& ref, const AttemptTerms& terms, std::string* body) override {
    request_.ref = ref;
    if constexpr (requires { request_.bound; }) request_.bound = terms.bound;
    if constexpr (requires { request_.not_after; }) request_.not_after = terms.not_after;
    if constexpr (requires { request_.tell_seen; }) request_.tell_seen = terms.tell_seen;
    if constexpr (requires { request_.stand_in; }) request_.stand_in = terms.stand_in;
    if constexpr (requires { request_.clock_floor; }) request_.clock_floor = terms.clock_floor;
    rpc::EncodeRequest<Method>(request_, body);
  }
  Status Decode(std::string_view body) override {
    auto response = rpc::DecodeResponse<Method>(body);
    if (!response.ok()) return std::move(response).status();
    response_ = std::move(response).value();
    const EventTime shown = LastShown(EntriesOf(&request_), ResultsOf(&response_));
    if (shown != 0) ClockShown(shown);
    VASTO_RETURN_IF_ERROR(InnerError(response_));
    if constexpr (requires { response_.seen; }) return Saw(response_.seen);
    return Status::Ok();
  }
  void InDoubt(EventTime estimate) override {
    times_.Give(EntriesOf(&request_), ResultsOf(&response_), estimate);
  }
  void End(Status status) override {
    std::unique_ptr<TypedShardCall> self(this);
    times_.Settle(EntriesOf(&request_), ResultsOf(&response_));
    times_.TakeBack(EntriesOf(&request_));
    if (status.ok()) {
      done_(request_, StatusOr<Response>(std::move(response_)));
    } else {
      done_(request_, StatusOr<Response>(std::move(status)));
    }
  }

 private:
  Request request_;    // kept for repetitions; handed to done_
  Response response_;  // of the last attempt
  RepeatTimes times_;
  Done done_;
};

}  // namespace internal

// For ShardTarget::spread of a read with this choice.
inline uint64_t SpreadOf(Engine* engine, const ReadChoice& choice) {
  return choice.from == ReadFrom::kAny ? engine->options().random->Next() : 0;
}

// Starts a call; `done` runs exactly once, see Done above. request.ref is filled in.
template <typename Method, typename Done>
void StartShardCall(Engine* engine, const ShardTarget& target, RouteKind kind, int64_t deadline_us,
                    typename Method::Request request, Done done) {
  auto* call = new internal::TypedShardCall<Method, Done>(engine, target, kind, deadline_us,
                                                          std::move(request), std::move(done));
  call->Start();
}

}  // namespace vasto::client
