// SPDX-License-Identifier: Apache-2.0
// `vasto shell`: an interactive session with line editing, history and completion of commands
// (libedit). With stdin not a terminal it runs the lines it reads, and stops with a failure's exit
// code at the first line that fails.
#pragma once

#include <string>

#include "daemons/cli/session.h"

namespace vasto::tool {

// keyspace: the one to start in; empty: none. History is kept in $XDG_STATE_HOME/vasto/history
// (~/.local/state by default).
int Shell(cli::Session* session, const std::string& keyspace);

}  // namespace vasto::tool
