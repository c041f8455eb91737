// SPDX-License-Identifier: Apache-2.0
#include "core/replication/replicator.h"

#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "core/replication/copier.h"
#include "core/replication/give_back.h"
#include "core/rpc/protocol_version.h"

namespace vasto::replication {
namespace {

constexpr int64_t kUnixRetryUs = 1'000'000;
constexpr auto kHandOverPause = std::chrono::milliseconds(1);

Status NotHere(const Uuid& keyspace, int32_t number) {
  return Status::Unavailable("shard " + std::to_string(number) + " of keyspace " +
                             keyspace.ToString() + " has no replica here that others follow");
}

}  // namespace

// Carries a copier's calls to one store.
class Replicator::PeerCopySource final : public CopySource {
 public:
  PeerCopySource(Replicator* replicator, const Uuid& peer) : replicator_(replicator), peer_(peer) {}

  void Begin(const rpc::BeginCopyRequest& request, int64_t deadline_us,
             rpc::UniqueFunction<void(StatusOr<rpc::BeginCopyResponse>)> done) override {
    replicator_->Call<rpc::BeginCopy>(peer_, request, deadline_us, std::move(done));
  }
  void Read(const rpc::ReadCopyRequest& request, int64_t deadline_us,
            rpc::UniqueFunction<void(StatusOr<rpc::ReadCopyResponse>)> done) override {
    replicator_->Call<rpc::ReadCopy>(peer_, request, deadline_us, std::move(done));
  }
  void End(const rpc::EndCopyRequest& request, int64_t deadline_us) override {
    // It ends by itself when this does not arrive.
    replicator_->Call<rpc::EndCopy>(peer_, request, deadline_us,
                                    [](const StatusOr<rpc::EndCopyResponse>&) {});
  }

