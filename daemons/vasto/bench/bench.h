// SPDX-License-Identifier: Apache-2.0
// `vasto bench`: load on a keyspace through libvasto, with throughput and a latency histogram.
//
// Closed loop: every worker keeps `in_flight` operations running; one in flight uses the blocking
// calls. Open loop (--rate): operations start at fixed intended times whatever the cluster does,
// and latency counts from the intended time, so that a stall shows in every operation it delayed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "daemons/cli/session.h"
#include "daemons/vasto/bench/histogram.h"
#include "daemons/vasto/bench/workload.h"
#include "daemons/vasto/read_from.h"

namespace vasto::tool {

struct BenchArgs {
  std::string keyspace;
  std::string workload = "get";  // get, put, mixed, multi_get, batch_put, scan
  WorkloadOptions keys;
  uint64_t operations = 100'000;
  uint64_t connections = 1;  // to each store
  uint64_t in_flight = 50;   // operations, of all connections together
  uint64_t threads = 1;
  uint64_t batch = 100;  // keys of one multi_get or batch_put
  ReadFrom from = {};    // of reads
  bool tcp = false;      // never unix sockets
  double rate = 0;       // operations a second of the open loop; 0: closed loop
};

struct BenchReport {
  uint64_t operations = 0;  // completed, failed ones included
  uint64_t rows = 0;        // keys read or written
  uint64_t misses = 0;      // reads that found nothing
  double seconds = 0;
  LatencyHistogram latency;
  std::map<std::string, uint64_t> errors;  // by code name

  void Merge(const BenchReport& other);
};

int Bench(cli::Session* session, const BenchArgs& args);

}  // namespace vasto::tool
