// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "daemons/cli/number.h"
#include "daemons/vasto/bench/bench.h"
#include "daemons/vasto/commands.h"
#include "daemons/vasto/shell.h"
#include "daemons/vasto/transfer.h"
#include "daemons/vasto/watch.h"

namespace vasto::tool {
namespace {

using cli::Session;

constexpr uint64_t kMaxBatch = 10'000;
constexpr uint64_t kMaxCount = 1'000'000'000'000;

void AddKey(CLI::App* command, KeyArgs* args) {
  command->add_option("KS", args->keyspace, "keyspace")->required();
  command->add_option("KEY", args->key, "key; any bytes")->required();
  command->add_option("--partition-key", args->partition_key, "the key lives where this one does");
  SessionFile::AddOption(command, &args->session);
}

CLI::Option* AddCount(CLI::App* command, const std::string& name, uint64_t* value,
                      const std::string& text, uint64_t least, uint64_t most) {
  auto* option = command->add_option(name, *value, text)->type_name("N");
  cli::TakesWholeNumber(option, least, most);
  return option;
}

void AddEventTime(CLI::App* command, uint64_t* ns) {
  AddCount(command, "--event-time-ns", ns,
           "when the change happened, in ns since 1970; default: now", 1, UINT64_MAX)
      ->type_name("NS");
}

template <typename Args, typename Command>
void OnRun(CLI::App* command, Action* action, Session* session, const std::shared_ptr<Args>& args,
           Command run) {
  command->callback([=] { *action = [=] { return run(session, *args); }; });
}

void AddReads(CLI::App* app, Session* session, Action* action) {
  auto* get = app->add_subcommand("get", "write the value of a key to stdout, and nothing else");
  auto get_args = std::make_shared<ReadArgs>();
  AddKey(get, &get_args->key);
  get_args->from.AddOptions(get, true);
  OnRun(get, action, session, get_args, Get);

  auto* stat = app->add_subcommand("stat", "size, event time, version and expiry of a key");
  auto stat_args = std::make_shared<ReadArgs>();
  AddKey(stat, &stat_args->key);
  stat_args->from.AddOptions(stat, true);
  OnRun(stat, action, session, stat_args, Stat);

  auto* scan = app->add_subcommand("scan", "keys and values in key order, one line each");
  auto scan_args = std::make_shared<ScanArgs>();
  scan->add_option("KS", scan_args->keyspace, "keyspace")->required();
  scan->add_option("PREFIX", scan_args->prefix, "only keys that begin with this");
  AddCount(scan, "--limit", &scan_args->limit, "at most N rows; 0, the default: all", 0,
           UINT64_MAX);
  scan->add_flag("--keys-only", scan_args->keys_only, "leave the values out");
  scan_args->from.AddOptions(scan, false);
  SessionFile::AddOption(scan, &scan_args->session);
  OnRun(scan, action, session, scan_args, Scan);
}

void AddWrites(CLI::App* app, Session* session, Action* action) {
  auto* put = app->add_subcommand("put", "store a value");
  auto put_args = std::make_shared<PutArgs>();
  AddKey(put, &put_args->key);
  put->add_option("VALUE", put_args->value, "value; - reads it from stdin")->required();
  AddCount(put, "--ttl", &put_args->ttl_seconds, "expire after so many seconds", 0,
           cli::kMaxTtlSeconds)
      ->type_name("SECONDS");
  AddEventTime(put, &put_args->event_time_ns);
  auto* absent = put->add_flag("--if-absent", put_args->if_absent, "only if there is no such key");
  auto* version =
      put->add_option("--if-version", put_args->if_version, "only if the key has this version");
  version->type_name("VERSION")->excludes(absent);
  cli::TakesWholeNumber(version, 0, UINT64_MAX);
  OnRun(put, action, session, put_args, Put);

  auto* del = app->add_subcommand("del", "delete a key");
  auto del_args = std::make_shared<DeleteArgs>();
  AddKey(del, &del_args->key);
  AddEventTime(del, &del_args->event_time_ns);
  OnRun(del, action, session, del_args, Delete);

  auto* merge = app->add_subcommand("merge", "merge a number into the one stored, or append");
  auto merge_args = std::make_shared<MergeArgs>();
  AddKey(merge, &merge_args->key);
  merge_args->operation.AddTo(merge);
  auto* operand =
      merge->add_option("OPERAND", merge_args->operand, "number or text; - reads stdin");
  operand->required();
  OnRun(merge, action, session, merge_args, Merge);

  auto* touch = app->add_subcommand("touch", "give a key another time to live");
  auto touch_args = std::make_shared<TouchArgs>();
  AddKey(touch, &touch_args->key);
  auto* seconds =
      touch->add_option("SECONDS", touch_args->ttl_seconds, "from now; 0: never expires");
  cli::TakesWholeNumber(seconds->required(), 0, cli::kMaxTtlSeconds);
  OnRun(touch, action, session, touch_args, Touch);
}

void AddTransfers(CLI::App* app, Session* session, Action* action) {
  auto* dump = app->add_subcommand("export", "write a keyspace as JSON lines");
  auto export_args = std::make_shared<ExportArgs>();
  dump->add_option("KS", export_args->keyspace, "keyspace")->required();
  dump->add_option("FILE", export_args->file, "default -: stdout");
  dump->add_option("--prefix", export_args->prefix, "only keys that begin with this");
  OnRun(dump, action, session, export_args, Export);

  auto* load = app->add_subcommand("import", "store JSON lines as export writes them");
  auto import_args = std::make_shared<ImportArgs>();
  load->add_option("KS", import_args->keyspace, "keyspace")->required();
  load->add_option("FILE", import_args->file, "default -: stdin");
  load->add_flag("--now", import_args->now, "as new writes, not with the event times of the file");
  AddCount(load, "--batch", &import_args->batch, "entries per request (default 500)", 1, kMaxBatch);
  OnRun(load, action, session, import_args, Import);
}

void AddBench(CLI::App* app, Session* session, Action* action) {
  auto* bench =
      app->add_subcommand("bench", "load a keyspace and measure; it overwrites keys named key:…");
  auto args = std::make_shared<BenchArgs>();
  const auto count = [bench](const char* name, uint64_t* value, const char* text, uint64_t least,
                             uint64_t most) {
    AddCount(bench, name, value, text, least, most)->capture_default_str();
  };
  bench->add_option("KS", args->keyspace, "keyspace")->required();
  bench->add_option("--workload", args->workload, "get, put, mixed, multi_get, batch_put or scan")
      ->check(CLI::IsMember({"get", "put", "mixed", "multi_get", "batch_put", "scan"}))
      ->type_name("NAME")
      ->capture_default_str();
  count("--operations", &args->operations, "operations in all; rows of a scan", 1, kMaxCount);
  count("--keys", &args->keys.keys, "how many different keys", 1, kMaxCount);
  count("--value-size", &args->keys.value_size, "bytes of a value", 0, VASTO_MAX_VALUE_SIZE);
  count("--connections", &args->connections, "connections to each store", 1, 1000);
  count("--in-flight", &args->in_flight, "operations running at once, over all connections", 1,
        1'000'000);
  count("--threads", &args->threads, "threads that start operations", 1, 1000);
  count("--batch", &args->batch, "keys of one multi_get or batch_put", 1, kMaxBatch);
  count("--seed", &args->keys.seed, "of the pseudo-random keys and values", 0, UINT64_MAX);
  bench->add_option("--reads", args->keys.read_percent, "percent of reads in mixed")
      ->check(CLI::Range(0, 100))
      ->type_name("PERCENT")
      ->capture_default_str();
  bench
      ->add_option("--rate", args->rate,
                   "open loop: operations a second at fixed times; 0: closed loop")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("N")
      ->capture_default_str();
  args->from.AddOptions(bench, true);
  bench->add_flag("--tcp", args->tcp, "TCP even to stores on this machine, not their unix sockets");
  const std::map<std::string, Distribution> names{{"uniform", Distribution::kUniform},
                                                  {"zipfian", Distribution::kZipfian},
                                                  {"sequential", Distribution::kSequential}};
  bench
      ->add_option("--distribution", args->keys.distribution,
                   "of keys: uniform (default), zipfian or sequential")
      ->transform(CLI::CheckedTransformer(names))
      ->type_name("NAME");
  OnRun(bench, action, session, args, Bench);
}

void AddShell(CLI::App* app, Session* session, Action* action) {
  auto* shell = app->add_subcommand("shell", "an interactive session");
  auto keyspace = std::make_shared<std::string>();
  shell->add_option("KS", *keyspace, "keyspace to start in");
  OnRun(shell, action, session, keyspace, Shell);
}

}  // namespace

void AddCommands(CLI::App* app, Session* session, Action* action) {
  AddReads(app, session, action);
  AddWrites(app, session, action);
  AddTransfers(app, session, action);
  AddBench(app, session, action);
  AddWatch(app, session, action);
  AddShell(app, session, action);
}

}  // namespace vasto::tool
