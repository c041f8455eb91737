// SPDX-License-Identifier: Apache-2.0
#include "core/codec/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/random.h"

namespace vasto {
namespace {

constexpr std::string_view kKey = "k";

std::string Encode(const Record& record) {
  std::string bytes;
  EncodeRecord(record, ContentChecksum(kKey, record.payload), &bytes);
  return bytes;
}

Record Decode(const std::string& bytes) {
  const auto record = DecodeRecord(kKey, bytes, nullptr);
  EXPECT_TRUE(record.ok()) << record.status().ToString();
  return record.ok() ? *record : Record();
}

std::string JoinOf(const std::string& a, const std::string& b) {
  std::string buffer;
  const auto joined = Join(Decode(a), Decode(b), &buffer);
  EXPECT_TRUE(joined.ok()) << joined.status().ToString();
  return joined.ok() ? Encode(*joined) : "";
}

// One replica of one key. Time is the world's, in microseconds from 1.
class Replica {
 public:
  explicit Replica(LogId log) : log_(log) {}

  Status Apply(MergeOp op, std::string_view operand, int64_t now_us, EventTime agreed = 0) {
    Merge merge;
    merge.op = op;
    merge.operand = operand;
    merge.log = log_;
    merge.event_time = MakeEventTime(now_us);
    merge.wall_us = now_us;
    merge.agreed = agreed;
    merge.expires_at_us = expires_at_us;
    std::string buffer;
    const Record stored = bytes_.empty() ? Record() : Decode(bytes_);
    const auto merged = MergeInto(bytes_.empty() ? nullptr : &stored, merge, &buffer);
    if (merged.ok()) bytes_ = Encode(*merged);
    return merged.status();
  }
  void Put(std::string_view value, int64_t now_us, uint64_t expires_us = 0) {
    Record record;
    record.event_time = MakeEventTime(now_us);
    record.origin = 7;
    record.payload = value;
    record.expires_at_us = expires_us;
    See(Encode(record));
  }
  void Delete(int64_t now_us) {
    Record record;
    record.event_time = MakeEventTime(now_us);
    record.origin = 7;
    record.tombstone = true;
    See(Encode(record));
  }
  void Touch(int64_t now_us, uint64_t expires_us) {
    std::string buffer;
    const auto touched = TouchMerged(Decode(bytes_), MakeEventTime(now_us), expires_us, &buffer);
    ASSERT_TRUE(touched.ok());
    bytes_ = Encode(*touched);
  }
  void See(const std::string& bytes) {
    if (!bytes.empty()) bytes_ = bytes_.empty() ? bytes : JoinOf(bytes_, bytes);
  }
  // Begins another log.
  void Reopen(LogId log) { log_ = log; }
  void Lose(const std::string& bytes) { bytes_ = bytes; }

  const std::string& bytes() const { return bytes_; }
  Record record() const { return Decode(bytes_); }
  std::string value() const { return std::string(record().payload); }

  uint64_t expires_at_us = 0;  // what merges give to a key without a value

 private:
  LogId log_;
  std::string bytes_;
};

class MergeTest : public testing::Test {
 protected:
  void Expect(std::string_view value) {
    a_.See(b_.bytes());
    b_.See(a_.bytes());
    EXPECT_EQ(a_.value(), value);
    EXPECT_EQ(ToHex(a_.bytes()), ToHex(b_.bytes()));
  }
  Replica a_{1};
  Replica b_{2};
};

TEST_F(MergeTest, GoldenBytes) {
  a_.Put("5", 1);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "37", 2).ok());
  EXPECT_EQ(ToHex(a_.bytes()),
            "0210"
            "0020000000000000"
            "0700000000000000"
            "4c000000"  // the state: version, flags, base
            "010017"
            "010000100000000000000700000000000000359d07dfdd"
            "0000000000000000"
            "0000000000000000"
            "01"
            "0100000000000000"
            "0020000000000000"
            "0020000000000000"
            "01"
            "2500000000000000"
            "3432"
            "2681b700");
}

TEST_F(MergeTest, WhatIsMergedAtTwoPlacesIsCountedOnce) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "3", 1).ok());
  ASSERT_TRUE(b_.Apply(MergeOp::kAddInt64, "-10", 2).ok());
  Expect("-7");
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 3).ok());
  Expect("-6");
  Expect("-6");
}

