// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto-server/server_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "core/base/bytes.h"

namespace vasto::daemons {
namespace {

constexpr std::string_view kPrefix = "store";

// 3 for "store3"; 0 for a name that is none of a store's folder.
int StoreNumber(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  return whole && number > 0 && name.front() != '0' ? number : 0;
}

}  // namespace

std::string StoreFolderOf(const std::string& dir, int index) {
  return dir + "/" + std::string(kPrefix) + std::to_string(index + 1);
}

Status CheckApart(const std::string& flag, const std::string& folder, const std::string& other_flag,
                  const std::string& other) {
  const auto whole = [](const std::string& path) {
    std::error_code error;  // what a killed mount left cannot be looked into
    const auto absolute = std::filesystem::absolute(path).lexically_normal();
    const auto resolved = std::filesystem::weakly_canonical(absolute, error);
    // The "/" at the end makes "/ab" no part of "/a".
    return ((error ? absolute : resolved) / "").string();
  };
  const std::string first = whole(folder);
  const std::string second = whole(other);
  if (!first.starts_with(second) && !second.starts_with(first)) return {};
  return Status::InvalidArgument(flag + " " + folder + " and " + other_flag + " " + other +
                                 " must not be one within the other");
}

Status CheckServerFolder(FileSystem* files, const std::string& dir, int stores) {
  const auto names = files->List(dir);
  if (names.status().Is(Code::kNotFound)) return {};
  if (!names.ok()) return names.status().Prefixed("folder " + dir);
  int highest = 0;
  for (const std::string& name : *names) {
    const int number = StoreNumber(name);
    // A store is one once it has its identity.
    if (number > 0 && files->Read(dir + "/" + name + "/STORE").ok()) {
      highest = std::max(highest, number);
    }
  }
  if (highest > stores) {
    return Status::InvalidArgument("--stores: folder " + dir + " has " + std::to_string(highest) +
                                   " stores, so give --stores " + std::to_string(highest) +
                                   " or more");
  }
  if (highest > 0) return {};
  for (const std::string& name : *names) {
    // What a first start that died may have left, and what every new file system has.
    if (StoreNumber(name) > 0 || name == "lost+found") continue;
    return Status::InvalidArgument("folder " + dir + ": holds '" + Printable(name) +
                                   "' and is no folder of a vasto-server; give an empty or a new "
                                   "folder");
  }
  return {};
}

}  // namespace vasto::daemons
