// SPDX-License-Identifier: Apache-2.0
// A replica whose shard takes no writes any more (full disk, failed disk) leaves its place to
// another one, and takes it again when the shard is well.
//
//  1. It asks whether another replica follows that has all that was written here. If there is none,
//     it stays: reads go on, and clients are told why nothing is written. It asks again later.
//  2. Else it serves nobody from now on, and ends its part in the replication once the others have
//     the rest. So no write waits for it, as none does for a store that is down.
//  3. When the shard is well again it has to be opened anew: that is how a replica finds out what
//     it missed, before it serves.
//
// Replicas whose disks are full at once must not all leave. Each first waits for those that clients
// prefer to it, which by then do not follow it any more.
//
// Threads: alone, any; the rest one at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/status.h"
#include "core/replication/shard_replica.h"
#include "core/storage/shard.h"

namespace vasto::store {

class StandDown {
 public:
  // How long one replica gets to leave before the next one of the order asks.
  static constexpr int64_t kTurnUs = 2'500'000;
  // How long the others get to confirm that they have everything, and then to fetch the rest.
  static constexpr int64_t kConfirmUs = 500'000;
  static constexpr int64_t kHandOverUs = 1'000'000;
  // Between two times to ask.
  static constexpr int64_t kAskAgainUs = 5'000'000;

  enum class Need {
    kNothing,
    kDetach,  // end the replica; once
    kReopen,  // open the shard anew; once
  };

  // As many replicas come before this one in the order of the clients.
  void SetAhead(size_t ahead) { ahead_ = ahead; }
  // Looks how the shard stands, several times a second. Returns what is to be done now.
  // shard, replica: of this one; the replica closes, at the latest, before *this goes.
  Need Look(const storage::Shard& shard, replication::ShardReplica* replica, int64_t now_us);
  // No other replica can take the place of one that takes no writes: why it does not is final.
  bool alone() const { return alone_.load(std::memory_order_acquire); }

 private:
  enum class Phase { kServes, kAsks, kHandsOver, kDetached, kReopens };
  // The answer to the question of rule 1.
  struct Confirmation final : replication::AckWaiter {
    void Ended(bool acknowledged) override {
      state.store(acknowledged ? kYes : kNo, std::memory_order_release);
    }
    static constexpr int kOpen = 0, kYes = 1, kNo = 2;
    std::atomic<int> state{kNo};
  };

  // kServes, of a shard that is not well.
  void Ask(const storage::Shard& shard, replication::ShardReplica* replica, int64_t now_us);
  void TakeAnswer(replication::ShardReplica* replica, int64_t now_us);
  void Stay(int64_t now_us);

  std::atomic<bool> alone_{false};
  Confirmation confirmation_;
  Phase phase_ = Phase::kServes;
  size_t ahead_ = 0;
  int64_t ill_since_us_ = 0;  // 0: it is well
  int64_t next_us_ = 0;       // kServes: when to ask; kHandsOver: when that ends
};

}  // namespace vasto::store
