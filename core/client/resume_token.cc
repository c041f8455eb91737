// SPDX-License-Identifier: Apache-2.0
#include "core/client/resume_token.h"

#include <limits>
#include <utility>

#include "core/base/bytes.h"
#include "core/client/token_frame.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

constexpr TokenFrame kResumeFrame{"the resume token", "", kResumeTokenFormat};
constexpr uint8_t kFormatWithoutHash = 1;
constexpr uint8_t kHasPosition = 1;

uint64_t Fingerprint(const ScanRange& range) {
  std::string bytes;
  PutLengthPrefixed(&bytes, range.start);
  bytes += range.end;
  return PartitionHash(bytes);
}

}  // namespace

std::string EncodeResumeToken(const ScanRange& range, const std::optional<ScanPosition>& last) {
  std::string token = kResumeFrame.Begin();
  PutFixed(&token, last ? kHasPosition : uint8_t{0});
  PutFixed(&token, range.keyspace.hi);
  PutFixed(&token, range.keyspace.lo);
  PutFixed(&token, Fingerprint(range));
  if (last) {
    PutFixed(&token, last->partition_hash);
    token += last->key;
  }
  return TokenFrame::Seal(std::move(token));
}

StatusOr<std::optional<ScanPosition>> DecodeResumeToken(const ScanRange& range,
                                                        std::string_view token) {
  if (token.empty()) return std::optional<ScanPosition>();
  VASTO_ASSIGN_OR_RETURN(const TokenFrame::Opened opened, kResumeFrame.Open(token));
  ByteReader reader(opened.body);
  const auto flags = reader.Fixed<uint8_t>();
  Uuid keyspace;
  keyspace.hi = reader.Fixed<uint64_t>();
  keyspace.lo = reader.Fixed<uint64_t>();
  const auto fingerprint = reader.Fixed<uint64_t>();
  ScanPosition last;
  last.partition_hash = std::numeric_limits<uint64_t>::max();
  if (flags == kHasPosition && opened.format != kFormatWithoutHash) {
    last.partition_hash = reader.Fixed<uint64_t>();
  }
  last.key = reader.Bytes(reader.remaining());
  if (!reader.ok() || flags > kHasPosition || (flags == 0 && !last.key.empty())) {
    return kResumeFrame.Invalid("is damaged");
  }
  if (keyspace != range.keyspace) return kResumeFrame.Invalid("belongs to another keyspace");
  if (fingerprint != Fingerprint(range))
    return kResumeFrame.Invalid("belongs to a scan of another range");
  if (flags == 0) return std::optional<ScanPosition>();
  return std::optional<ScanPosition>(std::move(last));
}

}  // namespace vasto::client
