// SPDX-License-Identifier: Apache-2.0
// The machine's files behind an interface of which a test replaces single methods.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"

namespace vasto {

// Threads: any, as far as the methods of the derived class allow.
class ForwardingFiles : public FileSystem {
 public:
  StatusOr<std::string> Read(const std::string& path) override { return real_->Read(path); }
  Status WriteAtomically(const std::string& path, std::string_view content) override {
    return real_->WriteAtomically(path, content);
  }
  Status Remove(const std::string& path) override { return real_->Remove(path); }
  Status RemoveTree(const std::string& path) override { return real_->RemoveTree(path); }
  Status Rename(const std::string& from, const std::string& to) override {
    return real_->Rename(from, to);
  }
  Status MakeFolder(const std::string& path) override { return real_->MakeFolder(path); }
  StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return real_->List(path);
  }
  StatusOr<DiskUsage> Usage(const std::string& path) override { return real_->Usage(path); }
  StatusOr<std::unique_ptr<FolderLock>> Lock(const std::string& folder) override {
    return real_->Lock(folder);
  }

 private:
  FileSystem* const real_ = PosixFileSystem();
};

}  // namespace vasto
