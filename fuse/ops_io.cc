// SPDX-License-Identifier: Apache-2.0
//
// read, write, flush, fsync, fallocate.
#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

std::string_view Part(std::string_view bytes, size_t offset, size_t size) {
  return offset >= bytes.size() ? std::string_view() : bytes.substr(offset, size);
}

// Copies from the buffer, if that is what this handle sees: a writer always sees it, a reader as
// long as it holds what is published nowhere else.
bool ReadBuffer(const FileHandle& handle, size_t offset, size_t size, std::string* out) {
  Node* const node = handle.node.get();
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  if (file == nullptr || file->buffer == nullptr) return false;
  if (!handle.writer && !file->dirty && !node->scratch && !node->detached) return false;
  *out = file->buffer->Read(offset, size);
  return true;
}

// A reader goes on with the value it has until this mount publishes another one; a newer value of
// somebody else is taken up when the reader starts again or comes to the end, so that it never gets
// parts of two values, and tail -f still sees a log grow.
ValuePtr SnapshotServes(FileHandle* handle, size_t offset) {
  ValuePtr snapshot;
  {
    MutexLock lock(&handle->mu);
    snapshot = handle->snapshot;
  }
  if (snapshot == nullptr) return nullptr;
  Node* const node = handle->node.get();
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  if (file == nullptr || node->detached) return snapshot;
  if (snapshot->version() < file->local_version) return nullptr;
  const bool restarts = offset == 0 || offset >= snapshot->size();
  return restarts && snapshot->version() < file->seen_version ? nullptr : snapshot;
}

Async<int> RenewSnapshot(Filesystem* fs, FileHandle* handle, Call* call, ValuePtr* out) {
  const NodePtr node = handle->node;
  std::string key;
  {
    MutexLock lock(&node->mu);
    key = node->key;
  }
  const Outcome got =
      co_await Try(fs, call, [&] { return fs->cluster().Get(node->keyspace, key, call); });
  NoteFailure(node->keyspace, got);
  if (got.ok()) {
    NoteVersion(node, got.value->version());
    MutexLock lock(&node->mu);
    StateOf(node.get())->latest = got.value;
  }
  MutexLock lock(&handle->mu);
  if (got.ok()) handle->snapshot = got.value;
  // Deleted elsewhere: what was opened stays readable.
  *out = handle->snapshot;
  if (got.ok() || (got.code == VASTO_NOT_FOUND && *out != nullptr)) co_return 0;
  co_return got.error();
}

Task DoRead(Request request, FileHandle* handle, size_t size, size_t offset) {
  Filesystem* const fs = request.fs();
  int error = 0;
  std::string bytes;
  if (handle->writer) {
    // A buffer that was just loaded is dropped again if an answer shows a newer version meanwhile.
    do {
      error = co_await Load(fs, handle->node, request.call());
      if (error != 0 || ReadBuffer(*handle, offset, size, &bytes)) break;
      if (request.call()->expired()) error = ETIMEDOUT;
    } while (error == 0);
    if (error != 0) {
      request.Error(error);
    } else {
      request.Bytes(bytes);
    }
    co_return;
  }
  ValuePtr value;
  error = co_await RenewSnapshot(fs, handle, request.call(), &value);
  if (error != 0) {
    request.Error(error);
    co_return;
  }
  request.Bytes(Part(value->bytes(), offset, size));
}

// Applies a write if the buffer is there. False if it has to be loaded first.
bool TryWrite(Filesystem* fs, const NodePtr& node, size_t offset, bool append,
              std::string_view bytes, int* error) {
  MutexLock lock(&node->mu);
  const FileState* const file = node->file.get();
  if (file == nullptr || file->buffer == nullptr) return false;
  *error = WriteLocked(fs, node.get(), offset, append, bytes);
  return true;
}

Task DoWrite(Request request, FileHandle* handle, std::string bytes, size_t offset, bool append) {
  Filesystem* const fs = request.fs();
  int error = 0;
  while (error == 0) {
    error = co_await Load(fs, handle->node, request.call());
    if (error != 0 || TryWrite(fs, handle->node, offset, append, bytes, &error)) break;
    // As in DoRead.
    if (request.call()->expired()) error = ETIMEDOUT;
  }
  if (error != 0) {
    request.Error(error);
  } else {
    request.Written(bytes.size());
  }
}

Task DoPublish(Request request, NodePtr node) {
  const int error =
      co_await Publish(request.fs(), node, request.call(), OnFailure::kKeepIfInterrupted);
  request.Error(error);
}

}  // namespace

void vastofs_read(fuse_req_t req, fuse_ino_t /*ino*/, size_t size, off_t offset,
                  fuse_file_info* fi) {
  Request request(req);
  ++request.fs()->counters().reads;
  FileHandle* const handle = HandleOf(fi);
  const auto from = static_cast<size_t>(offset);
  if (handle->node->kind == NodeKind::kControlFile) {
    const std::shared_ptr<const std::string> text = handle->text;
    request.Bytes(Part(*text, from, size));
    return;
  }
  std::string bytes;
  if (ReadBuffer(*handle, from, size, &bytes)) {
    request.Bytes(bytes);
    return;
  }
  if (!handle->writer) {
    if (const ValuePtr snapshot = SnapshotServes(handle, from)) {
      request.Bytes(Part(snapshot->bytes(), from, size));
      return;
    }
  }
  DoRead(std::move(request), handle, size, from);
}

void vastofs_write(fuse_req_t req, fuse_ino_t /*ino*/, const char* data, size_t size, off_t offset,
                   fuse_file_info* fi) {
  Request request(req);
  Filesystem* const fs = request.fs();
  ++fs->counters().writes;
  FileHandle* const handle = HandleOf(fi);
  const auto from = static_cast<size_t>(offset);
  // Pages of a shared mapping go where they are, whatever the handle was opened with.
  const bool append = (fi->flags & O_APPEND) != 0 && fi->writepage == 0;
  if (!append && from + size > fs->options().max_value) return request.Error(EFBIG);
  int error = 0;
  if (!TryWrite(fs, handle->node, from, append, {data, size}, &error)) {
    DoWrite(std::move(request), handle, std::string(data, size), from, append);
  } else if (error != 0) {
    request.Error(error);
  } else {
    request.Written(size);
  }
}

void vastofs_flush(fuse_req_t req, fuse_ino_t /*ino*/, fuse_file_info* fi) {
  Request request(req);
  const FileHandle* const handle = HandleOf(fi);
  NodePtr node = handle->node;
  {
    // A creation or truncation without data waits for release: the shell duplicates descriptors,
    // and so flushes, before it writes anything.
    MutexLock lock(&node->mu);
    if (!handle->writer || node->file == nullptr || !node->file->written) node.reset();
  }
  if (node == nullptr) return request.Error(0);
  DoPublish(std::move(request), std::move(node));
}

void vastofs_fsync(fuse_req_t req, fuse_ino_t /*ino*/, int /*datasync*/, fuse_file_info* fi) {
  Request request(req);
  FileHandle* const handle = HandleOf(fi);
  if (handle->node->kind != NodeKind::kFile) return request.Error(0);
  DoPublish(std::move(request), handle->node);
}

void vastofs_fallocate(fuse_req_t req, fuse_ino_t /*ino*/, int /*mode*/, off_t /*offset*/,
                       off_t /*length*/, fuse_file_info* /*fi*/) {
  Request(req).Error(EOPNOTSUPP);
}

}  // namespace vasto::fuse
