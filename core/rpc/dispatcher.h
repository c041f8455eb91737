// SPDX-License-Identifier: Apache-2.0
// The method table of a process: method name → handler. One port serves every method that was given
// a handler.
//
// A handler runs on the thread that received the request (an I/O thread: it must not block) and
// answers through its Responder, at once or later and from any thread. Whoever drives the
// dispatcher calls EndBatch after each group of requests that arrived together, so that a handler
// may collect requests and do their work at once.
//
// Threads: Handle, OnEndBatch and OnDisconnect before the server starts; the rest from any thread
// afterwards.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/rpc/wire.h"

namespace vasto::rpc {

// Where the reply to one request goes. Implemented by each transport, which owns the object: a
// transport may keep such objects for reuse, so a sink is given back by Send or Drop, never
// deleted.
//
// Threads: any, one at a time.
class ReplySink {
 public:
  // Where the encoded _result struct is to be appended. Nothing else may be called on any sink
  // of the calling thread between this and Send. Borrowed; valid until then.
  virtual std::string* Buffer() = 0;
  // What was appended is the reply. Gives *this back. REQUIRES: Buffer was called.
  virtual void Send() = 0;
  // There will be no reply: the caller is answered INTERNAL. Gives *this back.
  virtual void Drop() = 0;

 protected:
  ~ReplySink() = default;
};

struct ReplySinkDropper {
  void operator()(ReplySink* sink) const { sink->Drop(); }
};
using ReplySinkPtr = std::unique_ptr<ReplySink, ReplySinkDropper>;

// Identifies the connection a request came over; the same for all requests of one connection, never
// reused.
using ConnectionId = uint64_t;

struct CallContext {
  ConnectionId connection = 0;
  int64_t received_us = 0;  // monotonic
};

// One-shot answer to one call. Movable; may be kept and answered later from any thread. Dropping it
// unanswered answers INTERNAL.
template <typename Method>
class Responder {
 public:
  Responder(ReplySinkPtr sink, const CallContext& context)
      : sink_(std::move(sink)), context_(context) {}

  const CallContext& context() const { return context_; }
  void Ok(const typename Method::Response& response) {
    ReplySink* const sink = sink_.release();
    EncodeResponse<Method>(response, sink->Buffer());
    sink->Send();
  }
  // REQUIRES: !status.ok().
  void Fail(const Status& status) {
    ReplySink* const sink = sink_.release();
    EncodeError(status, sink->Buffer());
    sink->Send();
  }
  void Finish(const StatusOr<typename Method::Response>& result) {
    result.ok() ? Ok(*result) : Fail(result.status());
  }

 private:
  ReplySinkPtr sink_;  // empty once answered
  CallContext context_;
};

class Dispatcher {
 public:
  // A method and what serves it. Borrowed from the dispatcher.
  struct Entry {
    std::string name;
    // body: the encoded _args struct, borrowed for the call.
    std::function<void(std::string_view body, const CallContext&, ReplySinkPtr)> serve;
  };

  template <typename Method>
  void Handle(std::function<void(typename Method::Request, Responder<Method>)> handler) {
    Entry entry{std::string(Method::kName), nullptr};
    entry.serve = [handler = std::move(handler)](std::string_view body, const CallContext& context,
                                                 ReplySinkPtr sink) {
      Responder<Method> responder(std::move(sink), context);
      auto request = DecodeRequest<Method>(body);
      if (!request.ok()) return responder.Fail(request.status());
      handler(std::move(request).value(), std::move(responder));
    };
    methods_.insert_or_assign(std::string(Method::kName), std::move(entry));
  }
  // Runs after each group of requests, on the thread that dispatched them.
  void OnEndBatch(std::function<void()> callback) { end_batch_.push_back(std::move(callback)); }
  // Runs when a connection has gone, on an I/O thread.
  void OnDisconnect(std::function<void(ConnectionId)> callback) {
    disconnect_.push_back(std::move(callback));
  }

  bool Has(std::string_view method) const { return Find(method) != nullptr; }
  // nullptr for an unknown method.
  const Entry* Find(std::string_view method) const {
    const auto it = methods_.find(method);
    return it == methods_.end() ? nullptr : &it->second;
  }
  // Finds and serves. Returns false, leaving the sink untouched, for an unknown method.
  bool Dispatch(std::string_view method, std::string_view body, const CallContext& context,
                ReplySinkPtr* sink) const {
    const Entry* entry = Find(method);
    if (entry == nullptr) return false;
    entry->serve(body, context, std::move(*sink));
    return true;
  }
  void EndBatch() const {
    for (const auto& callback : end_batch_) callback();
  }
  void Disconnected(ConnectionId connection) const {
    for (const auto& callback : disconnect_) callback(connection);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> methods_;
  std::vector<std::function<void()>> end_batch_;
  std::vector<std::function<void(ConnectionId)>> disconnect_;
};

}  // namespace vasto::rpc