TEST_F(MergeTest, LeastAndGreatest) {
  for (const auto& [op, value] : std::map<MergeOp, std::string>{{MergeOp::kMinInt64, "-4"},
                                                                {MergeOp::kMaxInt64, "30"},
                                                                {MergeOp::kMinFloat64, "-4"},
                                                                {MergeOp::kMaxFloat64, "30"}}) {
    a_ = Replica(1), b_ = Replica(2);
    a_.Put("5", 1);
    b_.See(a_.bytes());
    ASSERT_TRUE(a_.Apply(op, "30", 2).ok());
    ASSERT_TRUE(a_.Apply(op, "7", 3).ok());
    ASSERT_TRUE(b_.Apply(op, "-4", 3).ok());
    Expect(value);
  }
}

TEST_F(MergeTest, FloatsAreWrittenAsShortAsTheyCanBeReadBack) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddFloat64, "0.1", 1).ok());
  ASSERT_TRUE(b_.Apply(MergeOp::kAddFloat64, "0.2", 2).ok());
  Expect("0.30000000000000004");
  ASSERT_TRUE(b_.Apply(MergeOp::kAddFloat64, "1e300", 3).ok());
  Expect("1e+300");
}

TEST_F(MergeTest, ValuesThatWerePutAreMergedInto) {
  a_.Put(" 40\n", 1);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", 2).ok());
  EXPECT_EQ(a_.value(), "42");
  a_.Put("7", 3);
  EXPECT_EQ(a_.value(), "7");
  EXPECT_TRUE(a_.record().merge.empty()) << "nothing is left of what was before";
  a_.Delete(4);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", 5).ok());
  Expect("2");
}

TEST_F(MergeTest, WhatIsNoNumberIsRefused) {
  for (const char* operand : {"", " ", "x", "1x", "0x10", "1.5", "9223372036854775808", "--1"}) {
    EXPECT_TRUE(a_.Apply(MergeOp::kAddInt64, operand, 1).Is(Code::kInvalidArgument)) << operand;
  }
  for (const char* operand : {"", "x", "nan", "inf", "1e999", "0x1p3"}) {
    EXPECT_TRUE(a_.Apply(MergeOp::kAddFloat64, operand, 1).Is(Code::kInvalidArgument)) << operand;
  }
  EXPECT_TRUE(a_.bytes().empty());
  a_.Put("many", 1);
  EXPECT_EQ(a_.Apply(MergeOp::kAddInt64, "1", 2).ToString(),
            "INVALID_ARGUMENT: the value \"many\" is no int64");
  EXPECT_EQ(a_.value(), "many");
}

TEST_F(MergeTest, ResultsStayWithinTheType) {
  a_.Put("9223372036854775807", 1);
  EXPECT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 2).Is(Code::kInvalidArgument));
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "-7", 2).ok());
  b_.See(a_.bytes());
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "7", 3).ok());
  ASSERT_TRUE(b_.Apply(MergeOp::kAddInt64, "7", 3).ok());
  Expect("9223372036854775807");  // together they are beyond it
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "-17", 4).ok()) << "nothing was lost of it";
  Expect("9223372036854775797");
}

TEST_F(MergeTest, OneOperationAtATime) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "3", 1).ok());
  EXPECT_EQ(a_.Apply(MergeOp::kMaxInt64, "9", 2).ToString(),
            "INVALID_ARGUMENT: the value is merged with add of int64; put it to begin with another "
            "operation");
  a_.Put("3", 3);
  EXPECT_TRUE(a_.Apply(MergeOp::kMaxInt64, "9", 4).ok());
  Expect("9");
}

TEST_F(MergeTest, APutThatWasMissedTakesOnlyWhatWasBegunBefore) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "3", 1).ok());
  b_.See(a_.bytes());
  b_.Put("100", 5);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "4", 9).ok());  // into the entry that began at 1
  Expect("100");
  b_ = Replica(2);
  b_.Put("200", 12);
  Replica c(3);
  ASSERT_TRUE(c.Apply(MergeOp::kAddInt64, "4", 14).ok());  // it has seen nothing of all that
  b_.See(c.bytes());
  Expect("204");
}

TEST_F(MergeTest, AnExpiredValueIsBegunAnewAtTheSameMomentEverywhere) {
  a_.Put("5", 1, 10);
  b_.See(a_.bytes());
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 10).ok());
  ASSERT_TRUE(b_.Apply(MergeOp::kAddInt64, "2", 12).ok());
  EXPECT_EQ(a_.value(), "1");
  Expect("3");
  EXPECT_EQ(a_.record().expires_at_us, 0u);
}

