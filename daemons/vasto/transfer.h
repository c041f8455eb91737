// SPDX-License-Identifier: Apache-2.0
// `vasto export` and `vasto import`: a keyspace as JSON lines, one object a line:
//   {"key": "a", "value": "1", "updated_at_ns": 1, "expires_at_ns": 0, "type": 0}
// Bytes that are no UTF-8, or that JSON would need longer for, stand as "key_base64" and
// "value_base64"; "partition_hash" is there when
// the writer gave one. An import needs only key and value; what it keeps of the rest makes it
// repeatable: an older line never overwrites newer data.
#pragma once

#include <cstdint>
#include <string>

#include "daemons/cli/session.h"

namespace vasto::tool {

struct ExportArgs {
  std::string keyspace;
  std::string prefix;
  std::string file = "-";  // "-": stdout
};

struct ImportArgs {
  std::string keyspace;
  std::string file = "-";  // "-": stdin
  bool now = false;        // give the entries the time of the import instead of their own
  uint64_t batch = 500;    // entries per request
};

// Writes to FILE.tmp and renames it when all rows are there and synced, so that a file is complete
// or absent.
int Export(cli::Session* session, const ExportArgs& args);
// Stops at the first line that cannot be parsed or stored and names it; earlier lines stay
// imported.
int Import(cli::Session* session, const ImportArgs& args);

}  // namespace vasto::tool
