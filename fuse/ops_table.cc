// SPDX-License-Identifier: Apache-2.0
#include "fuse/ops.h"

namespace vasto::fuse {

void vastofs_init(void* userdata, fuse_conn_info* connection) {
  const auto* const fs = static_cast<const Filesystem*>(userdata);
  const auto want = [connection](unsigned int capability) {
    if ((connection->capable & capability) != 0) connection->want |= capability;
  };
  // O_TRUNC comes with the open: without it the kernel would truncate, and publish, first.
  want(FUSE_CAP_ATOMIC_O_TRUNC);
  // Reads of one file need not wait for one another.
  want(FUSE_CAP_ASYNC_READ);
  // A change of size or time that an answer shows drops cached pages of read-write handles.
  want(FUSE_CAP_AUTO_INVAL_DATA);
  // With writeback the kernel would own size and time, and remote changes would be lost.
  connection->want &= ~static_cast<unsigned int>(FUSE_CAP_WRITEBACK_CACHE);
  // Replies go through our own writev hook (fuse/session.h), which has no splice.
  connection->want &= ~static_cast<unsigned int>(FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                                                 FUSE_CAP_SPLICE_READ);
  connection->max_background = fs->options().max_background;
  connection->congestion_threshold = fs->options().max_background * 3 / 4;
  connection->max_readahead = fs->options().readahead_kb * 1024;
  // Event times are kept to the microsecond.
  connection->time_gran = 1000;
  fs->InitDone();
}

fuse_lowlevel_ops AssignOperations(const Options& options) {
  fuse_lowlevel_ops ops{};
  ops.init = vastofs_init;
  ops.lookup = vastofs_lookup;
  ops.forget = vastofs_forget;
  ops.forget_multi = vastofs_forget_multi;
  ops.getattr = vastofs_getattr;
  ops.setattr = vastofs_setattr;
  ops.statfs = vastofs_statfs;
  ops.create = vastofs_create;
  ops.mknod = vastofs_mknod;
  ops.open = vastofs_open;
  ops.release = vastofs_release;
  ops.read = vastofs_read;
  ops.write = vastofs_write;
  ops.flush = vastofs_flush;
  ops.fsync = vastofs_fsync;
  ops.fallocate = vastofs_fallocate;
  ops.unlink = vastofs_unlink;
  ops.rename = vastofs_rename;
  ops.mkdir = vastofs_mkdir;
  ops.rmdir = vastofs_rmdir;
  ops.symlink = vastofs_symlink;
  ops.link = vastofs_link;
  ops.opendir = vastofs_opendir;
  ops.readdir = vastofs_readdir;
  if (options.cache_ttl_s > 0) ops.readdirplus = vastofs_readdirplus;
  ops.releasedir = vastofs_releasedir;
  ops.fsyncdir = vastofs_fsyncdir;
  ops.getxattr = vastofs_getxattr;
  ops.setxattr = vastofs_setxattr;
  ops.listxattr = vastofs_listxattr;
  ops.removexattr = vastofs_removexattr;
  // Locks, lseek and copy_file_range stay unimplemented: the kernel has good fallbacks.
  return ops;
}

}  // namespace vasto::fuse
