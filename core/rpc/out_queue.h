// SPDX-License-Identifier: Apache-2.0
// Bytes on their way out of a socket: small pieces are gathered, large ones kept as they came.
//
// Threads: one at a time.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vasto::rpc::internal {

class OutQueue {
 public:
  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }

  // Where to append small pieces; Appended tells how much it was.
  std::string* Tail() {
    if (used_ == 0 || sealed_) NewSegment();
    return &segments_[used_ - 1];
  }
  void Appended(size_t bytes) {
    bytes_ += bytes;
    sealed_ = segments_[used_ - 1].size() >= kSealBytes;
  }
  // Adds a large piece without copying it.
  void AppendLarge(std::string piece) {
    bytes_ += piece.size();
    NewSegment();
    segments_[used_ - 1] = std::move(piece);
    sealed_ = true;
  }
  static bool IsLarge(size_t bytes) { return bytes >= kSealBytes; }

  // Describes the first bytes, at most `limit` pieces. Returns how many pieces.
  int Describe(iovec* pieces, int limit) const {
    int count = 0;
    for (size_t i = first_; i < used_ && count < limit; ++i) {
      const size_t skip = i == first_ ? offset_ : 0;
      pieces[count++] = {const_cast<char*>(segments_[i].data()) + skip, segments_[i].size() - skip};
    }
    return count;
  }
  // The first `bytes` are gone.
  void Consume(size_t bytes) {
    bytes_ -= bytes;
    if (bytes_ == 0) return Clear();
    offset_ += bytes;
    while (offset_ >= segments_[first_].size()) {
      offset_ -= segments_[first_].size();
      segments_[first_++] = std::string();
    }
  }
  // Forgets everything and keeps a little memory for what comes next.
  void Clear() {
    if (segments_.size() > 1) segments_.resize(1);
    if (!segments_.empty()) {
      if (segments_[0].capacity() > 4 * kSealBytes) segments_[0] = std::string();
      segments_[0].clear();
    }
    used_ = first_ = offset_ = bytes_ = 0;
    sealed_ = false;
  }

 private:
  static constexpr size_t kSealBytes = 64
                                       << 10;  // a longer piece or segment is not copied any more

  void NewSegment() {
    if (used_ == segments_.size()) segments_.emplace_back();
    ++used_;
    sealed_ = false;
  }

  std::vector<std::string> segments_;  // [first_, used_) hold bytes; the others are spare and empty
  size_t used_ = 0;
  size_t first_ = 0;
  size_t offset_ = 0;  // bytes of segments_[first_] that are gone
  size_t bytes_ = 0;
  bool sealed_ = false;  // the last one takes no more
};

}  // namespace vasto::rpc::internal
