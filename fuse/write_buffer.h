// SPDX-License-Identifier: Apache-2.0
//
// The content of a file while somebody writes it: bytes in one contiguous block that can be
// written, cut and extended anywhere, until they are published as one value.
//
// Small content lives on the heap. Above kSpillBytes it lives in a memfd, which the kernel may swap
// out and which grows without being copied. Holes and extensions read as zeros.
//
// Threads: one at a time (the owner's lock). Not copyable; movable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vasto::fuse {

class WriteBuffer {
 public:
  static constexpr size_t kSpillBytes = 4 << 20;

  WriteBuffer() = default;
  ~WriteBuffer();
  WriteBuffer(WriteBuffer&& other) noexcept;
  WriteBuffer& operator=(WriteBuffer&& other) noexcept;
  WriteBuffer(const WriteBuffer&) = delete;
  WriteBuffer& operator=(const WriteBuffer&) = delete;

  // Each returns 0, or ENOSPC when there is no memory, and then changes nothing.
  int Write(size_t offset, std::string_view bytes);
  int Resize(size_t size);

  // All bytes. Valid until the next change.
  std::string_view view() const { return {data(), size_}; }
  // At most `size` bytes from `offset`; empty past the end. Valid until the next change.
  std::string_view Read(size_t offset, size_t size) const;

  size_t size() const { return size_; }
  bool spilled() const { return fd_ >= 0; }

 private:
  const char* data() const { return fd_ >= 0 ? map_ : heap_.data(); }
  char* mutable_data() { return fd_ >= 0 ? map_ : heap_.data(); }
  // Makes room for `capacity` bytes; new room is zero.
  int Reserve(size_t capacity);
  int Spill(size_t capacity);
  int GrowMap(size_t capacity);

  std::string heap_;     // used while fd_ < 0; heap_.size() == size_
  int fd_ = -1;          // the memfd once spilled; never goes back
  char* map_ = nullptr;  // its mapping of map_size_ bytes
  size_t map_size_ = 0;  // bytes
  size_t size_ = 0;      // bytes of content
};

}  // namespace vasto::fuse
