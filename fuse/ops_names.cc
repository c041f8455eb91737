// SPDX-License-Identifier: Apache-2.0
//
// unlink, mkdir, rmdir, symlink, link.
#include <cerrno>
#include <utility>

#include "fuse/listing.h"
#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

// Takes the name away; whoever has the file open keeps its content.
void DetachFile(Filesystem* fs, const NodePtr& node) {
  fs->nodes().Detach(node);
  node->keyspace->local_names().Remove(node->name);
  bool was_scratch = false;
  {
    MutexLock lock(&node->mu);
    was_scratch = node->scratch;
    TidyLocked(fs, node.get());
  }
  if (was_scratch) fs->nodes().Unpin(node);
}

// A writer that has not loaded the content yet needs it before it is gone.
bool WriterLacksContent(const NodePtr& node) {
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  return file != nullptr && file->writers > 0 && file->buffer == nullptr;
}

Async<int> Unlink(Filesystem* fs, NodePtr parent, std::string name, Call* call) {
  Place place;
  int error = co_await Locate(fs, parent, name, true, call, &place);
  if (error != 0) co_return error;
  if (place.decoded.kind == NameKind::kInvalid) co_return ENOENT;
  const NodePtr node = fs->nodes().Find(parent->id, name);
  AsyncMutex::Guard guard;
  if (node != nullptr) {
    guard = co_await node->io.Lock(call);
    if (!guard) co_return EINTR;
    if (WriterLacksContent(node)) error = co_await LoadLocked(fs, node, call);
    if (error != 0) co_return error;
  }
  if (place.decoded.kind == NameKind::kKey) {
    const Outcome deleted = co_await Try(
        fs, call, [&] { return fs->cluster().Delete(place.keyspace, place.decoded.key, 0, call); });
    NoteFailure(place.keyspace, deleted);
    if (!deleted.ok()) co_return deleted.error();
  } else if (node == nullptr) {
    co_return ENOENT;
  }
  if (node != nullptr) DetachFile(fs, node);
  co_return 0;
}

Task DoUnlink(Request request, NodePtr parent, std::string name) {
  const int error = co_await Unlink(request.fs(), parent, name, request.call());
  request.Error(error);
}

Task DoMkdir(Request request, NodePtr parent, std::string name) {
  Filesystem* const fs = request.fs();
  Outcome made;
  std::function<Outcome()> create = [fs, name] {
    const Options& options = fs->options();
    return fs->cluster().CreateKeyspace(name, options.shards, options.replicas, options.timeout_ms);
  };
  int error = co_await RunBlocking(fs, request.call(), kNoLimit, std::move(create), &made);
  if (error == 0) error = made.error();
  KeyspacePtr keyspace;
  if (error == 0) error = co_await fs->FindKeyspace(name, request.call(), &keyspace);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  const NodePtr node = fs->nodes().Acquire(
      parent->id, name, 1, 0,
      [&](uint64_t id) { return std::make_shared<Node>(id, NodeKind::kKeyspace, kRootId, name); },
      nullptr);
  request.Entry(node, fs->MakeEntry(node, fs->DirectoryAttr(node)));
}

Async<int> Rmdir(Filesystem* fs, NodePtr parent, std::string name, Call* call) {
  KeyspacePtr keyspace;
  int error = co_await fs->FindKeyspace(name, call, &keyspace);
  if (error != 0) co_return error;
  bool empty = false;
  error = co_await IsEmpty(fs, keyspace, call, &empty);
  if (error != 0) co_return error;
  if (!empty || !keyspace->local_names().Snapshot().empty()) co_return ENOTEMPTY;
  Outcome deleted;
  std::function<Outcome()> drop = [fs, name] {
    return fs->cluster().DeleteKeyspace(name, fs->options().timeout_ms);
  };
  error = co_await RunBlocking(fs, call, kNoLimit, std::move(drop), &deleted);
  if (error != 0) co_return error;
  if (!deleted.ok()) co_return deleted.error();
  keyspace->gone() = true;
  if (const NodePtr node = fs->nodes().Find(parent->id, name)) fs->nodes().Detach(node);
  co_return 0;
}

Task DoRmdir(Request request, NodePtr parent, std::string name) {
  const int error = co_await Rmdir(request.fs(), parent, name, request.call());
  request.Error(error);
}

// Creating and dropping keyspaces is for those who asked for it, and only where they are shown.
int MayAdminister(const Filesystem& fs, const NodePtr& parent) {
  if (parent == nullptr) return ESTALE;
  return parent->kind == NodeKind::kRoot && fs.options().admin ? 0 : EPERM;
}

}  // namespace

void vastofs_unlink(fuse_req_t req, fuse_ino_t parent_id, const char* name) {
  Request request(req);
  Filesystem* const fs = request.fs();
  NodePtr parent = fs->nodes().Get(parent_id);
  if (parent == nullptr) return request.Error(ESTALE);
  if (parent->kind != NodeKind::kKeyspace || fs->options().no_delete) return request.Error(EPERM);
  DoUnlink(std::move(request), std::move(parent), name);
}

void vastofs_mkdir(fuse_req_t req, fuse_ino_t parent_id, const char* name, mode_t /*mode*/) {
  Request request(req);
  NodePtr parent = request.fs()->nodes().Get(parent_id);
  int error = MayAdminister(*request.fs(), parent);
  if (error == 0 && !IsKeyspaceName(name)) error = EINVAL;
  if (error != 0) return request.Error(error);
  DoMkdir(std::move(request), std::move(parent), name);
}

void vastofs_rmdir(fuse_req_t req, fuse_ino_t parent_id, const char* name) {
  Request request(req);
  NodePtr parent = request.fs()->nodes().Get(parent_id);
  const int error = MayAdminister(*request.fs(), parent);
  if (error != 0) return request.Error(error);
  DoRmdir(std::move(request), std::move(parent), name);
}

// There are no links between keys. EPERM is what programs expect then; ENOSYS the kernel would
// remember.
void vastofs_symlink(fuse_req_t req, const char* /*link*/, fuse_ino_t /*parent*/,
                     const char* /*name*/) {
  Request(req).Error(EPERM);
}

void vastofs_link(fuse_req_t req, fuse_ino_t /*ino*/, fuse_ino_t /*new_parent*/,
                  const char* /*new_name*/) {
  Request(req).Error(EPERM);
}

}  // namespace vasto::fuse
