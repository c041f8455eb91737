// SPDX-License-Identifier: Apache-2.0
// The commands that only look.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemons/cli/outcome.h"
#include "daemons/cli/table.h"
#include "daemons/cli/text.h"
#include "daemons/vastoadm/commands.h"

namespace vasto::adm {
namespace {

using Json = nlohmann::ordered_json;

// The JSON that vasto_admin_describe gives, as text: with -o json it is printed as it is.
std::string Describe(cli::Session* session, int32_t what, const char* name) {
  auto options = cli::Make<cli::ReadOptions>(vasto_read_options_create);
  vasto_read_options_set_timeout_ms(options.get(), session->timeout_ms());
  cli::Value value;
  cli::Error error;
  const std::string shown =
      name == nullptr ? "describe the cluster" : std::string("keyspace ") + name;
  cli::Check(
      shown,
      vasto_admin_describe(session->client(), what, name, options.get(), cli::Out(value), error),
      error);
  return {static_cast<const char*>(vasto_value_data(value.get())), vasto_value_size(value.get())};
}

std::string Text(const Json& object, const char* name) {
  return object.at(name).get<std::string>();
}
std::string Count(const Json& object, const char* name) {
  return std::to_string(object.at(name).get<uint64_t>());
}
std::string Size(const Json& object, const char* name) {
  return cli::SizeText(object.at(name).get<uint64_t>());
}

std::string Joined(const Json& list) {
  std::string text;
  for (const Json& item : list) text += (text.empty() ? "" : ",") + item.get<std::string>();
  return text;
}

void PrintStores(const Json& stores) {
  cli::Table table({"STORE", "ADDRESS", "STATE", "ZONE", "TAGS", "REPLICAS", "KEYS", "USED", "FREE",
                    "CAPACITY"});
  for (const Json& store : stores) {
    table.Add({Text(store, "id"), Text(store, "address"), Text(store, "state"), Text(store, "zone"),
               Joined(store.at("tags")), Count(store, "replicas"), Count(store, "keys"),
               Size(store, "used_bytes"), Size(store, "free_bytes"),
               Size(store, "capacity_bytes")});
  }
  table.Print();
}

void PrintKeyspaces(const Json& keyspaces) {
  cli::Table table(
      {"KEYSPACE", "SHARDS", "REPLICAS", "ACKS", "SYNC", "TTL", "TAGS", "KEYS", "DISK", "HEALTH"});
  for (const Json& keyspace : keyspaces) {
    const uint64_t ttl = keyspace.at("ttl_seconds").get<uint64_t>();
    table.Add({Text(keyspace, "name"), Count(keyspace, "shards"), Count(keyspace, "replicas"),
               Text(keyspace, "acks"), Text(keyspace, "sync"),
               ttl == 0 ? "" : std::to_string(ttl) + "s", Joined(keyspace.at("tags")),
               Count(keyspace, "keys"), Size(keyspace, "disk_bytes"), Text(keyspace, "health")});
  }
  table.Print();
}

// How long ago the replica had all that the others have; - when its store is not up.
std::string Lag(const Json& replica) {
  if (replica.at("lag_us").is_null()) return "-";
  return std::to_string(replica.at("lag_us").get<int64_t>() / 1000) + " ms";
}

void PrintShards(const Json& keyspace) {
  cli::Table table({"SHARD", "ROLE", "STORE", "ADDRESS", "STATE", "KEYS", "DISK", "LAG", "HEALTH"});
  for (const Json& shard : keyspace.at("shard_list")) {
    for (const Json& replica : shard.at("replicas")) {
      table.Add({Count(shard, "shard"), Text(replica, "role"), Text(replica, "store"),
                 Text(replica, "address"), Text(replica, "state"), Count(replica, "keys"),
                 Size(replica, "disk_bytes"), Lag(replica), Text(replica, "health")});
    }
  }
  table.Print();
}

// Prints the JSON as it is, or hands it parsed to `print`.
template <typename Print>
int Show(cli::Session* session, int32_t what, const char* name, Print print) {
  const std::string text = Describe(session, what, name);
  if (session->json()) {
    std::printf("%s\n", text.c_str());
  } else {
    print(Json::parse(text));
  }
  return cli::kExitOk;
}

}  // namespace

int Status(cli::Session* session) {
  return Show(session, VASTO_DESCRIBE_STATUS, nullptr, [](const Json& status) {
    std::printf("cluster %s  health %s  term %s  stores %zu  keyspaces %zu\n",
                Text(status, "cluster").c_str(), Text(status, "health").c_str(),
                Count(status, "term").c_str(), status.at("stores").size(),
                status.at("keyspaces").size());
    std::puts("");
    PrintStores(status.at("stores"));
    std::puts("");
    PrintKeyspaces(status.at("keyspaces"));
  });
}

int ListStores(cli::Session* session) {
  return Show(session, VASTO_DESCRIBE_STORES, nullptr,
              [](const Json& answer) { PrintStores(answer.at("stores")); });
}

int ListKeyspaces(cli::Session* session) {
  return Show(session, VASTO_DESCRIBE_KEYSPACES, nullptr,
              [](const Json& answer) { PrintKeyspaces(answer.at("keyspaces")); });
}

int DescribeKeyspace(cli::Session* session, const std::string& name) {
  return Show(session, VASTO_DESCRIBE_KEYSPACE, name.c_str(), [](const Json& answer) {
    const Json& keyspace = answer.at("keyspace");
    PrintKeyspaces(Json::array({keyspace}));
    std::printf("\nid %s  epoch %s  created %s\n\n", Text(keyspace, "id").c_str(),
                Count(keyspace, "epoch").c_str(),
                cli::TimeText(keyspace.at("created_at_us").get<uint64_t>() * 1000).c_str());
    PrintShards(keyspace);
  });
}

}  // namespace vasto::adm
