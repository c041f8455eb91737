// SPDX-License-Identifier: Apache-2.0
// vasto: the user's tool. Parses the command line and runs one command; see vasto(1).
#include <CLI/CLI.hpp>

#include "daemons/cli/outcome.h"
#include "daemons/cli/session.h"
#include "daemons/vasto/command_line.h"

int main(int argc, char** argv) {
  CLI::App app("Reads and writes keyspaces of a Vasto cluster.", "vasto");
  vasto::cli::Session session;
  vasto::tool::Action action;
  session.AddOptions(&app);
  app.require_subcommand(1);
  app.fallthrough();
  vasto::tool::AddCommands(&app, &session, &action);
  if (const int code = vasto::cli::ParseCommandLine(&app, "vasto", argc, argv); code >= 0)
    return code;
  return vasto::cli::RunTool("vasto", action);
}
