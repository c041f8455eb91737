// SPDX-License-Identifier: Apache-2.0
//
// lookup, forget, getattr, setattr, statfs.
#include <cerrno>
#include <utility>

#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

constexpr std::string_view kControlName = ".vasto";
constexpr uint64_t kFreeFiles = 1ULL << 31;

// The node of a directory or control file below `parent`.
NodePtr AcquirePlain(Filesystem* fs, const NodePtr& parent, const std::string& name, NodeKind kind,
                     const std::string& path) {
  return fs->nodes().Acquire(
      parent->id, name, 1, 0,
      [&](uint64_t id) {
        auto node = std::make_shared<Node>(id, kind, parent->id, name);
        MutexLock lock(&node->mu);
        node->key = path;
        return node;
      },
      nullptr);
}

Task LookupKeyspace(Request request, NodePtr parent, std::string name) {
  Filesystem* const fs = request.fs();
  KeyspacePtr keyspace;
  const int error = co_await fs->FindKeyspace(name, request.call(), &keyspace);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  const NodePtr node = AcquirePlain(fs, parent, name, NodeKind::kKeyspace, "");
  request.Entry(node, fs->MakeEntry(node, fs->DirectoryAttr(node)));
}

Task LookupControl(Request request, NodePtr parent, std::string name) {
  Filesystem* const fs = request.fs();
  std::string path = name;
  if (parent->kind == NodeKind::kControlDir) {
    MutexLock lock(&parent->mu);
    path = parent->key + "/" + name;
  }
  const bool directory = IsControlDir(path);
  if (!directory && !IsControlFile(path)) {
    request.Error(ENOENT);
    co_return;
  }
  constexpr std::string_view kKeyspaces = ".vasto/ks/";
  if (path.substr(0, kKeyspaces.size()) == kKeyspaces) {
    const std::string keyspace_name =
        path.substr(kKeyspaces.size(), path.find('/', kKeyspaces.size()) - kKeyspaces.size());
    KeyspacePtr keyspace;
    const int error = co_await fs->FindKeyspace(keyspace_name, request.call(), &keyspace);
    if (error != 0) {
      request.Error(error);
      co_return;
    }
  }
  const NodePtr node = AcquirePlain(
      fs, parent, name, directory ? NodeKind::kControlDir : NodeKind::kControlFile, path);
  request.Entry(node,
                fs->MakeEntry(node, directory ? fs->DirectoryAttr(node) : fs->ControlAttr(node)));
}

// Answers for a file that this mount knows better than the cluster. False if there is none.
bool LookupLocal(Request* request, const NodePtr& parent, const std::string& name) {
  Filesystem* const fs = request->fs();
  const NodePtr known = fs->nodes().Find(parent->id, name);
  FileAttributes attributes;
  if (known == nullptr || !LocalAttributes(known, &attributes)) return false;
  if (!fs->nodes().AddLookup(known)) return false;
  request->Entry(known, fs->MakeEntry(known, fs->FileAttr(fs->InodeOf(known), attributes)));
  return true;
}

Task LookupFile(Request request, NodePtr parent, std::string name) {
  Filesystem* const fs = request.fs();
  Place place;
  int error = co_await Locate(fs, parent, name, true, request.call(), &place);
  if (error == 0 && place.decoded.kind != NameKind::kKey) {
    error = name.size() > fs->codec().name_max() ? ENAMETOOLONG : ENOENT;
  }
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  const Outcome got = co_await Try(fs, request.call(), [&] {
    return fs->cluster().Stat(place.keyspace, place.decoded.key, request.call());
  });
  NoteFailure(place.keyspace, got);
  if (!got.ok()) {
    request.Error(got.error());
    co_return;
  }
  const NodePtr node = AcquireFile(fs, parent, place.keyspace, name, place.decoded, 1, 0);
  NoteVersion(node, got.value->version());
  FileAttributes attributes = AttributesOf(*got.value);
  LocalAttributes(node, &attributes);
  request.Entry(node, fs->MakeEntry(node, fs->FileAttr(fs->InodeOf(node), attributes)));
}

}  // namespace

bool LocalAttributes(const NodePtr& node, FileAttributes* out) {
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  if (file == nullptr) return false;
  if (!file->dirty && !node->scratch && !node->detached) return false;
  if (file->buffer != nullptr) {
    *out = {file->buffer->size(), file->changed_at_ns};
    return true;
  }
  if (file->latest == nullptr) return false;
  *out = AttributesOf(*file->latest);
  return true;
}

