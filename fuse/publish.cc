// SPDX-License-Identifier: Apache-2.0
#include "fuse/publish.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace vasto::fuse {
namespace {

// What one put of a buffer was about.
struct Attempt {
  PutOptions put;
  uint64_t edits = 0;
  size_t size = 0;
  bool append = false;  // may be rebased onto a newer value
  bool bare = false;    // a creation without data: whatever is there instead is as good
  uint64_t expires_at_ns = 0;
};

uint64_t ExpiryAfter(const FileState& file) {
  if (!file.ttl_seconds.has_value()) return file.base_expires_at_ns;
  return *file.ttl_seconds == 0 ? 0 : NowNs() + *file.ttl_seconds * 1'000'000'000;
}

void ChooseCondition(const FileState& file, bool cas, Attempt* attempt) {
  const bool absent = file.created && file.base_version == 0;
  attempt->bare = absent && !file.written && file.buffer->size() == 0;
  PutOptions& put = attempt->put;
  if (file.if_version.has_value()) {
    put.version = *file.if_version;
  } else if (file.append_only || cas || attempt->bare) {
    attempt->append = file.append_only && !attempt->bare;
    put.version = file.base_version;
  } else {
    return;
  }
  put.condition = put.version == 0 ? PutOptions::If::kAbsent : PutOptions::If::kVersion;
}

Attempt Prepare(const FileState& file, bool cas) {
  Attempt attempt;
  attempt.edits = file.edits;
  attempt.size = file.buffer->size();
  attempt.expires_at_ns = ExpiryAfter(file);
  CarryOver(file, &attempt.put);
  ChooseCondition(file, cas, &attempt);
  return attempt;
}

void Published(FileState* file, const Attempt& attempt, uint64_t version) {
  file->created = false;
  file->base_version = version;
  file->base_size = attempt.size;
  file->base_expires_at_ns = attempt.expires_at_ns;
  file->local_version = std::max(file->local_version, version);
  file->seen_version = std::max(file->seen_version, version);
  file->changed_at_ns = vasto_version_time_ns(version);
  file->ttl_seconds.reset();
  file->if_version.reset();
  // Changes that came while the put was under way wait for the next one.
  if (file->edits != attempt.edits) return;
  file->dirty = false;
  file->written = false;
}

void DropBuffer(FileState* file) {
  file->buffer.reset();
  file->dirty = false;
  file->written = false;
  file->created = false;
  file->append_only = false;
  file->base_version = 0;
  file->base_size = 0;
  file->base_expires_at_ns = 0;
  file->base_type = VASTO_TYPE_BYTES;
  file->ttl_seconds.reset();
  file->if_version.reset();
}

// A clean buffer is a cache; of an older value once a newer version has been seen.
void DropIfOutdated(Node* node) REQUIRES(node->mu) {
  FileState* const file = node->file.get();
  if (file->buffer != nullptr && file->base_version < file->seen_version && !file->dirty &&
      !node->scratch && !node->detached) {
    DropBuffer(file);
  }
}

// Fills a new buffer from a value, or with nothing if there is none.
int FillFrom(const ValuePtr& value, std::string_view tail, FileState* file) {
  auto buffer = std::make_unique<WriteBuffer>();
  const std::string_view bytes = value == nullptr ? std::string_view() : value->bytes();
  if (const int error = buffer->Write(0, bytes); error != 0) return error;
  if (const int error = buffer->Write(bytes.size(), tail); error != 0) return error;
  file->buffer = std::move(buffer);
  file->created = value == nullptr;
  file->base_size = bytes.size();
  file->base_version = value == nullptr ? 0 : value->version();
  file->base_expires_at_ns = value == nullptr ? 0 : value->expires_at_ns();
  file->base_type = value == nullptr ? VASTO_TYPE_BYTES : value->type();
  if (value != nullptr) file->seen_version = std::max(file->seen_version, value->version());
  return 0;
}

// Puts the appended bytes behind the value that is there now.
Async<int> Rebase(Filesystem* fs, NodePtr node, std::string key, Call* call) {
  const Outcome now =
      co_await Try(fs, call, [&] { return fs->cluster().Get(node->keyspace, key, call); });
  if (!now.ok() && now.code != VASTO_NOT_FOUND) co_return now.error();
  if (now.keyspace_gone) co_return now.error();
  MutexLock lock(&node->mu);
  FileState* const file = node->file.get();
  // Overwritten meanwhile: what is there now is no longer an old value and a tail.
  if (!file->append_only) co_return 0;
  const std::string tail(file->buffer->view().substr(file->base_size));
  const size_t size = now.value == nullptr ? 0 : now.value->size();
  if (size + tail.size() > fs->options().max_value) co_return EFBIG;
  co_return FillFrom(now.value, tail, file);
}

bool NeedsPublication(Node* node) REQUIRES(node->mu) {
  const FileState* const file = node->file.get();
  return file != nullptr && file->dirty && !node->scratch && !node->detached;
}

void LogDropped(Filesystem* fs, const Node& node, const Outcome& outcome, int error) {
  ++fs->counters().publish_failures;
  fs->log().Write(LogLevel::kError, "buffer_dropped file=\"%s\" errno=%d status=%s error=\"%s\"",
                  node.name.c_str(), error, vasto_status_name(outcome.code),
                  outcome.message.c_str());
}

}  // namespace

