// SPDX-License-Identifier: Apache-2.0
// A master's core that a test drives step by step.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/master/master_core.h"
#include "tests/unit/master/times.h"

namespace vasto::master {

inline const Uuid kCluster{0xc, 1};

// Drives one core step by step; answers and commands are kept until a test takes them.
class MasterCoreTest : public testing::Test {
 protected:
  MasterCoreTest() { Restart(); }

  void Restart() {
    core_ = std::make_unique<MasterCore>(MasterCoreOptions(), random_.get());
    installs_.clear();
    compacts_.clear();
    Do(StartEvent{});
  }

  void Do(const Event& event) {
    for (const Action& action : core_->Step(event, now_us_)) {
      if (const auto* answer = std::get_if<AnswerAction>(&action)) {
        for (CallId call : answer->calls) {
          EXPECT_FALSE(answers_.contains(call)) << "answered twice";
          answers_[call] = answer->answer;
        }
      } else if (const auto* install = std::get_if<InstallAction>(&action)) {
        installs_.push_back(*install);
      } else {
        compacts_.push_back(std::get<CompactAction>(action));
      }
    }
  }
  void Advance(int64_t us) {
    const int64_t end_us = now_us_ + us;
    while (core_->next_wake_us() <= end_us) {
      now_us_ = std::max(now_us_, core_->next_wake_us());
      Do(TickEvent{});
    }
    now_us_ = end_us;
    Do(TickEvent{});
  }

  // What the call was answered; nothing while it is parked.
  template <typename Response>
  std::optional<Response> Get(CallId call) {
    if (!answers_.contains(call)) return std::nullopt;
    const auto* response = std::get_if<Response>(&answers_[call]);
    EXPECT_NE(response, nullptr) << std::get<Status>(answers_[call]).ToString();
    return response == nullptr ? std::nullopt : std::optional<Response>(*response);
  }
  Status Error(CallId call) {
    EXPECT_TRUE(answers_.contains(call)) << "still parked";
    const auto* status = std::get_if<Status>(&answers_[call]);
    return status == nullptr ? Status() : *status;
  }
  bool Parked(CallId call) { return !answers_.contains(call); }

  static Uuid StoreId(uint64_t id) { return {0x5, id}; }
  CallId Register(uint64_t id, std::vector<KeyspaceDescriptor> descriptors = {},
                  Uuid cluster = kCluster, uint64_t max_term = 0, const std::string& host = "h") {
    RegisterEvent event{.call = ++call_, .connection = id, .request = {}};
    event.request.cluster = cluster;
    event.request.max_term = max_term;
    event.request.store.uuid = StoreId(id);
    event.request.store.address = host + ":" + std::to_string(id);
    event.request.store.free_bytes = 1 << 30;
    event.request.descriptors = std::move(descriptors);
    Do(event);
    return call_;
  }
  void Heartbeat(uint64_t id) {
    HeartbeatEvent event{.call = ++call_, .connection = id, .request = {}};
    event.request.store = StoreId(id);
    event.request.free_bytes = 1 << 30;
    Do(event);
  }
  CallId Create(const std::string& name, int32_t shards = 2, int32_t replicas = 1,
                uint64_t ttl_seconds = 0) {
    CreateEvent event{.call = ++call_, .wall_us = 77, .request = {}};
    event.request.name = name;
    event.request.shards = shards;
    event.request.replicas = replicas;
    event.request.ttl_seconds = ttl_seconds;
    Do(event);
    return call_;
  }
  CallId Delete(const std::string& name) {
    Do(DeleteEvent{.call = ++call_, .wall_us = 88, .request = {.name = name}});
    return call_;
  }
  CallId Watch(uint64_t term, uint64_t version, uint32_t wait_ms) {
    Do(WatchEvent{.call = ++call_,
                  .request = {.known_term = term, .known_version = version, .wait_ms = wait_ms}});
    return call_;
  }
  rpc::WaitOperationResponse StateOf(CallId start) {
    const auto started = Get<rpc::StartOperationResponse>(start);
    if (!started) return {};
    Do(WaitEvent{.call = ++call_, .request = {.operation = started->operation, .wait_ms = 0}});
    return *Get<rpc::WaitOperationResponse>(call_);
  }
  // Ends the oldest install to the store (any store when nil).
  InstallAction EndInstall(const Status& result = Status(), const Uuid& store = Uuid()) {
    for (auto it = installs_.begin(); it != installs_.end(); ++it) {
      if (!store.nil() && it->store != store) continue;
      const InstallAction install = *it;
      installs_.erase(it);
      Do(InstallEndedEvent{.token = install.token, .result = result});
      return install;
    }
    ADD_FAILURE() << "no install under way";
    return {};
  }
  void EndAllInstalls() {
    while (!installs_.empty()) EndInstall();
  }
  void StartWithStores(uint64_t count) {
    for (uint64_t id = 1; id <= count; ++id) Register(id);
    Advance(500 * kMs);
    ASSERT_FALSE(core_->recovering());
  }
  KeyspaceDescriptor Created(const std::string& name, int32_t shards = 2, int32_t replicas = 1) {
    const CallId call = Create(name, shards, replicas);
    EndAllInstalls();
    EXPECT_TRUE(StateOf(call).done);
    EXPECT_EQ(StateOf(call).code, Code::kOk) << StateOf(call).message;
    const KeyspaceDescriptor* descriptor = core_->catalog().FindByName(name);
    return descriptor == nullptr ? KeyspaceDescriptor() : *descriptor;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& [name, descriptor] : core_->Map().keyspaces) names.push_back(name);
    return names;
  }

  std::unique_ptr<Random> random_ = SeededRandom(1);
  std::unique_ptr<MasterCore> core_;
  int64_t now_us_ = 1'000 * kSecond;
  CallId call_ = 0;
  std::map<CallId, Answer> answers_;
  std::deque<InstallAction> installs_;
  std::vector<CompactAction> compacts_;
};

}  // namespace vasto::master
