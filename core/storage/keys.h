// SPDX-License-Identifier: Apache-2.0
// The keys of a shard's database: one leading byte parts what users store from what the shard keeps
// for itself, in one key space, so that one WriteBatch changes both or neither.
//
//   0x00 name       meta: kHlcBoundKey, kIdentityKey, kGcFloorsKey, kFeedKey, kOwnEndKey,
//                   kPositionPrefix
//   0x01 user key   data: a record (core/codec/record.h)
//
// Threads: any; constants and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/codec/positions.h"

namespace vasto::storage {

constexpr char kMetaPrefix = 0x00;
constexpr char kDataPrefix = 0x01;

// The greatest event time that may be stored or given out without changing this key first; fixed64.
constexpr std::string_view kHlcBoundKey{"\0hlc_bound", 10};
// Whose database this is: the bytes of the folder's file IDENTITY.
constexpr std::string_view kIdentityKey{"\0identity", 9};
// How new what compactions have dropped may have been; see gc_floors.h.
constexpr std::string_view kGcFloorsKey{"\0gc_floors", 10};
// The logs that this database has written; see feed.h.
constexpr std::string_view kFeedKey{"\0feed", 5};
// Where what this database accepted from clients ends; see feed.h.
constexpr std::string_view kOwnEndKey{"\0own_end", 8};
// With the id of a log (fixed64) behind it: how far this replica has come in it, fixed64.
constexpr std::string_view kPositionPrefix{"\0position", 9};
// Less than every data key and greater than every meta key; the end of the data.
constexpr std::string_view kDataBegin{"\x01", 1};
constexpr std::string_view kDataEnd{"\x02", 1};

inline std::string PositionKey(LogId log) {
  std::string key(kPositionPrefix);
  PutFixed<uint64_t>(&key, log);
  return key;
}
// Appends the database key of a user key.
inline void AppendDataKey(std::string_view user_key, std::string* out) {
  out->push_back(kDataPrefix);
  out->append(user_key);
}

}  // namespace vasto::storage
