// SPDX-License-Identifier: Apache-2.0
//
// rename: the new name is written first and the old one deleted then, so that a crash in between
// leaves both and never neither.
#include <linux/fs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

// Both ends of a rename inside one keyspace.
struct Renaming {
  NodePtr directory;
  std::string old_name;
  std::string new_name;
  KeyspacePtr keyspace;
  DecodedName from;
  DecodedName to;
  NodePtr node;    // of the old name
  NodePtr target;  // of the new name; null if nobody here knows it
  bool no_replace = false;
  uint64_t new_version = 0;  // once written
  uint64_t edits = 0;        // of the file when its content was taken

  bool from_scratch() const { return from.kind == NameKind::kScratch; }
  bool to_scratch() const { return to.kind == NameKind::kScratch; }
};

// Whether the file's own buffer has what is to be written under the new name. Remembers the state
// of the file at this moment.
bool HasOwnContent(Renaming* renaming) {
  Node* const node = renaming->node.get();
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  if (file == nullptr) return false;
  renaming->edits = file->edits;
  return file->buffer != nullptr && (node->scratch || file->dirty);
}

// Writes the buffer under the new name.
Async<Outcome> PutBuffer(Filesystem* fs, Renaming* renaming, PutOptions put, Call* call) {
  const NodePtr node = renaming->node;
  const Outcome outcome = co_await Try(fs, call, [&] {
    MutexLock lock(&node->mu);
    const FileState& file = *node->file;
    renaming->edits = file.edits;
    CarryOver(file, &put);
    return fs->cluster().Put(renaming->keyspace, renaming->to.key, file.buffer->view(), put, call);
  });
  co_return outcome;
}

// Writes the cluster's value of the old name under the new one; *version is the old one's.
Async<Outcome> PutCopy(Filesystem* fs, const Renaming* renaming, PutOptions put, Call* call,
                       uint64_t* version) {
  const Outcome got = co_await Try(
      fs, call, [&] { return fs->cluster().Get(renaming->keyspace, renaming->from.key, call); });
  if (!got.ok()) co_return got;
  *version = got.value->version();
  put.type = got.value->type();
  put.expires_at_ns = got.value->expires_at_ns() == 0 ? UINT64_MAX : got.value->expires_at_ns();
  const Outcome outcome = co_await Try(fs, call, [&] {
    return fs->cluster().Put(renaming->keyspace, renaming->to.key, got.value->bytes(), put, call);
  });
  co_return outcome;
}

// Writes the new name and deletes the old one. A change of the old name by somebody else in between
// is copied, too, instead of being lost.
Async<int> MoveKey(Filesystem* fs, Renaming* renaming, Call* call) {
  while (true) {
    PutOptions put;
    if (renaming->no_replace && renaming->new_version == 0) {
      put.condition = PutOptions::If::kAbsent;
    }
    const bool own = HasOwnContent(renaming);
    uint64_t old_version = 0;
    Outcome written;
    if (own) {
      written = co_await PutBuffer(fs, renaming, put, call);
    } else {
      written = co_await PutCopy(fs, renaming, put, call, &old_version);
    }
    NoteFailure(renaming->keyspace, written);
    if (!written.ok()) co_return written.error();
    renaming->new_version = written.version;
    if (renaming->from_scratch()) co_return 0;
    const Outcome deleted = co_await Try(fs, call, [&] {
      return fs->cluster().Delete(renaming->keyspace, renaming->from.key, old_version, call);
    });
    if (deleted.code != VASTO_STALE_WRITE || call->expired()) co_return deleted.error();
  }
}

// A normal file becomes a scratch file: what an editor's backup by renaming does.
Async<int> MoveToScratch(Filesystem* fs, const Renaming* renaming, Call* call) {
  const NodePtr node = renaming->node;
  const int error = co_await LoadLocked(fs, node, call);
  if (error != 0) co_return error;
  {
    MutexLock lock(&node->mu);
    if (fs->scratch_bytes() + node->file->buffer->size() > Filesystem::kMaxScratchBytes) {
      co_return ENOSPC;
    }
  }
  const Outcome deleted = co_await Try(fs, call, [&] {
    return fs->cluster().Delete(renaming->keyspace, renaming->from.key, 0, call);
  });
  NoteFailure(renaming->keyspace, deleted);
  co_return deleted.error();
}

// The file's own state after its content has been moved.
void ApplyToNode(Filesystem* fs, const Renaming& renaming) {
  Node* const node = renaming.node.get();
  MutexLock lock(&node->mu);
  FileState* const file = StateOf(node);
  node->key = renaming.to.key;
  const bool was_scratch = node->scratch;
  node->scratch = renaming.to_scratch();
  const size_t size = file->buffer == nullptr ? 0 : file->buffer->size();
  if (was_scratch && !node->scratch) {
    fs->scratch_bytes() -= size;
    --node->pins;
  } else if (!was_scratch && node->scratch) {
    fs->scratch_bytes() += size;
    ++node->pins;
  }
  if (!node->scratch) {
    // Changes that came while the content was copied are published under the new name later.
    if (file->edits == renaming.edits) file->dirty = false;
    file->written = file->dirty && file->written;
    file->created = false;
    file->base_version = renaming.new_version;
    file->base_size = size;
    file->local_version = std::max(file->local_version, renaming.new_version);
    file->seen_version = std::max(file->seen_version, renaming.new_version);
    file->changed_at_ns = vasto_version_time_ns(renaming.new_version);
  }
  TidyLocked(fs, node);
}

