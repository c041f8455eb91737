// SPDX-License-Identifier: Apache-2.0
// A table of text with aligned columns, for terminals and for awk: two blanks between columns, no
// lines.
#pragma once

#include <string>
#include <vector>

namespace vasto::cli {

// Threads: one.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  // REQUIRES: as many cells as the header. An empty cell shows as "-".
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void Print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace vasto::cli
