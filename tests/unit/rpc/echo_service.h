// SPDX-License-Identifier: Apache-2.0
// A dispatcher for tests: gets answer from their key, parked ones on demand, writes count.
// Threads: any.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/rpc/dispatcher.h"

namespace vasto::rpc {

// A deadline in so many microseconds, and how many are enough on any machine.
inline int64_t In(int64_t us) { return SystemClock()->MonotonicMicros() + us; }
inline constexpr int64_t kLong = 20'000'000;

// The method get, by key: "park" waits for AnswerParked, "drop" is never answered, "thread" is
// answered from another thread, "fail" fails with BUSY, "size N" answers N bytes, anything else
// answers itself.
class EchoService {
 public:
  EchoService() {
    dispatcher_.Handle<Get>([this](GetRequest request, Responder<Get> responder) {
      OnGet(std::move(request), std::move(responder));
    });
    dispatcher_.Handle<Write>([this](WriteRequest request, Responder<Write> responder) {
      {
        MutexLock lock(&mu_);
        written_bytes_ += request.entry.payload.size();
      }
      WriteResponse response;
      response.event_time = request.entry.payload.size();
      responder.Ok(response);
    });
    dispatcher_.OnEndBatch([this] {
      MutexLock lock(&mu_);
      ++batches_;
    });
    dispatcher_.OnDisconnect([this](ConnectionId connection) {
      MutexLock lock(&mu_);
      disconnected_.push_back(connection);
      changed_.SignalAll();
    });
  }
  ~EchoService() { Join(); }

  const Dispatcher* dispatcher() const { return &dispatcher_; }
  Dispatcher* mutable_dispatcher() { return &dispatcher_; }

  static GetResponse Answer(const std::string& payload) {
    GetResponse response;
    response.code = Code::kOk;
    response.value.payload = payload;
    response.value.payload_size = payload.size();
    return response;
  }
  static GetRequest Request(const std::string& key) {
    GetRequest request;
    request.key.key = key;
    return request;
  }

  // Waits until `count` calls are parked.
  void AwaitParked(size_t count) {
    MutexLock lock(&mu_);
    while (parked_.size() < count) changed_.Wait(&mu_);
  }
  // Answers the parked call number `index` (of those now parked) and forgets it.
  void AnswerParked(size_t index, const std::string& payload) {
    TakeParked(index).Ok(Answer(payload));
  }
  Responder<Get> TakeParked(size_t index) {
    MutexLock lock(&mu_);
    Responder<Get> responder = std::move(parked_[index]);
    parked_.erase(parked_.begin() + static_cast<ptrdiff_t>(index));
    return responder;
  }
  void DropAllParked() {
    std::vector<Responder<Get>> parked;
    MutexLock lock(&mu_);
    parked.swap(parked_);
  }
  void AwaitDisconnects(size_t count) {
    MutexLock lock(&mu_);
    while (disconnected_.size() < count) changed_.Wait(&mu_);
  }
  std::vector<ConnectionId> disconnected() {
    MutexLock lock(&mu_);
    return disconnected_;
  }
  size_t written_bytes() {
    MutexLock lock(&mu_);
    return written_bytes_;
  }
  size_t gets() {
    MutexLock lock(&mu_);
    return gets_;
  }
  size_t batches() {
    MutexLock lock(&mu_);
    return batches_;
  }
  ConnectionId last_connection() {
    MutexLock lock(&mu_);
    return last_connection_;
  }
  void Join() {
    std::vector<std::thread> threads;
    {
      MutexLock lock(&mu_);
      threads.swap(threads_);
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  void OnGet(GetRequest request, Responder<Get> responder) {
    const std::string& key = request.key.key;
    MutexLock lock(&mu_);
    ++gets_;
    last_connection_ = responder.context().connection;
    if (key == "park") {
      parked_.push_back(std::move(responder));
      changed_.SignalAll();
    } else if (key == "drop") {
      return;
    } else if (key == "thread") {
      threads_.emplace_back([responder = std::make_shared<Responder<Get>>(std::move(responder))] {
        responder->Ok(Answer("from a thread"));
      });
    } else if (key == "fail") {
      responder.Fail(Status::Busy("not now"));
    } else if (key.starts_with("size ")) {
      responder.Ok(Answer(std::string(std::stoul(key.substr(5)), 'v')));
    } else {
      responder.Ok(Answer(key));
    }
  }

  Dispatcher dispatcher_;
  Mutex mu_;
  CondVar changed_;
  std::vector<Responder<Get>> parked_ GUARDED_BY(mu_);
  std::vector<ConnectionId> disconnected_ GUARDED_BY(mu_);
  std::vector<std::thread> threads_ GUARDED_BY(mu_);
  size_t written_bytes_ GUARDED_BY(mu_) = 0;
  size_t gets_ GUARDED_BY(mu_) = 0;
  size_t batches_ GUARDED_BY(mu_) = 0;
  ConnectionId last_connection_ GUARDED_BY(mu_) = 0;
};

}  // namespace vasto::rpc
