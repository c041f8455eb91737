// SPDX-License-Identifier: Apache-2.0
// Changes of one shard as they happen; served by stores.
include "common.thrift"
include "data.thrift"

namespace cpp vasto.thrift
namespace py vasto_thrift.watch

struct WatchRequest {
  1: data.ShardRef ref,     // ref.shard must be given
  // Random; the same in all requests of a watcher to a shard. It has one at a time: a further one
  // ends the one before, which is answered at once.
  2: i64 watcher = 0,
  3: bool from_now = false, // `have` is not read; the answer comes at once
  4: list<common.Position> have,  // where the watcher stands: WatchResponse.at
  5: binary prefix,         // of the keys to be told of
  6: i32 max_bytes = 0,     // of changes, 0: the store's default; one larger batch goes alone
  7: i32 wait_ms = 0,       // how long to wait for changes; a part of ref.timeout_ms at most
}
struct WatchResponse {
  1: list<common.Position> at,  // behind these changes
  // In order; a key's last one is what the replica keeps. As in ChangeBatch.
  2: binary changes,
}

service WatchService {
  // Waits for changes. TOO_OLD: the store does not remember what came after `have`. BUSY: as many
  // watch this store as it serves.
  WatchResponse watch(1: WatchRequest request)
    throws (1: common.VastoError error),
}
