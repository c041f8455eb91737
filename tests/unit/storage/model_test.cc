// SPDX-License-Identifier: Apache-2.0
// Random operations against a std::map, and event times that arrive in any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

uint64_t Seed() {
  const char* text = std::getenv("VASTO_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : SystemRandom()->Next() % 1'000'000;
}

class ModelTest : public ShardTest {
 protected:
  ModelTest() : seed_(Seed()), random_(SeededRandom(seed_)) {
    RecordProperty("seed", std::to_string(seed_));
    std::printf("VASTO_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }

  const uint64_t seed_;
  std::unique_ptr<Random> random_;
};

struct Event {
  std::string key;
  std::optional<std::string> value;  // nothing: a delete
  EventTime event_time = 0;
};

// What must be left of the events of a key: the last, a delete before a put, the greater value.
bool Later(const Event& a, const Event& b) {
  if (a.event_time != b.event_time) return a.event_time > b.event_time;
  if (a.value.has_value() != b.value.has_value()) return !a.value.has_value();
  return a.value > b.value;
}

TEST_F(ModelTest, TheOrderOfArrivalDoesNotMatter) {
  std::vector<Event> events;
  std::map<std::string, Event> last;
  for (int i = 0; i < 6000; ++i) {
    Event event;
    event.key = "k" + std::to_string(random_->Below(300));
    if (random_->Below(3) != 0) event.value = std::to_string(random_->Below(50));
    event.event_time = At(-static_cast<int64_t>(random_->Below(200)));
    auto [found, first] = last.emplace(event.key, event);
    if (!first && Later(event, found->second)) found->second = event;
    events.push_back(event);
  }
  std::vector<std::string> want;
  for (const auto& [key, event] : last) {
    if (event.value) want.push_back(key + "=" + *event.value);
  }
  for (int round = 0; round < 3; ++round) {
    options_.dir = folder_.path() + "/round" + std::to_string(round);
    Open();
    for (size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[random_->Below(i)]);
    // Several threads, so that also the sequencer's order is another one.
    std::vector<std::thread> threads;
    constexpr size_t kThreads = 4;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, &events, t] {
        std::vector<TestWrite> batch;
        for (size_t i = t; i < events.size(); i += kThreads) {
          const Event& e = events[i];
          batch.push_back(e.value ? Put(e.key, *e.value, e.event_time) : Del(e.key, e.event_time));
          if (batch.size() < 1 + i % 40 && i + kThreads < events.size()) continue;
          Apply(shard_.get(), &batch);
          for (const TestWrite& w : batch) EXPECT_TRUE(w.outcome.status.ok());
          batch.clear();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(ScanAll(*shard_, {}), want);
    Reopen();
    ASSERT_TRUE(shard_->Flush().ok());
    ASSERT_TRUE(shard_->Compact().ok());
    ASSERT_EQ(ScanAll(*shard_, {}), want);
  }
}

// Old and new event times in any order while compactions forget what is gone: a key shows the last
// of all events that were taken, or nothing where that is a delete. Refused are only puts to keys
// that have nothing.
TEST_F(ModelTest, NothingComesBackFromBehindACompaction) {
  constexpr int64_t kGrace = 1'000'000;
  options_.tombstone_grace_us = kGrace;
  Open();
  std::map<std::string, Event> last;
  int refused = 0;
  for (int step = 0; step < 3000; ++step) {
    Event event;
    event.key = "k" + std::to_string(random_->Below(40));
    if (random_->Below(2) != 0) event.value = std::to_string(step);
    event.event_time = At(-static_cast<int64_t>(random_->Below(10 * kGrace)));
    const WriteOutcome outcome =
        Apply(shard_.get(), event.value ? Put(event.key, *event.value, event.event_time)
                                        : Del(event.key, event.event_time));
    const auto before = last.find(event.key);
    if (outcome.status.Is(Code::kStaleWrite)) {
      ++refused;
      ASSERT_TRUE(event.value);
      ASSERT_EQ(Get(*shard_, event.key), "NOT_FOUND") << "step " << step;
      continue;
    }
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    if (before == last.end() || Later(event, before->second)) last[event.key] = event;
    ASSERT_EQ(Get(*shard_, event.key), last[event.key].value.value_or("NOT_FOUND"))
        << "step " << step;
    clock_.Advance(static_cast<int64_t>(random_->Below(kGrace / 20)));
    if (random_->Below(50) == 0) {
      ASSERT_TRUE(shard_->Flush().ok());
      ASSERT_TRUE(shard_->Compact().ok());
    }
    if (random_->Below(300) == 0) Reopen();
  }
  EXPECT_GT(refused, 10);
}

struct Stored {
  std::string payload;
  EventTime event_time = 0;
  uint64_t expires_at_us = 0;
};

class Model {
 public:
  const Stored* Visible(const std::string& key, int64_t now_us) const {
    const auto found = map_.find(key);
    if (found == map_.end()) return nullptr;
    const uint64_t expiry = found->second.expires_at_us;
    return expiry == 0 || expiry > static_cast<uint64_t>(now_us) ? &found->second : nullptr;
  }
  // What Submit must answer to a write without an event time.
  Code Apply(const TestWrite& w, EventTime event_time, int64_t now_us) {
    const Stored* const now = Visible(w.key, now_us);
    if (w.condition == Condition::kIfAbsent && now != nullptr) return Code::kAlreadyExists;
    if (w.condition == Condition::kIfVersion && (now == nullptr || now->event_time != w.if_version))
      return Code::kStaleWrite;
    if (w.kind == WriteKind::kTouch && now == nullptr) return Code::kNotFound;
    if (w.kind == WriteKind::kDelete) {
      map_.erase(w.key);
      return Code::kOk;
    }
    Stored next{w.kind == WriteKind::kTouch ? now->payload : w.payload, event_time, 0};
    if (w.ttl_seconds != 0) {
      next.expires_at_us = static_cast<uint64_t>(now_us) + w.ttl_seconds * 1'000'000;
    }
    map_[w.key] = next;
    return Code::kOk;
  }

 private:
  std::map<std::string, Stored> map_;
};

TEST_F(ModelTest, RandomOperations) {
  options_.tombstone_grace_us = 5'000'000;
  Open();
  Model model;
  const auto random_write = [&] {
    TestWrite w;
    w.key = "k" + std::to_string(random_->Below(60));
    w.kind = static_cast<WriteKind>(random_->Below(3));
    w.payload = std::to_string(random_->Next());
    if (random_->Below(3) == 0) w.ttl_seconds = 1 + random_->Below(10);
    if (random_->Below(4) == 0 && w.kind == WriteKind::kPut) w.condition = Condition::kIfAbsent;
    if (random_->Below(4) == 0) {
      w.condition = Condition::kIfVersion;
      const Stored* now = model.Visible(w.key, clock_.WallMicros());
      w.if_version = now != nullptr && random_->Below(3) != 0 ? now->event_time : 12345;
    }
    return w;
  };
  for (int step = 0; step < 4000; ++step) {
    std::vector<TestWrite> batch;
    for (size_t n = 1 + random_->Below(20); n > 0; --n) batch.push_back(random_write());
    Apply(shard_.get(), &batch);
    for (const TestWrite& w : batch) {
      const Code want = model.Apply(w, w.outcome.event_time, clock_.WallMicros());
      ASSERT_EQ(CodeName(w.outcome.status.code()), CodeName(want)) << "step " << step;
    }
    for (int i = 0; i < 5; ++i) {
      const std::string key = "k" + std::to_string(random_->Below(60));
      const OwnedValue got = Read(*shard_, key);
      const Stored* want = model.Visible(key, clock_.WallMicros());
      ASSERT_EQ(got.status.ok(), want != nullptr) << "step " << step;
      if (want == nullptr) continue;
      ASSERT_EQ(got.payload, want->payload);
      ASSERT_EQ(got.event_time, want->event_time);
      ASSERT_EQ(got.expires_at_us, want->expires_at_us);
    }
    clock_.Advance(static_cast<int64_t>(random_->Below(50'000)));
    if (random_->Below(400) == 0) {
      ASSERT_TRUE(shard_->Flush().ok());
    }
    if (random_->Below(800) == 0) {
      ASSERT_TRUE(shard_->Compact().ok());
    }
    if (random_->Below(800) == 0) Reopen();
  }
}

TEST_F(ModelTest, GroupsWithRepeatedKeysAnswerEachOfThem) {
  Open();
  std::vector<TestWrite> writes;
  for (int i = 0; i < 500; i += 2) {
    writes.push_back(Put("key" + std::to_string(i), std::string(random_->Below(200), 'v')));
  }
  Apply(shard_.get(), &writes);
  for (int round = 0; round < 600; ++round) {
    if (round == 300) {
      ASSERT_TRUE(shard_->Flush().ok());
    }
    std::vector<std::string> keys(random_->Below(120));
    for (std::string& key : keys) key = "key" + std::to_string(random_->Below(round % 2 ? 9 : 500));
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<ReadValue> out(keys.size());
    shard_->MultiGet(views.data(), views.size(), false, out.data());
    // Moved about, as a server does.
    std::vector<ReadValue> moved;
    for (ReadValue& value : out) moved.push_back(std::move(value));
    for (size_t i = 0; i < keys.size(); ++i) {
      const bool stored = std::stoi(keys[i].substr(3)) % 2 == 0;
      ASSERT_EQ(moved[i].status.ok(), stored) << keys[i];
      if (!stored) continue;
      const auto want = std::find_if(writes.begin(), writes.end(),
                                     [&](const TestWrite& w) { return w.key == keys[i]; });
      ASSERT_EQ(moved[i].record.payload, want->payload);
      ASSERT_EQ(moved[i].content_checksum, ContentChecksum(keys[i], want->payload));
    }
  }
}

}  // namespace
}  // namespace vasto::storage