void CarryOver(const FileState& file, PutOptions* put) {
  constexpr uint64_t kNever = UINT64_MAX;
  put->type = file.base_type;
  if (file.ttl_seconds.has_value()) {
    put->ttl_seconds = *file.ttl_seconds;
    put->expires_at_ns = kNever;  // counts if the ttl is 0
  } else if (file.base_version != 0) {
    put->expires_at_ns = file.base_expires_at_ns == 0 ? kNever : file.base_expires_at_ns;
  }
}

FileState* StateOf(Node* node) {
  if (node->file == nullptr) node->file = std::make_unique<FileState>();
  return node->file.get();
}

void CreateLocked(Node* node) {
  FileState* const file = StateOf(node);
  DropBuffer(file);
  file->buffer = std::make_unique<WriteBuffer>();
  file->dirty = true;
  file->created = true;
  file->append_only = true;
  ++file->edits;
  file->changed_at_ns = NowNs();
}

void TidyLocked(Filesystem* fs, Node* node) {
  FileState* const file = node->file.get();
  if (file == nullptr || file->writers > 0 || file->holds > 0) return;
  if (file->dirty && !node->detached && !node->scratch) return;
  const bool unused = file->readers == 0;
  if (node->scratch) {
    if (!unused || !node->detached) return;
    if (file->buffer != nullptr) fs->scratch_bytes() -= file->buffer->size();
    node->file.reset();
  } else if (unused) {
    node->file.reset();
  } else if (!node->detached) {
    DropBuffer(file);
  }
}

int ResizeLocked(Filesystem* fs, Node* node, uint64_t size) {
  FileState* const file = node->file.get();
  if (size > fs->options().max_value) return EFBIG;
  const size_t before = file->buffer->size();
  if (node->scratch && size > before &&
      fs->scratch_bytes() + (size - before) > Filesystem::kMaxScratchBytes) {
    return ENOSPC;
  }
  if (const int error = file->buffer->Resize(size); error != 0) return error;
  if (node->scratch) fs->scratch_bytes() += size - before;
  if (size < file->base_size || size != before) file->append_only = false;
  file->dirty = true;
  ++file->edits;
  file->changed_at_ns = NowNs();
  return 0;
}

