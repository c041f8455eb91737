// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/commands.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"

namespace vasto::tool {
namespace {

using cli::Check;
using cli::Error;
using cli::Make;
using cli::Out;
using Json = nlohmann::ordered_json;

std::string ReadStdin() {
  std::string bytes;
  char piece[64 << 10];
  while (const size_t count = std::fread(piece, 1, sizeof(piece), stdin)) {
    bytes.append(piece, count);
    if (bytes.size() > VASTO_MAX_VALUE_SIZE) {
      throw cli::Failure(VASTO_TOO_LARGE, "the value on stdin is larger than the limit, " +
                                              std::to_string(VASTO_MAX_VALUE_SIZE) + " bytes");
    }
  }
  if (std::ferror(stdin) != 0) cli::FailErrno("cannot read the value from stdin");
  return bytes;
}

void WriteStdout(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) cli::FlushStdout();
}

void PrintJson(const Json& object) { WriteStdout(object.dump() + "\n"); }

constexpr size_t kShownKeyBytes = 200;

std::string_view Bytes(const vasto_slice_t& slice) {
  return {static_cast<const char*>(slice.data), slice.size};
}

// What vasto-json calls the facts about a stored value, the same in every command.
void PutFacts(Json* object, uint64_t version, uint64_t updated_at_ns, uint64_t expires_at_ns,
              uint64_t size) {
  cli::PutNumber(object, "version", version);
  (*object)["updated_at"] = cli::TimeText(updated_at_ns);
  cli::PutNumber(object, "updated_at_ns", updated_at_ns);
  cli::PutNumber(object, "expires_at_ns", expires_at_ns);
  (*object)["size"] = size;
}

Json KeyObject(std::string_view key) {
  Json object{{"schema", 1}};
  cli::PutBytes(&object, "key", key);
  return object;
}

std::string Shown(const std::string& key) {
  return "key " + cli::Shortened(cli::Escaped(key), kShownKeyBytes);
}

void PrintVersion(const cli::Session& session, const KeyArgs& args, uint64_t version) {
  if (!session.json()) return;
  Json object = KeyObject(args.key);
  cli::PutNumber(&object, "version", version);
  PrintJson(object);
}

void PrintRow(const vasto_kv_t& row, const ScanArgs& args, bool json) {
  const std::string_view key = Bytes(row.key);
  if (json) {
    Json object = KeyObject(key);
    if (!args.keys_only) cli::PutBytes(&object, "value", Bytes(row.value));
    PutFacts(&object, row.version, row.updated_at_ns, row.expires_at_ns, row.value.size);
    PrintJson(object);
    return;
  }
  std::string line = cli::Escaped(key);
  if (!args.keys_only) line.append("\t").append(cli::Escaped(Bytes(row.value)));
  line.push_back('\n');
  WriteStdout(line);
}

}  // namespace

vasto_key_t KeyArgs::Ref() const {
  if (!partition_key) return vasto_make_key(key.data(), key.size());
  return vasto_make_key_in(key.data(), key.size(),
                           vasto_partition_hash(partition_key->data(), partition_key->size()));
}

int Put(cli::Session* session, const PutArgs& args) {
  const std::string value = args.value == "-" ? ReadStdin() : args.value;
  auto keyspace = session->OpenKeyspace(args.key.keyspace);
  auto options = Make<cli::WriteOptions>(vasto_write_options_create);
  if (args.ttl_seconds > 0) vasto_write_options_set_ttl_seconds(options.get(), args.ttl_seconds);
  if (args.event_time_ns > 0)
    vasto_write_options_set_updated_at_ns(options.get(), args.event_time_ns);
  if (args.if_absent) vasto_write_options_set_if_absent(options.get());
  if (args.if_version) vasto_write_options_set_if_version(options.get(), *args.if_version);
  SessionFile kept(keyspace.get(), args.key.session);
  vasto_write_options_set_session(options.get(), kept.get());
  const vasto_key_t key = args.key.Ref();
  uint64_t version = 0;
  Error error;
  const vasto_status_t code =
      vasto_put(keyspace.get(), &key, value.data(), value.size(), options.get(), &version, error);
  kept.Keep();
  Check("put " + Shown(args.key.key), code, error);
  PrintVersion(*session, args.key, version);
  return cli::kExitOk;
}

