// SPDX-License-Identifier: Apache-2.0
//
// create, mknod, open, release.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

bool Writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

// How the kernel is to treat the handle. Page cache only for read-write handles, which shared
// writable mappings need: a reader keeps the whole value anyway, and so always sees one value and
// never parts of two; a writer's bytes are buffered here, and without the page cache the kernel
// sends them whole and asks for no security attribute first.
void SetHandleFlags(bool writer, int flags, fuse_file_info* fi) {
  fi->keep_cache = 0;
  fi->direct_io = (flags & O_ACCMODE) == O_RDWR ? 0 : 1;
  // Only writers have something to publish at close.
  fi->noflush = writer ? 0 : 1;
}

void CountHandle(const FileHandle& handle) {
  MutexLock lock(&handle.node->mu);
  FileState* const file = StateOf(handle.node.get());
  ++(handle.writer ? file->writers : file->readers);
}

// Takes back CountHandle. True if this was the last writer and left something to publish.
bool UncountHandle(Filesystem* fs, const FileHandle& handle) {
  MutexLock lock(&handle.node->mu);
  FileState* const file = handle.node->file.get();
  if (file == nullptr) return false;
  --(handle.writer ? file->writers : file->readers);
  if (handle.writer && file->writers == 0 && file->dirty && !handle.node->scratch &&
      !handle.node->detached) {
    return true;
  }
  TidyLocked(fs, handle.node.get());
  return false;
}

// Closes a file: publishes what is left, then lets go of the node.
Async<int> Close(Filesystem* fs, std::unique_ptr<FileHandle> handle) {
  const NodePtr node = handle->node;
  int error = 0;
  if (UncountHandle(fs, *handle)) {
    // Nobody waits, so nobody can interrupt.
    Call call(fs->options().hard ? 0 : fs->options().timeout_ms);
    error = co_await Publish(fs, node, &call, OnFailure::kDrop);
    MutexLock lock(&node->mu);
    TidyLocked(fs, node.get());
  }
  fs->nodes().Unpin(node);
  co_return error;
}

// Closes a file that the kernel did not open after all: no RELEASE will come. What other writers
// left to this one is published all the same, and the end of the mount waits for that.
Task CloseUnopened(Filesystem* fs, std::unique_ptr<FileHandle> handle) {
  fs->RequestBegins();
  co_await Close(fs, std::move(handle));
  fs->RequestEnds();
}

// The state of a file right after its creation. With an exclusive creation the empty value is in
// the cluster already, as `version`.
void SetCreated(Filesystem* fs, const NodePtr& node, bool exclusive, uint64_t version, int flags) {
  MutexLock lock(&node->mu);
  FileState* const file = StateOf(node.get());
  if (node->scratch) {
    if (file->buffer == nullptr || (flags & O_TRUNC) != 0) TruncateLocked(fs, node.get());
    return;
  }
  if (!exclusive) {
    if (!file->dirty) CreateLocked(node.get());
    return;
  }
  CreateLocked(node.get());
  file->dirty = false;
  file->created = false;
  file->base_version = version;
  file->local_version = std::max(file->local_version, version);
  file->seen_version = std::max(file->seen_version, version);
  file->changed_at_ns = vasto_version_time_ns(version);
}

// Puts an empty value if there is none: of all who try at once exactly one succeeds.
Async<Outcome> PutExclusively(Filesystem* fs, Place place, Call* call) {
  PutOptions put;
  put.condition = PutOptions::If::kAbsent;
  const Outcome outcome = co_await Try(fs, call, [&] {
    return fs->cluster().Put(place.keyspace, place.decoded.key, {}, put, call);
  });
  NoteFailure(place.keyspace, outcome);
  co_return outcome;
}

// Whether the name is a scratch file that exists; unpublished files count too.
bool ExistsLocally(Filesystem* fs, const NodePtr& parent, const std::string& name) {
  const NodePtr known = fs->nodes().Find(parent->id, name);
  FileAttributes attributes;
  return known != nullptr && LocalAttributes(known, &attributes);
}

