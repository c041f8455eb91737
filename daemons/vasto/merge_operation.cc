// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/merge_operation.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace vasto::tool {

void MergeOperation::AddTo(CLI::App* command) {
  const std::map<std::string, int32_t> names{
      {"add", VASTO_MERGE_ADD_INT64},         {"min", VASTO_MERGE_MIN_INT64},
      {"max", VASTO_MERGE_MAX_INT64},         {"add-float", VASTO_MERGE_ADD_FLOAT64},
      {"min-float", VASTO_MERGE_MIN_FLOAT64}, {"max-float", VASTO_MERGE_MAX_FLOAT64},
      {"append", VASTO_MERGE_APPEND}};
  auto* operation = command->add_option(
      "OPERATION", code, "add, min, max (int64), add-float, min-float, max-float or append");
  operation->required()->transform(CLI::CheckedTransformer(names));
}

}  // namespace vasto::tool
