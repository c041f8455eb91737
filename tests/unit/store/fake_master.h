// SPDX-License-Identifier: Apache-2.0
// A master for tests of a store: a real port that records what stores say, and a channel to tell
// stores what to do.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/server.h"

namespace vasto::store {

class FakeMaster {
 public:
  explicit FakeMaster(const std::string& listen = "127.0.0.1:0", uint64_t term = 1) : term_(term) {
    dispatcher_.Handle<rpc::RegisterStore>(
        [this](rpc::RegisterStoreRequest request, rpc::Responder<rpc::RegisterStore> responder) {
          std::lock_guard lock(mu_);
          const Status refusal = refusal_;
          registered_.push_back(std::move(request));
          changed_.notify_all();
          refusal.ok() ? responder.Ok({cluster_, term_}) : responder.Fail(refusal);
        });
    dispatcher_.Handle<rpc::Heartbeat>(
        [this](rpc::HeartbeatRequest request, rpc::Responder<rpc::Heartbeat> responder) {
          std::lock_guard lock(mu_);
          heartbeats_.push_back(std::move(request));
          changed_.notify_all();
          responder.Ok({});
        });
    dispatcher_.Handle<rpc::WatchCluster>([this](const rpc::WatchClusterRequest& request,
                                                 rpc::Responder<rpc::WatchCluster> responder) {
      std::lock_guard lock(mu_);
      if (request.known_version < map_.version) return responder.Ok({true, map_});
      parked_.push_back(std::move(responder));
    });
    rpc::ServerOptions options;
    options.listen = listen;
    options.io_threads = 1;
    server_ = std::make_unique<rpc::Server>(options, &dispatcher_);
    start_ = server_->Start();
  }
  ~FakeMaster() {
    {
      std::lock_guard lock(mu_);
      for (auto& responder : parked_) responder.Fail(Status::Unavailable("stopping"));
      parked_.clear();
    }
    server_->Stop();
  }

  const Status& start() const { return start_; }
  std::string address() const { return server_->address(); }
  void Refuse(Status why) {
    std::lock_guard lock(mu_);
    refusal_ = std::move(why);
  }
  void SetMap(ClusterMap map) {
    std::lock_guard lock(mu_);
    map_ = std::move(map);
    for (auto& responder : parked_) responder.Ok({true, map_});
    parked_.clear();
  }
  // Waits until n registrations were seen, and returns the last one.
  rpc::RegisterStoreRequest WaitRegistration(size_t n = 1) {
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return registered_.size() >= n; });
    return registered_.empty() ? rpc::RegisterStoreRequest() : registered_.back();
  }
  // Waits for a heartbeat that fits.
  bool WaitHeartbeat(const std::function<bool(const rpc::HeartbeatRequest&)>& fits) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] {
      for (const auto& heartbeat : heartbeats_) {
        if (fits(heartbeat)) return true;
      }
      return false;
    });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  const uint64_t term_;
  const Uuid cluster_{0xc1, 0xc2};
  Status refusal_;
  Status start_;
  ClusterMap map_;
  std::vector<rpc::RegisterStoreRequest> registered_;
  std::vector<rpc::HeartbeatRequest> heartbeats_;
  std::vector<rpc::Responder<rpc::WatchCluster>> parked_;
  rpc::Dispatcher dispatcher_;
  std::unique_ptr<rpc::Server> server_;
};

// One call and its answer.
template <typename Method>
StatusOr<typename Method::Response> Call(rpc::Channel* channel,
                                         const typename Method::Request& request,
                                         int64_t timeout_us = 20'000'000) {
  std::promise<StatusOr<typename Method::Response>> promise;
  auto future = promise.get_future();
  channel->Call<Method>(
      request, SystemClock()->MonotonicMicros() + timeout_us,
      [&](StatusOr<typename Method::Response> answer) { promise.set_value(std::move(answer)); });
  return future.get();
}

}  // namespace vasto::store
