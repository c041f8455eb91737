// SPDX-License-Identifier: Apache-2.0
// The one place where RocksDB's results become ours. Threads: any; pure functions.
#pragma once

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace rocksdb {
class DB;
}

namespace vasto::storage {

// OK stays OK; what RocksDB knows and we do not (a merge in progress, a dropped column family, …)
// is kInternal. The message keeps RocksDB's own text.
Status FromRocksDb(const rocksdb::Status& status);

// A property of the database (rocksdb::DB::Properties); 0 when it has none of that name.
uint64_t IntProperty(rocksdb::DB* db, const std::string& name);

// Views of the same bytes; borrowed.
inline rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace vasto::storage
