// SPDX-License-Identifier: Apache-2.0
// Keyspaces, configurations and the cluster itself.
#include <httplib.h>

#include "player.h"

namespace vectors {
namespace {

Result EndOf(const Result& begun, vasto_admin_op_t* op) {
  const Op owner(op);
  if (!begun.ok()) return begun;
  return Run([&](vasto_error_t** err) { return vasto_admin_op_wait(op, kWaitMs, err); });
}

}  // namespace

std::string Player::NameOf(const Json& step) const {
  const std::string name = step.at("name");
  return name == "@" ? place_.keyspace : place_.keyspace + "-" + name;
}

Result Player::OpenKeyspace(const Json& step, const Json& expect) {
  vasto_keyspace_t* keyspace = nullptr;
  const std::string name = NameOf(step);
  const Result result = Run([&](vasto_error_t** err) {
    return vasto_keyspace_open(client_, name.c_str(), &keyspace, err);
  });
  const Keyspace owner(keyspace);
  if (!result.ok()) return result;
  if (name != vasto_keyspace_name(keyspace)) throw Failure("another name");
  if (expect.contains("shards") && vasto_keyspace_shard_count(keyspace) != expect["shards"]) {
    throw Failure("another number of shards");
  }
  if (expect.contains("replicas") && vasto_keyspace_replica_count(keyspace) != expect["replicas"]) {
    throw Failure("another number of replicas");
  }
  return result;
}

Result Player::CreateKeyspace(const Json& step, const Json&) {
  vasto_keyspace_options_t* options = nullptr;
  Must([&](vasto_error_t** err) { return vasto_keyspace_options_create(&options, err); });
  const KeyspaceOptions owner(options);
  if (step.contains("shards")) vasto_keyspace_options_set_shards(options, step["shards"]);
  if (step.contains("replicas")) vasto_keyspace_options_set_replicas(options, step["replicas"]);
  if (step.contains("acks"))
    vasto_keyspace_options_set_acks(options, Constant(kAcks, step["acks"]));
  if (step.contains("sync"))
    vasto_keyspace_options_set_sync(options, Constant(kSync, step["sync"]));
  if (step.contains("ttl_seconds"))
    vasto_keyspace_options_set_ttl_seconds(options, step["ttl_seconds"]);
  if (step.contains("tags"))
    vasto_keyspace_options_set_tags(options, step["tags"].get<std::string>().c_str());
  vasto_admin_op_t* op = nullptr;
  const Result begun = Run([&](vasto_error_t** err) {
    return vasto_admin_create_keyspace(client_, NameOf(step).c_str(), options, &op, err);
  });
  return EndOf(begun, op);
}

Result Player::DeleteKeyspace(const Json& step, const Json&) {
  vasto_admin_op_t* op = nullptr;
  const Result begun = Run([&](vasto_error_t** err) {
    return vasto_admin_delete_keyspace(client_, NameOf(step).c_str(), &op, err);
  });
  return EndOf(begun, op);
}

Result Player::Describe(const Json& step, const Json& expect) {
  const std::string name = step.contains("name") ? NameOf(step) : "";
  vasto_value_t* value = nullptr;
  const Result result = Run([&](vasto_error_t** err) {
    return vasto_admin_describe(client_, Constant(kDescribe, step.at("what")),
                                name.empty() ? nullptr : name.c_str(), nullptr, &value, err);
  });
  const Value owner(value);
  if (!result.ok()) return result;
  const Json object = Json::parse(TextOf({vasto_value_data(value), vasto_value_size(value)}));
  for (const Json& wanted : expect.value("has", Json::array())) {
    if (!object.contains(wanted.get<std::string>())) throw Failure("without " + wanted.dump());
  }
  return result;
}

Result Player::SetConfig(const Json& step, const Json&) {
  vasto_config_t* config = nullptr;
  Must([&](vasto_error_t** err) { return vasto_config_create(&config, err); });
  const Config owner(config);
  return Run([&](vasto_error_t** err) {
    return vasto_config_set(config, step.at("key").get<std::string>().c_str(),
                            step.at("set").get<std::string>().c_str(), err);
  });
}

Result Player::PartitionHash(const Json& step, const Json& expect) {
  const std::string data = Bytes(step.at("data"));
  const std::string hash = std::to_string(vasto_partition_hash(data.data(), data.size()));
  if (hash != expect.at("hash")) throw Failure("the hash is " + hash);
  return {};
}

Result Player::CloseClient(const Json&, const Json&) {
  return Run([&](vasto_error_t** err) { return vasto_client_close(client_, kWaitMs, err); });
}

Result Player::Control(const Json& step, const Json&) {
  httplib::Client http(place_.control);
  http.set_read_timeout(60);
  const auto answer = http.Post("/" + step.at("action").get<std::string>());
  if (!answer) throw Failure("the cluster's control does not answer");
  if (answer->status != 200) throw Failure(answer->body);
  return {};
}

}  // namespace vectors
