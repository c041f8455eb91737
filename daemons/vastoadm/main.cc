// SPDX-License-Identifier: Apache-2.0
// vastoadm: the admin tool. Parses the command line and runs one command; see vastoadm(1).
#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"
#include "daemons/cli/session.h"
#include "daemons/vastoadm/commands.h"

namespace {

using vasto::cli::Session;
namespace adm = vasto::adm;

// What the chosen subcommand will run.
using Action = std::function<int()>;

void OnRun(CLI::App* command, Action* action, Action run) {
  command->callback([action, run = std::move(run)] { *action = run; });
}

void AddCreate(CLI::App* group, Session* session, Action* action) {
  auto* create = group->add_subcommand("create", "make a keyspace");
  auto args = std::make_shared<adm::CreateArgs>();
  create->add_option("NAME", args->name, "name of the new keyspace")->required();
  const auto count = [create](const char* name, auto* value, const char* text, const char* type,
                              uint64_t most) {
    auto* option = create->add_option(name, *value, text)->type_name(type)->capture_default_str();
    vasto::cli::TakesWholeNumber(option, 0, most);
  };
  // The master knows what is too many.
  count("--shards", &args->shards, "partitions, 1 to 4096", "N", UINT32_MAX);
  count("--replicas", &args->replicas, "copies of each shard, on different stores", "R",
        UINT32_MAX);
  create
      ->add_option("--acks", args->acks,
                   "replicas that have a write before it is acknowledged: one, quorum or all")
      ->check(CLI::IsMember({"one", "quorum", "all"}))
      ->type_name("LEVEL")
      ->capture_default_str();
  create->add_option("--sync", args->sync, "when writes reach the disk: none, interval or always")
      ->check(CLI::IsMember({"none", "interval", "always"}))
      ->type_name("MODE")
      ->capture_default_str();
  count("--ttl", &args->ttl_seconds,
        "values expire after so many seconds unless a write says otherwise; 0: never", "SECONDS",
        vasto::cli::kMaxTtlSeconds);
  create->add_option("--tags", args->tags, "only stores with all these tags")->type_name("A,B");
  create->add_flag("--no-wait", args->no_wait,
                   "print the id of the operation and do not wait for it");
  OnRun(create, action, [=] { return adm::CreateKeyspace(session, *args); });
}

CLI::App* AddNamed(CLI::App* group, const char* verb, const char* help,
                   const std::shared_ptr<adm::NameArgs>& args) {
  auto* command = group->add_subcommand(verb, help);
  command->add_option("NAME", args->name, "name of the keyspace")->required();
  return command;
}

void AddKeyspace(CLI::App* app, Session* session, Action* action) {
  auto* group =
      app->add_subcommand("keyspace", "create, list, describe, compact and delete keyspaces");
  group->require_subcommand(1);
  AddCreate(group, session, action);
  OnRun(group->add_subcommand("list", "all keyspaces"), action,
        [=] { return adm::ListKeyspaces(session); });

  auto describe_args = std::make_shared<adm::NameArgs>();
  auto* describe =
      AddNamed(group, "describe", "one keyspace with its shards and replicas", describe_args);
  OnRun(describe, action, [=] { return adm::DescribeKeyspace(session, describe_args->name); });

  auto compact_args = std::make_shared<adm::NameArgs>();
  auto* compact =
      AddNamed(group, "compact", "drop deleted and expired data from the disk", compact_args);
  compact->add_flag("--no-wait", compact_args->no_wait,
                    "print the id of the operation and do not wait for it");
  OnRun(compact, action, [=] { return adm::CompactKeyspace(session, *compact_args); });

  auto delete_args = std::make_shared<adm::NameArgs>();
  auto* del = AddNamed(group, "delete", "delete a keyspace and all its data", delete_args);
  del->add_flag("--yes", delete_args->yes, "really do it");
  del->add_flag("--no-wait", delete_args->no_wait,
                "print the id of the operation and do not wait for it");
  OnRun(del, action, [=] { return adm::DeleteKeyspace(session, *delete_args); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Administers a Vasto cluster.", "vastoadm");
  Session session;
  Action action;
  session.AddOptions(&app);
  app.require_subcommand(1);
  app.fallthrough();
  OnRun(app.add_subcommand("status", "the cluster at a glance: stores, keyspaces, health"), &action,
        [&session] { return adm::Status(&session); });
  auto* store = app.add_subcommand("store", "the stores of the cluster");
  store->require_subcommand(1);
  OnRun(store->add_subcommand("list", "every store with its state, disk and shards"), &action,
        [&session] { return adm::ListStores(&session); });
  AddKeyspace(&app, &session, &action);
  if (const int code = vasto::cli::ParseCommandLine(&app, "vastoadm", argc, argv); code >= 0)
    return code;
  return vasto::cli::RunTool("vastoadm", action);
}
