// SPDX-License-Identifier: Apache-2.0
// The subcommands of `vasto` with their arguments, see vasto(1).
#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "daemons/cli/session.h"

namespace vasto::tool {

// What the chosen subcommand will run; it returns the exit code.
using Action = std::function<int()>;

// Parsing the command line fills in *action. app, session, action: outlive the parsing; session
// also the action.
void AddCommands(CLI::App* app, cli::Session* session, Action* action);

}  // namespace vasto::tool
