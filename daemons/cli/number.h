// SPDX-License-Identifier: Apache-2.0
// Whole numbers on a command line: decimal digits and nothing else. (What CLI11 does by itself
// takes 010 for 8, an empty word for 0 and -1 for 2^64 - 1.)
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vasto::cli {

// Of a time to live: 100 years.
constexpr uint64_t kMaxTtlSeconds = 100ULL * 365 * 24 * 3600;

// nullopt when the text is no number, or is above 2^64 - 1.
std::optional<uint64_t> WholeNumber(std::string_view text);

// Lets an option take whole numbers from `least` to `most`, and no others.
void TakesWholeNumber(CLI::Option* option, uint64_t least, uint64_t most);

}  // namespace vasto::cli
