// SPDX-License-Identifier: Apache-2.0
//
// The entries of one open directory, one after the other, in bounded memory however many there are.
//
// The directory of a keyspace is a keys-only scan: first the names that only this mount knows, then
// the keys in their order. Entries are numbered from 0 in the order in which they were first shown.
// A window of recent rows stays in memory, because the kernel asks again for what did not fit the
// reader's buffer; for jumps further back the first key of every page is remembered, about one key
// in kPageRows.
//
// Guarantee: a key that is there all the time is shown exactly once from one rewind to the next;
// one that comes or goes meanwhile at most once.
//
// Threads: one coroutine at a time (the handle's AsyncMutex).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fuse/cluster.h"
#include "fuse/filesystem.h"
#include "fuse/task.h"

namespace vasto::fuse {

struct ListingRow {
  std::string name;
  uint64_t inode = 0;
  bool directory = false;
  // Of a key's row, as the scan found it. Names that only this mount knows have none.
  bool from_scan = false;
  FileAttributes attributes;
  uint64_t version = 0;
  std::string key;  // kept only for plus listings
};

class Listing {
 public:
  static constexpr size_t kPageRows = 4096;
  static constexpr size_t kWindowRows = 2 * kPageRows;

  Listing(Filesystem* fs, NodePtr node, bool keep_keys)
      : fs_(fs), node_(std::move(node)), keep_keys_(keep_keys) {}
  ~Listing();
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  // Starts again with what is there now. 0 or an errno value.
  Async<int> Rewind(Call* call);
  // *out is entry `index`, valid until the next call; null past the last one. Requires a Rewind.
  Async<int> At(uint64_t index, Call* call, const ListingRow** out);

  const KeyspacePtr& keyspace() const { return keyspace_; }

 private:
  struct Page {
    uint64_t index;   // of its first row
    std::string key;  // of its first row
  };

  Async<int> RewindRoot(Call* call);
  Async<int> RewindKeyspace(Call* call);
  Async<int> RewindControl(Call* call);
  void AddDirectory(const std::string& name) {
    AddFixed(name, true, Filesystem::DirectoryInode(name) + node_->id);
  }
  void AddControlFile(const std::string& name) {
    AddFixed(name, false, Filesystem::DirectoryInode(name) + node_->id);
  }
  void AddLocalFile(const std::string& name);
  void AddFixed(const std::string& name, bool directory, uint64_t inode);
  // Starts the scan at a key (inclusive), or, without one, at the prefix of the mount.
  int StartScan(const std::optional<std::string>& start);
  // Goes back so that row `index` will come again.
  int Restart(uint64_t index);
  // Goes on behind the last row with a new scan.
  int Resume();
  // Adds the next rows to the window.
  Async<int> Fill(Call* call);
  void AddRow(const vasto_kv_t& row);

  Filesystem* const fs_;  // borrowed; outlives *this
  const NodePtr node_;
  const bool keep_keys_;

  std::vector<ListingRow> fixed_;  // entries that are no keys, or not in the cluster
  std::set<std::string> local_;    // their names, not to be shown twice
  KeyspacePtr keyspace_;           // null for listings without a scan
  vasto_iter_t* iter_ = nullptr;
  bool ended_ = false;                   // the scan has no more rows
  bool lost_ = false;                    // the scan was abandoned while it waited for rows
  std::optional<std::string> last_key_;  // of the last row the scan has given
  std::deque<ListingRow> window_;
  uint64_t window_first_ = 0;  // index of its first row, counted without fixed_
  std::vector<Page> pages_;
};

// Whether a keyspace has no key at all.
Async<int> IsEmpty(Filesystem* fs, KeyspacePtr keyspace, Call* call, bool* out);

}  // namespace vasto::fuse
