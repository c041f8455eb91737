// SPDX-License-Identifier: Apache-2.0
//
// opendir, readdir, readdirplus, releasedir, fsyncdir.
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "fuse/listing.h"
#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

// After so many entries with attributes one handle goes on without: each costs the kernel a
// directory entry and an inode, about 1 KiB.
constexpr uint64_t kMaxPlusEntries = 100'000;

// "." and "..", which come before the entries of the listing.
constexpr uint64_t kDotEntries = 2;

struct DirHandle final : Handle {
  DirHandle(Filesystem* fs, NodePtr directory, bool plus)
      : node(directory), listing(fs, std::move(directory), plus) {}

  const NodePtr node;
  AsyncMutex mutex;
  // All guarded by `mutex`.
  Listing listing;
  bool started = false;
  uint64_t plus_entries = 0;
};

DirHandle* DirHandleOf(const fuse_file_info* fi) { return HandleTable::Get<DirHandle>(fi->fh); }

// Entries on their way to the kernel.
class Reply {
 public:
  explicit Reply(size_t capacity) : bytes_(capacity, '\0') {}

  // Each returns false if there is no room left.
  bool Add(const char* name, uint64_t inode, bool directory, uint64_t next) {
    struct stat attr {};
    attr.st_ino = inode;
    attr.st_mode = directory ? S_IFDIR : S_IFREG;
    const size_t room = bytes_.size() - used_;
    const size_t needed = fuse_add_direntry(nullptr, bytes_.data() + used_, room, name, &attr,
                                            static_cast<off_t>(next));
    if (needed > room) return false;
    used_ += needed;
    return true;
  }
  bool FitsPlus(const char* name) const {
    return fuse_add_direntry_plus(nullptr, nullptr, 0, name, nullptr, 0) <= bytes_.size() - used_;
  }
  void AddPlus(const char* name, const fuse_entry_param& entry, uint64_t next) {
    used_ += fuse_add_direntry_plus(nullptr, bytes_.data() + used_, bytes_.size() - used_, name,
                                    &entry, static_cast<off_t>(next));
    if (entry.ino != 0) lookups_.push_back(entry.ino);
  }
  bool empty() const { return used_ == 0; }
  void Send(Request* request) {
    Filesystem* const fs = request->fs();
    if (request->Bytes(std::string_view(bytes_).substr(0, used_))) return;
    for (const uint64_t id : lookups_) fs->nodes().Forget(id, 1);
  }

 private:
  std::string bytes_;
  size_t used_ = 0;
  std::vector<uint64_t> lookups_;  // nodes whose lookup count the reply raises
};

// The entry of a row with attributes, or with node 0: then the kernel only takes the name.
fuse_entry_param PlusEntry(Filesystem* fs, DirHandle* handle, const ListingRow& row) {
  fuse_entry_param entry{};
  entry.attr.st_ino = row.inode;
  entry.attr.st_mode = row.directory ? S_IFDIR : S_IFREG;
  if (!row.from_scan || handle->plus_entries >= kMaxPlusEntries) return entry;
  ++handle->plus_entries;
  DecodedName decoded;
  decoded.kind = NameKind::kKey;
  decoded.key = row.key;
  const NodePtr node =
      AcquireFile(fs, handle->node, handle->listing.keyspace(), row.name, decoded, 1, 0);
  NoteVersion(node, row.version);
  FileAttributes attributes = row.attributes;
  LocalAttributes(node, &attributes);
  return fs->MakeEntry(node, fs->FileAttr(row.inode, attributes));
}

// Adds entry `index` of the listing. False if there is no room left.
bool AddRow(Filesystem* fs, DirHandle* handle, const ListingRow& row, uint64_t next, bool plus,
            Reply* reply) {
  if (!plus) return reply->Add(row.name.c_str(), row.inode, row.directory, next);
  if (!reply->FitsPlus(row.name.c_str())) return false;
  reply->AddPlus(row.name.c_str(), PlusEntry(fs, handle, row), next);
  return true;
}

bool AddDot(uint64_t index, uint64_t inode, bool plus, Reply* reply) {
  const char* const name = index == 0 ? "." : "..";
  if (!plus) return reply->Add(name, inode, true, index + 1);
  if (!reply->FitsPlus(name)) return false;
  fuse_entry_param entry{};
  entry.attr.st_ino = inode;
  entry.attr.st_mode = S_IFDIR;
  reply->AddPlus(name, entry, index + 1);
  return true;
}

Async<int> FillReply(Filesystem* fs, DirHandle* handle, uint64_t offset, bool plus, Call* call,
                     Reply* reply) {
  uint64_t index = offset;
  const uint64_t inode = fs->InodeOf(handle->node);
  while (index < kDotEntries) {
    if (!AddDot(index, inode, plus, reply)) co_return 0;
    ++index;
  }
  while (true) {
    const ListingRow* row = nullptr;
    const int error = co_await handle->listing.At(index - kDotEntries, call, &row);
    // What is there already goes out; the error comes with the next call, if it lasts.
    if (error != 0) co_return reply->empty() ? error : 0;
    if (row == nullptr) co_return 0;
    if (!AddRow(fs, handle, *row, index + 1, plus, reply)) {
      // An answer without entries would mean the end.
      co_return reply->empty() ? EINVAL : 0;
    }
    ++index;
  }
}

Task DoReaddir(Request request, DirHandle* handle, size_t size, uint64_t offset, bool plus) {
  Filesystem* const fs = request.fs();
  Reply reply(size);
  AsyncMutex::Guard guard = co_await handle->mutex.Lock(request.call());
  int error = guard ? 0 : EINTR;
  if (error == 0 && (offset == 0 || !handle->started)) {
    error = co_await handle->listing.Rewind(request.call());
    handle->started = error == 0;
  }
  if (error == 0) error = co_await FillReply(fs, handle, offset, plus, request.call(), &reply);
  // Once this is answered the kernel may release the handle.
  guard.Release();
  if (error != 0) {
    request.Error(error);
  } else {
    reply.Send(&request);
  }
}

}  // namespace

void vastofs_opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* fi) {
  Request request(req);
  Filesystem* const fs = request.fs();
  NodePtr node = fs->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  fi->fh = fs->handles().Add(
      std::make_unique<DirHandle>(fs, std::move(node), fs->options().cache_ttl_s > 0));
  if (!request.Open(*fi)) fs->handles().Take<DirHandle>(fi->fh);
}

void vastofs_readdir(fuse_req_t req, fuse_ino_t /*ino*/, size_t size, off_t offset,
                     fuse_file_info* fi) {
  DoReaddir(Request(req), DirHandleOf(fi), size, static_cast<uint64_t>(offset), false);
}

void vastofs_readdirplus(fuse_req_t req, fuse_ino_t /*ino*/, size_t size, off_t offset,
                         fuse_file_info* fi) {
  DoReaddir(Request(req), DirHandleOf(fi), size, static_cast<uint64_t>(offset), true);
}

void vastofs_releasedir(fuse_req_t req, fuse_ino_t /*ino*/, fuse_file_info* fi) {
  Request request(req);
  const auto handle = request.fs()->handles().Take<DirHandle>(fi->fh);
  request.Error(0);
}

void vastofs_fsyncdir(fuse_req_t req, fuse_ino_t /*ino*/, int /*datasync*/,
                      fuse_file_info* /*fi*/) {
  // Whatever has changed a directory was in the cluster before it was answered.
  Request(req).Error(0);
}

}  // namespace vasto::fuse
