// SPDX-License-Identifier: Apache-2.0
#include "fuse/filesystem.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "fuse/hash.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

// Bytes; st_blksize. Many programs read in pieces of this size, and each piece is a request.
constexpr uint32_t kBlockSize = 128 << 10;
constexpr size_t kBlockingThreads = 4;
constexpr std::chrono::milliseconds kReconnectPause{1000};

timespec ToTimespec(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

void SetTimes(struct stat* attr, uint64_t ns) {
  attr->st_mtim = ToTimespec(ns);
  attr->st_ctim = attr->st_mtim;
  attr->st_atim = attr->st_mtim;
}

}  // namespace

uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Filesystem::Filesystem(const Options& options, const Log* log)
    : options_(options),
      codec_(options.name_max, options.scratch),
      log_(log),
      started_at_ns_(NowNs()),
      cluster_(log),
      pool_(kBlockingThreads, &timer_) {
  const NodeKind kind = options.keyspace.empty() ? NodeKind::kRoot : NodeKind::kKeyspace;
  nodes_.AddRoot(std::make_shared<Node>(kRootId, kind, kRootId, ""));
}

Filesystem::~Filesystem() = default;

void Filesystem::Start() { timer_.Start(); }

Outcome Filesystem::Connect() {
  ClusterConfig config;
  config.masters = options_.masters;
  config.timeout_ms = options_.timeout_ms;
  config.connect_timeout_ms = options_.mount_timeout_ms;
  config.config_file = options_.config_file;
  if (!cluster_.is_open()) {
    Outcome outcome = cluster_.Open(config);
    if (!outcome.ok()) return outcome;
  }
  // The first statfs should find numbers.
  pool_.Post([this] { RefreshUsage(); });
  if (options_.keyspace.empty()) return {};
  KeyspacePtr keyspace;
  Outcome outcome = cluster_.OpenKeyspace(options_.keyspace, &keyspace);
  if (!outcome.ok()) return outcome;
  MutexLock lock(&keyspaces_mu_);
  keyspaces_[options_.keyspace] = {keyspace, Call::Clock::now()};
  return {};
}

void Filesystem::RetryConnect() {
  if (stopping_) return;
  const Outcome outcome = Connect();
  if (outcome.ok()) {
    log_->Write(LogLevel::kInfo, "connected masters=%s", options_.masters.c_str());
    return;
  }
  log_->Write(LogLevel::kWarning, "connect_failed masters=%s error=\"%s\"",
              options_.masters.c_str(), outcome.message.c_str());
  timer_.After(kReconnectPause, [this] { ConnectInBackground(); });
}

void Filesystem::ConnectInBackground() {
  if (!stopping_) pool_.Post([this] { RetryConnect(); });
}

std::vector<NodePtr> Filesystem::Unpublished() const {
  std::vector<NodePtr> dirty;
  nodes_.ForEach([&dirty](const NodePtr& node) {
    MutexLock lock(&node->mu);
    if (node->file == nullptr || !node->file->dirty) return;
    if (!node->scratch && !node->detached) dirty.push_back(node);
  });
  return dirty;
}

size_t Filesystem::PublishAll(int64_t timeout_ms) {
  return PublishAndWait(this, Unpublished(), timeout_ms);
}

void Filesystem::Shutdown(int64_t timeout_ms) {
  stopping_ = true;
  cluster_.Close(timeout_ms);
  timer_.Stop();
  {
    MutexLock lock(&requests_mu_);
    while (requests_ != 0) requests_ended_.Wait(&requests_mu_);
  }
  pool_.Stop();
}

void Filesystem::RequestBegins() {
  ++counters_.requests;
  MutexLock lock(&requests_mu_);
  ++requests_;
}

void Filesystem::RequestEnds() {
  MutexLock lock(&requests_mu_);
  if (--requests_ == 0) requests_ended_.SignalAll();
}

std::string Filesystem::KeyspaceNameOf(const NodePtr& directory) const {
  return directory->id == kRootId ? options_.keyspace : directory->name;
}