cli::Value Read(vasto_keyspace_t* keyspace, const vasto_key_t& key, const std::string& shown,
                bool meta_only, const ReadFrom& from, SessionFile* session) {
  cli::Value value;
  const auto options = from.Options();
  if (session != nullptr) vasto_read_options_set_session(options.get(), session->get());
  Error error;
  const vasto_status_t code = meta_only
                                  ? vasto_stat(keyspace, &key, options.get(), Out(value), error)
                                  : vasto_get(keyspace, &key, options.get(), Out(value), error);
  if (session != nullptr) session->Keep();
  if (code == VASTO_NOT_FOUND && error.get() == nullptr)
    throw cli::Failure(code, Shown(shown) + ": not found");
  Check(Shown(shown), code, error);
  return value;
}

int Get(cli::Session* session, const ReadArgs& args) {
  const KeyArgs& key = args.key;
  auto keyspace = session->OpenKeyspace(key.keyspace);
  SessionFile kept(keyspace.get(), key.session);
  const auto value = Read(keyspace.get(), key.Ref(), key.key, false, args.from, &kept);
  const std::string_view bytes(static_cast<const char*>(vasto_value_data(value.get())),
                               vasto_value_size(value.get()));
  if (!session->json()) {
    WriteStdout(bytes);
    return cli::kExitOk;
  }
  Json object = KeyObject(key.key);
  cli::PutBytes(&object, "value", bytes);
  PutFacts(&object, vasto_value_version(value.get()), vasto_value_updated_at_ns(value.get()),
           vasto_value_expires_at_ns(value.get()), bytes.size());
  PrintJson(object);
  return cli::kExitOk;
}

int Stat(cli::Session* session, const ReadArgs& args) {
  auto keyspace = session->OpenKeyspace(args.key.keyspace);
  const vasto_key_t key = args.key.Ref();
  SessionFile kept(keyspace.get(), args.key.session);
  const auto value = Read(keyspace.get(), key, args.key.key, true, args.from, &kept);
  const uint32_t shard = vasto_keyspace_shard_of(keyspace.get(), &key);
  const uint64_t expires = vasto_value_expires_at_ns(value.get());
  if (session->json()) {
    Json object = KeyObject(args.key.key);
    PutFacts(&object, vasto_value_version(value.get()), vasto_value_updated_at_ns(value.get()),
             expires, vasto_value_size(value.get()));
    object["shard"] = shard;
    PrintJson(object);
    return cli::kExitOk;
  }
  std::printf("size     %zu\nupdated  %s\nexpires  %s\nversion  %llu\nshard    %u\n",
              vasto_value_size(value.get()),
              cli::TimeText(vasto_value_updated_at_ns(value.get())).c_str(),
              cli::TimeText(expires).c_str(),
              static_cast<unsigned long long>(vasto_value_version(value.get())), shard);
  return cli::kExitOk;
}

int Delete(cli::Session* session, const DeleteArgs& args) {
  auto keyspace = session->OpenKeyspace(args.key.keyspace);
  auto options = Make<cli::WriteOptions>(vasto_write_options_create);
  if (args.event_time_ns > 0)
    vasto_write_options_set_updated_at_ns(options.get(), args.event_time_ns);
  SessionFile kept(keyspace.get(), args.key.session);
  vasto_write_options_set_session(options.get(), kept.get());
  const vasto_key_t key = args.key.Ref();
  uint64_t version = 0;
  Error error;
  const vasto_status_t code = vasto_delete(keyspace.get(), &key, options.get(), &version, error);
  kept.Keep();
  Check("delete " + Shown(args.key.key), code, error);
  PrintVersion(*session, args.key, version);
  return cli::kExitOk;
}

