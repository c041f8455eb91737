// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_folder.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/base/bytes.h"
#include "core/hash/partition.h"
#include "core/storage/folder.h"
#include "core/topology/descriptor_codec.h"

namespace vasto::store {
namespace {

constexpr std::string_view kIdentityFile = "STORE";
constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kIdentityTitle = "vasto store\n";
constexpr std::string_view kDescriptorSuffix = ".desc";

std::string ChecksumOf(std::string_view text) {
  std::string bytes;
  PutFixed<uint64_t>(&bytes, PartitionHash(text));
  return ToHex(bytes);
}

// Takes "name value\n" from the front of *text.
StatusOr<std::string_view> TakeField(std::string_view* text, std::string_view name) {
  const size_t end = text->find('\n');
  if (!text->starts_with(name) || end == std::string_view::npos || end <= name.size() ||
      (*text)[name.size()] != ' ') {
    return Status::Corruption("the field '" + std::string(name) + "' is missing");
  }
  const std::string_view value = text->substr(name.size() + 1, end - name.size() - 1);
  text->remove_prefix(end + 1);
  return value;
}

StatusOr<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::Corruption("'" + Printable(text) + "' is no number");
  }
  return number;
}

StatusOr<Uuid> TakeUuid(std::string_view* text, std::string_view name) {
  VASTO_ASSIGN_OR_RETURN(const std::string_view value, TakeField(text, name));
  auto uuid = Uuid::Parse(value);
  if (!uuid.ok()) return Status::Corruption("'" + Printable(value) + "' is no uuid");
  return uuid;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string EncodeIdentity(const StoreIdentity& identity) {
  std::string text(kIdentityTitle);
  text += "format " + std::to_string(kFolderFormat) + "\n";
  text += "store " + identity.store.ToString() + "\n";
  text += "cluster " + identity.cluster.ToString() + "\n";
  text += "term " + std::to_string(identity.max_term) + "\n";
  return text + "checksum " + ChecksumOf(text) + "\n";
}

StatusOr<StoreIdentity> DecodeIdentity(std::string_view text) {
  const std::string_view whole = text;
  if (!text.starts_with(kIdentityTitle))
    return Status::Corruption("the file STORE is damaged or has an unknown format");
  text.remove_prefix(kIdentityTitle.size());
  VASTO_ASSIGN_OR_RETURN(const std::string_view format_text, TakeField(&text, "format"));
  VASTO_ASSIGN_OR_RETURN(const uint64_t format, ParseNumber(format_text));
  if (format > kFolderFormat) {
    return Status::NotSupported("store format " + std::to_string(format) +
                                " is newer than this program, which knows formats up to " +
                                std::to_string(kFolderFormat) + "; use the newer program");
  }
  StoreIdentity identity;
  VASTO_ASSIGN_OR_RETURN(identity.store, TakeUuid(&text, "store"));
  VASTO_ASSIGN_OR_RETURN(identity.cluster, TakeUuid(&text, "cluster"));
  VASTO_ASSIGN_OR_RETURN(const std::string_view term, TakeField(&text, "term"));
  VASTO_ASSIGN_OR_RETURN(identity.max_term, ParseNumber(term));
  const std::string_view covered = whole.substr(0, whole.size() - text.size());
  VASTO_ASSIGN_OR_RETURN(const std::string_view checksum, TakeField(&text, "checksum"));
  if (checksum != ChecksumOf(covered) || !text.empty() || identity.store.nil()) {
    return Status::Corruption("the checksum of the store's identity is wrong");
  }
  return identity;
}

StoreFolder::StoreFolder(FileSystem* files, std::string dir, std::unique_ptr<FolderLock> lock)
    : files_(files), dir_(std::move(dir)), lock_(std::move(lock)) {}

StatusOr<std::unique_ptr<StoreFolder>> StoreFolder::Open(FileSystem* files, const std::string& dir,
                                                         Random* random, Contents* contents) {
  if (const Status status = CheckUsable(files, dir); !status.ok())
    return status.Prefixed("folder " + dir);
  auto lock = files->Lock(dir);
  if (!lock.ok()) {
    if (lock.status().Is(Code::kBusy))
      return Status::Busy("folder " + dir + " is in use by another store");
    return lock.status().Prefixed("folder " + dir);
  }
  std::unique_ptr<StoreFolder> folder(new StoreFolder(files, dir, std::move(lock).value()));
  if (const Status status = folder->Load(random, contents); !status.ok())
    return status.Prefixed("folder " + dir);
  return folder;
}

Status StoreFolder::CheckUsable(FileSystem* files, const std::string& dir) {
  VASTO_RETURN_IF_ERROR(files->MakeFolder(dir));
  VASTO_ASSIGN_OR_RETURN(std::vector<std::string> names, files->List(dir));
  if (Contains(names, kIdentityFile)) return {};
  // What a first start that died may have left, and what every new file system has.
  std::erase_if(names, [](const std::string& name) {
    return name == kLockFile || name == "STORE.tmp" || name == "lost+found" || name == "removed" ||
           name == "LOG" || name.ends_with(".sock");
  });
  if (names.empty()) return {};
  return Status::InvalidArgument("holds '" + Printable(names.front()) +
                                 "' and is no folder of a store; give an empty or a new folder");
}

Status StoreFolder::Load(Random* random, Contents* contents) {
  auto text = files_->Read(dir_ + "/" + std::string(kIdentityFile));
  if (text.ok()) {
    VASTO_ASSIGN_OR_RETURN(contents->identity, DecodeIdentity(*text));
  } else if (text.status().Is(Code::kNotFound)) {
    contents->identity = {Uuid::Generate(random), {}, 0};
    VASTO_RETURN_IF_ERROR(SaveIdentity(contents->identity));
  } else {
    return text.status();
  }
  for (const char* name : {"/keyspaces", "/shards", "/removed"}) {
    VASTO_RETURN_IF_ERROR(files_->MakeFolder(dir_ + name));
  }
  VASTO_RETURN_IF_ERROR(RemoveEmptyFolders());
  return LoadDescriptors(contents);
}

Status StoreFolder::RemoveEmptyFolders() {
  VASTO_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(dir_ + "/shards"));
  for (const std::string& name : names) {
    const std::string path = dir_ + "/shards/" + name;
    const auto shards = files_->List(path);
    if (shards.ok() && shards->empty()) VASTO_RETURN_IF_ERROR(files_->RemoveTree(path));
  }
  return {};
}