bool Filesystem::BelievedKeyspace(const std::string& name, KeyspacePtr* out) {
  MutexLock lock(&keyspaces_mu_);
  const auto it = keyspaces_.find(name);
  if (it == keyspaces_.end() || it->second.keyspace->gone()) return false;
  KnownKeyspace& known = it->second;
  *out = known.keyspace;
  const auto now = Call::Clock::now();
  if (now - known.checked_at <= kKeyspaceBelief) return true;
  known.checked_at = now;
  return false;
}

int Filesystem::OpenKeyspace(const std::string& name, KeyspacePtr* out) {
  KeyspacePtr opened;
  const Outcome outcome = cluster_.OpenKeyspace(name, &opened);
  MutexLock lock(&keyspaces_mu_);
  const auto it = keyspaces_.find(name);
  if (outcome.code == VASTO_NOT_FOUND) {
    if (it != keyspaces_.end()) keyspaces_.erase(it);
    return ENOENT;
  }
  if (!outcome.ok()) {
    // Without a master the last known topology goes on.
    if (it == keyspaces_.end() || it->second.keyspace->gone()) return outcome.error();
    it->second.checked_at = Call::Clock::now();
    *out = it->second.keyspace;
    return 0;
  }
  const bool same = it != keyspaces_.end() && it->second.keyspace->id() == opened->id();
  KnownKeyspace& known = keyspaces_[name];
  if (!same) known.keyspace = std::move(opened);
  known.keyspace->gone() = false;
  known.checked_at = Call::Clock::now();
  *out = known.keyspace;
  return 0;
}

Async<int> Filesystem::FindKeyspace(std::string name, Call* call, KeyspacePtr* out) {
  if (!cluster_.is_open()) co_return EHOSTDOWN;
  if (!IsKeyspaceName(name)) co_return ENOENT;
  KeyspacePtr known;
  if (BelievedKeyspace(name, &known)) {
    *out = std::move(known);
    co_return 0;
  }
  struct Opened {
    int error = 0;
    KeyspacePtr keyspace;
  };
  Opened opened;
  std::function<Opened()> open = [this, name] {
    Opened result;
    result.error = OpenKeyspace(name, &result.keyspace);
    return result;
  };
  const int64_t limit_ms = known != nullptr ? kRefreshWaitMs : kNoLimit;
  const int error = co_await RunBlocking(this, call, limit_ms, std::move(open), &opened);
  if (error == ETIMEDOUT && known != nullptr) {
    *out = std::move(known);
    co_return 0;
  }
  if (error != 0) co_return error;
  *out = std::move(opened.keyspace);
  co_return opened.error;
}

Async<int> Filesystem::ListKeyspaces(Call* call, std::vector<std::string>* out) {
  if (!cluster_.is_open()) co_return EHOSTDOWN;
  struct Listed {
    Outcome outcome;
    std::vector<std::string> names;
  };
  Listed listed;
  std::function<Listed()> list = [this] {
    Listed result;
    result.outcome = cluster_.ListKeyspaces(options_.timeout_ms, &result.names);
    return result;
  };
  int64_t limit_ms = kNoLimit;
  {
    MutexLock lock(&keyspaces_mu_);
    if (keyspace_names_known_) limit_ms = kNamesWaitMs;
  }
  int error = co_await RunBlocking(this, call, limit_ms, std::move(list), &listed);
  if (error == EINTR) co_return EINTR;
  if (error == 0) error = listed.outcome.error();
  MutexLock lock(&keyspaces_mu_);
  if (error == 0) {
    keyspace_names_ = std::move(listed.names);
    keyspace_names_known_ = true;
  } else if (!keyspace_names_known_) {
    co_return error;
  }
  *out = keyspace_names_;
  co_return 0;
}

void Filesystem::RefreshUsage() {
  Cluster::Usage usage;
  const Outcome outcome = cluster_.GetUsage(options_.keyspace, options_.timeout_ms, &usage);
  MutexLock lock(&usage_mu_);
  if (outcome.ok()) usage_ = usage;
}

