// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/frame.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/rpc/binary_protocol.h"

namespace vasto::rpc {
namespace {

constexpr uint32_t kVersion = 0x80010000;
constexpr uint32_t kVersionMask = 0xffff0000;
constexpr size_t kLengthBytes = 4;
constexpr size_t kFirstReserve = 256 << 10;

uint32_t LoadLength(const char* p) {
  uint32_t big;
  std::memcpy(&big, p, kLengthBytes);
  return BigEndian(big);
}

char* StoreInt(char* p, uint32_t value) {
  const uint32_t big = BigEndian(value);
  std::memcpy(p, &big, sizeof(big));
  return p + sizeof(big);
}

}  // namespace

bool ParseMessage(std::string_view frame, Message* message) {
  BinaryReader in(frame);
  const uint32_t version = in.I32();
  message->name = in.Bytes();
  message->seqid = static_cast<int32_t>(in.I32());
  const uint32_t type = version & ~kVersionMask;
  if (!in.ok() || (version & kVersionMask) != kVersion || type < 1 || type > 4) return false;
  message->type = static_cast<MessageType>(type);
  message->body = frame.substr(frame.size() - in.remaining());
  return true;
}

size_t BeginFrame(MessageType type, std::string_view name, int32_t seqid, std::string* out) {
  const size_t start = out->size();
  char head[16];
  char* p = StoreInt(head, 0);
  p = StoreInt(p, kVersion | static_cast<uint32_t>(type));
  p = StoreInt(p, static_cast<uint32_t>(name.size()));
  out->append(head, static_cast<size_t>(p - head));
  out->append(name);
  StoreInt(head, static_cast<uint32_t>(seqid));
  out->append(head, 4);
  return start;
}

void EndFrame(size_t start, std::string* out, size_t more) {
  StoreInt(out->data() + start, static_cast<uint32_t>(out->size() - start - kLengthBytes + more));
}

void EncodeAppError(AppError error, std::string_view text, std::string* out) {
  BinaryWriter writer(out);
  writer.FieldHeader(WireType::kString, 1);
  writer.Bytes(text);
  writer.FieldHeader(WireType::kI32, 2);
  writer.I32(static_cast<uint32_t>(error));
  writer.End();
}

bool DecodeAppError(std::string_view body, int32_t* error, std::string* text) {
  BinaryReader in(body);
  WireType type;
  int16_t id;
  *error = 0;
  while (in.NextField(&type, &id)) {
    if (id == 1 && type == WireType::kString) {
      text->assign(in.Bytes());
    } else if (id == 2 && type == WireType::kI32) {
      *error = static_cast<int32_t>(in.I32());
    } else {
      in.Skip(type);
    }
  }
  return in.ok();
}

std::span<char> FrameReader::Space(std::span<char> scratch) {
  if (kept_size_ == 0) {
    begin_ = end_ = scratch.data();
    return scratch;
  }
  const size_t frame =
      kept_size_ < kLengthBytes ? kLengthBytes : kLengthBytes + LoadLength(kept_.get());
  if (frame <= scratch.size() / 2) {  // so is what is kept, and at least as much is free behind it
    std::memcpy(scratch.data(), kept_.get(), kept_size_);
    begin_ = scratch.data();
    end_ = begin_ + kept_size_;
    kept_size_ = 0;
    return scratch.subspan(static_cast<size_t>(end_ - begin_));
  }
  if (kept_size_ == kept_capacity_ || kept_capacity_ < kFirstReserve) {
    Reserve(std::min(frame, std::max(2 * kept_size_, kFirstReserve)));
  }
  begin_ = kept_.get();
  end_ = begin_ + kept_size_;
  return {end_, std::min(kept_capacity_, frame) - kept_size_};
}

void FrameReader::Resume() {
  begin_ = kept_.get();
  end_ = begin_ + kept_size_;
}

FrameReader::Result FrameReader::Next(std::string_view* frame) {
  const auto available = static_cast<size_t>(end_ - begin_);
  if (available < kLengthBytes) return Result::kNone;
  const uint32_t length = LoadLength(begin_);
  // A negative length is a huge one here.
  if (length == 0 || length > max_frame_bytes_) return Result::kBadLength;
  if (available - kLengthBytes < length) return Result::kNone;
  *frame = {begin_ + kLengthBytes, length};
  begin_ += kLengthBytes + length;
  return Result::kFrame;
}

void FrameReader::Finish() {
  const auto rest = static_cast<size_t>(end_ - begin_);
  if (rest == 0) {
    kept_.reset();
    kept_capacity_ = 0;
  } else {
    const bool in_kept =
        kept_ != nullptr && begin_ >= kept_.get() && begin_ < kept_.get() + kept_capacity_;
    if (!in_kept && rest > kept_capacity_) {
      kept_size_ = 0;
      Reserve(rest);
    }
    if (begin_ != kept_.get()) std::memmove(kept_.get(), begin_, rest);
  }
  kept_size_ = rest;
  begin_ = end_ = nullptr;
}

bool FrameReader::HasFrame() const {
  if (kept_size_ < kLengthBytes) return false;
  const uint32_t length = LoadLength(kept_.get());
  return length == 0 || length > max_frame_bytes_ || length <= kept_size_ - kLengthBytes;
}

void FrameReader::Reserve(size_t capacity) {
  if (capacity <= kept_capacity_) return;
  char* const grown = static_cast<char*>(std::realloc(kept_.get(), capacity));
  if (grown == nullptr) throw std::bad_alloc();
  (void)kept_.release();
  kept_.reset(grown);
  kept_capacity_ = capacity;
}

}  // namespace vasto::rpc
