// SPDX-License-Identifier: Apache-2.0
//
// The command line of mount.vasto, which is the one mount(8) uses for every helper:
//
//   mount.vasto SOURCE DIR [-n] [-s] [-f] [-v] [-t TYPE] [-o OPTION[,OPTION...]]...
//   SOURCE = HOST[:PORT][,HOST[:PORT]...][:/KEYSPACE[/PREFIX]]
//
// Arguments may stand in any order. -f means "fake", as mount(8) wants it: check the
// command line and the directory, mount nothing. The options are described in mount.vasto(8).
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuse/log.h"
#include "fuse/name_codec.h"
#include "fuse/scratch_patterns.h"

namespace vasto::fuse {

constexpr int kDefaultPort = 9333;  // of a master whose address names none

// Exit codes of mount(8).
constexpr int kExitUsage = 1;
constexpr int kExitSystem = 2;
constexpr int kExitInternal = 4;
constexpr int kExitInterrupted = 8;
constexpr int kExitFailure = 32;

struct Options {
  // The source, taken apart, and the directory.
  std::string source;    // as given; shown in /proc/mounts
  std::string masters;   // host:port[,host:port...]
  std::string keyspace;  // "" to mount all keyspaces
  std::string prefix;    // of keys; only with a keyspace
  std::string directory;

  // Flags of the command line.
  bool help = false;
  bool version = false;
  bool fake = false;     // -f
  bool sloppy = false;   // -s: ignore unknown options
  bool verbose = false;  // -v

  // What the kernel is told.
  unsigned long mount_flags = 0;  // MS_*
  bool allow_other = true;        // default for root; see Parse
  bool allow_root = false;
  bool default_permissions = true;
  uint32_t max_background = 256;
  uint32_t threads = 0;          // workers; 0 chooses by the machine
  uint32_t readahead_kb = 4096;  // KiB

  // Appearance of files.
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t file_mask = 022;
  uint32_t dir_mask = 022;
  size_t name_max = kMaxNameMax;
  ScratchPatterns scratch;
  bool show_internal = false;
  bool list_xattr = false;
  bool quiet = false;

  // Behaviour.
  bool read_only = false;
  bool no_delete = false;
  bool admin = false;
  uint32_t shards = 1;  // of keyspaces that mkdir creates
  uint32_t replicas = 1;
  uint64_t max_value = 64 << 20;  // bytes
  bool conflict_cas = false;      // else the last event time wins
  double cache_ttl_s = 0;         // how long the kernel may believe names and attributes
  int64_t timeout_ms = 10'000;    // deadline of an operation
  bool hard = false;              // instead of failing, try again until interrupted
  int64_t mount_timeout_ms = 10'000;
  bool background = false;  // bg: mount though no master answers yet

  // The process.
  bool foreground = false;
  bool stop_with_parent = false;  // when the program that started it ends
  std::string log_file;
  LogLevel log_level = LogLevel::kInfo;
  std::string config_file;
};

// Takes the arguments apart (without the program's name). Returns "" or one line that says what is
// wrong, for an exit with kExitUsage. `is_root` and the ids set the defaults: root mounts for
// everybody.
std::string ParseOptions(const std::vector<std::string>& arguments, bool is_root, uint32_t uid,
                         uint32_t gid, Options* out);

// The part of ParseOptions for SOURCE.
std::string ParseSource(const std::string& source, Options* out);

// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}
bool IsKeyspaceName(const std::string& name);

// What --help prints.
const char* HelpText();

// The options in effect, one `name=value` per line, for the control file `config`.
std::string DescribeOptions(const Options& options);

}  // namespace vasto::fuse
