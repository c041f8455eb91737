// SPDX-License-Identifier: Apache-2.0
// Splits a line of the shell into words. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vasto::tool {

// Words are separated by blanks; '…' keeps everything as it is, "…" and bare text know \\ \" \' \n
// \t \0 \xNN and "\ ". So any byte string can be typed, and what the tools print escaped can be
// typed back. Throws cli::UsageError for an open quote or an unknown escape.
std::vector<std::string> SplitWords(std::string_view line);

}  // namespace vasto::tool
