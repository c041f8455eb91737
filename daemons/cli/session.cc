// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"

namespace vasto::cli {

namespace {

// " 0.1.0 (abi 1.0.0)": of the library, without its name.
std::string Version() {
  const std::string version = vasto_version_string();
  return version.substr(std::min(version.find(' '), version.size()));
}

}  // namespace

void Session::AddOptions(CLI::App* app) {
  app->add_option("-m,--master", masters_,
                  "master, or several separated by commas; default $VASTO_MASTER")
      ->envname("VASTO_MASTER")
      ->type_name("HOST:PORT[,HOST:PORT]");
  app->add_option("-o,--output", output_, "table (default) or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  CLI::Option* const timeout = app->add_option(
      "--timeout-ms", timeout_ms_,
      "how long one request may take, in ms (default 10000); if given, also the wait for the end "
      "of a long operation");
  timeout->type_name("MS");
  TakesWholeNumber(timeout, 1, 86'400'000);
  timeout_option_ = timeout;
  app->set_help_flag("-h,--help", "print this help and exit");
  app->set_version_flag("--version", app->get_name() + Version(), "print the version and exit");
}

std::optional<uint64_t> Session::wait_limit_ms() const {
  if (timeout_option_ == nullptr || timeout_option_->count() == 0) return std::nullopt;
  return timeout_ms_;
}

vasto_client_t* Session::client(const std::vector<std::pair<std::string, std::string>>& extra) {
  if (client_) return client_.get();
  if (masters_.empty()) throw UsageError("no master given: use -m HOST:PORT or set VASTO_MASTER");
  auto config = Make<Config>(vasto_config_create);
  auto settings = extra;
  settings.emplace_back("masters", masters_);
  settings.emplace_back("timeout_ms", std::to_string(timeout_ms_));
  settings.emplace_back("connect_timeout_ms", std::to_string(timeout_ms_));
  for (const auto& [name, value] : settings) {
    Error error;
    const vasto_status_t code = vasto_config_set(config.get(), name.c_str(), value.c_str(), error);
    if (code != VASTO_OK) throw UsageError(Describe(code, error));
  }
  Error error;
  Check("connect to " + masters_, vasto_client_open(config.get(), Out(client_), error), error);
  return client_.get();
}

Keyspace Session::OpenKeyspace(const std::string& name) {
  Keyspace keyspace;
  Error error;
  Check("keyspace " + name, vasto_keyspace_open(client(), name.c_str(), Out(keyspace), error),
        error);
  return keyspace;
}

namespace {

// The innermost command that the words named, and "vastoadm keyspace" for messages.
const CLI::App* Innermost(const CLI::App* app, std::string* path) {
  *path = app->get_name();
  for (auto inner = app->get_subcommands(); !inner.empty(); inner = app->get_subcommands()) {
    app = inner.back();
    *path += " " + app->get_name();
  }
  return app;
}

// What the library calls "A subcommand is required": names the word that is no command, and those
// that are. Empty when the innermost command needs none.
std::string MissingCommand(const CLI::App& app) {
  std::string path;
  const CLI::App* group = Innermost(&app, &path);
  const auto known = group->get_subcommands([](const CLI::App*) { return true; });
  if (known.empty()) return "";
  std::string names;
  for (const CLI::App* command : known) names += (names.empty() ? "" : ", ") + command->get_name();
  for (const std::string& word : app.remaining(true)) {
    if (word.starts_with("-") && word != "-") continue;
    return "unknown command '" + Escaped(word) + "'; " + path + " has: " + names;
  }
  for (const std::string& word : app.remaining(true)) return "unknown option " + Escaped(word);
  return "no command given; " + path + " has: " + names;
}

}  // namespace

int ParseCommandLine(CLI::App* app, const char* tool, int argc, char** argv) {
  KeepStandardFiles();
  try {
    app->parse(argc, argv);
    return -1;
  } catch (const CLI::Success& answer) {
    return RunTool(tool, [&] {
      std::ostringstream text;
      const int code = app->exit(answer, text, text);
      std::fputs(text.str().c_str(), stdout);
      return code;
    });
  } catch (const CLI::ParseError& error) {
    const std::string missing = MissingCommand(*app);
    PrintFailure(tool, (missing.empty() ? error.what() : missing) + " (see " + std::string(tool) +
                           " --help)");
    return kExitUsage;
  }
}

}  // namespace vasto::cli
