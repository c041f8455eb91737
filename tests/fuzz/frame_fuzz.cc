// SPDX-License-Identifier: Apache-2.0
// A byte stream as it comes from a socket, in pieces of any size: whatever the pieces, FrameReader
// cuts the same frames out of it as one look at the whole would. The first two bytes of the input
// choose the scratch's size and the sequence of pieces.
#include <algorithm>
#include <vector>

#include "core/rpc/frame.h"
#include "core/rpc/wire.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {
namespace {

using rpc::FrameReader;

constexpr size_t kMaxFrame = 4096;

// What a stream holds: its whole frames, and whether they end in a length that is none.
struct Cut {
  std::vector<std::string> frames;
  bool bad = false;
  bool operator==(const Cut&) const = default;
};

Cut CutAtOnce(std::string_view stream) {
  Cut cut;
  while (stream.size() >= 4) {
    uint32_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(stream[i]);
    cut.bad = length == 0 || length > kMaxFrame;
    if (cut.bad || stream.size() - 4 < length) break;
    cut.frames.emplace_back(stream.substr(4, length));
    stream.remove_prefix(4 + length);
  }
  return cut;
}

void LookInside(std::string_view frame) {
  rpc::Message message;
  if (!rpc::ParseMessage(frame, &message)) return;
  int32_t error = 0;
  std::string text;
  static_cast<void>(rpc::DecodeAppError(message.body, &error, &text));
  std::string again;
  const size_t start = rpc::BeginFrame(message.type, message.name, message.seqid, &again);
  again.append(message.body);
  rpc::EndFrame(start, &again);
  VASTO_FUZZ_CHECK(std::string_view(again).substr(4) == frame);
}

// Takes at most `limit` frames out, as a connection does that is not to be served more at once.
void Take(FrameReader* reader, size_t limit, Cut* cut) {
  std::string_view frame;
  FrameReader::Result result = FrameReader::Result::kNone;
  while (limit-- > 0 && (result = reader->Next(&frame)) == FrameReader::Result::kFrame) {
    LookInside(frame);
    cut->frames.emplace_back(frame);
  }
  cut->bad = result == FrameReader::Result::kBadLength;
  reader->Finish();
}

Cut CutInPieces(std::string_view stream, size_t scratch_bytes, uint32_t dice) {
  std::vector<char> scratch(scratch_bytes);
  FrameReader reader(kMaxFrame);
  Cut cut;
  while (!cut.bad && (!stream.empty() || reader.HasFrame())) {
    dice = dice * 1664525 + 1013904223;
    const size_t limit = (dice >> 28) == 0 ? 1 : 100'000;
    if (reader.HasFrame()) {
      reader.Resume();
    } else {
      const std::span<char> space = reader.Space(scratch);
      VASTO_FUZZ_CHECK(!space.empty());
      const size_t piece = std::min({space.size(), stream.size(), size_t{1} + (dice >> 16) % 600});
      std::copy_n(stream.data(), piece, space.data());
      stream.remove_prefix(piece);
      reader.Filled(piece);
    }
    Take(&reader, limit, &cut);
    VASTO_FUZZ_CHECK(reader.kept_bytes() <= kMaxFrame + 4 + scratch_bytes);
  }
  return cut;
}

std::string Frame(std::string_view name, int32_t seqid, size_t payload) {
  std::string frame;
  const size_t start = rpc::BeginFrame(rpc::MessageType::kCall, name, seqid, &frame);
  rpc::WriteRequest request;
  request.entry.payload.assign(payload, 'p');
  rpc::EncodeRequest<rpc::Write>(request, &frame);
  rpc::EndFrame(start, &frame);
  return frame;
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string small = Frame("write", 7, 3);
  const std::string large = Frame("write", 0, 3000);
  std::string error;
  const size_t start = rpc::BeginFrame(rpc::MessageType::kException, "get", 1, &error);
  rpc::EncodeAppError(rpc::AppError::kUnknownMethod, "unknown", &error);
  rpc::EndFrame(start, &error);
  return {"\x01\x02" + small,
          "\x05\x09" + small + large + small,
          "\xff\x01" + large + large + error,
          "\x20\x30" + small + std::string("\0\0\0\0", 4),
          "\x20\x31" + small + "\xff\xff\xff\xff",
          "\x00\x31" + error + small.substr(0, 20)};
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const vasto::fuzz::Cut whole = vasto::fuzz::CutAtOnce(stream);
  VASTO_FUZZ_CHECK(vasto::fuzz::CutInPieces(stream, 16 + size_t{data[0]} * 64, data[1]) == whole);
  return 0;
}