int WriteLocked(Filesystem* fs, Node* node, size_t offset, bool append, std::string_view bytes) {
  FileState* const file = node->file.get();
  const size_t before = file->buffer->size();
  if (append) offset = before;
  const size_t end = offset + bytes.size();
  if (end < offset || end > fs->options().max_value) return EFBIG;
  if (node->scratch && end > before &&
      fs->scratch_bytes() + (end - before) > Filesystem::kMaxScratchBytes) {
    return ENOSPC;
  }
  if (const int error = file->buffer->Write(offset, bytes); error != 0) return error;
  if (node->scratch && end > before) fs->scratch_bytes() += end - before;
  file->append_only = append && (file->append_only || !file->dirty);
  file->dirty = true;
  file->written = true;
  ++file->edits;
  file->changed_at_ns = NowNs();
  return 0;
}

void TruncateLocked(Filesystem* fs, Node* node) {
  FileState* const file = StateOf(node);
  if (node->scratch && file->buffer != nullptr) fs->scratch_bytes() -= file->buffer->size();
  const uint64_t version = fs->options().conflict_cas ? file->base_version : 0;
  const bool created = file->created && file->dirty;
  DropBuffer(file);
  file->buffer = std::make_unique<WriteBuffer>();
  file->base_version = version;
  file->created = created;
  file->dirty = true;
  ++file->edits;
  file->changed_at_ns = NowNs();
}

void NoteVersion(const NodePtr& node, uint64_t version) {
  MutexLock lock(&node->mu);
  FileState* const file = node->file.get();
  if (file == nullptr || version <= file->seen_version) return;
  file->seen_version = version;
  if (file->holds == 0) DropIfOutdated(node.get());
}

BufferHold::BufferHold(Filesystem* fs, NodePtr node) : fs_(fs), node_(std::move(node)) {
  MutexLock lock(&node_->mu);
  ++StateOf(node_.get())->holds;
}

BufferHold::~BufferHold() {
  MutexLock lock(&node_->mu);
  if (--node_->file->holds != 0) return;
  DropIfOutdated(node_.get());
  TidyLocked(fs_, node_.get());
}

void NoteFailure(const KeyspacePtr& keyspace, const Outcome& outcome) {
  if (outcome.keyspace_gone) keyspace->gone() = true;
}

Async<int> LoadLocked(Filesystem* fs, NodePtr node, Call* call) {
  std::string key;
  {
    MutexLock lock(&node->mu);
    if (StateOf(node.get())->buffer != nullptr) co_return 0;
    key = node->key;
  }
  const Outcome got =
      co_await Try(fs, call, [&] { return fs->cluster().Get(node->keyspace, key, call); });
  NoteFailure(node->keyspace, got);
  if (!got.ok() && (got.code != VASTO_NOT_FOUND || got.keyspace_gone)) co_return got.error();
  MutexLock lock(&node->mu);
  FileState* const file = StateOf(node.get());
  if (file->buffer != nullptr) co_return 0;  // truncated meanwhile
  const int error = FillFrom(got.value, {}, file);
  if (error == 0 && got.value != nullptr) file->changed_at_ns = got.value->updated_at_ns();
  co_return error;
}

Async<int> Load(Filesystem* fs, NodePtr node, Call* call) {
  const AsyncMutex::Guard guard = co_await node->io.Lock(call);
  if (!guard) co_return EINTR;
  const int error = co_await LoadLocked(fs, node, call);
  co_return error;
}

// Whether somebody else's write came first.
static bool IsTaken(const Outcome& put) {
  return put.code == VASTO_STALE_WRITE || put.code == VASTO_ALREADY_EXISTS;
}

// What the content is published under; none when there is nothing to publish.
static std::optional<std::string> KeyToPublish(Node* node) {
  MutexLock lock(&node->mu);
  if (!NeedsPublication(node)) return std::nullopt;
  return node->key;
}

// Drops what could not be published.
static void GiveUp(Filesystem* fs, Node* node, const Outcome& put, int error, bool silently) {
  if (!silently) LogDropped(fs, *node, put, error);
  node->keyspace->local_names().Remove(node->name);
  MutexLock lock(&node->mu);
  DropBuffer(node->file.get());
}

