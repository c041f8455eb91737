// SPDX-License-Identifier: Apache-2.0
//
// Everything one mount consists of, and what its operations share: the options, the cluster, the
// nodes, the open handles, attributes, and the search for keyspaces.
//
// The operations themselves (vastofs_<op>) are in fuse/ops_*.cc, one file per kind.
//
// Threads: any, unless said otherwise. Order of life: constructed, Start (after the process has
// gone to the background), session runs, PublishAll, Shutdown, destroyed.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/blocking_pool.h"
#include "fuse/cluster.h"
#include "fuse/handle_table.h"
#include "fuse/log.h"
#include "fuse/mutex.h"
#include "fuse/name_codec.h"
#include "fuse/node_table.h"
#include "fuse/options.h"
#include "fuse/task.h"
#include "fuse/timer.h"

namespace vasto::fuse {

// What a GETATTR, LOOKUP or READDIRPLUS says about a file.
struct FileAttributes {
  uint64_t size = 0;
  uint64_t changed_at_ns = 0;
};

// Numbers for the control file `status`. All but `waiting` only ever grow.
struct Counters {
  std::atomic<uint64_t> waiting{0};  // requests that had to wait for something and are not answered
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> lookups{0};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> writes{0};
  std::atomic<uint64_t> published{0};
  std::atomic<uint64_t> publish_failures{0};
  std::atomic<uint64_t> interrupted{0};
  std::atomic<uint64_t> timeouts{0};
};

class Filesystem {
 public:
  // Bytes of scratch files, all together.
  static constexpr uint64_t kMaxScratchBytes = 256 << 20;
  // How long an open keyspace is believed before the cluster's map is asked again.
  static constexpr std::chrono::milliseconds kKeyspaceBelief{1000};
  // The same for the numbers of statfs.
  static constexpr std::chrono::milliseconds kUsageBelief{1000};
  // How long an answer may wait for news where old knowledge will do: a keyspace that was open a
  // moment ago, the numbers of statfs; and the names of all keyspaces.
  static constexpr int64_t kRefreshWaitMs = 250;
  // How long the kernel may keep the attributes of a directory, which do not change: it looks at
  // them for every step of a path. Seconds, and of the root no more than one, since whoever wants
  // to know whether a mount is alive asks for these.
  static constexpr double kDirectoryAttrS = 3600;
  static constexpr double kRootAttrS = 1;
  static constexpr int64_t kNamesWaitMs = 1000;

  Filesystem(const Options& options, const Log* log);
  ~Filesystem();
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;

  // Starts the threads.
  void Start();
  // Connects to the cluster and, if one keyspace is mounted, opens it. Blocks: up to mount_timeout.
  Outcome Connect();
  // The keyspace a directory shows.
  std::string KeyspaceNameOf(const NodePtr& directory) const;
  // With -o bg: connects in the background, again and again until it works or Shutdown.
  void ConnectInBackground();
  // The files with changes that the cluster does not have.
  std::vector<NodePtr> Unpublished() const;
  // Publishes them. Blocks: up to timeout_ms. Returns how many could not be published.
  size_t PublishAll(int64_t timeout_ms);
  // Ends all operations and threads; no request may arrive any more. Blocks: up to timeout_ms plus
  // what running admin calls need.
  void Shutdown(int64_t timeout_ms);

  const Options& options() const { return options_; }
  const NameCodec& codec() const { return codec_; }
  const Log& log() const { return *log_; }
  Cluster& cluster() { return cluster_; }
  NodeTable& nodes() { return nodes_; }
  HandleTable& handles() { return handles_; }
  Timer& timer() { return timer_; }
  BlockingPool& pool() { return pool_; }
  Counters& counters() { return counters_; }
  std::atomic<uint64_t>& scratch_bytes() { return scratch_bytes_; }

  // Operations that have not ended yet. The last thing an operation does is to end its Request.
  void RequestBegins() EXCLUDES(requests_mu_);
  void RequestEnds() EXCLUDES(requests_mu_);

  // The keyspace `name`, opened if need be; the one that is open already if the cluster does not
  // answer at once. 0 or an errno value. Where `out` points must outlive the await.
  Async<int> FindKeyspace(std::string name, Call* call, KeyspacePtr* out);
  // The names of all keyspaces; the last known ones while no master answers.
  Async<int> ListKeyspaces(Call* call, std::vector<std::string>* out);
  void ForgetKeyspaces() EXCLUDES(keyspaces_mu_);

  // The key, the mounted prefix included, that `name` stands for in the directory of `keyspace`.
  // kLong becomes kKey, or kInvalid if no listing has shown it.
  DecodedName DecodeName(const KeyspacePtr& keyspace, const std::string& name) const;
  // The file name of a row of a scan: false if none leads to it.
  bool EncodeKey(const KeyspacePtr& keyspace, std::string_view key, std::string* name) const;

  // Attributes of directories, control files and files.
  struct stat DirectoryAttr(const NodePtr& node) const;
  struct stat ControlAttr(const NodePtr& node) const;
  struct stat FileAttr(uint64_t inode, const FileAttributes& attributes) const;
  // The same as a directory entry for the kernel.
  fuse_entry_param MakeEntry(const NodePtr& node, const struct stat& attr) const;
  double attr_timeout_s() const { return options_.cache_ttl_s; }
  static double DirectoryTimeoutS(const Node& node) {
    return node.id == kRootId ? kRootAttrS : kDirectoryAttrS;
  }

