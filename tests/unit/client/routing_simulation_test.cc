// SPDX-License-Identifier: Apache-2.0
// Routers and a map follower against a simulated cluster in virtual time: lost requests and
// replies, refused connections, moved shards, busy and silent stores, masters that come and go.
// Every seed must keep the promises of router.h.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/client/client.h"
#include "core/client/map_follower.h"
#include "core/client/router.h"

namespace vasto::client {
namespace {

constexpr int kStores = 3;
constexpr int kOperations = 40;
constexpr int64_t kMilli = 1'000;
constexpr int64_t kFaultsUntilUs = 3'000 * kMilli;
constexpr int64_t kTimeoutUs = 5'000 * kMilli;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(SeededRandom(seed)), follower_(2) {
    for (int i = 0; i < kStores; ++i) order_[static_cast<size_t>(i)] = i;
    known_order_ = order_;
  }

  void Run() {
    Follow({.kind = FollowEvent::Kind::kStart, .id = {}});
    for (int i = 0; i < 30; ++i) At(Below(kFaultsUntilUs), [this] { BreakSomething(); });
    At(kFaultsUntilUs, [this] { HealAll(); });
    operations_.resize(kOperations);
    for (size_t i = 0; i < kOperations; ++i) {
      At(Below(kFaultsUntilUs), [this, i] { Begin(&operations_[i]); });
    }
    while (!events_.empty() && now_us_ < 60'000 * kMilli) {
      auto first = events_.begin();
      now_us_ = first->first;
      const auto run = std::move(first->second);
      events_.erase(first);
      run();
    }
    for (const Operation& operation : operations_) Check(operation);
  }

  int successes() const { return successes_; }
  int doubts() const { return doubts_; }

 private:
  struct Operation {
    RouteKind kind = RouteKind::kRead;
    std::unique_ptr<Router> router;
    uint64_t attempt = 0;  // number of the attempt under way; replies to others are late
    uint64_t parked = 0;   // number of the pause
    bool waiting = false;
    int started = 0;
    int ended = 0;
    int applied = 0;        // how often a store carried it out
    int sent_in_doubt = 0;  // attempts begun after one that was lost
    bool lost_before = false;
    int64_t timeout_us = 0;
    int64_t began_us = 0;
    int64_t ended_us = 0;
    Status status;
  };

  int64_t Below(int64_t n) {
    return static_cast<int64_t>(random_->Below(static_cast<uint64_t>(n)));
  }
  bool Chance(int percent) { return Below(100) < percent; }
  void At(int64_t time_us, std::function<void()> fn) {
    events_.emplace(std::max(time_us, now_us_), std::move(fn));
  }

  // --- the cluster

  void BreakSomething() {
    const auto store = static_cast<size_t>(Below(kStores));
    switch (Below(6)) {
      case 0:
        up_[store] = !up_[store];
        break;
      case 1:
        loss_percent_ = static_cast<int>(Below(60));
        break;
      case 2:
        SetSilent(store, !silent_[store]);
        break;
      case 3:  // the shard gets another primary
        std::swap(order_[0], order_[1 + static_cast<size_t>(Below(kStores - 1))]);
        ++version_;
        break;
      case 4:
        masters_up_[static_cast<size_t>(Below(2))] ^= true;
        break;
      default:
        busy_[store] = !busy_[store];
        break;
    }
    AnswerParkedPolls();
  }

  // A stopped process: what was sent waits in its sockets and is carried out late.
  void SetSilent(size_t store, bool silent) {
    silent_[store] = silent;
    if (silent) return;
    std::vector<std::function<void()>> held;
    held.swap(held_[store]);
    for (auto& request : held) At(now_us_, std::move(request));
  }

  void HealAll() {
    up_.fill(true);
    for (size_t store = 0; store < kStores; ++store) SetSilent(store, false);
    busy_.fill(false);
    masters_up_.fill(true);
    loss_percent_ = 0;
    AnswerParkedPolls();
  }

  // --- the map

