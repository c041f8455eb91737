// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/table.h"

#include <algorithm>
#include <cstdio>

namespace vasto::cli {

void Table::Print() const {
  std::vector<size_t> widths(rows_[0].size(), 1);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i].empty() ? "-" : row[i];
      if (i + 1 < row.size()) cell.resize(widths[i] + 2, ' ');
      line += cell;
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace vasto::cli