TEST_F(MergeTest, NewKeysGetTheTimeToLiveAndTouchesChangeIt) {
  a_.expires_at_us = 100;
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 1).ok());
  EXPECT_EQ(a_.record().expires_at_us, 100u);
  a_.expires_at_us = 200;
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 2).ok());
  EXPECT_EQ(a_.record().expires_at_us, 100u) << "it had a value";
  b_.See(a_.bytes());
  a_.Touch(3, 500);
  ASSERT_TRUE(b_.Apply(MergeOp::kAddInt64, "1", 4).ok());
  Expect("3");
  EXPECT_EQ(a_.record().expires_at_us, 500u);
  b_.Touch(5, 0);
  Expect("3");
  EXPECT_EQ(a_.record().expires_at_us, 0u);
}

TEST_F(MergeTest, AReplicaThatLostItsEndCountsNothingTwiceOrNotAtAll) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 1).ok());
  const std::string early = a_.bytes();
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "10", 2).ok());
  b_.See(a_.bytes());
  a_.Lose(early);
  a_.Reopen(9);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "100", 3).ok());
  EXPECT_EQ(a_.value(), "101");
  Expect("111");
}

TEST_F(MergeTest, TextAndNumbersMergedAtTheSameTimeLoseNeither) {
  const std::string text(100'000, 'x');
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "3", 5).ok());
  b_.Put(text, 4);
  Expect(text);
  EXPECT_LT(a_.bytes().size(), text.size() + 200);
  b_.Put("10", 4);
  b_.Delete(4);
  Expect("3");
}

TEST_F(MergeTest, ClosedEntriesAreFoldedOnceAllReplicasHaveThem) {
  int64_t now_us = 1;
  for (LogId log = 10; log < 60; ++log) {
    a_.Reopen(log);
    ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", now_us++).ok());
  }
  const size_t size = a_.bytes().size();
  const std::string old = a_.bytes();
  now_us += kMergeEntryOpenUs;
  const EventTime agreed = MakeEventTime(now_us);
  b_.See(old);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", ++now_us, MakeEventTime(40)).ok());
  EXPECT_GT(a_.bytes().size(), size) << "not agreed yet";
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", ++now_us, agreed).ok());
  EXPECT_LT(a_.bytes().size(), 200u);
  ASSERT_TRUE(b_.Apply(MergeOp::kAddInt64, "2", ++now_us, agreed).ok());
  Expect("106");
  a_.See(old);
  Expect("106");
}

TEST_F(MergeTest, AnOldPutIntoWhatIsFoldedTakesAllOfIt) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 10).ok());
  a_.Reopen(5);
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "2", 20).ok());
  b_.See(a_.bytes());
  const int64_t now_us = 21 + kMergeEntryOpenUs;
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "4", now_us, MakeEventTime(now_us)).ok());
  a_.Put("100", 15);
  EXPECT_EQ(a_.value(), "104");
  Expect("104");  // what b_ has not folded is in what a_ has
}

TEST_F(MergeTest, TooManyLogsAreRefused) {
  for (LogId log = 10; log < 10 + kMaxMergeEntries; ++log) {
    a_.Reopen(log);
    ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", static_cast<int64_t>(log)).ok());
  }
  a_.Reopen(5);
  EXPECT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 10'000).Is(Code::kBusy));
  EXPECT_EQ(a_.value(), std::to_string(kMaxMergeEntries));
}

TEST_F(MergeTest, DamagedStatesAreCorruption) {
  ASSERT_TRUE(a_.Apply(MergeOp::kAddInt64, "1", 1).ok());
  const Record good = a_.record();
  std::string buffer;
  for (size_t i = 0; i < good.merge.size(); ++i) {
    Record cut = good;
    cut.merge = good.merge.substr(0, i);
    if (i == 0) continue;  // none
    EXPECT_FALSE(Join(cut, good, &buffer).ok()) << i;
  }
  std::string newer(good.merge);
  newer[0] = 2;
  Record record = good;
  record.merge = newer;
  EXPECT_TRUE(Join(record, good, &buffer).status().Is(Code::kNotSupported));
}

// A world of three replicas that merge, put, delete, touch, expire, restart, lose their end and see
// what any of them had at any time.
class World {
 public:
  World(uint64_t seed, bool only_adds) : random_(SeededRandom(seed)), only_adds_(only_adds) {
    for (LogId log = 1; log <= 3; ++log) replicas_.emplace_back(log);
  }

