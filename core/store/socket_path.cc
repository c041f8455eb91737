// SPDX-License-Identifier: Apache-2.0
#include "core/store/socket_path.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/base/bytes.h"
#include "core/hash/partition.h"

namespace vasto::store {
namespace {

constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;

// A folder that only this user can enter.
Status MakePrivateFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Status::FromErrno(errno, "make folder " + path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Status::FromErrno(errno, "folder " + path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return Status::Permission("folder " + path + " is not this user's alone");
  }
  return {};
}

}  // namespace

StatusOr<std::string> ChooseSocketPath(const std::string& dir) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(dir, error).lexically_normal().string();
  if (error) return Status::FromErrno(error.value(), "folder " + dir);
  std::string path = absolute + "/store.sock";
  if (path.size() <= kMaxPath) return path;

  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string name;
  PutFixed<uint64_t>(&name, PartitionHash(absolute));
  for (const std::string& base :
       {std::string(runtime != nullptr ? runtime : ""), std::string("/tmp")}) {
    if (!base.starts_with('/')) continue;
    const std::string folder = base + "/vasto-" + std::to_string(::geteuid());
    path = folder + "/" + ToHex(name) + ".sock";
    if (path.size() > kMaxPath || !std::filesystem::is_directory(base, error)) continue;
    VASTO_RETURN_IF_ERROR(MakePrivateFolder(folder));
    return path;
  }
  return Status::InvalidArgument("no folder for the unix socket of " + dir);
}

}  // namespace vasto::store
