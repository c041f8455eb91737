// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/number.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

#include "daemons/cli/text.h"

namespace vasto::cli {

std::optional<uint64_t> WholeNumber(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

void TakesWholeNumber(CLI::Option* option, uint64_t least, uint64_t most) {
  const auto check = [least, most](std::string& text) {
    const auto number = WholeNumber(text);
    if (number && *number >= least && *number <= most) {
      text = std::to_string(*number);  // without zeros in front, which would mean octal
      return std::string();
    }
    return "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
           ", not '" + Escaped(text) + "'";
  };
  option->transform(CLI::Validator(check, "", "whole number"));
}

}  // namespace vasto::cli