struct Creation {
  NodePtr node;
  struct stat attr {};
};

// The part that create and mknod share: the file exists afterwards, with one more lookup and, if
// wanted, a handle's pin.
Async<int> CreateFile(Filesystem* fs, NodePtr parent, std::string name, int flags, int pins,
                      Call* call, Creation* out) {
  Place place;
  int error = co_await Locate(fs, parent, name, false, call, &place);
  if (error != 0) co_return error;
  const bool scratch = place.decoded.kind == NameKind::kScratch;
  const bool exclusive = (flags & O_EXCL) != 0;
  const bool exists = ExistsLocally(fs, parent, name);
  if (exclusive && exists) co_return EEXIST;
  Outcome put;
  if (exclusive && !scratch) {
    put = co_await PutExclusively(fs, place, call);
    if (!put.ok()) co_return put.error();
  }
  // A scratch file exists because it is pinned.
  const int scratch_pin = scratch && !exists ? 1 : 0;
  out->node = AcquireFile(fs, parent, place.keyspace, name, place.decoded, 1, pins + scratch_pin);
  SetCreated(fs, out->node, exclusive, put.version, flags);
  if (scratch || !exclusive) place.keyspace->local_names().Add(name);
  FileAttributes attributes{0, NowNs()};
  if (!LocalAttributes(out->node, &attributes) && put.version != 0) {
    attributes.changed_at_ns = vasto_version_time_ns(put.version);
  }
  out->attr = fs->FileAttr(fs->InodeOf(out->node), attributes);
  co_return 0;
}

Task DoCreate(Request request, NodePtr parent, std::string name, fuse_file_info fi) {
  Filesystem* const fs = request.fs();
  Creation created;
  const int error = co_await CreateFile(fs, parent, name, fi.flags, 1, request.call(), &created);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  auto handle = std::make_unique<FileHandle>();
  handle->node = created.node;
  handle->writer = Writes(fi.flags);
  CountHandle(*handle);
  SetHandleFlags(handle->writer, fi.flags, &fi);
  fi.fh = fs->handles().Add(std::move(handle));
  if (!request.Create(created.node, fs->MakeEntry(created.node, created.attr), fi)) {
    CloseUnopened(fs, fs->handles().Take<FileHandle>(fi.fh));
  }
}

Task DoMknod(Request request, NodePtr parent, std::string name) {
  Filesystem* const fs = request.fs();
  Creation created;
  const int error = co_await CreateFile(fs, parent, name, O_EXCL, 0, request.call(), &created);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  {
    MutexLock lock(&created.node->mu);
    TidyLocked(fs, created.node.get());
  }
  request.Entry(created.node, fs->MakeEntry(created.node, created.attr));
}

// Fetches the value a reader starts with, unless there are unpublished changes to be seen instead.
Async<int> FetchSnapshot(Filesystem* fs, FileHandle* handle, Call* call) {
  const NodePtr node = handle->node;
  FileAttributes attributes;
  if (LocalAttributes(node, &attributes)) co_return 0;
  std::string key;
  {
    MutexLock lock(&node->mu);
    key = node->key;
  }
  const Outcome got =
      co_await Try(fs, call, [&] { return fs->cluster().Get(node->keyspace, key, call); });
  NoteFailure(node->keyspace, got);
  if (!got.ok()) co_return got.error();
  NoteVersion(node, got.value->version());
  {
    MutexLock lock(&node->mu);
    StateOf(node.get())->latest = got.value;
  }
  MutexLock lock(&handle->mu);
  handle->snapshot = got.value;
  co_return 0;
}

