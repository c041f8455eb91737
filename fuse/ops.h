// SPDX-License-Identifier: Apache-2.0
//
// The operations of the mount, as libfuse's low-level interface wants them, and what they share.
//
// Shape of an operation: vastofs_<op> runs on a worker of libfuse. It answers at once if it can;
// otherwise it copies its arguments and starts a coroutine Do<Op>, which owns the Request and
// answers it exactly once, on whatever thread it has got to by then. Errors of the cluster become
// errno values only in fuse/errno_table.cc.
//
// Threads: every operation on any thread.
#pragma once

#include <memory>
#include <string>

#include "fuse/filesystem.h"
#include "fuse/request.h"

namespace vasto::fuse {

// The table for fuse_session_new. With readdirplus only if attributes may be cached: the kernel
// would ask for each of them again otherwise.
fuse_lowlevel_ops AssignOperations(const Options& options);

// An open file.
struct FileHandle final : Handle {
  NodePtr node;
  bool writer = false;  // opened for writing, maybe for reading too
  // Of a control file: its content, fixed at open. Shared with the reads that are being answered,
  // since a release may come as soon as the kernel has an answer.
  std::shared_ptr<const std::string> text;

  Mutex mu;
  // What the file was when a reader opened it; renewed by the rules of SnapshotServes (ops_io.cc).
  ValuePtr snapshot GUARDED_BY(mu);
};

inline FileHandle* HandleOf(const fuse_file_info* fi) {
  return HandleTable::Get<FileHandle>(fi->fh);
}

inline Filesystem* FsOf(fuse_req_t request) {
  return static_cast<Filesystem*>(fuse_req_userdata(request));
}

// A file's attributes if this mount knows them best: it is scratch, has unpublished changes, or has
// no name any more. False if the cluster has to be asked.
bool LocalAttributes(const NodePtr& node, FileAttributes* out) EXCLUDES(node->mu);

inline FileAttributes AttributesOf(const Value& value) {
  return {value.size(), value.updated_at_ns()};
}

// The attributes of a file, from wherever they are known. 0 or an errno value.
Async<int> GetFileAttributes(Filesystem* fs, NodePtr node, Call* call, FileAttributes* out);

// The node of a file, made if there is none, with more lookups and pins. A node of a keyspace that
// had the same name before is replaced.
NodePtr AcquireFile(Filesystem* fs, const NodePtr& directory, const KeyspacePtr& keyspace,
                    const std::string& name, const DecodedName& decoded, uint64_t lookups,
                    int pins);

// What a mutating operation finds at a name.
struct Place {
  KeyspacePtr keyspace;
  DecodedName decoded;
};
// Finds keyspace and key of a name; EPERM in directories that hold no keys, EINVAL or ENAMETOOLONG
// for names no key can have, unless `lenient`: then kind kInvalid is returned as it is.
Async<int> Locate(Filesystem* fs, NodePtr directory, std::string name, bool lenient, Call* call,
                  Place* out);

// The content of a control file, or an errno value.
Async<int> ControlContent(Filesystem* fs, std::string path, Call* call, std::string* out);
// The entries of a control directory; false if there is no such directory or file.
bool IsControlFile(const std::string& path);
bool IsControlDir(const std::string& path);

void vastofs_init(void* userdata, fuse_conn_info* connection);
void vastofs_lookup(fuse_req_t request, fuse_ino_t parent, const char* name);
void vastofs_forget(fuse_req_t request, fuse_ino_t ino, uint64_t nlookup);
void vastofs_forget_multi(fuse_req_t request, size_t count, fuse_forget_data* forgets);
void vastofs_getattr(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_setattr(fuse_req_t request, fuse_ino_t ino, struct stat* attr, int to_set,
                     fuse_file_info* fi);
void vastofs_statfs(fuse_req_t request, fuse_ino_t ino);
void vastofs_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
                    fuse_file_info* fi);
void vastofs_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
                   dev_t device);
void vastofs_open(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_release(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                  fuse_file_info* fi);
void vastofs_write(fuse_req_t request, fuse_ino_t ino, const char* data, size_t size, off_t offset,
                   fuse_file_info* fi);
void vastofs_flush(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_fsync(fuse_req_t request, fuse_ino_t ino, int datasync, fuse_file_info* fi);
void vastofs_fallocate(fuse_req_t request, fuse_ino_t ino, int mode, off_t offset, off_t length,
                       fuse_file_info* fi);
void vastofs_unlink(fuse_req_t request, fuse_ino_t parent, const char* name);
void vastofs_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                    const char* new_name, unsigned int flags);
void vastofs_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode);
void vastofs_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name);
void vastofs_symlink(fuse_req_t request, const char* link, fuse_ino_t parent, const char* name);
void vastofs_link(fuse_req_t request, fuse_ino_t ino, fuse_ino_t new_parent, const char* new_name);
void vastofs_opendir(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_readdir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                     fuse_file_info* fi);
void vastofs_readdirplus(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                         fuse_file_info* fi);
void vastofs_releasedir(fuse_req_t request, fuse_ino_t ino, fuse_file_info* fi);
void vastofs_fsyncdir(fuse_req_t request, fuse_ino_t ino, int datasync, fuse_file_info* fi);
void vastofs_getxattr(fuse_req_t request, fuse_ino_t ino, const char* name, size_t size);
void vastofs_setxattr(fuse_req_t request, fuse_ino_t ino, const char* name, const char* value,
                      size_t size, int flags);
void vastofs_listxattr(fuse_req_t request, fuse_ino_t ino, size_t size);
void vastofs_removexattr(fuse_req_t request, fuse_ino_t ino, const char* name);

}  // namespace vasto::fuse
