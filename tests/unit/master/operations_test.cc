// SPDX-License-Identifier: Apache-2.0
#include "core/master/operations.h"

#include <gtest/gtest.h>

namespace vasto::master {
namespace {

class OperationsTest : public testing::Test {
 protected:
  void Wait(CallId call, uint64_t operation, uint32_t wait_ms, int64_t now_us) {
    const WaitEvent event{.call = call, .request = {.operation = operation, .wait_ms = wait_ms}};
    operations_.Wait(event, now_us, &actions_);
  }
  // The only action so far, as the state of an operation; clears the list.
  rpc::WaitOperationResponse TakeState() {
    EXPECT_EQ(actions_.size(), 1u);
    const auto answer = std::get<AnswerAction>(actions_.at(0));
    actions_.clear();
    return std::get<rpc::WaitOperationResponse>(answer.answer);
  }

  Operations operations_;
  std::vector<Action> actions_;
};

TEST_F(OperationsTest, AWaitEndsWithTheOperation) {
  Operation* operation = operations_.Begin(OperationKind::kCreate, 3);
  operation->state.steps_total = 4;
  Wait(1, operation->id, 1000, 0);
  Wait(2, operation->id, 1000, 0);
  EXPECT_TRUE(actions_.empty());
  operations_.End(operation, Status(), 10, &actions_);
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(std::get<AnswerAction>(actions_[0]).calls, (std::vector<CallId>{1, 2}));
  const auto state = TakeState();
  EXPECT_TRUE(state.done);
  EXPECT_EQ(state.steps_done, 4u);
  EXPECT_EQ(state.code, Code::kOk);
}

TEST_F(OperationsTest, AWaitEndsAtItsDeadlineWithTheProgress) {
  Operation* operation = operations_.Begin(OperationKind::kCreate, 3);
  operation->state = {.done = false, .steps_done = 1, .steps_total = 4};
  Wait(1, operation->id, 1000, 0);
  EXPECT_EQ(operations_.next_wake_us(), 1'000'000);
  operations_.Tick(999'999, &actions_);
  EXPECT_TRUE(actions_.empty());
  operations_.Tick(1'000'000, &actions_);
  const auto state = TakeState();
  EXPECT_FALSE(state.done);
  EXPECT_EQ(state.steps_done, 1u);
  Wait(2, operation->id, 0, 0);
  EXPECT_EQ(TakeState().steps_total, 4u);
}

TEST_F(OperationsTest, FailuresKeepCodeAndMessage) {
  Operation* operation = operations_.Begin(OperationKind::kDelete, 3);
  operations_.End(operation, Status::NoSpace("disk full"), 0, &actions_);
  Wait(1, operation->id, 1000, 0);
  const auto state = TakeState();
  EXPECT_TRUE(state.done);
  EXPECT_EQ(state.code, Code::kNoSpace);
  EXPECT_EQ(state.message, "disk full");
}

TEST_F(OperationsTest, UnknownIdsAreToldSo) {
  Wait(1, 12345, 1000, 0);
  ASSERT_EQ(actions_.size(), 1u);
  const auto& answer = std::get<AnswerAction>(actions_[0]).answer;
  EXPECT_EQ(std::get<Status>(answer).code(), Code::kNotFound);
}

TEST_F(OperationsTest, EndedOperationsAreForgottenInTime) {
  Operation* operation = operations_.Begin(OperationKind::kDelete, 3);
  const uint64_t id = operation->id;
  operations_.End(operation, Status(), 5, &actions_);
  EXPECT_EQ(operations_.next_wake_us(), 5 + Operations::kKeepUs);
  operations_.Tick(4 + Operations::kKeepUs, &actions_);
  EXPECT_NE(operations_.Find(id), nullptr);
  operations_.Tick(5 + Operations::kKeepUs, &actions_);
  EXPECT_EQ(operations_.Find(id), nullptr);
  for (size_t i = 0; i < Operations::kKeepCount + 5; ++i) {
    operations_.End(operations_.Begin(OperationKind::kDelete, 3), Status(), 0, &actions_);
  }
  operations_.Tick(1, &actions_);
  EXPECT_EQ(operations_.Find(3'000'002), nullptr);
  EXPECT_NE(operations_.Find(3'000'010), nullptr);
}

TEST_F(OperationsTest, IdsGrowAcrossTerms) {
  const uint64_t first = operations_.Begin(OperationKind::kCreate, 3)->id;
  const uint64_t second = operations_.Begin(OperationKind::kCreate, 3)->id;
  const uint64_t third = operations_.Begin(OperationKind::kCreate, 5)->id;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(third, 5'000'001u);
}

TEST_F(OperationsTest, RunningOnesAreFoundByKeyspaceAndName) {
  Operation* operation = operations_.Begin(OperationKind::kCreate, 1);
  operation->keyspace = {1, 1};
  operation->name = "a";
  EXPECT_EQ(operations_.FindRunning({1, 1}, OperationKind::kCreate), operation);
  EXPECT_EQ(operations_.FindRunning({1, 1}, OperationKind::kDelete), nullptr);
  EXPECT_EQ(operations_.FindCreating("a"), operation);
  operations_.End(operation, Status(), 0, &actions_);
  EXPECT_EQ(operations_.FindCreating("a"), nullptr);
  EXPECT_TRUE(operations_.running().empty());
}

}  // namespace
}  // namespace vasto::master
