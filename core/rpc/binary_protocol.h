// SPDX-License-Identifier: Apache-2.0
// Thrift's TBinaryProtocol, by hand: big-endian integers, length-prefixed strings, fields as (type,
// id, value), a stop byte after the last field. Written for speed and for input that nobody vouches
// for.
//
// The writer stages small values in a buffer of its own, so that a message costs a few appends; a
// long string is copied once, straight to the output. The reader checks every length against the
// bytes that are there; once a read failed it stays failed and returns zeros, so that a parser
// checks once at the end.
//
// Threads: one at a time per object.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vasto::rpc {

// The type byte of a field or element on the wire.
enum class WireType : uint8_t {
  kStop = 0,
  kBool = 2,
  kI8 = 3,
  kDouble = 4,
  kI16 = 6,
  kI32 = 8,
  kI64 = 10,
  kString = 11,
  kStruct = 12,
  kMap = 13,
  kSet = 14,
  kList = 15,
};

inline uint16_t BigEndian(uint16_t v) { return __builtin_bswap16(v); }
inline uint32_t BigEndian(uint32_t v) { return __builtin_bswap32(v); }
inline uint64_t BigEndian(uint64_t v) { return __builtin_bswap64(v); }
static_assert(std::endian::native == std::endian::little, "integers are swapped on every access");

class BinaryWriter {
 public:
  // out: borrowed; what is written appears there at the latest with End.
  explicit BinaryWriter(std::string* out) : out_(out) {}
  BinaryWriter(const BinaryWriter&) = delete;
  BinaryWriter& operator=(const BinaryWriter&) = delete;

  void Byte(uint8_t value) {
    Need(1);
    stage_[used_++] = static_cast<char>(value);
  }
  void I16(uint16_t value) { Integer(value); }
  void I32(uint32_t value) { Integer(value); }
  void I64(uint64_t value) { Integer(value); }
  // REQUIRES: bytes.size() < 2^31.
  void Bytes(std::string_view bytes) {
    I32(static_cast<uint32_t>(bytes.size()));
    if (bytes.size() > sizeof(stage_) - used_) {
      Flush();
      if (bytes.size() > sizeof(stage_)) {
        out_->append(bytes);
        return;
      }
    }
    std::memcpy(stage_ + used_, bytes.data(), bytes.size());
    used_ += bytes.size();
  }
  void FieldHeader(WireType type, int16_t id) {
    Need(3);
    stage_[used_] = static_cast<char>(type);
    const uint16_t big = BigEndian(static_cast<uint16_t>(id));
    std::memcpy(stage_ + used_ + 1, &big, 2);
    used_ += 3;
  }
  void Stop() { Byte(0); }
  // The Stop of the outermost struct. Not left to a destructor: memory may run out.
  void End() {
    Stop();
    Flush();
  }
  void ListHeader(WireType element, size_t count) {
    Byte(static_cast<uint8_t>(element));
    I32(static_cast<uint32_t>(count));
  }

 private:
  template <typename Int>
  void Integer(Int value) {
    Need(sizeof(Int));
    const Int big = BigEndian(value);
    std::memcpy(stage_ + used_, &big, sizeof(Int));
    used_ += sizeof(Int);
  }
  void Need(size_t bytes) {
    if (sizeof(stage_) - used_ < bytes) Flush();
  }
  void Flush() {
    out_->append(stage_, used_);
    used_ = 0;
  }

  std::string* const out_;
  size_t used_ = 0;
  char stage_[504];
};

class BinaryReader {
 public:
  // bytes: borrowed; outlives *this and every view it returned.
  explicit BinaryReader(std::string_view bytes)
      : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return error_ == nullptr; }
  // What is wrong; nullptr while ok(). A string literal.
  const char* error() const { return error_; }
  // The innermost named field that could not be read; empty when none was being read.
  std::string_view error_field() const { return error_field_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }

  // what: a string literal. The first failure is the one that is kept.
  void Fail(const char* what) {
    if (error_ == nullptr) error_ = what;
    p_ = end_;
  }
  // Names the field that was being read when ok() turned false. The first name is kept.
  void NameError(std::string_view field) {
    if (error_field_.empty()) error_field_ = field;
  }

  uint8_t Byte() {
    if (p_ == end_) return Truncated();
    return static_cast<uint8_t>(*p_++);
  }
  uint16_t I16() { return Integer<uint16_t>(); }
  uint32_t I32() { return Integer<uint32_t>(); }
  uint64_t I64() { return Integer<uint64_t>(); }
  // Borrowed from the input.
  std::string_view Bytes() {
    const uint32_t size = I32();
    if (size > remaining()) {
      Fail("a length exceeds the bytes that are there");
      return {};
    }
    const std::string_view view(p_, size);
    p_ += size;
    return view;
  }
  // Reads the head of the next field; false after the last field or on failure.
  bool NextField(WireType* type, int16_t* id) {
    *type = static_cast<WireType>(Byte());
    if (*type == WireType::kStop) return false;
    *id = static_cast<int16_t>(I16());
    return ok();
  }
  // Jumps over a value of a field nobody knows. Fails for a type that is none and for nesting
  // deeper than kMaxDepth.
  void Skip(WireType type) { SkipValue(type, 0); }

  static constexpr int kMaxDepth = 64;

 private:
  template <typename Int>
  Int Integer() {
    if (remaining() < sizeof(Int)) return Truncated();
    Int value;
    std::memcpy(&value, p_, sizeof(Int));
    p_ += sizeof(Int);
    return BigEndian(value);
  }
  uint8_t Truncated() {
    Fail("the message ends too early");
    return 0;
  }
  void SkipBytes(size_t count) {
    if (count > remaining()) return Fail("the message ends too early");
    p_ += count;
  }
  void SkipValue(WireType type, int depth);
  void SkipElements(WireType key, WireType value, bool has_key, int depth);

  const char* p_;
  const char* const end_;
  const char* error_ = nullptr;
  std::string_view error_field_;
};

}  // namespace vasto::rpc
