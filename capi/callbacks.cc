// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/callbacks.h"

#include <utility>

#include "core/base/thread_pool.h"

namespace vasto::capi {
namespace {
thread_local int callback_depth = 0;
}  // namespace

CallbackScope::CallbackScope() { ++callback_depth; }
CallbackScope::~CallbackScope() { --callback_depth; }

bool InCallback() { return callback_depth > 0; }

Status CheckMayWait() {
  if (!InCallback()) return Status::Ok();
  return {Code::kWrongThread, "this call may wait and is not allowed inside a callback"};
}

CallbackRunner::CallbackRunner() : state_(std::make_shared<State>()) {}

CallbackRunner::~CallbackRunner() {
  {
    MutexLock lock(&state_->mu);
    state_->stopping = true;
    state_->changed.SignalAll();
  }
  MutexLock lock(&start_mu_);
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CallbackRunner::Run(std::function<void()> task) {
  MutexLock start(&start_mu_);
  if (!thread_.joinable()) {
    thread_ = std::thread([state = state_] { Loop(state); });
  }
  MutexLock lock(&state_->mu);
  state_->tasks.push_back(std::move(task));
  state_->changed.SignalAll();
}

void CallbackRunner::Drain() {
  MutexLock lock(&state_->mu);
  while (state_->busy || !state_->tasks.empty()) state_->changed.Wait(&state_->mu);
}

void CallbackRunner::Loop(const std::shared_ptr<State>& state) {
  SetThreadName("vasto-callback");
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(&state->mu);
      state->busy = false;
      if (state->tasks.empty()) state->changed.SignalAll();
      while (state->tasks.empty() && !state->stopping) state->changed.Wait(&state->mu);
      if (state->tasks.empty()) return;
      task = std::move(state->tasks.front());
      state->tasks.pop_front();
      state->busy = true;
    }
    task();
  }
}

}  // namespace vasto::capi
