// SPDX-License-Identifier: Apache-2.0
// The command line of a daemon: variables defined with gflags (DEFINE_string …) in a file below
// daemons/, plus --log_dir of glog,
// --flagfile, --help and --version. Flags that libraries bring along are neither shown nor
// accepted.
//
// Syntax, as gflags has it: --name=value, --name value, -name=value; --name and --noname for
// booleans; the last of several wins. A flag file has one such word pair a line ("--name=value");
// empty lines and lines that start with # are skipped; it may name another one with --flagfile, up
// to 8 deep.
//
// Nothing here writes or exits: daemon.h does.
//
// Threads: one, before any other is started.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace vasto::daemons {

enum class FlagsOutcome { kRun, kHelp, kVersion };

// Sets the flags. args: without the program's name. kInvalidArgument with one line that names the
// flag, the value and what would be right; flags before the wrong one have been set by then. --help
// and --version win over errors that come after them.
StatusOr<FlagsOutcome> ParseFlags(const std::vector<std::string>& args);

// The text for --help: usage line, summary, then every flag of the program with its meaning and
// default.
std::string HelpText(std::string_view program, std::string_view summary);

}  // namespace vasto::daemons
