// SPDX-License-Identifier: Apache-2.0
// Makes of the databases of two replicas one that holds what either did: for two that have come
// apart so far that no log leads from the one to the other.
//
// Records are a join-semilattice (core/codec/merge.h), so it does not matter that most of them are
// on both sides, nor how often they are joined. A value that the one side has and the other has
// not is kept: whether it never came there or was deleted and forgotten there, nobody can tell.
//
// Threads: any; may wait for the disk, and take as long as reading both takes.
#pragma once

#include <functional>

#include "core/base/status.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace vasto::storage {

struct DatabaseJoin {
  rocksdb::DB* from = nullptr;  // borrowed, both
  rocksdb::DB* into = nullptr;  // nobody else writes to it
  // Asked for every few thousand records, with an error to end with.
  std::function<Status()> go_on;
};

// Afterwards `into` holds, durably, all records of both, and the greater of both clock bounds and
// floors (keys.h). What the databases say of themselves otherwise stays as it was. Not atomic: an
// error leaves a part. kCorruption: a record is damaged.
Status JoinDatabases(const DatabaseJoin& join);

}  // namespace vasto::storage