int Merge(cli::Session* session, const MergeArgs& args) {
  const std::string operand = args.operand == "-" ? ReadStdin() : args.operand;
  auto keyspace = session->OpenKeyspace(args.key.keyspace);
  auto options = Make<cli::WriteOptions>(vasto_write_options_create);
  SessionFile kept(keyspace.get(), args.key.session);
  vasto_write_options_set_session(options.get(), kept.get());
  const vasto_key_t key = args.key.Ref();
  uint64_t version = 0;
  Error error;
  const vasto_status_t code = vasto_merge(keyspace.get(), &key, args.operation.code, operand.data(),
                                          operand.size(), options.get(), &version, error);
  kept.Keep();
  Check("merge into " + Shown(args.key.key), code, error);
  PrintVersion(*session, args.key, version);
  return cli::kExitOk;
}

int Touch(cli::Session* session, const TouchArgs& args) {
  auto keyspace = session->OpenKeyspace(args.key.keyspace);
  auto options = Make<cli::WriteOptions>(vasto_write_options_create);
  SessionFile kept(keyspace.get(), args.key.session);
  vasto_write_options_set_session(options.get(), kept.get());
  const vasto_key_t key = args.key.Ref();
  uint64_t version = 0;
  Error error;
  const vasto_status_t code =
      vasto_touch(keyspace.get(), &key, args.ttl_seconds, options.get(), &version, error);
  kept.Keep();
  Check("touch " + Shown(args.key.key), code, error);
  PrintVersion(*session, args.key, version);
  return cli::kExitOk;
}

void PrintRows(vasto_keyspace_t* keyspace, const ScanArgs& args, uint64_t timeout_ms, bool json,
               vasto_session_t* session) {
  auto options = Make<cli::ScanOptions>(vasto_scan_options_create);
  vasto_scan_options_set_limit(options.get(), args.limit);
  vasto_scan_options_set_keys_only(options.get(), args.keys_only);
  vasto_scan_options_set_timeout_ms(options.get(), timeout_ms);
  args.from.Apply(options.get());
  vasto_scan_options_set_session(options.get(), session);
  cli::Iter iter;
  {
    Error error;
    Check("scan",
          vasto_scan_prefix(keyspace, args.prefix.data(), args.prefix.size(), options.get(),
                            Out(iter), error),
          error);
  }
  vasto_kv_t rows[256];
  for (;;) {
    size_t count = 0;
    Error error;
    const vasto_status_t code =
        vasto_iter_next_block(iter.get(), rows, std::size(rows), &count, error);
    if (code == VASTO_END) break;
    Check("scan", code, error);
    for (size_t i = 0; i < count; ++i) PrintRow(rows[i], args, json);
  }
}

void PrintChange(const vasto_kv_t& change, bool keys_only, bool json) {
  const bool deleted = (change.flags & VASTO_KV_DELETED) != 0;
  const bool with_value = !deleted && !keys_only;
  const std::string_view key = Bytes(change.key);
  if (json) {
    Json object = KeyObject(key);
    object["change"] = deleted ? "del" : "put";
    if (with_value) cli::PutBytes(&object, "value", Bytes(change.value));
    PutFacts(&object, change.version, change.updated_at_ns, change.expires_at_ns,
             change.value.size);
    return PrintJson(object);
  }
  std::string line = (deleted ? "del\t" : "put\t") + cli::Escaped(key);
  if (with_value) line.append("\t").append(cli::Escaped(Bytes(change.value)));
  line.push_back('\n');
  WriteStdout(line);
}

int Scan(cli::Session* session, const ScanArgs& args) {
  auto keyspace = session->OpenKeyspace(args.keyspace);
  SessionFile kept(keyspace.get(), args.session);
  try {
    PrintRows(keyspace.get(), args, session->timeout_ms(), session->json(), kept.get());
  } catch (const cli::Failure&) {
    kept.Keep();  // what was printed was seen
    throw;
  }
  kept.Keep();
  return cli::kExitOk;
}

}  // namespace vasto::tool