 private:
  Replicator* const replicator_;  // borrowed; outlives *this
  const Uuid peer_;
};

Replicator::Replicator(const ReplicatorOptions& options)
    : options_(options), copy_pool_("vasto-copy", kCopies) {
  fresh_until_us_.store(options_.clock->MonotonicMicros() + kStandstillUs);
  Beat();
  TidyUpLater();
}

Replicator::~Replicator() { Stop(); }

void Replicator::Register(rpc::Dispatcher* dispatcher) {
  dispatcher->Handle<rpc::Ping>(
      [this](const rpc::PingRequest& request, rpc::Responder<rpc::Ping> responder) {
        NotePing(request.store);
        rpc::PingResponse response;
        response.time_us = options_.clock->WallMicros();
        responder.Ok(response);
      });
  dispatcher->Handle<rpc::Pull>(
      [this](rpc::PullRequest request, rpc::Responder<rpc::Pull> responder) {
        Serve(std::move(request), std::move(responder));
      });
  dispatcher->Handle<rpc::BeginCopy>(
      [this](const rpc::BeginCopyRequest& request, rpc::Responder<rpc::BeginCopy> responder) {
        BeginCopy(request, std::move(responder));
      });
  dispatcher->Handle<rpc::ReadCopy>(
      [this](const rpc::ReadCopyRequest& request, rpc::Responder<rpc::ReadCopy> responder) {
        const auto replica = Find(request.keyspace, request.shard);
        if (replica == nullptr) return responder.Fail(NotHere(request.keyspace, request.shard));
        replica->copies()->Read(request, std::move(responder));
      });
  dispatcher->Handle<rpc::EndCopy>(
      [this](const rpc::EndCopyRequest& request, rpc::Responder<rpc::EndCopy> responder) {
        const auto replica = Find(request.keyspace, request.shard);
        if (replica == nullptr) return responder.Fail(NotHere(request.keyspace, request.shard));
        replica->copies()->End(request, std::move(responder));
      });
  dispatcher->Handle<rpc::GiveBack>(
      [this](rpc::GiveBackRequest request, rpc::Responder<rpc::GiveBack> responder) {
        TakeBack(std::move(request), std::move(responder));
      });
}

std::vector<std::shared_ptr<ShardReplica>> Replicator::Replicas() {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<ShardReplica>> replicas;
  for (const auto& [key, replica] : replicas_) replicas.push_back(replica);
  return replicas;
}

std::shared_ptr<ShardReplica> Replicator::Find(const Uuid& keyspace, int32_t number) {
  MutexLock lock(&mu_);
  const auto it = replicas_.find({keyspace, number});
  return it == replicas_.end() ? nullptr : it->second;
}

void Replicator::BeginCopy(const rpc::BeginCopyRequest& request,
                           rpc::Responder<rpc::BeginCopy> responder) {
  const Status speaks = rpc::CheckProtocolVersion("the other store", request.protocol_version);
  if (!speaks.ok()) return responder.Fail(speaks);
  const auto replica = Find(request.keyspace, request.shard);
  if (replica == nullptr) return responder.Fail(NotHere(request.keyspace, request.shard));
  if (!replica->IsPeer(request.store)) {
    return responder.Fail(
        Status::Permission("store " + request.store.ToString() + " has no replica of this shard"));
  }
  replica->copies()->Begin(request.store, std::move(responder));
}

void Replicator::TakeBack(rpc::GiveBackRequest request, rpc::Responder<rpc::GiveBack> responder) {
  const Status speaks = rpc::CheckProtocolVersion("the other store", request.protocol_version);
  if (!speaks.ok()) return responder.Fail(speaks);
  const auto replica = Find(request.keyspace, request.shard);
  if (replica == nullptr) return responder.Fail(NotHere(request.keyspace, request.shard));
  replica->TakeBack(std::move(request), std::move(responder));
}

void Replicator::Serve(rpc::PullRequest request, rpc::Responder<rpc::Pull> responder) {
  const Status speaks = rpc::CheckProtocolVersion("the other store", request.protocol_version);
  if (!speaks.ok()) return responder.Fail(speaks);
  const auto replica = Find(request.keyspace, request.shard);
  if (replica == nullptr) return responder.Fail(NotHere(request.keyspace, request.shard));
  replica->Pull(std::move(request), std::move(responder));
}

std::shared_ptr<ShardReplica> Replicator::Attach(const Uuid& keyspace, int32_t number,
                                                 storage::Shard* shard, bool anew) {
  ShardReplicaOptions options;
  options.anew = anew;
  if (anew) {
    options.on_serving = [this, keyspace, number] {
      // What is not done when the store stops is done after its next start.
      if (!options_.pool->Submit(
              [this, keyspace, number] { options_.on_complete(keyspace, number); })) {
        return;
      }
    };
  }
  options.store = options_.store;
  options.keyspace = keyspace;
  options.number = number;
  options.shard = shard;
  options.peers = this;
  options.pool = options_.pool;
  options.clock = options_.clock;
  options.random = options_.random;
  options.logger = options_.logger;
  options.fresh_until_us = &fresh_until_us_;
  options.on_behind = [this, key = Key(keyspace, number), shard](const CopyChoice& choice) {
    // Refused only when the store stops.
    if (!copy_pool_.Submit([this, key, shard, choice] { Copy(key, shard, choice); })) return;
  };
  auto replica = ShardReplica::Make(options);
  {
    MutexLock lock(&mu_);
    if (!stopped_) {
      replicas_[{keyspace, number}] = replica;
      return replica;
    }
  }
  replica->Close();
  return replica;
}

void Replicator::Detach(const std::shared_ptr<ShardReplica>& replica, const Uuid& keyspace,
                        int32_t number) {
  {
    MutexLock lock(&mu_);
    const auto it = replicas_.find({keyspace, number});
    if (it != replicas_.end() && it->second == replica) replicas_.erase(it);
  }
  replica->Close();
}

void Replicator::Copy(const Key& key, storage::Shard* shard, const CopyChoice& choice) {
  const auto replica = Find(key.first, key.second);
  if (replica == nullptr || !replica->EnterShard()) return;
  PeerCopySource source(this, choice.peer);
  CopierOptions options;
  options.store = options_.store;
  options.keyspace = key.first;
  options.number = key.second;
  options.shard = shard;
  options.join = choice.join;
  options.source = &source;
  options.clock = options_.clock;
  options.logger = options_.logger;
  options.cancelled = [this, replica] { return stopping_.load() || replica->closing(); };
  const Status result = Copier(options).Run();
  replica->LeaveShard();
  if (result.ok()) return options_.on_copied(key.first, key.second);
  VASTO_LOG(options_.logger, kWarning, "copy_failed")
      .With("keyspace", key.first.ToString())
      .With("shard", key.second)
      .With("from", choice.peer.ToString())
      .With("error", result.ToString());
  replica->CopyFailed();
}

Status Replicator::GiveBack(const Uuid& keyspace, int32_t number, storage::Shard* shard,
                            std::vector<Uuid> heirs) {
  GiveBackOptions options;
  options.store = options_.store;
  options.keyspace = keyspace;
  options.number = number;
  options.shard = shard;
  options.heirs = std::move(heirs);
  options.clock = options_.clock;
  options.send = [this](const Uuid& heir, const rpc::GiveBackRequest& request, int64_t deadline_us,
                        rpc::UniqueFunction<void(StatusOr<rpc::GiveBackResponse>)> done) {
    Call<rpc::GiveBack>(heir, request, deadline_us, std::move(done));
  };
  options.cancelled = [this] { return stopping_.load(); };
  return GiveBackAll(options);
}

void Replicator::HandOver(int64_t timeout_us) {
  const int64_t end_us = options_.clock->MonotonicMicros() + timeout_us;
  const auto replicas = Replicas();
  for (const auto& replica : replicas) replica->Retire();
  for (const auto& replica : replicas) {
    while (!replica->HandedOver() && options_.clock->MonotonicMicros() < end_us) {
      std::this_thread::sleep_for(kHandOverPause);
    }
    replica->EndHandOver();
  }
}

// ---- Standing still

void Replicator::Beat() {
  const int64_t now_us = options_.clock->MonotonicMicros();
  if (now_us >= fresh_until_us_.load(std::memory_order_relaxed)) {
    VASTO_LOG(options_.logger, kWarning, "store_stood_still")
        .With("for_ms", (now_us - fresh_until_us_.load() + kStandstillUs) / 1000);
    for (const auto& replica : Replicas()) replica->Resume();
  }
  fresh_until_us_.store(now_us + kStandstillUs, std::memory_order_release);
  if (++beats_ % kPingBeats == 0) PingAll();
  RunAt(now_us + kBeatUs, [this] {
    if (!stopping_.load()) Beat();
  });
}

void Replicator::Stop() {
  stopping_.store(true);
  std::map<Key, std::shared_ptr<ShardReplica>> replicas;
  {
    MutexLock lock(&mu_);
    stopped_ = true;
    replicas.swap(replicas_);
  }
  for (const auto& [key, replica] : replicas) replica->Close();
  copy_pool_.Stop();
}

void Replicator::PingAll() {
  std::vector<Uuid> stores;
  {
    MutexLock lock(&mu_);
    for (auto& [store, way] : ways_) {
      if (!std::exchange(way.pinging, true)) stores.push_back(store);
    }
  }
  rpc::PingRequest request;
  request.store = options_.store;
  const int64_t now_us = options_.clock->MonotonicMicros();
  for (const Uuid& store : stores) {
    Call<rpc::Ping>(store, request, now_us + kSilentUs,
                    [this, store, now_us](const StatusOr<rpc::PingResponse>& result) {
                      {
                        MutexLock lock(&mu_);
                        Way& way = ways_[store];
                        way.pinging = false;
                        if (result.ok()) way.heard_us = now_us;
                        way.gone_us = rpc::IsRefused(result.status()) ? now_us : 0;
                      }
                      if (!result.status().Is(Code::kTimeout)) return;
                      for (const auto& replica : Replicas()) replica->Silent(store);
                    });
  }
}

// ---- Other stores

std::shared_ptr<rpc::Channel> Replicator::ChannelTo(const Uuid& store, bool* is_unix) {
  const auto info = options_.find_store(store);
  const auto self = options_.find_store(options_.store);
  if (!info || info->address.empty()) return nullptr;
  const bool here =
      self && !info->unix_path.empty() && !info->host_id.empty() && info->host_id == self->host_id;
  std::vector<std::shared_ptr<rpc::Channel>> former;
  MutexLock lock(&mu_);
  Way& way = ways_[store];
  if (way.address != info->address) {
    former.push_back(std::move(way.channel));
    way.address = info->address;
    way.channel = options_.transport->Connect(info->address);
  }
  if (way.unix_path != (here ? info->unix_path : std::string())) {
    former.push_back(std::move(way.unix_channel));
    way.unix_path = here ? info->unix_path : std::string();
    const bool reachable = here && access(way.unix_path.c_str(), R_OK | W_OK) == 0;
    way.unix_channel = reachable ? options_.transport->Connect("unix:" + way.unix_path) : nullptr;
  }
  // Calls that are under way on them end without the lock.
  if (!former.empty()) {
    options_.transport->RunAt(options_.clock->MonotonicMicros(),
                              [former = std::move(former)]() mutable { former.clear(); });
  }
  *is_unix =
      way.unix_channel != nullptr && options_.clock->MonotonicMicros() >= way.unix_broken_until_us;
  return *is_unix ? way.unix_channel : way.channel;
}

template <typename Method, typename Done>
void Replicator::Call(const Uuid& store, const typename Method::Request& request,
                      int64_t deadline_us, Done done) {
  bool is_unix = false;
  const auto channel = ChannelTo(store, &is_unix);
  if (channel == nullptr) {
    return done(StatusOr<typename Method::Response>(
        Status::Unavailable("nobody knows where store " + store.ToString() + " is")));
  }
  channel->Call<Method>(request, deadline_us,
                        [this, store, is_unix, done = std::move(done)](
                            StatusOr<typename Method::Response> result) mutable {
                          if (is_unix && result.status().Is(Code::kUnavailable)) {
                            MutexLock lock(&mu_);
                            ways_[store].unix_broken_until_us =
                                options_.clock->MonotonicMicros() + kUnixRetryUs;
                          }
                          done(std::move(result));
                        });
}

void Replicator::Pull(const Uuid& store, const rpc::PullRequest& request, int64_t deadline_us,
                      PullDone done) {
  Call<rpc::Pull>(store, request, deadline_us,
                  [done = std::move(done)](StatusOr<rpc::PullResponse> result) mutable {
                    if (result.ok()) {
                      const Status speaks =
                          rpc::CheckProtocolVersion("the other store", result->protocol_version);
                      if (!speaks.ok()) result = speaks;
                    }
                    done(std::move(result));
                  });
}

int64_t Replicator::HeardUs(const Uuid& store) {
  MutexLock lock(&mu_);
  const auto it = ways_.find(store);
  return it == ways_.end() ? 0 : it->second.heard_us;
}

int64_t Replicator::AnsweredUs(const Uuid& store) {
  MutexLock lock(&mu_);
  const auto it = ways_.find(store);
  return it == ways_.end() ? 0 : it->second.answered_us;
}

void Replicator::NotePing(const Uuid& from) {
  const int64_t now_us = options_.clock->MonotonicMicros();
  MutexLock lock(&mu_);
  const auto it = ways_.find(from);
  if (it != ways_.end()) it->second.answered_us = now_us;
}

int64_t Replicator::GoneUs(const Uuid& store) {
  MutexLock lock(&mu_);
  const auto it = ways_.find(store);
  return it == ways_.end() ? 0 : it->second.gone_us;
}

void Replicator::RunAt(int64_t monotonic_us, std::function<void()> fn) {
  options_.transport->RunAt(monotonic_us, std::move(fn));
}

// ---- Tidying up

void Replicator::TidyUpLater() {
  RunAt(options_.clock->MonotonicMicros() + kTidyUs, [this] {
    if (options_.pool->Submit([this] { TidyUp(); })) TidyUpLater();
  });
}

void Replicator::TidyUp() {
  for (const auto& replica : Replicas()) replica->TidyUp();
}

}  // namespace vasto::replication
