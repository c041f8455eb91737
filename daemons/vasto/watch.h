// SPDX-License-Identifier: Apache-2.0
// The command `vasto watch`: prints changes as they happen until it is stopped, and keeps the place
// in a file, so that the next one goes on there.
#pragma once

#include <functional>

#include "daemons/cli/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace vasto::tool {

// Adds the command. When it is chosen, *action becomes what runs it. All pointers: borrowed;
// outlive the action.
void AddWatch(CLI::App* app, cli::Session* session, std::function<int()>* action);

}  // namespace vasto::tool