  void Follow(const FollowEvent& event) {
    for (const FollowAction& action : follower_.Step(event, now_us_, random_.get())) {
      if (action.kind == FollowAction::Kind::kAskMaster) {
        polls_.push_back(action);
        At(now_us_ + kMilli, [this] { AnswerParkedPolls(); });
      } else if (action.kind == FollowAction::Kind::kAskStore) {
        At(now_us_ + kMilli, [this] { AnswerAsStore(); });
      } else if (action.kind == FollowAction::Kind::kWakeAt) {
        At(action.at_us, [this] { Follow({.kind = FollowEvent::Kind::kTimer, .id = {}}); });
      } else {
        known_order_ = order_;
        ++generation_;
        for (Operation& operation : operations_) Wake(&operation);
      }
    }
  }

  void AnswerParkedPolls() {
    std::vector<FollowAction> polls;
    polls.swap(polls_);
    for (const FollowAction& poll : polls) {
      FollowEvent event;
      event.kind = FollowEvent::Kind::kMasterAnswer;
      event.ok = masters_up_[poll.master];
      event.id = {Uuid{1, 1}, 1, version_};
      event.changed = event.id.NewerThan(poll.known);
      if (event.ok && !event.changed) {
        polls_.push_back(poll);
      } else {
        Follow(event);
      }
    }
  }

  void AnswerAsStore() {
    const bool reached = up_[static_cast<size_t>(Below(kStores))];
    Follow({FollowEvent::Kind::kStoreAnswer, reached, reached, {Uuid{1, 1}, 0, 0}});
  }

  // --- operations

  ShardView View() {
    ShardView view;
    view.generation = generation_;
    view.count = kStores;
    return view;
  }

  void Begin(Operation* operation) {
    operation->kind = static_cast<RouteKind>(Below(4));
    operation->timeout_us = Chance(30) ? Below(500 * kMilli) : kTimeoutUs;
    operation->router = std::make_unique<Router>(operation->kind, now_us_ + operation->timeout_us);
    operation->began_us = now_us_;
    ++operation->started;
    Feed(operation, {});
  }

  void Wake(Operation* operation) {
    if (!operation->waiting) return;
    operation->waiting = false;
    Feed(operation, {.kind = RouteEvent::Kind::kWake, .status = {}});
  }

  void Feed(Operation* operation, RouteEvent event) {
    const RouteAction action =
        operation->router->Step(std::move(event), View(), now_us_, random_.get());
    if (action.refresh_map) {
      At(now_us_, [this] { Follow({.kind = FollowEvent::Kind::kRefresh, .id = {}}); });
    }
    switch (action.kind) {
      case RouteAction::Kind::kSend:
        Send(operation, action);
        break;
      case RouteAction::Kind::kWait:
        operation->waiting = true;
        At(action.until_us, [this, operation, number = ++operation->parked] {
          if (number == operation->parked) Wake(operation);
        });
        break;
      case RouteAction::Kind::kFinish:
        ++operation->ended;
        operation->ended_us = now_us_;
        operation->status = action.status;
        break;
    }
  }

  void Send(Operation* operation, const RouteAction& action) {
    if (operation->lost_before) ++operation->sent_in_doubt;
    const auto store = static_cast<size_t>(known_order_[static_cast<size_t>(action.candidate)]);
    const uint64_t number = ++operation->attempt;
    const int64_t there_us = now_us_ + 100 + Below(2 * kMilli);
    // Whatever else happens, the channel ends the attempt at its deadline.
    At(action.until_us,
       [this, operation, number] { End(operation, number, Status::Timeout("no answer"), false); });
    if (!up_[store]) {
      At(there_us, [this, operation, number] {
        End(operation, number, Status::Unavailable("not sent: refused"), false);
      });
    } else if (Chance(loss_percent_)) {
      At(there_us + kMilli, [this, operation, number] {
        End(operation, number, Status::Unavailable("connection lost"), false);
      });
    } else {
      At(there_us, [this, operation, number, store] { Arrive(operation, number, store); });
    }
  }