Status StoreFolder::LoadDescriptors(Contents* contents) {
  VASTO_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(dir_ + "/keyspaces"));
  for (const std::string& name : names) {
    if (!name.ends_with(kDescriptorSuffix)) continue;
    VASTO_ASSIGN_OR_RETURN(const std::string bytes, files_->Read(dir_ + "/keyspaces/" + name));
    auto descriptor = DecodeDescriptor(bytes);
    if (descriptor.ok() && descriptor->uuid.ToString() + std::string(kDescriptorSuffix) != name) {
      descriptor =
          Status::Corruption("is the descriptor of keyspace " + descriptor->uuid.ToString());
    }
    if (descriptor.ok()) {
      contents->descriptors.push_back(std::move(descriptor).value());
    } else if (descriptor.status().Is(Code::kNotSupported)) {
      return descriptor.status().Prefixed("keyspaces/" + name);
    } else {
      contents->damaged.emplace_back("keyspaces/" + name, descriptor.status());
    }
  }
  return {};
}

Status StoreFolder::SaveIdentity(const StoreIdentity& identity) {
  return files_->WriteAtomically(dir_ + "/" + std::string(kIdentityFile), EncodeIdentity(identity));
}

Status StoreFolder::SaveDescriptor(const KeyspaceDescriptor& descriptor) {
  const std::string name = descriptor.uuid.ToString() + std::string(kDescriptorSuffix);
  return files_->WriteAtomically(dir_ + "/keyspaces/" + name, EncodeDescriptor(descriptor));
}

Status StoreFolder::ForgetDescriptor(const Uuid& keyspace) {
  const Status status =
      files_->Remove(dir_ + "/keyspaces/" + keyspace.ToString() + std::string(kDescriptorSuffix));
  return status.Is(Code::kNotFound) ? Status::Ok() : status;
}

std::string StoreFolder::ShardDir(const Uuid& keyspace, int32_t shard) const {
  return dir_ + "/shards/" + keyspace.ToString() + "/" + std::to_string(shard);
}

