// SPDX-License-Identifier: Apache-2.0
// Replicas in a seeded, faulty world. VASTO_SOAK=1 runs 50,000 seeds; VASTO_SEED=N runs that one,
// which is how a failure is looked at again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "tests/unit/replication/replication_sim.h"

namespace vasto::replication {
namespace {

using Counts = ReplicationSim::Counts;
constexpr std::pair<const char*, uint64_t Counts::*> kCounts[] = {
    {"writes", &Counts::writes},
    {"confirmed by a majority", &Counts::confirmed},
    {"crashes", &Counts::crashes},
    {"losses of power", &Counts::power_losses},
    {"old copies", &Counts::restored},
    {"partitions", &Counts::partitions},
    {"standstills", &Counts::standstills},
    {"looks", &Counts::looks},
    {"full disks", &Counts::full_disks},
    {"stalemates", &Counts::stalemates},
    {"batches relayed", &Counts::relayed},
    {"tombstones forgotten", &Counts::forgotten},
    {"given up", &Counts::given_up},
    {"copied", &Counts::copies},
    {"joined", &Counts::joins},
    {"keys read", &Counts::reads},
    {"writes lost where that is allowed", &Counts::excused},
    {"keys torn where that is allowed", &Counts::torn},
};

TEST(ReplicationSimulationTest, NothingIsLostAndAllEndAlike) {
  const char* const only = std::getenv("VASTO_SEED");
  const uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const bool soak = std::getenv("VASTO_SOAK") != nullptr;
  const uint64_t count = only != nullptr ? 1 : soak ? 50'000 : VASTO_SEEDS;
  Counts sum;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    ReplicationSim sim(seed);
    ASSERT_EQ(sim.Run(), "") << "VASTO_SEED=" << seed << " runs it again";
    for (const auto& [name, member] : kCounts) sum.*member += sim.counts().*member;
  }
  std::printf("%llu runs", static_cast<unsigned long long>(count));
  for (const auto& [name, member] : kCounts) {
    std::printf(", %llu %s", static_cast<unsigned long long>(sum.*member), name);
    RecordProperty(name, std::to_string(sum.*member));
  }
  std::printf("\n");
  if (only != nullptr) return;
  // The world was as bad as it should be.
  EXPECT_GT(sum.confirmed, sum.writes / 4);
  EXPECT_GT(sum.power_losses, count / 4);
  EXPECT_GT(sum.restored, count / 20);
  EXPECT_GT(sum.partitions, count);
  EXPECT_GT(sum.standstills, count);
  EXPECT_GT(sum.looks, count / 10);
  EXPECT_GT(sum.full_disks, count);
  EXPECT_GT(sum.stalemates, count / 100);
  EXPECT_GT(sum.relayed, count);
  EXPECT_GT(sum.forgotten, count);
  EXPECT_GT(sum.given_up, count);
  EXPECT_GT(sum.copies, count / 20);
  EXPECT_GT(sum.joins, count / 200);
  EXPECT_GT(sum.reads, sum.writes);
  EXPECT_LT(sum.torn, count / 20);
}

}  // namespace
}  // namespace vasto::replication
