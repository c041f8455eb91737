// SPDX-License-Identifier: Apache-2.0
//
// getxattr, setxattr, listxattr, removexattr: the names user.vasto.* of mount.vasto(8).
#include <cerrno>
#include <charconv>
#include <utility>

#include "fuse/ops.h"
#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

constexpr std::string_view kUser = "user.";
constexpr std::string_view kOwn = "user.vasto.";
// In the order in which listxattr names them.
constexpr const char* kReadable[] = {"version", "event_time", "expires", "ttl",
                                     "shard",   "replicas",   "key",     "encoding"};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The errno for a name that is none of ours. Everything outside user.* gets EOPNOTSUPP and not
// ENODATA: ls then stops to ask after the first file.
int UnknownName(std::string_view name) { return StartsWith(name, kUser) ? ENODATA : EOPNOTSUPP; }

bool IsReadable(std::string_view name) {
  if (!StartsWith(name, kOwn)) return false;
  name.remove_prefix(kOwn.size());
  for (const char* const known : kReadable) {
    if (name == known) return true;
  }
  return false;
}

bool ParseNumber(std::string_view text, uint64_t* out) {
  // Tools like setfattr send the bytes without a line end, echo with one.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

uint64_t SecondsLeft(uint64_t expires_at_ns) {
  const uint64_t now = NowNs();
  return expires_at_ns <= now ? 0 : (expires_at_ns - now + 999'999'999) / 1'000'000'000;
}

// Attributes that need no question to the cluster. False for others.
bool LocalAttribute(const NodePtr& node, const std::string& file_name, const std::string& key,
                    std::string_view name, std::string* out) {
  if (name == "key") {
    *out = key;
  } else if (name == "encoding") {
    *out = IsLongName(file_name) ? "hash" : "percent";
  } else if (name == "shard") {
    *out = std::to_string(node->keyspace->ShardOf(key));
  } else if (name == "replicas") {
    *out = std::to_string(node->keyspace->replicas());
  } else {
    return false;
  }
  return true;
}

std::string ValueAttribute(const Value& value, std::string_view name) {
  if (name == "version") return std::to_string(value.version());
  if (name == "event_time") return std::to_string(value.updated_at_ns());
  if (name == "expires") return std::to_string(value.expires_at_ns());
  return value.expires_at_ns() == 0 ? "0" : std::to_string(SecondsLeft(value.expires_at_ns()));
}

Task DoGetxattr(Request request, NodePtr node, std::string name, size_t capacity) {
  Filesystem* const fs = request.fs();
  name.erase(0, kOwn.size());
  std::string file_name;
  std::string key;
  bool scratch = false;
  {
    MutexLock lock(&node->mu);
    file_name = node->name;
    key = node->key;
    scratch = node->scratch;
  }
  std::string text;
  if (scratch) {
    request.Error(ENODATA);
    co_return;
  }
  if (!LocalAttribute(node, file_name, key, name, &text)) {
    const Outcome got = co_await Try(fs, request.call(), [&] {
      return fs->cluster().Stat(node->keyspace, key, request.call());
    });
    NoteFailure(node->keyspace, got);
    if (!got.ok()) {
      // Created here and not published yet: it exists, but has no version.
      FileAttributes attributes;
      const bool unpublished = got.code == VASTO_NOT_FOUND && LocalAttributes(node, &attributes);
      request.Error(unpublished ? ENODATA : got.error());
      co_return;
    }
    text = ValueAttribute(*got.value, name);
  }
  request.Xattr(text, capacity);
}

// Arms a setting for the next publication. False if there is nothing to be published.
bool ArmTtl(const NodePtr& node, uint64_t seconds) {
  MutexLock lock(&node->mu);
  if (node->file == nullptr || !node->file->dirty) return false;
  node->file->ttl_seconds = seconds;
  return true;
}

Task SetTtl(Request request, NodePtr node, uint64_t seconds) {
  Filesystem* const fs = request.fs();
  if (ArmTtl(node, seconds)) {
    request.Error(0);
    co_return;
  }
  std::string key;
  {
    MutexLock lock(&node->mu);
    key = node->key;
  }
  const AsyncMutex::Guard guard = co_await node->io.Lock(request.call());
  if (!guard) {
    request.Error(EINTR);
    co_return;
  }
  const Outcome touched = co_await Try(fs, request.call(), [&] {
    return fs->cluster().Touch(node->keyspace, key, seconds, request.call());
  });
  NoteFailure(node->keyspace, touched);
  if (touched.ok()) NoteVersion(node, touched.version);
  request.Error(touched.error());
}

// Only an open file has a next publication.
int ArmVersion(const NodePtr& node, uint64_t version) {
  MutexLock lock(&node->mu);
  if (node->file == nullptr || node->file->writers == 0) return EBADF;
  node->file->if_version = version;
  return 0;
}

bool IsScratch(const NodePtr& node) {
  MutexLock lock(&node->mu);
  return node->scratch;
}

}  // namespace

void vastofs_getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size) {
  Request request(req);
  if (!IsReadable(name)) return request.Error(UnknownName(name));
  NodePtr node = request.fs()->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  if (node->kind != NodeKind::kFile) return request.Error(ENODATA);
  DoGetxattr(std::move(request), std::move(node), name, size);
}

void vastofs_setxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value,
                      size_t size, int /*flags*/) {
  Request request(req);
  const std::string_view wanted = name;
  if (!StartsWith(wanted, kOwn)) return request.Error(EOPNOTSUPP);
  NodePtr node = request.fs()->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  if (node->kind != NodeKind::kFile || IsScratch(node)) return request.Error(EOPNOTSUPP);
  const bool ttl = wanted == "user.vasto.ttl";
  if (!ttl && wanted != "user.vasto.if_version") return request.Error(EPERM);
  uint64_t number = 0;
  constexpr uint64_t kMaxTtl = 100ULL * 365 * 24 * 3600;
  if (!ParseNumber({value, size}, &number) || (ttl && number > kMaxTtl)) {
    return request.Error(EINVAL);
  }
  if (ttl) {
    SetTtl(std::move(request), std::move(node), number);
  } else {
    request.Error(ArmVersion(node, number));
  }
}

void vastofs_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size) {
  Request request(req);
  const Filesystem& fs = *request.fs();
  const NodePtr node = request.fs()->nodes().Get(ino);
  std::string names;
  // Not shown by default: cp -a and rsync -X would try to set what cannot be set.
  if (fs.options().list_xattr && node != nullptr && node->kind == NodeKind::kFile) {
    for (const char* const name : kReadable) {
      names += kOwn;
      names += name;
      names += '\0';
    }
  }
  request.Xattr(names, size);
}

void vastofs_removexattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  Request request(req);
  const std::string_view wanted = name;
  if (!StartsWith(wanted, kOwn)) return request.Error(UnknownName(name));
  NodePtr node = request.fs()->nodes().Get(ino);
  if (node == nullptr) return request.Error(ESTALE);
  if (wanted != "user.vasto.ttl") return request.Error(EPERM);
  if (node->kind != NodeKind::kFile || IsScratch(node)) return request.Error(ENODATA);
  SetTtl(std::move(request), std::move(node), 0);
}

}  // namespace vasto::fuse
