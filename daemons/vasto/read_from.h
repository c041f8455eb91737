// SPDX-License-Identifier: Apache-2.0
// Which replica a command reads from: --read, --max-staleness and --hedge of vasto(1).
#pragma once

#include <vasto/vasto.h>

#include <CLI/App.hpp>
#include <cstdint>

#include "daemons/cli/handles.h"

namespace vasto::tool {

struct ReadFrom {
  int32_t replica = VASTO_REPLICA_PRIMARY;
  uint64_t max_staleness_ms = 0;  // 0: no bound

  bool hedge = false;  // not of scans

  // Adds the options to a command; they land in *this, which outlives the command line.
  void AddOptions(CLI::App* command, bool with_hedge);
  cli::ReadOptions Options() const;
  void Apply(vasto_scan_options_t* options) const;
};

}  // namespace vasto::tool
