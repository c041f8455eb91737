// SPDX-License-Identifier: Apache-2.0
// What both tools have in common on their command line: where the master is, how to print, how long
// to wait.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemons/cli/handles.h"

namespace vasto::cli {

enum class OutputFormat { kTable, kJson };

// Where a tool's common options land. Threads: one.
class Session {
 public:
  // Registers -m/--master (default $VASTO_MASTER), -o/--output and --timeout-ms, --help and
  // --version on the app.
  void AddOptions(CLI::App* app);

  OutputFormat format() const {
    return output_ == "json" ? OutputFormat::kJson : OutputFormat::kTable;
  }
  bool json() const { return format() == OutputFormat::kJson; }
  // For one request, retries included.
  uint64_t timeout_ms() const { return timeout_ms_; }
  // For the end of an operation that the cluster works on: only what was asked for.
  std::optional<uint64_t> wait_limit_ms() const;
  const std::string& masters() const { return masters_; }

  // A client of the cluster, made at the first call. extra: further settings of its configuration.
  // Throws Failure or UsageError.
  vasto_client_t* client(const std::vector<std::pair<std::string, std::string>>& extra = {});
  // Throws Failure when there is no such keyspace.
  Keyspace OpenKeyspace(const std::string& name);

 private:
  std::string masters_;
  std::string output_ = "table";
  uint64_t timeout_ms_ = 10'000;
  const CLI::Option* timeout_option_ = nullptr;  // of the app
  Client client_;
};

// Parses the command line into the app. Returns -1 to go on, or the exit code after --help,
// --version or a usage error.
int ParseCommandLine(CLI::App* app, const char* tool, int argc, char** argv);

}  // namespace vasto::cli