Async<int> GetFileAttributes(Filesystem* fs, NodePtr node, Call* call, FileAttributes* out) {
  if (LocalAttributes(node, out)) co_return 0;
  std::string key;
  {
    MutexLock lock(&node->mu);
    key = node->key;
  }
  const Outcome got =
      co_await Try(fs, call, [&] { return fs->cluster().Stat(node->keyspace, key, call); });
  NoteFailure(node->keyspace, got);
  if (got.ok()) {
    NoteVersion(node, got.value->version());
    *out = AttributesOf(*got.value);
    LocalAttributes(node, out);
    co_return 0;
  }
  MutexLock lock(&node->mu);
  if (got.code == VASTO_NOT_FOUND && node->file != nullptr && node->file->latest != nullptr) {
    // Deleted elsewhere while it is open here.
    *out = AttributesOf(*node->file->latest);
    co_return 0;
  }
  co_return got.error();
}

NodePtr AcquireFile(Filesystem* fs, const NodePtr& directory, const KeyspacePtr& keyspace,
                    const std::string& name, const DecodedName& decoded, uint64_t lookups,
                    int pins) {
  const auto make = [&](uint64_t id) {
    auto node = std::make_shared<Node>(id, NodeKind::kFile, directory->id, name);
    node->keyspace = keyspace;
    MutexLock lock(&node->mu);
    node->scratch = decoded.kind == NameKind::kScratch;
    node->key = decoded.key;
    return node;
  };
  while (true) {
    NodePtr node = fs->nodes().Acquire(directory->id, name, lookups, pins, make, nullptr);
    if (node->keyspace == keyspace) return node;
    fs->nodes().Detach(node);
    fs->nodes().Forget(node->id, lookups);
    for (int i = 0; i < pins; ++i) fs->nodes().Unpin(node);
  }
}

Async<int> Locate(Filesystem* fs, NodePtr directory, std::string name, bool lenient, Call* call,
                  Place* out) {
  if (directory->kind != NodeKind::kKeyspace) co_return EPERM;
  const int error = co_await fs->FindKeyspace(fs->KeyspaceNameOf(directory), call, &out->keyspace);
  if (error != 0) co_return error;
  out->decoded = fs->DecodeName(out->keyspace, name);
  if (lenient || out->decoded.kind != NameKind::kInvalid) co_return 0;
  co_return name.size() > fs->codec().name_max() ? ENAMETOOLONG : EINVAL;
}

void vastofs_lookup(fuse_req_t req, fuse_ino_t parent_id, const char* name) {
  Request request(req);
  Filesystem* const fs = request.fs();
  ++fs->counters().lookups;
  NodePtr parent = fs->nodes().Get(parent_id);
  if (parent == nullptr) return request.Error(ESTALE);
  if (parent->kind == NodeKind::kControlDir || (parent_id == kRootId && name == kControlName)) {
    LookupControl(std::move(request), std::move(parent), name);
  } else if (parent->kind == NodeKind::kRoot) {
    LookupKeyspace(std::move(request), std::move(parent), name);
  } else if (parent->kind != NodeKind::kKeyspace) {
    request.Error(ENOTDIR);
  } else if (!LookupLocal(&request, parent, name)) {
    LookupFile(std::move(request), std::move(parent), name);
  }
}

void vastofs_forget(fuse_req_t request, fuse_ino_t ino, uint64_t nlookup) {
  FsOf(request)->nodes().Forget(ino, nlookup);
  fuse_reply_none(request);
}

