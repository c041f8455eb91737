// SPDX-License-Identifier: Apache-2.0
//
// The files below .vasto: what the mount can tell about itself and the cluster.
#include <cerrno>
#include <sstream>

#include "fuse/ops.h"

namespace vasto::fuse {
namespace {

constexpr std::string_view kRootPath = ".vasto";
constexpr std::string_view kKeyspacesPath = ".vasto/ks";

// "NAME/FILE" of ".vasto/ks/NAME/FILE"; empty parts if there are none.
bool SplitKeyspacePath(const std::string& path, std::string* name, std::string* file) {
  if (path.size() <= kKeyspacesPath.size() + 1 ||
      path.compare(0, kKeyspacesPath.size() + 1, ".vasto/ks/") != 0) {
    return false;
  }
  const std::string rest = path.substr(kKeyspacesPath.size() + 1);
  const size_t slash = rest.find('/');
  *name = rest.substr(0, slash);
  *file = slash == std::string::npos ? "" : rest.substr(slash + 1);
  return true;
}

std::string Status(Filesystem* fs) {
  size_t open = 0;
  fs->nodes().ForEach([&](const NodePtr& node) {
    MutexLock lock(&node->mu);
    if (node->file != nullptr) ++open;
  });
  const Counters& counters = fs->counters();
  std::ostringstream text;
  text << "connected: " << (fs->cluster().is_open() ? "yes" : "no")
       << "\nmasters: " << fs->options().masters
       << "\nuptime_seconds: " << (NowNs() - fs->started_at_ns()) / 1'000'000'000
       << "\ncache: " << (fs->options().cache_ttl_s > 0 ? "ttl" : "none")
       << "\nnodes: " << fs->nodes().size() << "\nopen_files: " << open
       << "\nunpublished_files: " << fs->Unpublished().size()
       << "\nscratch_bytes: " << fs->scratch_bytes() << "\nrequests: " << counters.requests
       << "\nwaiting: " << counters.waiting << "\nlookups: " << counters.lookups
       << "\nreads: " << counters.reads << "\nwrites: " << counters.writes
       << "\npublished: " << counters.published
       << "\npublish_failures: " << counters.publish_failures
       << "\ninterrupted: " << counters.interrupted << "\ntimeouts: " << counters.timeouts << "\n";
  return text.str();
}

std::string KeyspaceInfo(const Keyspace& keyspace, size_t long_names, uint64_t unnameable) {
  std::ostringstream text;
  text << "name: " << keyspace.name() << "\nid: " << keyspace.id()
       << "\nshards: " << keyspace.shards() << "\nreplicas: " << keyspace.replicas()
       << "\nlong_names: " << long_names << "\nunnameable_keys: " << unnameable << "\n";
  return text.str();
}

Async<int> DescribeJson(Filesystem* fs, int32_t what, std::string name, Call* call,
                        std::string* out) {
  struct Described {
    Outcome outcome;
    std::string json;
  };
  Described described;
  std::function<Described()> describe = [fs, what, name] {
    Described result;
    result.outcome = fs->cluster().Describe(what, name, fs->options().timeout_ms, &result.json);
    return result;
  };
  const int error = co_await RunBlocking(fs, call, kNoLimit, std::move(describe), &described);
  if (error != 0) co_return error;
  *out = described.json + "\n";
  co_return described.outcome.error();
}

}  // namespace

bool IsControlDir(const std::string& path) {
  std::string name;
  std::string file;
  if (path == kRootPath || path == kKeyspacesPath) return true;
  return SplitKeyspacePath(path, &name, &file) && file.empty() && IsKeyspaceName(name);
}

bool IsControlFile(const std::string& path) {
  std::string name;
  std::string file;
  if (SplitKeyspacePath(path, &name, &file)) {
    return IsKeyspaceName(name) && (file == "info" || file == "describe.json");
  }
  return path == ".vasto/version" || path == ".vasto/status" || path == ".vasto/config" ||
         path == ".vasto/cluster.json";
}

Async<int> ControlContent(Filesystem* fs, std::string path, Call* call, std::string* out) {
  std::string name;
  std::string file;
  if (SplitKeyspacePath(path, &name, &file)) {
    KeyspacePtr keyspace;
    int error = co_await fs->FindKeyspace(name, call, &keyspace);
    if (error != 0) co_return error;
    if (file == "info") {
      *out = KeyspaceInfo(*keyspace, keyspace->long_names().seen(), keyspace->unnameable());
      co_return 0;
    }
    error = co_await DescribeJson(fs, VASTO_DESCRIBE_KEYSPACE, name, call, out);
    co_return error;
  }
  if (path == ".vasto/version") {
    *out = std::string(vasto_version_string()) + "\n";
  } else if (path == ".vasto/status") {
    *out = Status(fs);
  } else if (path == ".vasto/config") {
    *out = DescribeOptions(fs->options());
  } else if (path == ".vasto/cluster.json") {
    const int error = co_await DescribeJson(fs, VASTO_DESCRIBE_STATUS, "", call, out);
    co_return error;
  } else {
    co_return ENOENT;
  }
  co_return 0;
}

}  // namespace vasto::fuse
