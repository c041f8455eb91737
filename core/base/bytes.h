// SPDX-License-Identifier: Apache-2.0
// Byte strings and their coding. Every integer of every format of the project is little-endian,
// written and read only through these functions; LEB128 varints as in Protocol Buffers' encoding.
//
// ByteReader is the only way to parse bytes from outside: it never reads past its end and reports
// truncation.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vasto {

static_assert(std::endian::native == std::endian::little, "formats are written with plain copies");

template <typename Int>
inline void PutFixed(std::string* out, Int value) {
  char bytes[sizeof(Int)];
  std::memcpy(bytes, &value, sizeof(Int));
  out->append(bytes, sizeof(Int));
}

template <typename Int>
inline Int GetFixed(const char* data) {
  Int value;
  std::memcpy(&value, data, sizeof(Int));
  return value;
}

inline void PutVarint(std::string* out, uint64_t value) {
  char bytes[10];
  size_t n = 0;
  while (value >= 0x80) {
    bytes[n++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes[n++] = static_cast<char>(value);
  out->append(bytes, n);
}

// A varint length, then the bytes.
inline void PutLengthPrefixed(std::string* out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out->append(bytes);
}

// Reads a byte string from front to back. Once a read fails, ok() stays false and every later read
// returns zero or empty, so that a parser checks once at the end. Views returned are borrowed from
// the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }
  // Where the next read starts. Borrowed from the input.
  const char* position() const { return p_; }

  template <typename Int>
  Int Fixed() {
    if (remaining() < sizeof(Int)) return Fail<Int>();
    Int value = GetFixed<Int>(p_);
    p_ += sizeof(Int);
    return value;
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Fail<uint64_t>();
      const auto byte = static_cast<uint8_t>(*p_++);
      if (shift == 63 && byte > 1) return Fail<uint64_t>();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail<uint64_t>();
  }

  std::string_view Bytes(uint64_t count) {
    if (count > remaining()) return Fail<std::string_view>();
    std::string_view view(p_, count);
    p_ += count;
    return view;
  }

  std::string_view LengthPrefixed() { return Bytes(Varint()); }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    p_ = end_;
    return T{};
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

// Lower-case hex, two digits a byte.
std::string ToHex(std::string_view bytes);
// For messages: printable ASCII stays, the rest becomes \xNN; cut after `limit` bytes with "…".
std::string Printable(std::string_view bytes, size_t limit = 64);

}  // namespace vasto
