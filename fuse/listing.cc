// SPDX-License-Identifier: Apache-2.0
#include "fuse/listing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "fuse/publish.h"

namespace vasto::fuse {
namespace {

constexpr size_t kBlockRows = 512;  // rows taken from the library at once

// The smallest key greater than all that begin with `prefix`; empty if there is none.
std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

struct ScanOptions {
  // Each page of the scan has timeout_ms, whatever was left of the operation that started it.
  explicit ScanOptions(int64_t timeout_ms) {
    if (vasto_scan_options_create(&options, nullptr) != VASTO_OK) return;
    vasto_scan_options_set_keys_only(options, true);
    vasto_scan_options_set_timeout_ms(options, static_cast<uint64_t>(timeout_ms));
  }
  ~ScanOptions() { vasto_scan_options_destroy(options); }
  ScanOptions(const ScanOptions&) = delete;
  ScanOptions& operator=(const ScanOptions&) = delete;
  vasto_scan_options_t* options = nullptr;
};

}  // namespace

Listing::~Listing() { vasto_iter_destroy(iter_); }

void Listing::AddLocalFile(const std::string& name) {
  const DecodedName decoded = fs_->DecodeName(keyspace_, name);
  const bool scratch = decoded.kind == NameKind::kScratch;
  AddFixed(name, false, Filesystem::FileInode(*keyspace_, scratch, scratch ? name : decoded.key));
}

void Listing::AddFixed(const std::string& name, bool directory, uint64_t inode) {
  ListingRow row;
  row.name = name;
  row.directory = directory;
  row.inode = inode;
  fixed_.push_back(std::move(row));
  local_.insert(name);
}

Async<int> Listing::RewindRoot(Call* call) {
  std::vector<std::string> names;
  const int error = co_await fs_->ListKeyspaces(call, &names);
  if (error != 0) co_return error;
  for (const std::string& name : names) AddDirectory(name);
  co_return 0;
}

Async<int> Listing::RewindControl(Call* call) {
  std::string path;
  {
    MutexLock lock(&node_->mu);
    path = node_->key;
  }
  if (path == ".vasto") {
    for (const char* name : {"cluster.json", "config", "status", "version"}) AddControlFile(name);
    AddDirectory("ks");
  } else if (path == ".vasto/ks") {
    std::vector<std::string> names;
    const int error = co_await fs_->ListKeyspaces(call, &names);
    if (error != 0) co_return error;
    for (const std::string& name : names) AddDirectory(name);
  } else {
    AddControlFile("describe.json");
    AddControlFile("info");
  }
  co_return 0;
}

Async<int> Listing::RewindKeyspace(Call* call) {
  const int error = co_await fs_->FindKeyspace(fs_->KeyspaceNameOf(node_), call, &keyspace_);
  if (error != 0) co_return error;
  for (const std::string& name : keyspace_->local_names().Snapshot()) AddLocalFile(name);
  last_key_.reset();
  co_return StartScan(std::nullopt);
}

Async<int> Listing::Rewind(Call* call) {
  fixed_.clear();
  local_.clear();
  pages_.clear();
  window_.clear();
  window_first_ = 0;
  ended_ = true;
  if (node_->id == kRootId && fs_->options().show_internal) AddDirectory(".vasto");
  int error = 0;
  if (node_->kind == NodeKind::kRoot) {
    error = co_await RewindRoot(call);
  } else if (node_->kind == NodeKind::kKeyspace) {
    error = co_await RewindKeyspace(call);
  } else {
    error = co_await RewindControl(call);
  }
  co_return error;
}

int Listing::StartScan(const std::optional<std::string>& start) {
  vasto_iter_destroy(std::exchange(iter_, nullptr));
  lost_ = false;
  const ScanOptions options(fs_->options().timeout_ms);
  const std::string& prefix = fs_->options().prefix;
  vasto_error_t* error = nullptr;
  vasto_status_t code = VASTO_OK;
  if (!start.has_value()) {
    code = vasto_scan_prefix(keyspace_->handle(), prefix.data(), prefix.size(), options.options,
                             &iter_, &error);
  } else {
    const std::string end = PrefixEnd(prefix);
    code = vasto_scan_range(keyspace_->handle(), start->data(), start->size(), end.data(),
                            end.size(), options.options, &iter_, &error);
  }
  ended_ = code != VASTO_OK;
  return FailureOf(code, error).error();
}

int Listing::Restart(uint64_t index) {
  const auto after =
      std::upper_bound(pages_.begin(), pages_.end(), index,
                       [](uint64_t wanted, const Page& page) { return wanted < page.index; });
  const bool from_page = after != pages_.begin();
  const Page page = from_page ? *(after - 1) : Page{0, ""};
  window_.clear();
  window_first_ = page.index;
  return StartScan(from_page ? std::optional(page.key) : std::nullopt);
}

int Listing::Resume() {
  if (!last_key_.has_value()) return StartScan(std::nullopt);
  return StartScan(*last_key_ + '\0');  // the next key there can be
}

void Listing::AddRow(const vasto_kv_t& row) {
  const std::string_view key(static_cast<const char*>(row.key.data), row.key.size);
  last_key_ = key;
  ListingRow entry;
  // A key in a partition of its own cannot be found by its name.
  if ((row.flags & VASTO_KEY_HAS_PARTITION_HASH) != 0 ||
      !fs_->EncodeKey(keyspace_, key, &entry.name)) {
    ++keyspace_->unnameable();
    return;
  }
  if (!local_.empty() && local_.count(entry.name) != 0) return;
  const uint64_t index = window_first_ + window_.size();
  if (index % kPageRows == 0 && (pages_.empty() || pages_.back().index < index)) {
    pages_.push_back({index, std::string(key)});
  }
  entry.inode = keyspace_->InodeNumber(key);
  entry.from_scan = true;
  entry.attributes = {row.value.size, row.updated_at_ns};
  entry.version = row.version;
  if (keep_keys_) entry.key = key;
  window_.push_back(std::move(entry));
}

Async<int> Listing::Fill(Call* call) {
  if (lost_) {
    const int error = Resume();
    if (error != 0) co_return error;
  }
  const Outcome ready = co_await Try(fs_, call, [&] { return fs_->cluster().Ready(iter_, call); });
  NoteFailure(keyspace_, ready);
  // The scan may go on waiting for a while, and is busy until then.
  lost_ = ready.code == VASTO_CANCELLED;
  if (!ready.ok() && ready.code != VASTO_END) co_return ready.error();
  std::array<vasto_kv_t, kBlockRows> rows;
  size_t count = 0;
  vasto_error_t* error = nullptr;
  const vasto_status_t code =
      vasto_iter_next_block(iter_, rows.data(), rows.size(), &count, &error);
  if (code == VASTO_END) {
    ended_ = true;
    co_return 0;
  }
  if (code != VASTO_OK) co_return FailureOf(code, error).error();
  for (size_t i = 0; i < count; ++i) AddRow(rows[i]);
  while (window_.size() > kWindowRows) {
    window_.pop_front();
    ++window_first_;
  }
  co_return 0;
}

Async<int> Listing::At(uint64_t index, Call* call, const ListingRow** out) {
  *out = nullptr;
  if (index < fixed_.size()) {
    *out = &fixed_[index];
    co_return 0;
  }
  index -= fixed_.size();
  if (keyspace_ == nullptr) co_return 0;
  if (index < window_first_) {
    const int error = Restart(index);
    if (error != 0) co_return error;
  }
  while (index >= window_first_ + window_.size()) {
    if (ended_) co_return 0;
    const int error = co_await Fill(call);
    if (error != 0) co_return error;
  }
  *out = &window_[index - window_first_];
  co_return 0;
}

Async<int> IsEmpty(Filesystem* fs, KeyspacePtr keyspace, Call* call, bool* out) {
  const ScanOptions options(fs->options().timeout_ms);
  vasto_scan_options_set_limit(options.options, 1);
  vasto_iter_t* iter = nullptr;
  vasto_error_t* error = nullptr;
  vasto_status_t code =
      vasto_scan_prefix(keyspace->handle(), nullptr, 0, options.options, &iter, &error);
  if (code != VASTO_OK) co_return FailureOf(code, error).error();
  const Outcome ready = co_await fs->cluster().Ready(iter, call);
  vasto_kv_t row;
  code = ready.code;
  if (ready.ok()) code = vasto_iter_next(iter, &row, nullptr);
  vasto_iter_destroy(iter);
  *out = code == VASTO_END;
  co_return code == VASTO_END ? 0 : ErrnoOf(code);
}

}  // namespace vasto::fuse
