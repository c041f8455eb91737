// SPDX-License-Identifier: Apache-2.0
// What a merge does: OPERATION of `vasto merge`, vasto(1).
#pragma once

#include <vasto/vasto.h>

#include <CLI/App.hpp>
#include <cstdint>

namespace vasto::tool {

struct MergeOperation {
  int32_t code = VASTO_MERGE_ADD_INT64;

  // Adds OPERATION to a command; it lands in *this, which outlives the command line.
  void AddTo(CLI::App* command);
};

}  // namespace vasto::tool
