// SPDX-License-Identifier: Apache-2.0
#include "core/storage/folder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/hash/partition.h"

namespace vasto::storage {
namespace {

constexpr std::string_view kFormatMagic = "VASTOFMT";
constexpr std::string_view kIdentityMagic = "VASTOSHD";
constexpr size_t kChecksumSize = 8;

// magic, version, fields, checksum of all that.
std::string Seal(std::string_view magic, std::string_view fields) {
  std::string bytes(magic);
  bytes.push_back(static_cast<char>(kFolderFormat));
  bytes.append(fields);
  PutFixed<uint64_t>(&bytes, PartitionHash(bytes));
  return bytes;
}

// The fields of a sealed file. The version is judged before the checksum: a newer layout may have
// another one.
StatusOr<std::string_view> Unseal(std::string_view magic, std::string_view bytes,
                                  std::string_view what) {
  const size_t head = magic.size() + 1;
  if (bytes.size() < head || bytes.substr(0, magic.size()) != magic) {
    return Status::Corruption(std::string(what) + " is damaged");
  }
  const auto version = static_cast<uint8_t>(bytes[magic.size()]);
  if (version > kFolderFormat) {
    return Status::NotSupported(std::string(what) + " has format " + std::to_string(version) +
                                ", this program reads formats up to " +
                                std::to_string(kFolderFormat) + ": run a newer version of vasto");
  }
  if (version != kFolderFormat || bytes.size() < head + kChecksumSize) {
    return Status::Corruption(std::string(what) + " is damaged");
  }
  const std::string_view sealed = bytes.substr(0, bytes.size() - kChecksumSize);
  if (GetFixed<uint64_t>(bytes.data() + sealed.size()) != PartitionHash(sealed)) {
    return Status::Corruption(std::string(what) + " is damaged: its checksum does not match");
  }
  return sealed.substr(head);
}

}  // namespace

std::string ShardIdentity::ToString() const {
  return "keyspace " + keyspace.ToString() + " shard " + std::to_string(shard);
}

std::string EncodeIdentity(const ShardIdentity& identity) {
  std::string fields;
  PutFixed<uint64_t>(&fields, identity.keyspace.hi);
  PutFixed<uint64_t>(&fields, identity.keyspace.lo);
  PutFixed<int32_t>(&fields, identity.shard);
  PutFixed<uint64_t>(&fields, identity.incarnation);
  return Seal(kIdentityMagic, fields);
}

StatusOr<ShardIdentity> DecodeIdentity(std::string_view bytes) {
  VASTO_ASSIGN_OR_RETURN(const std::string_view fields,
                         Unseal(kIdentityMagic, bytes, "the shard's identity"));
  ByteReader reader(fields);
  ShardIdentity identity;
  identity.keyspace.hi = reader.Fixed<uint64_t>();
  identity.keyspace.lo = reader.Fixed<uint64_t>();
  identity.shard = reader.Fixed<int32_t>();
  identity.incarnation = reader.Fixed<uint64_t>();
  if (!reader.ok() || reader.remaining() != 0) {
    return Status::Corruption("the shard's identity is damaged");
  }
  return identity;
}

StatusOr<std::unique_ptr<ShardFolder>> ShardFolder::Open(FileSystem* files, Random* random,
                                                         const std::string& path,
                                                         const Uuid& keyspace, int32_t shard) {
  std::unique_ptr<ShardFolder> folder(new ShardFolder(files, path));
  VASTO_RETURN_IF_ERROR(files->MakeFolder(path));
  VASTO_ASSIGN_OR_RETURN(folder->lock_, files->Lock(path));
  VASTO_RETURN_IF_ERROR(folder->CheckFormat());
  auto bytes = files->Read(path + "/IDENTITY");
  if (bytes.ok()) {
    auto identity = DecodeIdentity(*bytes);
    if (!identity.ok()) return identity.status().Prefixed(path);
    folder->identity_ = *identity;
    VASTO_RETURN_IF_ERROR(folder->CheckOwner(keyspace, shard));
  } else if (!bytes.status().Is(Code::kNotFound)) {
    return bytes.status();
  } else {
    VASTO_RETURN_IF_ERROR(folder->Claim(keyspace, shard, random));
  }
  return folder;
}

Status ShardFolder::CheckFormat() {
  auto bytes = files_->Read(path_ + "/FORMAT");
  if (bytes.ok()) {
    auto fields = Unseal(kFormatMagic, *bytes, "FORMAT");
    if (!fields.ok()) return fields.status().Prefixed(path_);
    complete_ = true;
    return {};
  }
  return bytes.status().Is(Code::kNotFound) ? Status() : bytes.status();
}

Status ShardFolder::CheckOwner(const Uuid& keyspace, int32_t shard) const {
  if (identity_.keyspace == keyspace && identity_.shard == shard) return {};
  const ShardIdentity wanted{keyspace, shard, 0};
  return Status::InvalidArgument(path_ + " holds " + identity_.ToString() + ", not " +
                                 wanted.ToString());
}

Status ShardFolder::Claim(const Uuid& keyspace, int32_t shard, Random* random) {
  if (complete_) return Status::Corruption(path_ + ": the file IDENTITY is missing");
  VASTO_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(path_));
  for (const std::string& name : names) {
    // What a crash while the folder was made may have left.
    if (name == "LOCK" || name == "IDENTITY.tmp" || name == kIncompleteFile) continue;
    return Status::InvalidArgument(path_ + " is no shard's folder and not empty: it holds " + name);
  }
  identity_ = {keyspace, shard, random->Next()};
  return files_->WriteAtomically(path_ + "/IDENTITY", EncodeIdentity(identity_));
}

Status ShardFolder::MarkComplete() {
  if (complete_) return {};
  VASTO_RETURN_IF_ERROR(files_->WriteAtomically(path_ + "/FORMAT", Seal(kFormatMagic, "")));
  complete_ = true;
  return {};
}

}  // namespace vasto::storage