  void Step() {
    now_us_ += 1 + static_cast<int64_t>(random_->Below(3));
    Replica& replica = replicas_[random_->Below(3)];
    const uint64_t what = random_->Below(only_adds_ ? 60 : 72);
    if (what < 30) return Add(&replica);
    if (what < 56)
      return replica.See(history_.empty() ? "" : history_[random_->Below(history_.size())]);
    if (what < 59) return replica.Reopen(++logs_);
    if (what < 60) return Pass();
    if (what < 64) {
      const int64_t when_us = random_->Below(2) == 0 ? now_us_ : Earlier();
      replica.Put(std::to_string(random_->Below(9)), when_us, random_->Below(3) == 0 ? Soon() : 0);
    } else if (what < 67) {
      replica.Delete(now_us_);
    } else if (what < 70) {
      if (!replica.bytes().empty() && !replica.record().merge.empty()) {
        replica.Touch(now_us_, random_->Below(2) == 0 ? 0 : Soon());
      }
    } else {
      replica.Put("text", now_us_);
    }
    if (!replica.bytes().empty()) history_.push_back(replica.bytes());
  }
  // All of them see all that there was, each in an order of its own.
  void Settle() {
    for (Replica& replica : replicas_) {
      std::vector<std::string> all(history_.begin(), history_.end());
      for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random_->Below(i)]);
      for (const std::string& bytes : all) replica.See(bytes);
    }
  }

  const std::vector<Replica>& replicas() const { return replicas_; }
  const std::deque<std::string>& history() const { return history_; }
  int64_t sum() const { return sum_; }
  Random* random() { return random_.get(); }

 private:
  // When something happened, or right before or after.
  int64_t Earlier() {
    if (history_.empty()) return now_us_;
    const Record record = Decode(history_[random_->Below(history_.size())]);
    return EventTimeMicros(record.event_time) + static_cast<int64_t>(random_->Below(3)) - 1;
  }
  uint64_t Soon() { return static_cast<uint64_t>(now_us_) + 1 + random_->Below(20); }
  void Add(Replica* replica) {
    const auto number = static_cast<int64_t>(random_->Below(100)) - 50;
    if (!replica->Apply(MergeOp::kAddInt64, std::to_string(number), now_us_, agreed_).ok()) return;
    sum_ += number;
    history_.push_back(replica->bytes());
  }
  // Everybody sees everything, agrees on it, and time passes.
  void Pass() {
    Settle();
    agreed_ = MakeEventTime(now_us_);
    now_us_ += static_cast<int64_t>(random_->Below(2)) * kMergeEntryOpenUs;
    if (random_->Below(2) == 0) agreed_ = MakeEventTime(now_us_);
  }

  std::unique_ptr<Random> random_;
  const bool only_adds_;
  std::vector<Replica> replicas_;
  std::deque<std::string> history_;
  int64_t now_us_ = 1;
  int64_t sum_ = 0;
  LogId logs_ = 3;
  EventTime agreed_ = 0;
};

TEST(MergeWorld, AllReplicasComeToTheSameBytes) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    World world(seed, seed % 2 == 0);
    for (int i = 0; i < 80; ++i) world.Step();
    world.Settle();
    const Replica& first = world.replicas().front();
    for (const Replica& replica : world.replicas()) {
      ASSERT_EQ(ToHex(replica.bytes()), ToHex(first.bytes())) << "seed " << seed;
    }
    if (seed % 2 == 0) {
      ASSERT_EQ(first.value(), std::to_string(world.sum())) << "seed " << seed;
    }
  }
}

TEST(MergeWorld, JoinIsAssociativeCommutativeAndIdempotent) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed, false);
    for (int i = 0; i < 60; ++i) world.Step();
    const auto any = [&] { return world.history()[world.random()->Below(world.history().size())]; };
    for (int i = 0; i < 100; ++i) {
      const std::string a = any(), b = any(), c = any();
      ASSERT_EQ(JoinOf(a, a), a) << seed;
      ASSERT_EQ(JoinOf(a, b), JoinOf(b, a)) << seed;
      ASSERT_EQ(JoinOf(JoinOf(a, b), c), JoinOf(a, JoinOf(b, c))) << seed;
    }
  }
}

}  // namespace
}  // namespace vasto
