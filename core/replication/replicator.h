// SPDX-License-Identifier: Apache-2.0
// The replicas of one store: finds the one a pull is for, carries pulls to other stores, one
// connection for all shards of a pair of stores, and tidies up from time to time.
//
// Threads: any; Register before the server starts. Stop before the server stops, which waits for
// the pulls that are parked here.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/replication/shard_replica.h"
#include "core/rpc/channel.h"
#include "core/rpc/dispatcher.h"
#include "core/topology/cluster_map.h"

namespace vasto::replication {

// All pointers borrowed; they outlive the replicator.
struct ReplicatorOptions {
  Uuid store;
  rpc::Transport* transport = nullptr;
  ThreadPool* pool = nullptr;  // for what waits for the disk
  const Clock* clock = nullptr;
  Random* random = nullptr;  // asked by many threads
  const Logger* logger = nullptr;
  // Where a store is, as far as known now.
  std::function<std::optional<StoreInfo>(const Uuid&)> find_store;
  // The shard's next opening has what another replica had: it should be opened anew. On any thread;
  // must not block.
  std::function<void(const Uuid& keyspace, int32_t number)> on_copied;
  // A replica that was made anew has begun to serve. On a thread of the pool.
  std::function<void(const Uuid& keyspace, int32_t number)> on_complete;
};

class Replicator final : public Peers {
 public:
  static constexpr int64_t kTidyUs = 10'000'000;
  static constexpr int kCopies = 2;  // at once
  // A store notices that it stood still (stopped, starved, frozen with its machine) for this long,
  // by a beat that did not come. Clients must not give it up for dead sooner.
  static constexpr int64_t kStandstillUs = 200'000;
  static constexpr int64_t kBeatUs = 40'000;
  // Another store that did not answer for so long is not waited for; what only others have of it
  // is asked of them. One question in so many beats.
  static constexpr int64_t kSilentUs = 300'000;
  static constexpr int kPingBeats = 3;

  explicit Replicator(const ReplicatorOptions& options);
  ~Replicator() override;
  Replicator(const Replicator&) = delete;
  Replicator& operator=(const Replicator&) = delete;

  void Register(rpc::Dispatcher* dispatcher);

  // A replica begins to work with its first Configure. shard: borrowed until Detach. anew: see
  // follower.h.
  std::shared_ptr<ShardReplica> Attach(const Uuid& keyspace, int32_t number, storage::Shard* shard,
                                       bool anew) EXCLUDES(mu_);
  // Ends it; afterwards nothing touches its shard.
  void Detach(const std::shared_ptr<ShardReplica>& replica, const Uuid& keyspace, int32_t number)
      EXCLUDES(mu_);

  // Gives what a shard that was detached, and was replaced, has alone to the stores of these
  // replicas; as GiveBackAll (give_back.h). Waits.
  Status GiveBack(const Uuid& keyspace, int32_t number, storage::Shard* shard,
                  std::vector<Uuid> heirs) EXCLUDES(mu_);

  // Before a clean stop: serves no clients any more, and waits until the others have all that was
  // accepted here, no longer than this.
  void HandOver(int64_t timeout_us) EXCLUDES(mu_);
  // Ends the work of all replicas, those to come included.
  void Stop() EXCLUDES(mu_);

  void Pull(const Uuid& store, const rpc::PullRequest& request, int64_t deadline_us,
            PullDone done) override EXCLUDES(mu_);
  void RunAt(int64_t monotonic_us, std::function<void()> fn) override;
  int64_t HeardUs(const Uuid& store) override EXCLUDES(mu_);
  int64_t AnsweredUs(const Uuid& store) override EXCLUDES(mu_);
  int64_t GoneUs(const Uuid& store) override EXCLUDES(mu_);

 private:
  using Key = std::pair<Uuid, int32_t>;
  class PeerCopySource;
  // The way to one store.
  struct Way {
    std::string address;
    std::shared_ptr<rpc::Channel> channel;
    std::string unix_path;  // empty: there is none to use
    std::shared_ptr<rpc::Channel> unix_channel;
    int64_t unix_broken_until_us = 0;
    bool pinging = false;
    int64_t heard_us = 0;     // when the last ping was sent that was answered
    int64_t answered_us = 0;  // when a ping of that store was answered last
    int64_t gone_us = 0;      // when the last ping was sent, if nobody listened
  };

  void Serve(rpc::PullRequest request, rpc::Responder<rpc::Pull> responder) EXCLUDES(mu_);
  void BeginCopy(const rpc::BeginCopyRequest& request, rpc::Responder<rpc::BeginCopy> responder)
      EXCLUDES(mu_);
  void TakeBack(rpc::GiveBackRequest request, rpc::Responder<rpc::GiveBack> responder)
      EXCLUDES(mu_);
  void NotePing(const Uuid& from) EXCLUDES(mu_);
  void Beat() EXCLUDES(mu_);
  void PingAll() EXCLUDES(mu_);
  std::vector<std::shared_ptr<ShardReplica>> Replicas() EXCLUDES(mu_);
  // nullptr: it is not here, or has no others.
  std::shared_ptr<ShardReplica> Find(const Uuid& keyspace, int32_t number) EXCLUDES(mu_);
  void Copy(const Key& key, storage::Shard* shard, const CopyChoice& choice) EXCLUDES(mu_);
  // done: as of Channel::Call.
  template <typename Method, typename Done>
  void Call(const Uuid& store, const typename Method::Request& request, int64_t deadline_us,
            Done done) EXCLUDES(mu_);
  // nullptr: nobody knows where the store is.
  std::shared_ptr<rpc::Channel> ChannelTo(const Uuid& store, bool* is_unix) EXCLUDES(mu_);
  void TidyUpLater();
  void TidyUp() EXCLUDES(mu_);

  const ReplicatorOptions options_;
  ThreadPool copy_pool_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> fresh_until_us_{0};
  int beats_ = 0;  // Beat's own

  Mutex mu_;
  bool stopped_ GUARDED_BY(mu_) = false;
  std::map<Key, std::shared_ptr<ShardReplica>> replicas_ GUARDED_BY(mu_);
  std::map<Uuid, Way> ways_ GUARDED_BY(mu_);
};

}  // namespace vasto::replication
