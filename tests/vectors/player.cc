// SPDX-License-Identifier: Apache-2.0
#include "player.h"

#include <utility>

namespace vectors {
namespace {

void Want(bool holds, const std::string& what) {
  if (!holds) throw Failure("wrong " + what);
}

void AddEntry(const Json& entry, const vasto_write_options_t* options, vasto_batch_t* batch) {
  const Key key(entry.at("key"));
  const std::string op = entry.at("op");
  if (op == "put") {
    const std::string value = Bytes(entry.at("value"));
    Must([&](vasto_error_t** err) {
      return vasto_batch_put(batch, key.get(), value.data(), value.size(), options, err);
    });
  } else if (op == "delete") {
    Must([&](vasto_error_t** err) { return vasto_batch_delete(batch, key.get(), options, err); });
  } else if (op == "merge") {
    const std::string operand = Bytes(entry.at("operand"));
    const int32_t operation = Constant(kMerges, entry.at("operation"));
    Must([&](vasto_error_t** err) {
      return vasto_batch_merge(batch, key.get(), operation, operand.data(), operand.size(), options,
                               err);
    });
  } else {
    throw Failure("no such entry: " + op);
  }
}

}  // namespace

Client OpenClient(const std::string& master) {
  vasto_config_t* config = nullptr;
  Must([&](vasto_error_t** err) { return vasto_config_create(&config, err); });
  const Config owner(config);
  Must([&](vasto_error_t** err) {
    return vasto_config_set(config, "masters", master.c_str(), err);
  });
  vasto_client_t* client = nullptr;
  Must([&](vasto_error_t** err) { return vasto_client_open(config, &client, err); });
  return Client(client);
}

Player::Player(const Place& place, vasto_client_t* client) : place_(place), client_(client) {
  vasto_keyspace_t* keyspace = nullptr;
  Must([&](vasto_error_t** err) {
    return vasto_keyspace_open(client_, place_.keyspace.c_str(), &keyspace, err);
  });
  keyspace_.reset(keyspace);
}

const std::map<std::string, Player::Step>& Player::Steps() {
  static const std::map<std::string, Step> steps = {
      {"put", &Player::Put},
      {"delete", &Player::Delete},
      {"touch", &Player::Touch},
      {"merge", &Player::Merge},
      {"get", &Player::Get},
      {"stat", &Player::Stat},
      {"multi_get", &Player::MultiGet},
      {"batch", &Player::WriteBatch},
      {"scan", &Player::Scan},
      {"watch_open", &Player::WatchOpen},
      {"watch_next", &Player::WatchNext},
      {"watch_token", &Player::WatchToken},
      {"watch_close", &Player::WatchClose},
      {"session", &Player::MakeSession},
      {"session_token", &Player::SessionToken},
      {"open_keyspace", &Player::OpenKeyspace},
      {"create_keyspace", &Player::CreateKeyspace},
      {"delete_keyspace", &Player::DeleteKeyspace},
      {"describe", &Player::Describe},
      {"config", &Player::SetConfig},
      {"partition_hash", &Player::PartitionHash},
      {"close_client", &Player::CloseClient},
      {"control", &Player::Control},
  };
  return steps;
}

void Player::Play(const Json& step) {
  const auto found = Steps().find(step.at("op"));
  if (found == Steps().end()) throw Failure("no such operation");
  const Json expect = step.value("expect", Json::object());
  const Result result = (this->*found->second)(step, expect);
  const std::string wanted = expect.value("code", "OK");
  if (result.name() != wanted) {
    throw Failure("wanted " + wanted + ", got " + result.name() + " " + result.message);
  }
  if (expect.contains("in_doubt")) Want(result.in_doubt == expect["in_doubt"].get<bool>(), "doubt");
}

// ---- What steps have in common

uint64_t Player::Number(const Json& json) const {
  if (json.is_number()) return json.get<uint64_t>();
  const auto text = json.get<std::string>();
  return text.starts_with("$") ? versions_.at(text.substr(1)) : std::stoull(text);
}

std::string Player::Token(const Json& name) const {
  const auto saved = tokens_.find(name);
  return saved == tokens_.end() ? Bytes(name) : saved->second;
}

void Player::Save(const Json& step, uint64_t version) {
  if (step.contains("save_version")) versions_[step["save_version"]] = version;
}

vasto_session_t* Player::SessionOf(const Json& step) const {
  return step.contains("session") ? sessions_.at(step["session"]).get() : nullptr;
}

ReadOptions Player::ReadOptionsOf(const Json& step) const {
  vasto_read_options_t* options = nullptr;
  Must([&](vasto_error_t** err) { return vasto_read_options_create(&options, err); });
  ReadOptions owner(options);
  if (step.contains("timeout_ms")) vasto_read_options_set_timeout_ms(options, step["timeout_ms"]);
  if (step.contains("replica"))
    vasto_read_options_set_replica(options, Constant(kReplicas, step["replica"]));
  if (step.contains("max_staleness_ms")) {
    vasto_read_options_set_max_staleness_ms(options, step["max_staleness_ms"]);
  }
  vasto_read_options_set_hedge(options, step.value("hedge", false));
  vasto_read_options_set_session(options, SessionOf(step));
  return owner;
}

WriteOptions Player::WriteOptionsOf(const Json& step) const {
  vasto_write_options_t* options = nullptr;
  Must([&](vasto_error_t** err) { return vasto_write_options_create(&options, err); });
  WriteOptions owner(options);
  if (step.contains("timeout_ms")) vasto_write_options_set_timeout_ms(options, step["timeout_ms"]);
  if (step.contains("ttl_seconds"))
    vasto_write_options_set_ttl_seconds(options, step["ttl_seconds"]);
  if (step.contains("expires_at_ns"))
    vasto_write_options_set_expires_at_ns(options, Number(step["expires_at_ns"]));
  if (step.contains("updated_at_ns"))
    vasto_write_options_set_updated_at_ns(options, Number(step["updated_at_ns"]));
  if (step.contains("value_type")) vasto_write_options_set_value_type(options, step["value_type"]);
  if (step.value("if_absent", false)) vasto_write_options_set_if_absent(options);
  if (step.contains("if_version"))
    vasto_write_options_set_if_version(options, Number(step["if_version"]));
  if (step.contains("acks")) vasto_write_options_set_acks(options, Constant(kAcks, step["acks"]));
  vasto_write_options_set_session(options, SessionOf(step));
  return owner;
}

template <typename Blocking, typename Start, typename Take>
Result Player::Operation(const Blocking& blocking, const Start& start, const Take& take) const {
  if (!place_.async) return Run(blocking);
  vasto_future_t* future = nullptr;
  const Result started = Run([&](vasto_error_t** err) { return start(&future, err); });
  if (!started.ok()) return started;
  const Future owner(future);
  Must([&](vasto_error_t** err) { return vasto_future_wait(future, kWaitMs, err); });
  return Run([&](vasto_error_t** err) { return take(future, err); });
}

// ---- Writes

template <typename Blocking, typename Start>
Result Player::Write(const Json& step, const Blocking& blocking, const Start& start) {
  uint64_t version = 0;
  const Result result =
      Operation([&](vasto_error_t** err) { return blocking(&version, err); }, start,
                [&](vasto_future_t* future, vasto_error_t** err) {
                  version = vasto_future_version(future);
                  return vasto_future_status(future, err);
                });
  Want(result.ok() == (version != 0), "version");
  Save(step, version);
  return result;
}

Result Player::Put(const Json& step, const Json&) {
  const Key key(step.at("key"));
  const std::string value = Bytes(step.at("value"));
  const WriteOptions options = WriteOptionsOf(step);
  return Write(
      step,
      [&](uint64_t* version, vasto_error_t** err) {
        return vasto_put(keyspace_.get(), key.get(), value.data(), value.size(), options.get(),
                         version, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_put_async(keyspace_.get(), key.get(), value.data(), value.size(),
                               options.get(), future, err);
      });
}

Result Player::Delete(const Json& step, const Json&) {
  const Key key(step.at("key"));
  const WriteOptions options = WriteOptionsOf(step);
  return Write(
      step,
      [&](uint64_t* version, vasto_error_t** err) {
        return vasto_delete(keyspace_.get(), key.get(), options.get(), version, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_delete_async(keyspace_.get(), key.get(), options.get(), future, err);
      });
}

Result Player::Touch(const Json& step, const Json&) {
  const Key key(step.at("key"));
  const uint64_t ttl = step.at("ttl_seconds");
  Json others = step;
  others.erase("ttl_seconds");
  const WriteOptions options = WriteOptionsOf(others);
  return Write(
      step,
      [&](uint64_t* version, vasto_error_t** err) {
        return vasto_touch(keyspace_.get(), key.get(), ttl, options.get(), version, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_touch_async(keyspace_.get(), key.get(), ttl, options.get(), future, err);
      });
}

Result Player::Merge(const Json& step, const Json&) {
  const Key key(step.at("key"));
  const std::string operand = Bytes(step.at("operand"));
  const int32_t operation = Constant(kMerges, step.at("operation"));
  const WriteOptions options = WriteOptionsOf(step);
  return Write(
      step,
      [&](uint64_t* version, vasto_error_t** err) {
        return vasto_merge(keyspace_.get(), key.get(), operation, operand.data(), operand.size(),
                           options.get(), version, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_merge_async(keyspace_.get(), key.get(), operation, operand.data(),
                                 operand.size(), options.get(), future, err);
      });
}

Result Player::WriteBatch(const Json& step, const Json& expect) {
  vasto_batch_t* batch = nullptr;
  Must([&](vasto_error_t** err) { return vasto_batch_create(&batch, err); });
  const Batch owner(batch);
  for (const Json& entry : step.at("entries")) {
    AddEntry(entry, WriteOptionsOf(entry).get(), batch);
  }
  const WriteOptions options = WriteOptionsOf(step);
  vasto_batch_result_t* results = nullptr;
  const Result result = Operation(
      [&](vasto_error_t** err) {
        return vasto_batch_write(keyspace_.get(), batch, options.get(), &results, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_batch_write_async(keyspace_.get(), batch, options.get(), future, err);
      },
      [&](vasto_future_t* future, vasto_error_t** err) {
        return vasto_future_take_batch_result(future, &results, err);
      });
  const BatchResult ended(results);
  if (!expect.contains("codes")) return result;
  Json codes = Json::array();
  for (size_t i = 0; i < vasto_batch_result_count(results); ++i) {
    codes.push_back(vasto_status_name(vasto_batch_result_code(results, i)));
  }
  Want(codes == expect["codes"], "codes: " + codes.dump());
  return result;
}

// ---- Reads

Result Player::Read(const Json& step, const Json& expect, bool with_bytes) {
  const Key key(step.at("key"));
  const ReadOptions options = ReadOptionsOf(step);
  const auto blocking = with_bytes ? vasto_get : vasto_stat;
  const auto start = with_bytes ? vasto_get_async : vasto_stat_async;
  vasto_value_t* value = nullptr;
  const Result result = Operation(
      [&](vasto_error_t** err) {
        return blocking(keyspace_.get(), key.get(), options.get(), &value, err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return start(keyspace_.get(), key.get(), options.get(), future, err);
      },
      [&](vasto_future_t* future, vasto_error_t** err) {
        return vasto_future_take_value(future, &value, err);
      });
  const Value owner(value);
  Want(result.ok() == (value != nullptr), "value handle");
  if (!result.ok()) return result;
  const std::string bytes =
      TextOf({vasto_value_data(value), with_bytes ? vasto_value_size(value) : 0});
  if (expect.contains("value")) Want(bytes == Bytes(expect["value"]), "value");
  if (expect.contains("size")) Want(vasto_value_size(value) == expect["size"], "size");
  if (expect.contains("type")) Want(vasto_value_type(value) == expect["type"], "type");
  if (expect.contains("version"))
    Want(vasto_value_version(value) == Number(expect["version"]), "version");
  if (expect.contains("updated_at_ns")) {
    Want(vasto_value_updated_at_ns(value) == Number(expect["updated_at_ns"]), "event time");
  }
  if (expect.contains("expires")) {
    Want((vasto_value_expires_at_ns(value) != 0) == expect["expires"].get<bool>(), "expiry");
  }
  Save(step, vasto_value_version(value));
  return result;
}

Result Player::Get(const Json& step, const Json& expect) { return Read(step, expect, true); }
Result Player::Stat(const Json& step, const Json& expect) { return Read(step, expect, false); }

Result Player::MultiGet(const Json& step, const Json& expect) {
  std::vector<std::unique_ptr<Key>> owners;
  std::vector<vasto_key_t> keys;
  for (const Json& key : step.at("keys")) {
    owners.push_back(std::make_unique<Key>(key));
    keys.push_back(*owners.back()->get());
  }
  const ReadOptions options = ReadOptionsOf(step);
  std::vector<vasto_value_t*> values(keys.size());
  std::vector<vasto_status_t> codes(keys.size());
  const Result result = Operation(
      [&](vasto_error_t** err) {
        return vasto_multi_get(keyspace_.get(), keys.data(), keys.size(), options.get(),
                               values.data(), codes.data(), err);
      },
      [&](vasto_future_t** future, vasto_error_t** err) {
        return vasto_multi_get_async(keyspace_.get(), keys.data(), keys.size(), options.get(),
                                     future, err);
      },
      [&](vasto_future_t* future, vasto_error_t** err) {
        return vasto_future_take_values(future, values.data(), codes.data(), keys.size(), err);
      });
  std::vector<Value> read;
  for (vasto_value_t* value : values) read.emplace_back(value);
  if (!result.ok() || !expect.contains("results")) return result;
  Want(expect["results"].size() == keys.size(), "number of results");
  for (size_t i = 0; i < keys.size(); ++i) {
    const Json& wanted = expect["results"][i];
    Want(vasto_status_name(codes[i]) == wanted.at("code"), "code of key " + std::to_string(i));
    if (!wanted.contains("value")) continue;
    Want(TextOf({vasto_value_data(values[i]), vasto_value_size(values[i])}) ==
             Bytes(wanted["value"]),
         "value of key " + std::to_string(i));
  }
  return result;
}

// ---- Sessions

Result Player::MakeSession(const Json& step, const Json&) {
  vasto_session_t* session = nullptr;
  const Result made = Run(
      [&](vasto_error_t** err) { return vasto_session_create(keyspace_.get(), &session, err); });
  if (!made.ok()) return made;
  sessions_[step.at("session")].reset(session);
  if (!step.contains("import")) return made;
  const std::string token = Token(step["import"]);
  return Run([&](vasto_error_t** err) {
    return vasto_session_import(session, token.data(), token.size(), err);
  });
}

Result Player::SessionToken(const Json& step, const Json&) {
  std::string token(4096, '\0');
  size_t size = 0;
  const Result result = Run([&](vasto_error_t** err) {
    return vasto_session_token(SessionOf(step), token.data(), token.size(), &size, err);
  });
  if (result.ok()) tokens_[step.at("save")] = token.substr(0, size);
  return result;
}

}  // namespace vectors
