// SPDX-License-Identifier: Apache-2.0
// Frames and message heads: what is around the bodies of wire.h on a byte stream. A frame is its
// length (four bytes, big endian, without themselves) and one Thrift message: version and type,
// method name, sequence id, body.
//
// Threads: one at a time per object.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vasto::rpc {

enum class MessageType : uint8_t { kCall = 1, kReply = 2, kException = 3, kOneway = 4 };

struct Message {
  MessageType type = MessageType::kCall;
  std::string_view name;  // borrowed from the frame
  int32_t seqid = 0;
  std::string_view body;  // borrowed from the frame
};

// False for bytes that are no message of the strict binary protocol.
bool ParseMessage(std::string_view frame, Message* message);

// Appends the frame's head, its length still open. Returns where the frame starts, for EndFrame.
size_t BeginFrame(MessageType type, std::string_view name, int32_t seqid, std::string* out);
// Fills in the length, now that the body is there too. more: bytes of it that follow outside *out.
void EndFrame(size_t start, std::string* out, size_t more = 0);

// Numbers of Thrift's TApplicationException.
enum class AppError : int32_t { kUnknownMethod = 1, kInvalidMessageType = 2 };
// The body of a kException message.
void EncodeAppError(AppError error, std::string_view text, std::string* out);
// Reads such a body; false when it is none.
bool DecodeAppError(std::string_view body, int32_t* error, std::string* text);

// Cuts a byte stream into frames. One round is: read into Space(), Filled(), Next() until it gives
// no frame, Finish().
//
// Bytes are read into the caller's scratch memory, shared by all its streams, and frames are views
// into it; only what is left of a round is copied out and kept. A frame larger than the scratch is
// read straight into memory of its own, which grows with what has arrived, not with what the length
// promises. A stream between frames holds no memory.
class FrameReader {
 public:
  // max_frame_bytes: a longer frame is an error.
  explicit FrameReader(size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  // Where the next bytes of the stream go; never empty. scratch: the same until Finish. REQUIRES:
  // !HasFrame().
  std::span<char> Space(std::span<char> scratch);
  // The first `bytes` of Space() have been filled.
  void Filled(size_t bytes) { end_ += bytes; }
  // Starts a round with what is kept, without reading.
  void Resume();

  enum class Result { kFrame, kNone, kBadLength };
  // frame: without its length; valid until Finish.
  Result Next(std::string_view* frame);
  // Keeps what was not consumed.
  void Finish();

  // Between rounds: bytes of an incomplete frame, or of frames not taken in an earlier round, are
  // kept.
  size_t kept_bytes() const { return kept_size_; }
  // Between rounds: Next would give a frame or kBadLength.
  bool HasFrame() const;

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };

  void Reserve(size_t capacity);

  size_t max_frame_bytes_;
  std::unique_ptr<char, Free> kept_;
  size_t kept_size_ = 0;
  size_t kept_capacity_ = 0;
  // The unconsumed bytes of this round, in the scratch or in kept_.
  char* begin_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace vasto::rpc