// What a writer's open does to the content.
Async<int> OpenForWriting(Filesystem* fs, NodePtr node, int flags, Call* call) {
  if ((flags & O_TRUNC) == 0) co_return 0;
  const AsyncMutex::Guard guard = co_await node->io.Lock(call);
  if (!guard) co_return EINTR;
  if (fs->options().conflict_cas) {
    // The version that the new content replaces has to be known.
    const int error = co_await LoadLocked(fs, node, call);
    if (error != 0) co_return error;
  }
  MutexLock lock(&node->mu);
  TruncateLocked(fs, node.get());
  co_return 0;
}

Task DoOpen(Request request, NodePtr node, fuse_file_info fi) {
  Filesystem* const fs = request.fs();
  auto handle = std::make_unique<FileHandle>();
  handle->node = node;
  handle->writer = Writes(fi.flags);
  ++node->pins;
  CountHandle(*handle);
  int error = 0;
  if (handle->writer) {
    error = co_await OpenForWriting(fs, node, fi.flags, request.call());
  } else {
    error = co_await FetchSnapshot(fs, handle.get(), request.call());
  }
  if (error != 0) {
    CloseUnopened(fs, std::move(handle));
    request.Error(error);
    co_return;
  }
  SetHandleFlags(handle->writer, fi.flags, &fi);
  fi.fh = fs->handles().Add(std::move(handle));
  if (!request.Open(fi)) CloseUnopened(fs, fs->handles().Take<FileHandle>(fi.fh));
}

Task OpenControl(Request request, NodePtr node, fuse_file_info fi) {
  Filesystem* const fs = request.fs();
  std::string path;
  {
    MutexLock lock(&node->mu);
    path = node->key;
  }
  auto handle = std::make_unique<FileHandle>();
  auto text = std::make_shared<std::string>();
  const int error = co_await ControlContent(fs, path, request.call(), text.get());
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  handle->node = node;
  handle->text = std::move(text);
  ++node->pins;
  fi.fh = fs->handles().Add(std::move(handle));
  fi.direct_io = 1;  // its size is only known now
  fi.noflush = 1;
  if (request.Open(fi)) co_return;
  fs->handles().Take<FileHandle>(fi.fh);
  fs->nodes().Unpin(node);
}

Task DoRelease(Request request, std::unique_ptr<FileHandle> handle) {
  const int error = co_await Close(request.fs(), std::move(handle));
  request.Error(error);
}

}  // namespace

void vastofs_create(fuse_req_t req, fuse_ino_t parent_id, const char* name, mode_t /*mode*/,
                    fuse_file_info* fi) {
  Request request(req);
  NodePtr parent = request.fs()->nodes().Get(parent_id);
  if (parent == nullptr) return request.Error(ESTALE);
  DoCreate(std::move(request), std::move(parent), name, *fi);
}

void vastofs_mknod(fuse_req_t req, fuse_ino_t parent_id, const char* name, mode_t mode,
                   dev_t /*device*/) {
  Request request(req);
  if (!S_ISREG(mode)) return request.Error(EPERM);
  NodePtr parent = request.fs()->nodes().Get(parent_id);
  if (parent == nullptr) return request.Error(ESTALE);
  DoMknod(std::move(request), std::move(parent), name);
}

void vastofs_open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* fi) {
  Request request(req);
  NodePtr node = request.fs()->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  if (node->kind == NodeKind::kControlFile) {
    if (Writes(fi->flags)) return request.Error(EACCES);
    OpenControl(std::move(request), std::move(node), *fi);
  } else if (node->kind == NodeKind::kFile) {
    DoOpen(std::move(request), std::move(node), *fi);
  } else {
    request.Error(EISDIR);
  }
}

void vastofs_release(fuse_req_t req, fuse_ino_t /*ino*/, fuse_file_info* fi) {
  Request request(req);
  auto handle = request.fs()->handles().Take<FileHandle>(fi->fh);
  if (handle->node->kind == NodeKind::kControlFile) {
    request.fs()->nodes().Unpin(handle->node);
    return request.Error(0);
  }
  DoRelease(std::move(request), std::move(handle));
}

}  // namespace vasto::fuse