bool StoreFolder::HasShard(const Uuid& keyspace, int32_t shard) const {
  const auto names = files_->List(ShardDir(keyspace, shard));
  return names.ok() && !names->empty();
}

Status StoreFolder::PrepareShard(const Uuid& keyspace, int32_t shard) {
  // One after the other: each call makes the new folder's name in its parent survive a power cut.
  VASTO_RETURN_IF_ERROR(files_->MakeFolder(dir_ + "/shards/" + keyspace.ToString()));
  return files_->MakeFolder(ShardDir(keyspace, shard));
}

StatusOr<std::vector<int32_t>> StoreFolder::ShardsOnDisk(const Uuid& keyspace) const {
  auto names = files_->List(dir_ + "/shards/" + keyspace.ToString());
  if (names.status().Is(Code::kNotFound)) return std::vector<int32_t>{};
  if (!names.ok()) return names.status();
  std::vector<int32_t> shards;
  for (const std::string& name : *names) {
    const auto number = ParseNumber(name);
    if (number.ok() && *number < kMaxShards) shards.push_back(static_cast<int32_t>(*number));
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

StatusOr<std::string> StoreFolder::RemoveShard(const Uuid& keyspace, int32_t shard) {
  return PutAway(ShardDir(keyspace, shard), "/removed", keyspace, shard);
}

StatusOr<std::string> StoreFolder::KeepShard(const Uuid& keyspace, int32_t shard) {
  VASTO_RETURN_IF_ERROR(files_->MakeFolder(dir_ + "/damaged"));
  return PutAway(ShardDir(keyspace, shard), "/damaged", keyspace, shard);
}

StatusOr<std::string> StoreFolder::RemoveFormer(const Uuid& keyspace, int32_t shard) {
  return PutAway(ShardDir(keyspace, shard) + "/former", "/removed", keyspace, shard);
}

StatusOr<std::string> StoreFolder::PutAway(const std::string& what, const std::string& where,
                                           const Uuid& keyspace, int32_t shard) {
  VASTO_ASSIGN_OR_RETURN(const std::vector<std::string> taken, files_->List(dir_ + where));
  const std::string suffix = "-" + keyspace.ToString() + "-" + std::to_string(shard);
  std::string name;
  do {
    name = std::to_string(next_removed_.fetch_add(1)) + suffix;
  } while (Contains(taken, name));
  const std::string path = dir_ + where + "/" + name;
  const Status status = files_->Rename(what, path);
  if (status.Is(Code::kNotFound)) return std::string();
  if (!status.ok()) return status;
  return path;
}

StatusOr<std::string> StoreFolder::StartAnew(const Uuid& keyspace, int32_t shard) {
  VASTO_RETURN_IF_ERROR(files_->MakeFolder(dir_ + "/damaged"));
  VASTO_ASSIGN_OR_RETURN(std::string former,
                         PutAway(ShardDir(keyspace, shard), "/damaged", keyspace, shard));
  VASTO_RETURN_IF_ERROR(PrepareShard(keyspace, shard));
  VASTO_RETURN_IF_ERROR(MarkIncomplete(keyspace, shard));
  return former;
}

bool StoreFolder::IsIncomplete(const Uuid& keyspace, int32_t shard) const {
  // When it cannot be told, it is better to wait for the others.
  return !files_->Read(IncompletePath(keyspace, shard)).status().Is(Code::kNotFound);
}

Status StoreFolder::MarkIncomplete(const Uuid& keyspace, int32_t shard) {
  return files_->WriteAtomically(IncompletePath(keyspace, shard), "");
}

Status StoreFolder::MarkComplete(const Uuid& keyspace, int32_t shard) {
  const Status status = files_->Remove(IncompletePath(keyspace, shard));
  return status.Is(Code::kNotFound) ? Status::Ok() : status;
}

std::string StoreFolder::IncompletePath(const Uuid& keyspace, int32_t shard) const {
  return ShardDir(keyspace, shard) + "/" + std::string(storage::kIncompleteFile);
}

StatusOr<std::vector<std::string>> StoreFolder::Removed() const {
  VASTO_ASSIGN_OR_RETURN(std::vector<std::string> names, files_->List(dir_ + "/removed"));
  for (std::string& name : names) name.insert(0, dir_ + "/removed/");
  return names;
}

}  // namespace vasto::store
