// SPDX-License-Identifier: Apache-2.0
#include "core/master/operations.h"

#include <algorithm>
#include <utility>

namespace vasto::master {
namespace {

// An id is the term and a number within it, readable in decimal.
constexpr uint64_t kIdsPerTerm = 1'000'000;

void Reply(std::vector<Action>* actions, CallId call, Answer answer) {
  AnswerAction action{.calls = {call}, .answer = std::move(answer)};
  actions->emplace_back(std::move(action));
}

}  // namespace

Operation* Operations::Begin(OperationKind kind, uint64_t term) {
  const uint64_t id = std::max(term * kIdsPerTerm, last_number_) + 1;
  last_number_ = id;
  Operation& operation = operations_[id];
  operation.id = id;
  operation.kind = kind;
  running_.insert(id);
  return &operation;
}

Operation* Operations::Find(uint64_t id) {
  const auto it = operations_.find(id);
  return it == operations_.end() ? nullptr : &it->second;
}

Operation* Operations::FindRunning(const Uuid& keyspace, OperationKind kind) {
  for (const uint64_t id : running_) {
    Operation& operation = operations_.at(id);
    if (operation.keyspace == keyspace && operation.kind == kind) return &operation;
  }
  return nullptr;
}

const Operation* Operations::FindCreating(const std::string& name) const {
  for (const uint64_t id : running_) {
    const Operation& operation = operations_.at(id);
    if (operation.kind == OperationKind::kCreate && operation.name == name) return &operation;
  }
  return nullptr;
}

void Operations::End(Operation* operation, const Status& result, int64_t now_us,
                     std::vector<Action>* actions) {
  operation->state.done = true;
  operation->state.code = result.code();
  operation->state.message = result.message();
  if (result.ok()) operation->state.steps_done = operation->state.steps_total;
  operation->ended_us = now_us;
  running_.erase(operation->id);
  ended_.push_back(operation->id);
  AnswerAction answer{.calls = {}, .answer = operation->state};
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.operation != operation->id) return false;
    answer.calls.push_back(waiting.call);
    return true;
  });
  if (!answer.calls.empty()) actions->push_back(std::move(answer));
}

void Operations::Wait(const WaitEvent& event, int64_t now_us, std::vector<Action>* actions) {
  const uint64_t id = event.request.operation;
  Operation* operation = Find(id);
  if (operation == nullptr) {
    Reply(actions, event.call,
          Status::NotFound("operation " + std::to_string(id) +
                           " is not known: it ended long ago, or the master was restarted "
                           "since"));
    return;
  }
  const uint32_t wait_ms = std::min(event.request.wait_ms, kMaxWaitMs);
  if (operation->state.done || wait_ms == 0) {
    Reply(actions, event.call, operation->state);
    return;
  }
  waiting_.push_back({id, event.call, now_us + int64_t{wait_ms} * 1000});
}

void Operations::Tick(int64_t now_us, std::vector<Action>* actions) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.deadline_us > now_us) return false;
    Reply(actions, waiting.call, operations_.at(waiting.operation).state);
    return true;
  });
  while (!ended_.empty() && (ended_.size() > kKeepCount ||
                             operations_.at(ended_.front()).ended_us + kKeepUs <= now_us)) {
    operations_.erase(ended_.front());
    ended_.pop_front();
  }
}

void Operations::AnswerAll(std::vector<Action>* actions) {
  for (const Waiting& waiting : waiting_) {
    Reply(actions, waiting.call, operations_.at(waiting.operation).state);
  }
  waiting_.clear();
}

int64_t Operations::next_wake_us() const {
  int64_t wake_us = ended_.empty() ? INT64_MAX : operations_.at(ended_.front()).ended_us + kKeepUs;
  for (const Waiting& waiting : waiting_) wake_us = std::min(wake_us, waiting.deadline_us);
  return wake_us;
}

}  // namespace vasto::master
