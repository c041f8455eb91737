// SPDX-License-Identifier: Apache-2.0
//
// Between the buffer of an open file and the cluster: loading a value into it, and publishing it as
// one value, atomically for every other mount and client.
//
// When. On the first FLUSH after a WRITE and on FSYNC; at RELEASE of the last writer if a creation
// or truncation without data is left. Never in between: a shell redirection would otherwise show an
// empty value to the whole cluster first.
//
// How. A plain put: the last event time wins. But
//   - bytes that were only appended are put on condition of the version they were appended to, and
//     go to the end of the newer value when that fails, so that no appended line is lost;
//   - a file created here and never written to is put only if it is still absent;
//   - with -o conflict=cas, or after user.vasto.if_version was set, every put is conditional and
//     fails with ESTALE.
//
// Failure. A buffer that could not be published is dropped, and the caller (close, fsync) gets the
// error; the file then shows what the cluster has. After EINTR the buffer of an open file stays, so
// that RELEASE tries again.
//
// Threads: any; each takes the node's io lock itself unless its name ends in Locked.
#pragma once

#include <string_view>
#include <vector>

#include "fuse/filesystem.h"
#include "fuse/node.h"
#include "fuse/task.h"

namespace vasto::fuse {

// Makes sure the file has a buffer: loads the value. A key that has gone is an empty buffer that
// counts as created here. 0 or an errno value.
Async<int> Load(Filesystem* fs, NodePtr node, Call* call);
Async<int> LoadLocked(Filesystem* fs, NodePtr node, Call* call);

// What becomes of a buffer that could not be published.
enum class OnFailure {
  kDrop,               // nobody will try again: it is lost, and the log says so
  kKeepIfInterrupted,  // the same, unless it was a signal: RELEASE will come
  kDropSilently,       // the caller undoes a change, and says so to its own caller
};

// Publishes the buffer if it is dirty. 0 or an errno value.
Async<int> Publish(Filesystem* fs, NodePtr node, Call* call, OnFailure on_failure);
Async<int> PublishLocked(Filesystem* fs, NodePtr node, Call* call, OnFailure on_failure);

// Keeps the state and the buffer of a file in place between the steps of an operation that is not
// one of its writers: otherwise the last close, or news of a newer version, may free them. The
// holder has the node's io lock.
class BufferHold {
 public:
  BufferHold(Filesystem* fs, NodePtr node);
  ~BufferHold();
  BufferHold(const BufferHold&) = delete;
  BufferHold& operator=(const BufferHold&) = delete;

 private:
  Filesystem* const fs_;
  const NodePtr node_;
};

// Publishes many files at once. Blocks: up to timeout_ms, whatever -o hard says. Returns how many
// failed.
size_t PublishAndWait(Filesystem* fs, const std::vector<NodePtr>& nodes, int64_t timeout_ms);

// Type and expiry of a put of the whole buffer: those a pending user.vasto.ttl asks for, or else
// those of the value it was loaded from.
void CarryOver(const FileState& file, PutOptions* put);

// Changes to a loaded buffer. Each returns 0 or an errno value. `append` ignores the offset.
int WriteLocked(Filesystem* fs, Node* node, size_t offset, bool append, std::string_view bytes)
    REQUIRES(node->mu);
int ResizeLocked(Filesystem* fs, Node* node, uint64_t size) REQUIRES(node->mu);
// The content is gone, whatever it was: O_TRUNC. Needs no loaded buffer.
void TruncateLocked(Filesystem* fs, Node* node) REQUIRES(node->mu);

// The state of an open file, made if there is none.
FileState* StateOf(Node* node) REQUIRES(node->mu);
// The file as somebody sees it who creates it: empty, and not in the cluster yet.
void CreateLocked(Node* node) REQUIRES(node->mu);
// Frees what a file without open handles does not need: the buffer, then the state.
void TidyLocked(Filesystem* fs, Node* node) REQUIRES(node->mu);

// A newer version has been seen in some answer: readers that start anew fetch it.
void NoteVersion(const NodePtr& node, uint64_t version) EXCLUDES(node->mu);
// An operation failed because the keyspace is gone.
void NoteFailure(const KeyspacePtr& keyspace, const Outcome& outcome);

}  // namespace vasto::fuse