void vastofs_forget_multi(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  NodeTable& nodes = FsOf(request)->nodes();
  for (size_t i = 0; i < count; ++i) nodes.Forget(forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none(request);
}

namespace {

Task DoGetattr(Request request, NodePtr node) {
  Filesystem* const fs = request.fs();
  FileAttributes attributes;
  const int error = co_await GetFileAttributes(fs, node, request.call(), &attributes);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  request.Attr(fs->FileAttr(fs->InodeOf(node), attributes), fs->attr_timeout_s());
}

// Whether a chmod or chown may be answered with success although nothing is stored.
bool KeepsOwnerAndMode(const Filesystem& fs, const struct stat& now, const struct stat& wanted,
                       int to_set) {
  if (fs.options().quiet) return true;
  if ((to_set & FUSE_SET_ATTR_MODE) != 0 && ((now.st_mode ^ wanted.st_mode) & 07777) != 0) {
    return false;
  }
  if ((to_set & FUSE_SET_ATTR_UID) != 0 && now.st_uid != wanted.st_uid) return false;
  return (to_set & FUSE_SET_ATTR_GID) == 0 || now.st_gid == wanted.st_gid;
}

// Whether somebody here has just created the file and not written to it yet. Such a file takes any
// mode: rsync narrows its temporary files before it fills them, and nothing is there to be guarded.
bool IsNewAndEmpty(const NodePtr& node) {
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  return file != nullptr && file->writers > 0 && file->buffer != nullptr &&
         file->buffer->size() == 0 && !file->written;
}

// truncate(2) and ftruncate(2). While a writer has the file open the change waits for its
// publication; otherwise it is published at once, on condition that nobody else wrote meanwhile.
Async<int> Truncate(Filesystem* fs, NodePtr node, uint64_t size, Call* call) {
  const AsyncMutex::Guard guard = co_await node->io.Lock(call);
  if (!guard) co_return EINTR;
  const BufferHold hold(fs, node);
  // What is in the file matters unless it is all cut off.
  const bool load = size != 0 || fs->options().conflict_cas;
  int error = 0;
  do {
    if (load) error = co_await LoadLocked(fs, node, call);
    if (error != 0) co_return error;
    bool publish = false;
    {
      MutexLock lock(&node->mu);
      FileState* const file = StateOf(node.get());
      publish = file->writers == 0 && !node->scratch;
      // Deleted elsewhere since it was looked up.
      if (publish && load && file->base_version == 0 && !file->dirty) co_return ENOENT;
      if (size == 0) TruncateLocked(fs, node.get());
      if (size != 0) error = ResizeLocked(fs, node.get(), size);
      if (error == 0 && publish && load) file->if_version = file->base_version;
    }
    if (error == 0 && publish) {
      error = co_await PublishLocked(fs, node, call, OnFailure::kDropSilently);
    }
  } while (error == ESTALE && !fs->options().conflict_cas && !call->expired());
  co_return error;
}

Task DoSetattr(Request request, NodePtr node, struct stat wanted, int to_set) {
  Filesystem* const fs = request.fs();
  FileAttributes attributes;
  int error = 0;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
    error = co_await Truncate(fs, node, static_cast<uint64_t>(wanted.st_size), request.call());
  }
  if (error == 0) error = co_await GetFileAttributes(fs, node, request.call(), &attributes);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  request.Attr(fs->FileAttr(fs->InodeOf(node), attributes), fs->attr_timeout_s());
}

Task DoStatfs(Request request) {
  Filesystem* const fs = request.fs();
  const Cluster::Usage usage = co_await fs->GetUsage(request.call());
  struct statvfs numbers {};
  numbers.f_bsize = 4096;
  numbers.f_frsize = 4096;
  numbers.f_blocks = usage.capacity_bytes / 4096;
  numbers.f_bfree = usage.free_bytes / 4096;
  numbers.f_bavail = numbers.f_bfree;
  numbers.f_files = usage.keys + kFreeFiles;
  numbers.f_ffree = kFreeFiles;
  numbers.f_favail = kFreeFiles;
  numbers.f_namemax = fs->codec().name_max();
  request.Statfs(numbers);
}

}  // namespace

void vastofs_getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* /*fi*/) {
  Request request(req);
  Filesystem* const fs = request.fs();
  NodePtr node = fs->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  if (node->kind == NodeKind::kFile) {
    DoGetattr(std::move(request), std::move(node));
  } else if (node->kind == NodeKind::kControlFile) {
    request.Attr(fs->ControlAttr(node), 0);
  } else {
    request.Attr(fs->DirectoryAttr(node), Filesystem::DirectoryTimeoutS(*node));
  }
}

void vastofs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat* attr, int to_set,
                     fuse_file_info* /*fi*/) {
  Request request(req);
  Filesystem* const fs = request.fs();
  NodePtr node = fs->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  const bool is_file = node->kind == NodeKind::kFile;
  const struct stat now = is_file ? fs->FileAttr(ino, {}) : fs->DirectoryAttr(node);
  if (!KeepsOwnerAndMode(*fs, now, *attr, to_set) && !(is_file && IsNewAndEmpty(node))) {
    return request.Error(EPERM);
  }
  if (is_file) {
    DoSetattr(std::move(request), std::move(node), *attr, to_set);
  } else if (node->kind == NodeKind::kControlFile) {
    request.Error(EPERM);
  } else {
    request.Attr(now, 0);
  }
}

void vastofs_statfs(fuse_req_t req, fuse_ino_t /*ino*/) { DoStatfs(Request(req)); }

}  // namespace vasto::fuse
