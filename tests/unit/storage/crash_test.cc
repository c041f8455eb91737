// SPDX-License-Identifier: Apache-2.0
// What is acknowledged survives: kill -9 of the process with any durability, loss of power with
// "always".
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/storage/engine.h"
#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

constexpr int kWriters = 4;

// What the child tells its parent after each acknowledged write.
struct Ack {
  int32_t writer;
  int32_t round;
  int64_t number;
};

std::string KeyOf(const Ack& ack) {
  return "w" + std::to_string(ack.writer) + "/" + std::to_string(ack.number % 5000);
}
std::string ValueOf(const Ack& ack) {
  return std::to_string(ack.round) + ":" + std::to_string(ack.number) + std::string(300, 'v');
}

ShardOptions OptionsOf(const std::string& dir, HybridClock* hlc, ThreadPool* pool) {
  ShardOptions options;
  options.dir = dir;
  options.keyspace = {1, 2};
  options.hlc = hlc;
  options.pool = pool;
  return options;
}

// Small, so that kills hit flushes and compactions too.
EngineOptions SmallEngine() {
  EngineOptions options;
  options.write_buffer_bytes = 2 << 20;
  return options;
}

// The child: writes until it is killed.
int RunChild(const std::string& dir, int round, Durability durability, int fd) {
  HybridClock hlc(SystemClock());
  ThreadPool pool("child", 2);
  ShardOptions options = OptionsOf(dir, &hlc, &pool);
  options.durability = durability;
  auto engine = NewEngine(SmallEngine());
  auto shard = Shard::Open(*engine, options);
  if (!shard.ok()) {
    std::fprintf(stderr, "%s\n", shard.status().ToString().c_str());
    return 1;
  }
  std::vector<std::thread> writers;
  for (int t = 0; t < kWriters; ++t) {
    writers.emplace_back([&, t] {
      for (int64_t i = 0;; ++i) {
        const Ack ack{t, round, i};
        if (!Apply(shard->get(), Put(KeyOf(ack), ValueOf(ack))).status.ok()) return;
        if (::write(fd, &ack, sizeof(ack)) != sizeof(ack)) return;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  return 0;
}

// Starts a child, kills it after this many acknowledged writes, and returns all that it told.
std::vector<Ack> RunAndKill(const std::string& dir, int round, Durability durability,
                            size_t acks_before_kill) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  const std::string arguments[] = {"--child", dir, std::to_string(round),
                                   std::to_string(static_cast<int>(durability)),
                                   std::to_string(fds[1])};
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(fds[0]);
    ::execl("/proc/self/exe", "crash_test", arguments[0].c_str(), arguments[1].c_str(),
            arguments[2].c_str(), arguments[3].c_str(), arguments[4].c_str(), nullptr);
    ::_exit(127);
  }
  ::close(fds[1]);
  std::vector<Ack> acks;
  Ack ack;
  bool killed = false;
  // After the kill the pipe still holds what was told before; then it ends.
  while (::read(fds[0], &ack, sizeof(ack)) == sizeof(ack)) {
    acks.push_back(ack);
    if (!killed && acks.size() >= acks_before_kill) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
  ::close(fds[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return acks;
}

class CrashTest : public testing::TestWithParam<Durability> {};

TEST_P(CrashTest, AcknowledgedWritesSurviveKill) {
  TempFolder folder;
  const std::string dir = folder.path() + "/shard";
  auto random = SeededRandom(SystemRandom()->Next());
  // A key's last acknowledged write.
  std::map<std::string, Ack> last;
  const size_t most = GetParam() == Durability::kAlways ? 500 : 20'000;
  for (int round = 0; round < 6; ++round) {
    for (const Ack& ack : RunAndKill(dir, round, GetParam(), 1 + random->Below(most))) {
      last[KeyOf(ack)] = ack;
    }
    HybridClock hlc(SystemClock());
    ThreadPool pool("parent", 1);
    auto engine = NewEngine(SmallEngine());
    auto shard = Shard::Open(*engine, OptionsOf(dir, &hlc, &pool));
    ASSERT_TRUE(shard.ok()) << shard.status().ToString();
    for (const auto& [key, ack] : last) {
      const std::string got = Get(**shard, key);
      if (got == ValueOf(ack)) continue;
      // Or a later write of the same writer, whose acknowledgement a kill cut off.
      const size_t colon = got.find(':');
      ASSERT_NE(colon, std::string::npos) << key << " is " << got;
      const std::pair<int, int64_t> found(std::stoi(got), std::stoll(got.substr(colon + 1)));
      ASSERT_GT(found, std::make_pair(int{ack.round}, ack.number)) << key;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CrashTest,
                         testing::Values(Durability::kNone, Durability::kInterval,
                                         Durability::kAlways));

class PowerLossTest : public ShardTest {
 protected:
  PowerLossTest() : env_(rocksdb::NewCompositeEnv(fs_)) {}
  ~PowerLossTest() override {
    shard_.reset();
    engine_.reset();
  }
  void OpenFaulty(Durability durability) {
    options_.durability = durability;
    engine_options_.write_buffer_bytes = 2 << 20;
    engine_ = std::make_shared<Engine>(engine_options_, env_.get());
    Open();
  }
  void Write(int from, int to) {
    for (int i = from; i < to;) {
      std::vector<TestWrite> writes;
      for (int n = 0; n < 20 && i < to; ++n, ++i) {
        writes.push_back(Put(std::to_string(i), std::string(500, 'v')));
      }
      Apply(shard_.get(), &writes);
      for (const TestWrite& w : writes) ASSERT_TRUE(w.outcome.status.ok());
    }
  }
  // How many of the first `count` writes are there after a loss of power now; none may be missing
  // below one that is there.
  int SurvivorsOf(int count) {
    const std::string copy = folder_.path() + "/copy" + std::to_string(copies_++);
    fs_->CopySynced(options_.dir, copy);
    ShardOptions options = options_;
    options.dir = copy;
    auto engine = NewEngine({});
    auto shard = Shard::Open(*engine, options);
    EXPECT_TRUE(shard.ok()) << shard.status().ToString();
    if (!shard.ok()) return -1;
    int survivors = 0;
    while (survivors < count && Get(**shard, std::to_string(survivors)) != "NOT_FOUND") ++survivors;
    for (int i = survivors; i < count; ++i) EXPECT_EQ(Get(**shard, std::to_string(i)), "NOT_FOUND");
    return survivors;
  }

  std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_;
  int copies_ = 0;
};

TEST_F(PowerLossTest, AlwaysLosesNothing) {
  OpenFaulty(Durability::kAlways);
  Write(0, 100);
  EXPECT_EQ(SurvivorsOf(100), 100);
  Write(100, 6000);  // beyond a flush
  EXPECT_EQ(SurvivorsOf(6000), 6000);
}

TEST_F(PowerLossTest, NoneLosesOnlyTheEnd) {
  OpenFaulty(Durability::kNone);
  Write(0, 6000);
  EXPECT_LT(SurvivorsOf(6000), 6000) << "the test cannot lose anything";
  ASSERT_TRUE(shard_->Flush().ok());
  EXPECT_EQ(SurvivorsOf(6000), 6000);
}

// A deletion that a compaction dropped stays effective, though nobody asked for a sync.
TEST_F(PowerLossTest, WhatACompactionForgotStaysDeleted) {
  options_.tombstone_grace_us = 1'000'000;
  OpenFaulty(Durability::kNone);
  const EventTime old = At(-5);
  ASSERT_TRUE(Apply(shard_.get(), Del("k")).status.ok());
  ASSERT_TRUE(shard_->Flush().ok());
  clock_.Advance(2'000'000);
  const int before = fs_->log_syncs();
  ASSERT_TRUE(shard_->Compact().ok());
  // This compaction flushes what it needs; one that RocksDB starts by itself does not.
  EXPECT_GT(fs_->log_syncs(), before) << "the floors were not synced";
  const std::string copy = folder_.path() + "/copy";
  fs_->CopySynced(options_.dir, copy);
  ShardOptions options = options_;
  options.dir = copy;
  auto shard = Shard::Open(*NewEngine({}), options);
  ASSERT_TRUE(shard.ok()) << shard.status().ToString();
  EXPECT_LE((*shard)->Stats().estimated_keys, 3u) << "the test has forgotten nothing";
  EXPECT_TRUE(Apply(shard->get(), Put("k", "ghost", old)).status.Is(Code::kStaleWrite));
  EXPECT_EQ(Get(**shard, "k"), "NOT_FOUND");
}

TEST_F(PowerLossTest, IntervalLosesOnlyTheLastInterval) {
  options_.sync_interval_us = 1'000;
  OpenFaulty(Durability::kInterval);
  const int before = fs_->log_syncs();
  Write(0, 50);
  // The sync that ends after the last write.
  while (fs_->log_syncs() == before || SurvivorsOf(50) < 50) {
    ASSERT_LT(copies_, 1000);
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace vasto::storage

int main(int argc, char** argv) {
  if (argc == 6 && std::strcmp(argv[1], "--child") == 0) {
    return vasto::storage::RunChild(argv[2], std::atoi(argv[3]),
                                    static_cast<vasto::storage::Durability>(std::atoi(argv[4])),
                                    std::atoi(argv[5]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
