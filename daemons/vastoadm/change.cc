// SPDX-License-Identifier: Apache-2.0
// The commands that change the cluster: each starts an operation at the master and, unless told
// otherwise, waits for its end.
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "daemons/cli/outcome.h"
#include "daemons/cli/progress.h"
#include "daemons/vastoadm/commands.h"

namespace vasto::adm {
namespace {

using Json = nlohmann::ordered_json;

const std::map<std::string, int32_t> kAcks{
    {"one", VASTO_ACKS_ONE}, {"quorum", VASTO_ACKS_QUORUM}, {"all", VASTO_ACKS_ALL}};
const std::map<std::string, int32_t> kSync{
    {"none", VASTO_SYNC_NONE}, {"interval", VASTO_SYNC_INTERVAL}, {"always", VASTO_SYNC_ALWAYS}};

// How often the progress bar moves while an operation runs.
constexpr int64_t kPollMs = 200;

void PrintJson(const std::string& result, const std::string& name, const char* operation) {
  const Json object{
      {"schema", 1}, {"keyspace", name}, {"result", result}, {"operation", operation}};
  std::printf("%s\n", object.dump().c_str());
}

// Prints the id of the operation, whether or not it has ended: a script asked for it. Throws
// Failure when it has ended badly.
int ShowStarted(const cli::Session& session, vasto_admin_op_t* op, const std::string& what,
                const std::string& done, const std::string& name) {
  cli::Error error;
  const vasto_status_t code = vasto_admin_op_progress(op, nullptr, nullptr, error);
  const bool ended_badly = code != VASTO_BUSY && code != VASTO_OK;
  const char* id = vasto_admin_op_id(op);
  if (session.json()) {
    PrintJson(ended_badly ? "failed" : code == VASTO_BUSY ? "started" : done, name, id);
  } else {
    std::printf("%s\n", id);
  }
  if (ended_badly) cli::Check(what, code, error);
  return cli::kExitOk;
}

// Returns when the operation has ended; throws Failure when it ended badly or the wait took too
// long. Its bar is gone by then, so that what follows has the line for itself.
void WaitForEnd(const cli::Session& session, vasto_admin_op_t* op, const std::string& what) {
  cli::Progress progress(what, "steps");
  const auto limit = session.wait_limit_ms();
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    cli::Error error;
    const vasto_status_t code = vasto_admin_op_wait(op, kPollMs, error);
    if (code != VASTO_TIMEOUT || error.get() != nullptr) {
      cli::Check(what, code, error);
      return;
    }
    if (limit && std::chrono::steady_clock::now() >= begin + std::chrono::milliseconds(*limit)) {
      throw cli::Failure(VASTO_TIMEOUT, what + ": still running after " + std::to_string(*limit) +
                                            " ms; it goes on in the cluster as operation " +
                                            vasto_admin_op_id(op));
    }
    uint64_t steps = 0;
    uint64_t total = 0;
    if (vasto_admin_op_progress(op, &steps, &total, nullptr) == VASTO_BUSY)
      progress.Update(steps, total);
  }
}

// verb: "create", for messages; done: "created".
int Finish(cli::Session* session, vasto_admin_op_t* op, const std::string& verb,
           const std::string& done, const std::string& name, bool no_wait) {
  const std::string what = verb + " keyspace " + name;
  if (no_wait) return ShowStarted(*session, op, what, done, name);
  WaitForEnd(*session, op, what);
  if (session->json()) {
    PrintJson(done, name, vasto_admin_op_id(op));
  } else {
    std::printf("keyspace %s %s\n", name.c_str(), done.c_str());
  }
  return cli::kExitOk;
}

}  // namespace

int CreateKeyspace(cli::Session* session, const CreateArgs& args) {
  auto options = cli::Make<cli::KeyspaceOptions>(vasto_keyspace_options_create);
  vasto_keyspace_options_set_shards(options.get(), args.shards);
  vasto_keyspace_options_set_replicas(options.get(), args.replicas);
  vasto_keyspace_options_set_acks(options.get(), kAcks.at(args.acks));
  vasto_keyspace_options_set_sync(options.get(), kSync.at(args.sync));
  vasto_keyspace_options_set_ttl_seconds(options.get(), args.ttl_seconds);
  vasto_keyspace_options_set_tags(options.get(), args.tags.c_str());
  cli::AdminOp op;
  {
    cli::Error error;
    cli::Check("create keyspace " + args.name,
               vasto_admin_create_keyspace(session->client(), args.name.c_str(), options.get(),
                                           cli::Out(op), error),
               error);
  }
  return Finish(session, op.get(), "create", "created", args.name, args.no_wait);
}

int DeleteKeyspace(cli::Session* session, const NameArgs& args) {
  if (!args.yes)
    throw cli::UsageError("keyspace delete " + args.name +
                          " removes all its data for ever: add --yes to do it");
  cli::AdminOp op;
  {
    cli::Error error;
    cli::Check(
        "delete keyspace " + args.name,
        vasto_admin_delete_keyspace(session->client(), args.name.c_str(), cli::Out(op), error),
        error);
  }
  return Finish(session, op.get(), "delete", "deleted", args.name, args.no_wait);
}

int CompactKeyspace(cli::Session* session, const NameArgs& args) {
  cli::AdminOp op;
  {
    cli::Error error;
    cli::Check(
        "compact keyspace " + args.name,
        vasto_admin_compact_keyspace(session->client(), args.name.c_str(), cli::Out(op), error),
        error);
  }
  return Finish(session, op.get(), "compact", "compacted", args.name, args.no_wait);
}

}  // namespace vasto::adm
