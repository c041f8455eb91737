// SPDX-License-Identifier: Apache-2.0
#include "core/codec/change.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "core/codec/limits.h"

namespace vasto {

uint64_t ChecksumOf(const ChangeBatch& batch) {
  const std::array<uint64_t, 3> range{batch.log, batch.first, batch.last};
  const uint64_t seed = XXH3_64bits(range.data(), sizeof(range));
  return XXH3_64bits_withSeed(batch.changes.data(), batch.changes.size(), seed);
}

Status CheckChangeBatch(const ChangeBatch& batch) {
  if (ChecksumOf(batch) != batch.checksum) {
    return Status::Corruption("changes of another replica were damaged on their way");
  }
  if (batch.log == 0 || batch.first == 0 || batch.first > batch.last) {
    return Status::InvalidArgument("changes of another replica without a range in a log");
  }
  return {};
}

bool ChangeReader::Next(Change* change) {
  if (!status_.ok() || bytes_.remaining() == 0) return false;
  change->key = bytes_.LengthPrefixed();
  const std::string_view record = bytes_.LengthPrefixed();
  if (!bytes_.ok()) {
    status_ = Status::Corruption("changes end in the middle of one");
    return false;
  }
  if (change->key.size() > kMaxKeySize) {
    status_ = Status::Corruption("a change with a key of " + std::to_string(change->key.size()) +
                                 " bytes; the limit is " + std::to_string(kMaxKeySize));
    return false;
  }
  change->key_hash = KeyHash(change->key);
  auto decoded = DecodeRecordWithKeyHash(change->key_hash, record, &change->content_checksum);
  if (!decoded.ok()) {
    status_ = std::move(decoded).status();
    return false;
  }
  change->record = *decoded;
  return true;
}

}  // namespace vasto
