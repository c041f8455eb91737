// SPDX-License-Identifier: Apache-2.0
// A run of completions: a thread that is about to complete many operations one after the other says
// so, and those that would each wake a sleeper put it off and wake it once, at the end of the run.
// The sleeper then finds everything at once, instead of one thing and, a context switch later, the
// next.
//
// Threads: a run belongs to the thread that made it, on whose stack it lives; runs nest, and the
// outermost counts.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace vasto {

class CompletionRun {
 public:
  // What a run calls when it ends, on its thread, with no lock held that the run knows of.
  class Sleeper {
   public:
    virtual ~Sleeper() = default;
    virtual void WakeUp() = 0;
  };

  CompletionRun() : outer_(std::exchange(current, this)) {}
  ~CompletionRun() {
    current = outer_;
    for (const auto& sleeper : sleepers_) sleeper->WakeUp();
  }
  CompletionRun(const CompletionRun&) = delete;
  CompletionRun& operator=(const CompletionRun&) = delete;

  // Puts a wake-up off to the end of the calling thread's run. False when there is none: the caller
  // wakes the sleeper itself. Each call that returns true is followed by one WakeUp.
  [[nodiscard]] static bool PutOff(std::shared_ptr<Sleeper> sleeper) {
    if (current == nullptr) return false;
    CompletionRun* run = current;
    while (run->outer_ != nullptr) run = run->outer_;
    run->sleepers_.push_back(std::move(sleeper));
    return true;
  }

 private:
  static inline thread_local CompletionRun* current = nullptr;

  CompletionRun* const outer_;
  std::vector<std::shared_ptr<Sleeper>> sleepers_;
};

}  // namespace vasto