Async<Cluster::Usage> Filesystem::GetUsage(Call* call) {
  {
    MutexLock lock(&usage_mu_);
    const auto now = Call::Clock::now();
    if (now - usage_asked_at_ < kUsageBelief || !cluster_.is_open()) co_return usage_;
    usage_asked_at_ = now;
  }
  // df must not hang while the master is away. A late answer counts for the next one.
  std::function<void()> refresh = [this] { RefreshUsage(); };
  co_await pool_.Run(std::move(refresh), call, kRefreshWaitMs);
  MutexLock lock(&usage_mu_);
  co_return usage_;
}

void Filesystem::ForgetKeyspaces() {
  MutexLock lock(&keyspaces_mu_);
  for (auto& [name, known] : keyspaces_) known.checked_at = {};
}

DecodedName Filesystem::DecodeName(const KeyspacePtr& keyspace, const std::string& name) const {
  DecodedName decoded = codec_.Decode(name);
  if (decoded.kind == NameKind::kLong) {
    decoded.kind =
        keyspace->long_names().Find(name, &decoded.key) ? NameKind::kKey : NameKind::kInvalid;
  } else if (decoded.kind == NameKind::kKey && !options_.prefix.empty()) {
    decoded.key.insert(0, options_.prefix);
  }
  return decoded;
}

bool Filesystem::EncodeKey(const KeyspacePtr& keyspace, std::string_view key,
                           std::string* name) const {
  *name = codec_.Encode(key.substr(options_.prefix.size()));
  return !IsLongName(*name) || keyspace->long_names().Remember(*name, key);
}

uint64_t Filesystem::DirectoryInode(std::string_view name) {
  return HashBytes(0x766173746f, name) | 2;
}

uint64_t Filesystem::InodeOf(const NodePtr& node) const {
  if (node->id == kRootId) return kRootId;
  if (node->kind != NodeKind::kFile) return DirectoryInode(node->name) + node->parent;
  MutexLock lock(&node->mu);
  return FileInode(*node->keyspace, node->scratch, node->scratch ? node->name : node->key);
}

uint64_t Filesystem::FileInode(const Keyspace& keyspace, bool scratch, const std::string& key) {
  // A key of the same bytes has another number.
  return keyspace.InodeNumber(scratch ? "\xff" + key : key);
}

struct stat Filesystem::DirectoryAttr(const NodePtr& node) const {
  struct stat attr {};
  attr.st_ino = InodeOf(node);
  attr.st_mode = S_IFDIR | (0777 & ~options_.dir_mask);
  if (node->kind == NodeKind::kControlDir) attr.st_mode = S_IFDIR | 0555;
  attr.st_nlink = 2;
  attr.st_uid = options_.uid;
  attr.st_gid = options_.gid;
  attr.st_blksize = kBlockSize;
  SetTimes(&attr, started_at_ns_);
  return attr;
}

struct stat Filesystem::ControlAttr(const NodePtr& node) const {
  struct stat attr = DirectoryAttr(node);
  attr.st_mode = S_IFREG | 0444;
  attr.st_nlink = 1;
  SetTimes(&attr, NowNs());
  return attr;
}

struct stat Filesystem::FileAttr(uint64_t inode, const FileAttributes& attributes) const {
  struct stat attr {};
  attr.st_ino = inode;
  attr.st_mode = S_IFREG | (0666 & ~options_.file_mask);
  attr.st_nlink = 1;
  attr.st_uid = options_.uid;
  attr.st_gid = options_.gid;
  attr.st_size = static_cast<off_t>(attributes.size);
  attr.st_blocks = static_cast<blkcnt_t>((attributes.size + 511) / 512);
  attr.st_blksize = kBlockSize;
  SetTimes(&attr, attributes.changed_at_ns);
  return attr;
}

fuse_entry_param Filesystem::MakeEntry(const NodePtr& node, const struct stat& attr) const {
  fuse_entry_param entry{};
  entry.ino = node->id;
  entry.generation = 1;
  entry.attr = attr;
  entry.attr_timeout = options_.cache_ttl_s;
  entry.entry_timeout = options_.cache_ttl_s;
  if (S_ISDIR(attr.st_mode)) entry.attr_timeout = DirectoryTimeoutS(*node);
  if (node->kind == NodeKind::kKeyspace) {
    entry.entry_timeout = std::chrono::duration<double>(kKeyspaceBelief).count();
  }
  return entry;
}

}  // namespace vasto::fuse
