// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/bench/bench.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "daemons/cli/outcome.h"
#include "daemons/vasto/bench/worker.h"

namespace vasto::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

void CheckArgs(const BenchArgs& args) {
  if (args.keys.keys == 0) throw cli::UsageError("--keys must be at least 1");
  if (args.threads == 0 || args.in_flight < args.threads)
    throw cli::UsageError("--in-flight must be at least --threads");
  if (args.batch == 0) throw cli::UsageError("--batch must be at least 1");
}

int ReadPercent(const BenchArgs& args) {
  if (args.workload == "mixed") return args.keys.read_percent;
  return args.workload == "put" || args.workload == "batch_put" ? 0 : 100;
}

BenchReport RunWorkers(vasto_keyspace_t* keyspace, const BenchArgs& args) {
  const uint64_t threads = args.workload == "scan" ? 1 : args.threads;
  std::vector<BenchReport> reports(threads);
  std::vector<std::exception_ptr> failures(threads);
  std::vector<std::thread> workers;
  const auto share = [threads](uint64_t total, uint64_t i) {
    return total / threads + (i < total % threads);
  };
  for (uint64_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      try {
        Worker worker(keyspace, args, i, share(args.operations, i), share(args.in_flight, i),
                      args.rate / static_cast<double>(threads));
        reports[i] = worker.Run();
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  BenchReport total;
  for (uint64_t i = 0; i < threads; ++i) {
    if (failures[i]) std::rethrow_exception(failures[i]);
    total.Merge(reports[i]);
  }
  return total;
}

double Micros(uint64_t ns) { return static_cast<double>(ns) / 1000; }

Json ReportJson(const BenchArgs& args, const BenchReport& report) {
  Json latency{{"min", Micros(report.latency.min_ns())}, {"mean", report.latency.mean_ns() / 1000}};
  for (const auto& [name, q] : kQuantiles) latency[name] = Micros(report.latency.QuantileNs(q));
  latency["max"] = Micros(report.latency.max_ns());
  return Json{{"schema", 1},
              {"workload", args.workload},
              {"operations", report.operations},
              {"rows", report.rows},
              {"misses", report.misses},
              {"seconds", report.seconds},
              {"operations_per_second", static_cast<double>(report.operations) / report.seconds},
              {"rows_per_second", static_cast<double>(report.rows) / report.seconds},
              {"latency_us", latency},
              {"errors", report.errors}};
}

void PrintReport(const BenchArgs& args, const BenchReport& report) {
  std::printf("%-12s %llu operations, %llu rows in %.2f s\n", args.workload.c_str(),
              static_cast<unsigned long long>(report.operations),
              static_cast<unsigned long long>(report.rows), report.seconds);
  std::printf("throughput   %.0f operations/s, %.0f rows/s\n",
              static_cast<double>(report.operations) / report.seconds,
              static_cast<double>(report.rows) / report.seconds);
  std::printf("latency us   min %.1f  mean %.1f", Micros(report.latency.min_ns()),
              report.latency.mean_ns() / 1000);
  for (const auto& [name, q] : kQuantiles)
    std::printf("  %s %.1f", name, Micros(report.latency.QuantileNs(q)));
  std::printf("  max %.1f\n", Micros(report.latency.max_ns()));
  if (report.misses > 0)
    std::printf("misses       %llu\n", static_cast<unsigned long long>(report.misses));
  for (const auto& [code, count] : report.errors) {
    std::printf("failed       %llu with %s\n", static_cast<unsigned long long>(count),
                code.c_str());
  }
}

}  // namespace

void BenchReport::Merge(const BenchReport& other) {
  operations += other.operations;
  rows += other.rows;
  misses += other.misses;
  seconds = std::max(seconds, other.seconds);
  latency.Merge(other.latency);
  for (const auto& [code, count] : other.errors) errors[code] += count;
}

int Bench(cli::Session* session, const BenchArgs& args) {
  CheckArgs(args);
  BenchArgs real = args;
  real.keys.read_percent = ReadPercent(args);
  session->client({{"connections_per_store", std::to_string(args.connections)},
                   {"unix_sockets", args.tcp ? "false" : "true"}});
  auto keyspace = session->OpenKeyspace(args.keyspace);
  const BenchReport report = RunWorkers(keyspace.get(), real);
  if (session->json()) {
    std::printf("%s\n", ReportJson(args, report).dump().c_str());
  } else {
    PrintReport(args, report);
  }
  return report.errors.empty() ? cli::kExitOk : cli::kExitFailure;
}

}  // namespace vasto::tool