Async<int> PublishLocked(Filesystem* fs, NodePtr node, Call* call, OnFailure on_failure) {
  while (true) {
    const std::optional<std::string> key = KeyToPublish(node.get());
    if (!key.has_value()) co_return 0;
    Attempt attempt;
    const Outcome put = co_await Try(fs, call, [&] {
      MutexLock lock(&node->mu);
      attempt = Prepare(*node->file, fs->options().conflict_cas);
      return fs->cluster().Put(node->keyspace, *key, node->file->buffer->view(), attempt.put, call);
    });
    NoteFailure(node->keyspace, put);
    const bool taken = IsTaken(put);
    int error = put.error();
    if (put.ok() || (taken && attempt.bare)) {
      ++fs->counters().published;
      node->keyspace->local_names().Remove(node->name);
      MutexLock lock(&node->mu);
      if (put.ok()) {
        Published(node->file.get(), attempt, put.version);
      } else {
        DropBuffer(node->file.get());
      }
      co_return 0;
    }
    if (taken && attempt.append) {
      error = co_await Rebase(fs, node, *key, call);
      if (error == 0 && !call->expired()) continue;
      if (error == 0) error = ETIMEDOUT;
    } else if (taken) {
      error = ESTALE;
    }
    if (error == EINTR && on_failure == OnFailure::kKeepIfInterrupted) co_return error;
    GiveUp(fs, node.get(), put, error, on_failure == OnFailure::kDropSilently);
    co_return error;
  }
}

Async<int> Publish(Filesystem* fs, NodePtr node, Call* call, OnFailure on_failure) {
  {
    MutexLock lock(&node->mu);
    if (!NeedsPublication(node.get())) co_return 0;
  }
  const AsyncMutex::Guard guard = co_await node->io.Lock(call);
  if (!guard) co_return EINTR;
  const int error = co_await PublishLocked(fs, node, call, on_failure);
  co_return error;
}

namespace {

// Counts down the publications that PublishAndWait started; shared with them, since they may
// outlive it. For the end of the mount each counts as a request, so that it is waited for.
struct Countdown {
  Mutex mu;
  CondVar changed;
  size_t running GUARDED_BY(mu) = 0;
  size_t failed GUARDED_BY(mu) = 0;
};

Task PublishOne(Filesystem* fs, NodePtr node, CallPtr call, std::shared_ptr<Countdown> countdown) {
  fs->RequestBegins();
  const int error = co_await Publish(fs, node, call.get(), OnFailure::kKeepIfInterrupted);
  {
    MutexLock lock(&countdown->mu);
    --countdown->running;
    if (error != 0) ++countdown->failed;
    countdown->changed.SignalAll();
  }
  fs->RequestEnds();
}

}  // namespace

size_t PublishAndWait(Filesystem* fs, const std::vector<NodePtr>& nodes, int64_t timeout_ms) {
  auto countdown = std::make_shared<Countdown>();
  {
    MutexLock lock(&countdown->mu);
    countdown->running = nodes.size();
  }
  std::vector<CallPtr> calls;
  for (const NodePtr& node : nodes) {
    calls.push_back(std::make_shared<Call>(timeout_ms));
    PublishOne(fs, node, calls.back(), countdown);
  }
  // A little longer than the operations have themselves, so that their errors are seen.
  const auto deadline = Call::Clock::now() + std::chrono::milliseconds(timeout_ms + 200);
  bool waited = true;
  countdown->mu.Lock();
  while (countdown->running != 0 && waited)
    waited = countdown->changed.WaitUntil(&countdown->mu, deadline);
  size_t failed = countdown->failed + countdown->running;
  countdown->mu.Unlock();
  // With -o hard the rest would go on for ever.
  for (const CallPtr& call : calls) call->Interrupt();
  return failed;
}

}  // namespace vasto::fuse
