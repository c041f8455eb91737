// SPDX-License-Identifier: Apache-2.0
// Tells the watchers of one shard of its changes.
//
// A request that finds nothing is parked, and answered when something is written that it wants or
// its time has come. All reading is the pool's, one piece under way for each watcher; what a
// watcher costs does not depend on how far behind or how slow it is: a place in the log, and one
// answer. No log is kept for it; one that is too far behind is told so.
//
// Threads: any; Close once, after which nothing of this touches the shard. Lock order: the feed's
// listener, mu_, the feed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/codec/positions.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/messages.h"
#include "core/storage/shard.h"
#include "core/storage/watch_cursor.h"

namespace vasto::store {

// How many watchers the shards of a store may have together. Threads: any.
class WatchPlaces {
 public:
  explicit WatchPlaces(int limit) : limit_(limit) {}
  [[nodiscard]] bool Take() {
    if (taken_.fetch_add(1, std::memory_order_relaxed) < limit_) return true;
    GiveBack();
    return false;
  }
  void GiveBack() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  int limit() const { return limit_; }

 private:
  const int limit_;
  std::atomic<int> taken_{0};
};

class WatchServer final : public std::enable_shared_from_this<WatchServer> {
 public:
  static constexpr size_t kDefaultBytes = 256 << 10;
  static constexpr size_t kMaxBytes = 1 << 20;
  // How long a request is parked at most.
  static constexpr int64_t kWaitUs = 10'000'000;
  // A watcher that has not asked for so long has no place any more; it may come back.
  static constexpr int64_t kIdleUs = 10'000'000;
  // One for which nothing was read for so long has no log open: that would keep the space of a file
  // that is deleted, and memory.
  static constexpr int64_t kRestUs = 5'000'000;

  // All borrowed; shard lives until Close, the others longer than *this.
  static std::shared_ptr<WatchServer> Make(storage::Shard* shard, WatchPlaces* places,
                                           ThreadPool* pool, const Clock* clock);
  ~WatchServer();
  WatchServer(const WatchServer&) = delete;
  WatchServer& operator=(const WatchServer&) = delete;

  void Watch(rpc::WatchRequest request, rpc::Responder<rpc::Watch> responder) EXCLUDES(mu_);
  // Answers those whose time has come, and forgets those that do not ask any more. To be called
  // several times a second.
  void Tick() EXCLUDES(mu_);
  // Parked requests end. Idempotent.
  void Close() EXCLUDES(mu_);

 private:
  struct Parked {
    rpc::WatchRequest request;
    rpc::Responder<rpc::Watch> responder;
    int64_t until_us;
  };
  struct Watcher {
    // Stands where the parked request goes on; nullptr: it has to be found yet. While `reading` a
    // pool thread has it.
    std::shared_ptr<storage::WatchCursor> cursor;
    VersionVector at;       // where it stood when it last was answered
    uint64_t requests = 0;  // that came
    int64_t used_us = 0;    // when the last one came or was answered
    int64_t read_us = 0;    // when something was read for it last
    bool reading = false;
    bool rests = false;
    std::optional<Parked> parked;
  };
  using Answer = std::pair<rpc::Responder<rpc::Watch>, StatusOr<rpc::WatchResponse>>;
  // One piece of work of the pool.
  struct Reading {
    uint64_t watcher = 0;
    uint64_t request = 0;  // which of the watcher's
    bool from_now = false;
    VersionVector have;
    std::string prefix;
    size_t max_bytes = 0;
    std::shared_ptr<storage::WatchCursor> cursor;
    std::string changes;
  };

  WatchServer(storage::Shard* shard, WatchPlaces* places, ThreadPool* pool, const Clock* clock);

  void OnCommit() EXCLUDES(mu_);
  // Reads for the parked request, unless there is nothing to read.
  void ReadFor(uint64_t id, Watcher* watcher) REQUIRES(mu_);
  static Status Read(storage::Feed* feed, Reading* reading);
  void EndRead(Reading reading, const Status& status) EXCLUDES(mu_);
  static void RestIfIdle(Watcher* watcher, int64_t now_us);
  // Answers the parked request. REQUIRES: nobody reads, and the cursor is there.
  void Take(Watcher* watcher, std::string changes, std::vector<Answer>* answers) REQUIRES(mu_);
  static void Send(std::vector<Answer>* answers);

  storage::Feed* const feed_;  // borrowed; lives until Close
  WatchPlaces* const places_;  // borrowed; outlives *this
  ThreadPool* const pool_;     // borrowed; outlives *this
  const Clock* const clock_;   // borrowed; outlives *this
  Gate gate_;                  // of what the pool does
  std::atomic<int> parked_{0};

  Mutex mu_;
  bool closed_ GUARDED_BY(mu_) = false;
  std::map<uint64_t, Watcher> watchers_ GUARDED_BY(mu_);
};

}  // namespace vasto::store
