// SPDX-License-Identifier: Apache-2.0
// Replicas in a seeded, faulty world. VASTO_SOAK=1 runs 50,000 seeds; VASTO_SEED=N runs that one,
// which is how a failure is looked at again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/unit/replication/replication_sim.h"

namespace vasto::replication {
namespace {

TEST(ReplicationSimulationTest, NothingIsLostAndAllEndAlike) {
  const char* const only = std::getenv("VASTO_SEED");
  const uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const bool soak = std::getenv("VASTO_SOAK") != nullptr;
  const uint64_t count = only != nullptr ? 1 : soak ? 50'000 : VASTO_SEEDS;
  ReplicationSim::Counts sum;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    ReplicationSim sim(seed);
    ASSERT_EQ(sim.Run(), "") << "VASTO_SEED=" << seed << " runs it again";
    sum.writes += sim.counts().writes;
    sum.confirmed += sim.counts().confirmed;
    sum.crashes += sim.counts().crashes;
    sum.power_losses += sim.counts().power_losses;
    sum.restored += sim.counts().restored;
    sum.partitions += sim.counts().partitions;
    sum.standstills += sim.counts().standstills;
    sum.relayed += sim.counts().relayed;
    sum.excused += sim.counts().excused;
  }
  RecordProperty("writes", std::to_string(sum.writes));
  std::printf(
      "%llu runs: %llu writes, %llu of them confirmed by a majority; %llu crashes, %llu "
      "losses of power, %llu old copies, %llu partitions, %llu standstills; %llu batches relayed; "
      "lost where that is allowed: %llu\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.writes),
      static_cast<unsigned long long>(sum.confirmed), static_cast<unsigned long long>(sum.crashes),
      static_cast<unsigned long long>(sum.power_losses),
      static_cast<unsigned long long>(sum.restored),
      static_cast<unsigned long long>(sum.partitions),
      static_cast<unsigned long long>(sum.standstills),
      static_cast<unsigned long long>(sum.relayed), static_cast<unsigned long long>(sum.excused));
  if (only != nullptr) return;
  // The world was as bad as it should be.
  EXPECT_GT(sum.confirmed, sum.writes / 4);
  EXPECT_GT(sum.power_losses, count / 4);
  EXPECT_GT(sum.restored, count / 20);
  EXPECT_GT(sum.partitions, count);
  EXPECT_GT(sum.standstills, count);
  EXPECT_GT(sum.relayed, count);
}

}  // namespace
}  // namespace vasto::replication
