// SPDX-License-Identifier: Apache-2.0
#include "fuse/write_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace vasto::fuse {

WriteBuffer::~WriteBuffer() {
  if (map_ != nullptr) munmap(map_, map_size_);
  if (fd_ >= 0) close(fd_);
}

WriteBuffer::WriteBuffer(WriteBuffer&& other) noexcept { *this = std::move(other); }

WriteBuffer& WriteBuffer::operator=(WriteBuffer&& other) noexcept {
  std::swap(heap_, other.heap_);
  std::swap(fd_, other.fd_);
  std::swap(map_, other.map_);
  std::swap(map_size_, other.map_size_);
  std::swap(size_, other.size_);
  return *this;
}

int WriteBuffer::GrowMap(size_t capacity) {
  // Doubling keeps the number of remaps logarithmic for a file written in small pieces.
  size_t wanted = std::max(capacity, map_size_ * 2);
  wanted = (wanted + 0xffff) & ~size_t{0xffff};
  if (ftruncate(fd_, static_cast<off_t>(wanted)) != 0) return ENOSPC;
  void* map = map_ == nullptr ? mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0)
                              : mremap(map_, map_size_, wanted, MREMAP_MAYMOVE);
  if (map == MAP_FAILED) return ENOSPC;
  map_ = static_cast<char*>(map);
  map_size_ = wanted;
  return 0;
}

int WriteBuffer::Spill(size_t capacity) {
  const int fd = memfd_create("vasto-write-buffer", MFD_CLOEXEC);
  if (fd < 0) return ENOSPC;
  fd_ = fd;
  const int error = GrowMap(capacity);
  if (error != 0) {
    close(fd_);
    fd_ = -1;
    return error;
  }
  std::memcpy(map_, heap_.data(), size_);
  std::string().swap(heap_);
  return 0;
}

int WriteBuffer::Reserve(size_t capacity) {
  if (fd_ >= 0) return capacity <= map_size_ ? 0 : GrowMap(capacity);
  if (capacity > kSpillBytes) return Spill(capacity);
  try {
    if (capacity > heap_.capacity()) heap_.reserve(std::max(capacity, heap_.capacity() * 2));
  } catch (const std::bad_alloc&) {
    return ENOSPC;
  }
  return 0;
}

int WriteBuffer::Resize(size_t size) {
  const int error = Reserve(size);
  if (error != 0) return error;
  if (fd_ < 0) {
    heap_.resize(size);
  } else if (size < size_) {
    // The bytes cut off must read as zeros should the file grow again.
    std::memset(map_ + size, 0, size_ - size);
  }
  size_ = size;
  return 0;
}

int WriteBuffer::Write(size_t offset, std::string_view bytes) {
  const size_t end = offset + bytes.size();
  if (end < offset) return ENOSPC;
  if (end > size_ && !bytes.empty()) {
    const int error = Resize(end);
    if (error != 0) return error;
  }
  if (!bytes.empty()) std::memcpy(mutable_data() + offset, bytes.data(), bytes.size());
  return 0;
}

std::string_view WriteBuffer::Read(size_t offset, size_t size) const {
  if (offset >= size_) return {};
  return view().substr(offset, size);
}

}  // namespace vasto::fuse