  // st_ino of anything; of a file, the same in every mount.
  uint64_t InodeOf(const NodePtr& node) const;
  static uint64_t DirectoryInode(std::string_view name);
  // `key` is the name of a scratch file.
  static uint64_t FileInode(const Keyspace& keyspace, bool scratch, const std::string& key);

  // Numbers for statfs: at most kUsageBelief old if the master answers within kRefreshWaitMs, else
  // the last known ones, else zeros.
  Async<Cluster::Usage> GetUsage(Call* call);

  // Where notifications go; null until the session exists.
  void set_session(fuse_session* session) { session_ = session; }
  fuse_session* session() const { return session_; }
  // Set when the kernel has sent INIT.
  void set_on_init(std::function<void()> on_init) { on_init_ = std::move(on_init); }
  void InitDone() const {
    if (on_init_) on_init_();
  }
  // True once: for the reply to INIT, the first of all.
  bool TakeInitReply() {
    return init_reply_pending_.load(std::memory_order_relaxed) &&
           init_reply_pending_.exchange(false);
  }
  uint64_t started_at_ns() const { return started_at_ns_; }

 private:
  struct KnownKeyspace {
    KeyspacePtr keyspace;
    Call::Clock::time_point checked_at;
  };

  // Blocks: on the cluster. Keeps the old object while it is the same keyspace, also if the cluster
  // cannot be asked.
  int OpenKeyspace(const std::string& name, KeyspacePtr* out) EXCLUDES(keyspaces_mu_);
  // *out is the keyspace if it is open. False if the cluster has to be asked about it; of those who
  // come at the same time only one is told so.
  bool BelievedKeyspace(const std::string& name, KeyspacePtr* out) EXCLUDES(keyspaces_mu_);
  // Blocks: on the cluster, up to the client's timeout.
  void RefreshUsage() EXCLUDES(usage_mu_);
  void RetryConnect();

  // Constant after construction.
  const Options options_;
  const NameCodec codec_;
  const Log* const log_;  // borrowed; outlives *this
  const uint64_t started_at_ns_;
  fuse_session* session_ = nullptr;
  std::function<void()> on_init_;

  // Synchronised by themselves.
  Cluster cluster_;
  NodeTable nodes_;
  Timer timer_;
  BlockingPool pool_;
  Counters counters_;
  std::atomic<uint64_t> scratch_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> init_reply_pending_{true};

  Mutex requests_mu_;
  CondVar requests_ended_;
  size_t requests_ GUARDED_BY(requests_mu_) = 0;

  Mutex keyspaces_mu_;
  std::map<std::string, KnownKeyspace> keyspaces_ GUARDED_BY(keyspaces_mu_);
  std::vector<std::string> keyspace_names_ GUARDED_BY(keyspaces_mu_);
  bool keyspace_names_known_ GUARDED_BY(keyspaces_mu_) = false;

  Mutex usage_mu_;
  Cluster::Usage usage_ GUARDED_BY(usage_mu_);
  Call::Clock::time_point usage_asked_at_ GUARDED_BY(usage_mu_);

  HandleTable handles_;  // goes first: handles refer to all of the above
};

// Wall clock in nanoseconds since 1970.
uint64_t NowNs();

constexpr int64_t kNoLimit = 0;

// Runs `work`, which blocks, on the pool and waits for its result: up to limit_ms (or kNoLimit),
// never longer than the call has time, and no longer once it is interrupted. 0, and *out is set; or
// EINTR or ETIMEDOUT, and the work goes on by itself. `work` must own what it touches.
template <typename T>
Async<int> RunBlocking(Filesystem* fs, Call* call, int64_t limit_ms, std::function<T()> work,
                       T* out) {
  const auto left_ms = static_cast<int64_t>(call->RemainingMs());
  const bool limited = limit_ms != kNoLimit && (left_ms == 0 || limit_ms < left_ms);
  const int64_t wait_ms = limited ? limit_ms : left_ms;
  const auto result = std::make_shared<T>();
  std::function<void()> run = [result, work] { *result = work(); };
  const WorkEnd end = co_await fs->pool().Run(std::move(run), call, wait_ms);
  if (end == WorkEnd::kInterrupted) co_return EINTR;
  if (end == WorkEnd::kTimedOut) co_return ETIMEDOUT;
  *out = std::move(*result);
  co_return 0;
}

// Runs an operation of the cluster and, with -o hard, runs it again until it does not fail for want
// of a reachable server, or the caller is interrupted. `start` makes the Operation to be awaited.
template <typename Start>
Async<Outcome> Try(Filesystem* fs, Call* call, Start start) {
  while (true) {
    Outcome outcome = co_await start();
    if (outcome.code == VASTO_TIMEOUT) ++fs->counters().timeouts;
    const bool again = fs->options().hard && vasto_status_is_retryable(outcome.code) &&
                       !(call != nullptr && call->interrupted());
    if (!again) co_return outcome;
    co_await fs->timer().Sleep(std::chrono::milliseconds(200));
  }
}

}  // namespace vasto::fuse
