// SPDX-License-Identifier: Apache-2.0
// The commands of the `vasto` tool, each a plain function over its arguments. They print results on
// stdout and throw cli::Failure or cli::UsageError; the returned number is the exit code.
#pragma once

#include <vasto/vasto.h>

#include <optional>
#include <string>

#include "daemons/cli/session.h"
#include "daemons/vasto/merge_operation.h"
#include "daemons/vasto/read_from.h"
#include "daemons/vasto/session_file.h"

namespace vasto::tool {

// Selects a key, optionally in the partition of another byte string.
struct KeyArgs {
  std::string keyspace;
  std::string key;
  std::optional<std::string> partition_key;
  std::string session;  // the file of the operation's session; empty: none

  // Borrows from *this.
  vasto_key_t Ref() const;
};

struct ReadArgs {
  KeyArgs key;
  ReadFrom from;
};

struct PutArgs {
  KeyArgs key;
  std::string value;  // "-": read from stdin
  uint64_t ttl_seconds = 0;
  uint64_t event_time_ns = 0;
  bool if_absent = false;
  std::optional<uint64_t> if_version;
};

struct DeleteArgs {
  KeyArgs key;
  uint64_t event_time_ns = 0;
};

struct MergeArgs {
  KeyArgs key;
  MergeOperation operation;
  std::string operand;  // "-": read from stdin
};

struct TouchArgs {
  KeyArgs key;
  uint64_t ttl_seconds = 0;
};

struct ScanArgs {
  std::string keyspace;
  std::string prefix;
  uint64_t limit = 0;
  bool keys_only = false;
  ReadFrom from = {};
  std::string session = {};
};

int Put(cli::Session* session, const PutArgs& args);
int Get(cli::Session* session, const ReadArgs& args);
int Stat(cli::Session* session, const ReadArgs& args);
int Delete(cli::Session* session, const DeleteArgs& args);
int Merge(cli::Session* session, const MergeArgs& args);
int Touch(cli::Session* session, const TouchArgs& args);
int Scan(cli::Session* session, const ScanArgs& args);

// Like the commands above on an open keyspace, for the shell. session: may be nullptr.
void PrintRows(vasto_keyspace_t* keyspace, const ScanArgs& args, uint64_t timeout_ms, bool json,
               vasto_session_t* session = nullptr);
// One line for a change of a watch.
void PrintChange(const vasto_kv_t& change, bool keys_only, bool json);
cli::Value Read(vasto_keyspace_t* keyspace, const vasto_key_t& key, const std::string& shown,
                bool meta_only, const ReadFrom& from = {}, SessionFile* session = nullptr);

}  // namespace vasto::tool