void DropReplaced(Filesystem* fs, const NodePtr& replaced) {
  if (replaced == nullptr) return;
  bool was_scratch = false;
  {
    MutexLock lock(&replaced->mu);
    was_scratch = replaced->scratch;
    TidyLocked(fs, replaced.get());
  }
  if (was_scratch) fs->nodes().Unpin(replaced);
}

// An open writer of the replaced file goes on with what it was: fetch it while it is there.
Async<int> KeepForWriters(Filesystem* fs, NodePtr node, Call* call) {
  {
    MutexLock lock(&node->mu);
    const FileState* const file = node->file.get();
    if (file == nullptr || file->writers == 0 || file->buffer != nullptr) co_return 0;
  }
  const int error = co_await LoadLocked(fs, node, call);
  co_return error;
}

Async<int> RenameLocked(Filesystem* fs, Renaming* renaming, Call* call) {
  FileAttributes attributes;
  if (renaming->target != nullptr) {
    if (renaming->no_replace && LocalAttributes(renaming->target, &attributes)) co_return EEXIST;
    const int error = co_await KeepForWriters(fs, renaming->target, call);
    if (error != 0) co_return error;
  }
  int error = 0;
  const BufferHold hold(fs, renaming->node);
  if (!renaming->to_scratch()) {
    error = co_await MoveKey(fs, renaming, call);
  } else if (!renaming->from_scratch()) {
    error = co_await MoveToScratch(fs, renaming, call);
  }
  if (error != 0) co_return error;
  NodePtr replaced;
  if (!fs->nodes().Move(renaming->node, renaming->directory->id, renaming->new_name, &replaced)) {
    co_return ENOENT;
  }
  ApplyToNode(fs, *renaming);
  DropReplaced(fs, replaced);
  LocalNames& names = renaming->keyspace->local_names();
  names.Remove(renaming->old_name);
  if (renaming->to_scratch()) {
    names.Add(renaming->new_name);
  } else {
    names.Remove(renaming->new_name);
  }
  co_return 0;
}

Async<int> Prepare(Filesystem* fs, Renaming* renaming, Call* call) {
  Place place;
  int error = co_await Locate(fs, renaming->directory, renaming->old_name, true, call, &place);
  if (error != 0) co_return error;
  renaming->keyspace = place.keyspace;
  renaming->from = place.decoded;
  if (renaming->from.kind == NameKind::kInvalid) co_return ENOENT;
  error = co_await Locate(fs, renaming->directory, renaming->new_name, false, call, &place);
  if (error != 0) co_return error;
  renaming->to = place.decoded;
  renaming->node = fs->nodes().Find(renaming->directory->id, renaming->old_name);
  renaming->target = fs->nodes().Find(renaming->directory->id, renaming->new_name);
  if (renaming->node == nullptr || renaming->keyspace != place.keyspace) co_return ESTALE;
  co_return 0;
}

Task DoRename(Request request, Renaming renaming) {
  Filesystem* const fs = request.fs();
  int error = co_await Prepare(fs, &renaming, request.call());
  if (error == 0) {
    // Two files are locked in the order of their ids.
    NodePtr first = renaming.node;
    NodePtr second = renaming.target;
    if (second != nullptr && second->id < first->id) std::swap(first, second);
    const AsyncMutex::Guard first_guard = co_await first->io.Lock(request.call());
    AsyncMutex::Guard second_guard;
    if (first_guard && second != nullptr && second != first) {
      second_guard = co_await second->io.Lock(request.call());
      if (!second_guard) error = EINTR;
    }
    if (!first_guard) error = EINTR;
    if (error == 0) error = co_await RenameLocked(fs, &renaming, request.call());
  }
  request.Error(error);
}

}  // namespace

void vastofs_rename(fuse_req_t req, fuse_ino_t parent_id, const char* name,
                    fuse_ino_t new_parent_id, const char* new_name, unsigned int flags) {
  Request request(req);
  Filesystem* const fs = request.fs();
  // Two keys cannot be exchanged atomically.
  if ((flags & ~static_cast<unsigned int>(RENAME_NOREPLACE)) != 0) return request.Error(EINVAL);
  Renaming renaming;
  renaming.directory = fs->nodes().Get(parent_id);
  if (renaming.directory == nullptr) return request.Error(ESTALE);
  if (renaming.directory->kind != NodeKind::kKeyspace) return request.Error(EPERM);
  if (fs->options().no_delete) return request.Error(EPERM);
  // Other keyspace, other file system: mv copies then.
  if (new_parent_id != parent_id) return request.Error(EXDEV);
  renaming.old_name = name;
  renaming.new_name = new_name;
  renaming.no_replace = (flags & RENAME_NOREPLACE) != 0;
  DoRename(std::move(request), std::move(renaming));
}

}  // namespace vasto::fuse
