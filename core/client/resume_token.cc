// SPDX-License-Identifier: Apache-2.0
#include "core/client/resume_token.h"

#include <limits>
#include <utility>

#include "core/base/bytes.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

constexpr uint8_t kFormatWithoutHash = 1;
constexpr uint8_t kHasPosition = 1;
constexpr size_t kChecksumSize = 4;

uint64_t Fingerprint(const ScanRange& range) {
  std::string bytes;
  PutLengthPrefixed(&bytes, range.start);
  bytes += range.end;
  return PartitionHash(bytes);
}

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(PartitionHash(bytes)); }

Status Invalid(const std::string& why) {
  return Status::InvalidArgument("the resume token " + why);
}

}  // namespace

std::string EncodeResumeToken(const ScanRange& range, const std::optional<ScanPosition>& last) {
  std::string token;
  PutFixed(&token, kResumeTokenFormat);
  PutFixed(&token, last ? kHasPosition : uint8_t{0});
  PutFixed(&token, range.keyspace.hi);
  PutFixed(&token, range.keyspace.lo);
  PutFixed(&token, Fingerprint(range));
  if (last) {
    PutFixed(&token, last->partition_hash);
    token += last->key;
  }
  PutFixed(&token, Checksum(token));
  return token;
}

StatusOr<std::optional<ScanPosition>> DecodeResumeToken(const ScanRange& range,
                                                        std::string_view token) {
  if (token.empty()) return std::optional<ScanPosition>();
  const auto format = static_cast<uint8_t>(token.front());
  if (format > kResumeTokenFormat) {
    return Invalid("has format " + std::to_string(format) + "; this version knows up to " +
                   std::to_string(kResumeTokenFormat));
  }
  if (format == 0 || token.size() < kChecksumSize) return Invalid("is damaged");
  const std::string_view body = token.substr(0, token.size() - kChecksumSize);
  if (GetFixed<uint32_t>(token.data() + body.size()) != Checksum(body)) {
    return Invalid("is damaged");
  }
  ByteReader reader(body.substr(1));
  const auto flags = reader.Fixed<uint8_t>();
  Uuid keyspace;
  keyspace.hi = reader.Fixed<uint64_t>();
  keyspace.lo = reader.Fixed<uint64_t>();
  const auto fingerprint = reader.Fixed<uint64_t>();
  ScanPosition last;
  last.partition_hash = std::numeric_limits<uint64_t>::max();
  if (flags == kHasPosition && format != kFormatWithoutHash) {
    last.partition_hash = reader.Fixed<uint64_t>();
  }
  last.key = reader.Bytes(reader.remaining());
  if (!reader.ok() || flags > kHasPosition || (flags == 0 && !last.key.empty())) {
    return Invalid("is damaged");
  }
  if (keyspace != range.keyspace) return Invalid("belongs to another keyspace");
  if (fingerprint != Fingerprint(range)) return Invalid("belongs to a scan of another range");
  if (flags == 0) return std::optional<ScanPosition>();
  return std::optional<ScanPosition>(std::move(last));
}

}  // namespace vasto::client
