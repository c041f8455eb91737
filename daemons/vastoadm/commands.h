// SPDX-License-Identifier: Apache-2.0
// The commands of `vastoadm`. They print results on stdout and throw cli::Failure or
// cli::UsageError; the returned number is the exit code.
#pragma once

#include <cstdint>
#include <string>

#include "daemons/cli/session.h"

namespace vasto::adm {

struct CreateArgs {
  std::string name;
  uint32_t shards = 1;
  uint32_t replicas = 1;
  std::string acks = "one";
  std::string sync = "interval";
  uint64_t ttl_seconds = 0;
  std::string tags;
  bool no_wait = false;
};

// delete and compact
struct NameArgs {
  std::string name;
  bool yes = false;
  bool no_wait = false;
};

int Status(cli::Session* session);
int ListStores(cli::Session* session);
int ListKeyspaces(cli::Session* session);
int DescribeKeyspace(cli::Session* session, const std::string& name);
int CreateKeyspace(cli::Session* session, const CreateArgs& args);
int DeleteKeyspace(cli::Session* session, const NameArgs& args);
int CompactKeyspace(cli::Session* session, const NameArgs& args);

}  // namespace vasto::adm
