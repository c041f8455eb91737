// SPDX-License-Identifier: Apache-2.0
//
// What the kernel holds a nodeid for: a directory, a key's file, a scratch file or a control file;
// and, while a file is open, its content as seen through this mount.
//
// Content of an open file. Published content is in the cluster. A writer works on `buffer`, the
// whole content as a block of bytes: `dirty` says that it differs from what was published. Readers
// see the buffer while there is one (as on a local disk), and otherwise the value they fetched when
// they opened the file. The rules of publication are in fuse/publish.h.
//
// Threads: Node::io serialises what talks to the cluster about one file (load, publish, unlink,
// rename); Node::mu guards the fields. Order: io before mu; mu is a leaf.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fuse/cluster.h"
#include "fuse/mutex.h"
#include "fuse/task.h"
#include "fuse/write_buffer.h"

namespace vasto::fuse {

enum class NodeKind {
  kRoot,        // the directory of keyspaces
  kKeyspace,    // the directory of one keyspace; the root, if one keyspace is mounted
  kFile,        // a key, or a scratch file
  kControlDir,  // .vasto and below
  kControlFile,
};

// The content of a file that is open, or of a scratch file. Guarded by the node's mu.
struct FileState {
  int readers = 0;  // open handles that only read
  int writers = 0;  // open handles that may write
  int holds = 0;    // BufferHolds (fuse/publish.h)

  std::unique_ptr<WriteBuffer> buffer;  // null: not loaded
  bool dirty = false;                   // the buffer differs from what was published
  bool written = false;                 // there was a WRITE since the last publication
  bool created = false;        // the key was not in the cluster when the file was created here
  bool append_only = false;    // the buffer is the value of base_version and appended bytes
  uint64_t edits = 0;          // grows with each change of the buffer
  uint64_t changed_at_ns = 0;  // wall clock of the last change

  // What the buffer was loaded from; 0 and "" if from nothing.
  uint64_t base_version = 0;
  size_t base_size = 0;
  uint64_t base_expires_at_ns = 0;
  uint32_t base_type = VASTO_TYPE_BYTES;

  ValuePtr latest;             // the value a reader fetched last; what an unlinked file still is
  uint64_t seen_version = 0;   // the newest version any answer has shown
  uint64_t local_version = 0;  // the newest version published through this mount

  // For the next publication: xattrs user.vasto.ttl and user.vasto.if_version.
  std::optional<uint64_t> ttl_seconds;
  std::optional<uint64_t> if_version;
};

class Node {
 public:
  Node(uint64_t node_id, NodeKind node_kind, uint64_t parent_id, std::string node_name)
      : id(node_id), kind(node_kind), parent(parent_id), name(std::move(node_name)) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const uint64_t id;
  const NodeKind kind;

  // Set before the node is in the table, constant afterwards. Of kFile only: a directory finds its
  // keyspace by name, since that may be deleted and created again.
  KeyspacePtr keyspace;

  // Where the node is found. Changed only by the node table, with the stripes of the old and the
  // new place locked and with mu; to be read with either.
  uint64_t parent;
  std::string name;

  // Lookups the kernel has not forgotten; raised only with the stripe of the node's name locked.
  std::atomic<uint64_t> lookups{0};
  // Reasons to stay in the table besides: open handles, and 1 for a scratch file that exists.
  std::atomic<int> pins{0};
  // No name leads here any more: unlinked, or replaced by a rename.
  std::atomic<bool> detached{false};

  AsyncMutex io;

  Mutex mu;
  std::string key GUARDED_BY(mu);  // of kFile, unless scratch
  bool scratch GUARDED_BY(mu) = false;
  std::unique_ptr<FileState> file GUARDED_BY(mu);  // null: neither open nor scratch
};
using NodePtr = std::shared_ptr<Node>;

}  // namespace vasto::fuse
