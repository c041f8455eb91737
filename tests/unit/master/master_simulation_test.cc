// SPDX-License-Identifier: Apache-2.0
// MasterCore against a seeded, faulty world. VASTO_SOAK=1 runs many more seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cluster_sim.h"

namespace vasto::master {
namespace {

// A sanitizer makes a run about ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSoakFactor = 5;
#else
constexpr uint64_t kSoakFactor = 50;
#endif

uint64_t Seeds(uint64_t normal) {
  const char* soak = std::getenv("VASTO_SOAK");
  return soak != nullptr && *soak == '1' ? normal * kSoakFactor : normal;
}

// Runs the seeds until one fails; returns the sum of what happened.
ClusterSim::Counts RunSeeds(SimOptions options, uint64_t seeds) {
  ClusterSim::Counts sum;
  for (options.seed = 1; options.seed <= seeds && !testing::Test::HasFailure(); ++options.seed) {
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
  const auto counts = RunSeeds(options, Seeds(20));
  EXPECT_GT(counts.created, 200);
  EXPECT_GT(counts.deleted, 200);
  EXPECT_EQ(counts.unknown, 0);
}

TEST(MasterSimulationTest, LossyNetwork) {
  SimOptions options;
  options.store_crashes = false;
  options.loss_percent = 10;
  const auto counts = RunSeeds(options, Seeds(50));
  EXPECT_GT(counts.failed, 50);
}

TEST(MasterSimulationTest, MasterDiesAtAnyStepAndNothingDeletedComesBack) {
  SimOptions options;
  options.store_crashes = false;
  options.master_crash_permille = 10;
  options.loss_percent = 2;
  const auto counts = RunSeeds(options, Seeds(100));
  EXPECT_GT(counts.masters, 500);
  EXPECT_GT(counts.unknown, 100);
  EXPECT_GT(counts.deleted, 100);
}

TEST(MasterSimulationTest, StoresAreAwayDuringDeletes) {
  SimOptions options;
  const auto counts = RunSeeds(options, Seeds(50));
  EXPECT_GT(counts.crashes, 200);
  EXPECT_GT(counts.deleted, 100);
}

TEST(MasterSimulationTest, EverythingAtOnce) {
  SimOptions options;
  options.stores = 5;
  options.loss_percent = 5;
  options.master_crash_permille = 3;
  options.master_crash_every_us = 8'000'000;
  const auto counts = RunSeeds(options, Seeds(100));
  EXPECT_GT(counts.masters, 500);
  EXPECT_GT(counts.crashes, 300);
  EXPECT_GT(counts.created, 100);
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
