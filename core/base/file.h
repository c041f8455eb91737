// SPDX-License-Identifier: Apache-2.0
// The few file operations the project itself needs (RocksDB has its own). Files come in through
// this interface, so that a simulation can lose un-synced data.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace vasto {

// An exclusive lock on a folder; released when destroyed or when the process dies.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

struct DiskUsage {
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;  // available to this process
};

// Threads: any.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kNotFound when absent.
  virtual StatusOr<std::string> Read(const std::string& path) = 0;
  // Crash-safe: after a crash at any moment the path holds the old content or the new, whole.
  // Writes path.tmp, fsyncs it, renames it, fsyncs the folder.
  virtual Status WriteAtomically(const std::string& path, std::string_view content) = 0;
  // Removes a file and fsyncs its folder. kNotFound when absent.
  virtual Status Remove(const std::string& path) = 0;
  // Removes a folder and all below it; a folder that is not there is OK.
  virtual Status RemoveTree(const std::string& path) = 0;
  // Renames durably (fsyncs both folders).
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Makes the folder and its parents; an existing one is OK.
  virtual Status MakeFolder(const std::string& path) = 0;
  // Names of the entries, sorted, without "." and "..".
  virtual StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  virtual StatusOr<DiskUsage> Usage(const std::string& path) = 0;
  // kBusy when another process, or this one, holds it. The lock file is <folder>/LOCK.
  virtual StatusOr<std::unique_ptr<FolderLock>> Lock(const std::string& folder) = 0;
};

// This machine's files. Lives for ever; not owned by the caller.
FileSystem* PosixFileSystem();

}  // namespace vasto