  void Arrive(Operation* operation, uint64_t number, size_t store) {
    if (silent_[store]) {
      held_[store].push_back(
          [this, operation, number, store] { Arrive(operation, number, store); });
      return;
    }
    if (!up_[store]) {
      return End(operation, number, Status::Unavailable("connection lost"), false);
    }
    Status answer;
    if (order_[0] != static_cast<int>(store)) {
      answer = Status::Unavailable("moved: not the primary");
    } else if (busy_[store]) {
      answer = Status::Busy("full");
    } else if (operation->kind == RouteKind::kConditionalWrite && operation->applied > 0) {
      answer = Status::AlreadyExists("its own write");
    } else {
      ++operation->applied;
    }
    const bool lost = Chance(loss_percent_);
    At(now_us_ + 100 + Below(2 * kMilli), [this, operation, number, answer, lost] {
      if (lost) return End(operation, number, Status::Unavailable("connection lost"), false);
      End(operation, number, answer, true);
    });
  }

  void End(Operation* operation, uint64_t number, const Status& status, bool from_peer) {
    if (number != operation->attempt || operation->waiting || operation->ended > 0) return;
    ++operation->attempt;
    if (ClassifyOutcome(status, from_peer) == Outcome::kLost) operation->lost_before = true;
    Feed(operation, {RouteEvent::Kind::kFinished, status, from_peer});
  }

  void Check(const Operation& operation) {
    ASSERT_EQ(operation.started, 1);
    ASSERT_EQ(operation.ended, 1) << "an operation must end exactly once";
    EXPECT_LE(operation.ended_us, operation.began_us + operation.timeout_us);
    const std::string& message = operation.status.message();
    if (operation.kind != RouteKind::kRead) {
      if (operation.status.ok()) {
        EXPECT_GE(operation.applied, 1);
      } else if (!IsInDoubt(message)) {
        EXPECT_EQ(operation.applied, 0) << "failed for certain, but done: " << message;
      }
    }
    const bool once =
        operation.kind == RouteKind::kConditionalWrite || operation.kind == RouteKind::kMerge;
    if (once) {
      EXPECT_FALSE(operation.status.Is(Code::kAlreadyExists)) << "met its own write";
      EXPECT_EQ(operation.sent_in_doubt, 0);
      EXPECT_LE(operation.applied, 1);
    }
    // Faults end long before the longer deadlines do: what may be repeated is done by then.
    if (operation.timeout_us == kTimeoutUs) {
      EXPECT_TRUE(operation.status.ok() || (once && IsInDoubt(message))) << message;
    }
    successes_ += operation.status.ok() ? 1 : 0;
    doubts_ += IsInDoubt(message) ? 1 : 0;
  }

  const std::unique_ptr<Random> random_;
  int64_t now_us_ = 0;
  std::multimap<int64_t, std::function<void()>> events_;

  std::array<bool, kStores> up_{true, true, true};
  std::array<bool, kStores> silent_{};
  std::array<bool, kStores> busy_{};
  std::array<std::vector<std::function<void()>>, kStores> held_;
  std::array<bool, 2> masters_up_{true, true};
  int loss_percent_ = 0;
  std::array<int, kStores> order_{};  // the truth: who is replica 0, 1, 2
  uint64_t version_ = 1;

  MapFollower follower_;
  std::vector<FollowAction> polls_;  // parked at masters
  std::array<int, kStores> known_order_{};
  uint64_t generation_ = 1;

  std::vector<Operation> operations_;
  int successes_ = 0;
  int doubts_ = 0;
};

TEST(RoutingSimulationTest, EverySeedKeepsThePromises) {
  int successes = 0;
  int doubts = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    simulation.Run();
    successes += simulation.successes();
    doubts += simulation.doubts();
    if (testing::Test::HasFailure()) return;
  }
  // The faults really bite, and yet most operations get through.
  EXPECT_GT(doubts, 100);
  EXPECT_GT(successes, 500 * kOperations * 6 / 10);
}

}  // namespace
}  // namespace vasto::client
