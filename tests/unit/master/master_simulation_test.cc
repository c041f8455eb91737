// SPDX-License-Identifier: Apache-2.0
// MasterCore against a seeded, faulty world. VASTO_SOAK=1 runs many more seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/master/cluster_sim.h"

namespace vasto::master {
namespace {

int Seeds(int normal) {
  const char* soak = std::getenv("VASTO_SOAK");
  return (soak != nullptr && *soak == '1' ? normal * 50 : normal) / VASTO_SEEDS_DIVISOR;
}

// Runs the seeds until one fails; returns the sum of what happened.
ClusterSim::Counts RunSeeds(SimOptions options, int seeds) {
  ClusterSim::Counts sum;
  for (int i = 0; i < seeds && !testing::Test::HasFailure(); ++i, ++options.seed) {
    ClusterSim sim(options);
    sim.Run();
    sum.created += sim.counts().created;
    sum.deleted += sim.counts().deleted;
    sum.failed += sim.counts().failed;
    sum.unknown += sim.counts().unknown;
    sum.masters += sim.counts().masters;
    sum.crashes += sim.counts().crashes;
  }
  return sum;
}

TEST(MasterSimulationTest, CalmCluster) {
  SimOptions options;
  options.store_crashes = false;
  const int seeds = Seeds(20);
  const auto counts = RunSeeds(options, seeds);
  EXPECT_GT(counts.created, 10 * seeds);
  EXPECT_GT(counts.deleted, 10 * seeds);
  EXPECT_EQ(counts.unknown, 0);
}

TEST(MasterSimulationTest, LossyNetwork) {
  SimOptions options;
  options.store_crashes = false;
  options.loss_percent = 10;
  const int seeds = Seeds(50);
  const auto counts = RunSeeds(options, seeds);
  EXPECT_GT(counts.failed, seeds);
}

TEST(MasterSimulationTest, MasterDiesAtAnyStepAndNothingDeletedComesBack) {
  SimOptions options;
  options.store_crashes = false;
  options.master_crash_permille = 10;
  options.loss_percent = 2;
  const int seeds = Seeds(100);
  const auto counts = RunSeeds(options, seeds);
  EXPECT_GT(counts.masters, 5 * seeds);
  EXPECT_GT(counts.unknown, seeds);
  EXPECT_GT(counts.deleted, seeds);
}

TEST(MasterSimulationTest, StoresAreAwayDuringDeletes) {
  SimOptions options;
  const int seeds = Seeds(50);
  const auto counts = RunSeeds(options, seeds);
  EXPECT_GT(counts.crashes, 4 * seeds);
  EXPECT_GT(counts.deleted, 2 * seeds);
}

TEST(MasterSimulationTest, EverythingAtOnce) {
  SimOptions options;
  options.stores = 5;
  options.loss_percent = 5;
  options.master_crash_permille = 3;
  options.master_crash_every_us = 8'000'000;
  const int seeds = Seeds(100);
  const auto counts = RunSeeds(options, seeds);
  EXPECT_GT(counts.masters, 5 * seeds);
  EXPECT_GT(counts.crashes, 3 * seeds);
  EXPECT_GT(counts.created, seeds);
}

TEST(MasterSimulationTest, OneStore) {
  SimOptions options;
  options.stores = 1;
  options.loss_percent = 5;
  options.master_crash_permille = 5;
  RunSeeds(options, Seeds(50));
}

}  // namespace
}  // namespace vasto::master
