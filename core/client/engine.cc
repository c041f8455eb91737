// SPDX-License-Identifier: Apache-2.0
#include "core/client/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/backoff.h"
#include "core/client/map_listener.h"
#include "core/client/shard_call.h"

namespace vasto::client {
namespace {

constexpr int64_t kFirstProbeUs = 100'000;
constexpr int64_t kLongestProbeUs = 2'000'000;
constexpr int64_t kProbeTimeoutUs = 1'000'000;

LinkOptions MakeLinkOptions(const ClientOptions& options) {
  LinkOptions link;
  link.connections_per_store = std::max(1, options.connections_per_store);
  link.use_unix_sockets = options.use_unix_sockets;
  if (link.use_unix_sockets) link.host_id = LocalHostId(options.files);
  return link;
}

}  // namespace

thread_local int CallbackScope::depth_ = 0;

void Notification::Wait(Engine* engine) {
  while (!WaitUntil(engine, std::numeric_limits<int64_t>::max())) {
  }
}

bool Notification::WaitUntil(Engine* engine, int64_t deadline_us) {
  constexpr int64_t kLongestWaitUs = 3'600'000'000;
  MutexLock lock(&mu_);
  while (!done_) {
    const int64_t left = std::min(deadline_us - engine->NowUs(), kLongestWaitUs);
    if (left <= 0) return false;
    ready_.WaitFor(&mu_, left);
  }
  return true;
}

Engine::Engine(std::shared_ptr<rpc::Transport> transport, const ClientOptions& options)
    : options_(options),
      transport_(std::move(transport)),
      clock_(transport_->clock()),
      table_(transport_.get(), MakeLinkOptions(options)),
      listener_(std::make_unique<MapListener>(this)) {}

Engine::~Engine() { Close(0); }

Status Engine::Admit(bool unlimited) {
  const int64_t before = in_flight_.fetch_add(1, std::memory_order_acq_rel);
  if ((before & kClosedBit) != 0) {
    Leave();
    return Status::Closed("the client is closed");
  }
  if (!unlimited && before >= static_cast<int64_t>(options_.max_in_flight)) {
    Leave();
    return Status::Busy("the client has " + std::to_string(before) + " operations in flight");
  }
  return Status::Ok();
}

void Engine::Leave() {
  if (in_flight_.fetch_sub(1, std::memory_order_acq_rel) != (kClosedBit | 1)) return;
  MutexLock lock(&mu_);
  idle_.SignalAll();
}

void Engine::Defer(std::function<void()> fn) {
  bool first = false;
  bool stopped = false;
  {
    MutexLock lock(&mu_);
    stopped = stopped_;
    if (!stopped) {
      first = deferred_.empty();
      deferred_.push_back(std::move(fn));
    }
  }
  if (stopped) {
    fn();  // NOLINT(bugprone-use-after-move): it was not moved then
  } else if (first) {
    transport_->RunAt(0, [this] { RunDeferred(); });
  }
}

void Engine::RunDeferred() {
  CallbackScope scope;
  std::vector<std::function<void()>> run;
  {
    MutexLock lock(&mu_);
    run.swap(deferred_);
  }
  for (auto& fn : run) fn();
}

bool Engine::Park(ShardCall* call, int64_t until_us, uint64_t seen) {
  uint64_t id = 0;
  {
    MutexLock lock(&mu_);
    if (stopping()) return false;
    id = ++last_parked_;
    parked_.emplace(id, call);
  }
  const int64_t at_us = map_changes() == seen ? until_us : 0;
  transport_->RunAt(at_us, [this, id] { WakeParked(id); });
  return true;
}

void Engine::WakeParked(uint64_t id) {
  CallbackScope scope;
  ShardCall* call = nullptr;
  {
    MutexLock lock(&mu_);
    const auto it = parked_.find(id);
    if (it == parked_.end()) return;
    call = it->second;
    parked_.erase(it);
  }
  call->Wake();
}

std::vector<ShardCall*> Engine::TakeParked() {
  std::vector<ShardCall*> calls;
  MutexLock lock(&mu_);
  calls.reserve(parked_.size());
  for (const auto& [id, call] : parked_) calls.push_back(call);
  parked_.clear();
  return calls;
}

void Engine::OnMapChanged() {
  map_changes_.fetch_add(1, std::memory_order_acq_rel);
  for (ShardCall* call : TakeParked()) call->Wake();
}

void Engine::OnUnreachable(StoreLink* link, const StoreLink::Pick& pick, const Status& why) {
  if (stopping() || !link->OnUnreachable(pick, why, NowUs())) return;
  VASTO_LOG(options_.logger, kInfo, "store_unreachable").With("address", link->address());
  ScheduleProbe(link, kFirstProbeUs);
}

void Engine::ScheduleProbe(StoreLink* link, int64_t pause_us) {
  transport_->RunAt(NowUs() + Jittered(pause_us, options_.random), [this, link, pause_us] {
    CallbackScope scope;
    if (link->suspect()) Probe(link, pause_us);
  });
}

void Engine::Probe(StoreLink* link, int64_t pause_us) {
  const StoreLink::Pick pick = link->PickChannel(NowUs());
  if (pick.channel == nullptr || stopping()) return;
  // Any answer will do: what is asked is the cheapest call that every store serves.
  std::string body;
  rpc::EncodeRequest<rpc::WatchCluster>({}, &body);
  pick.channel->CallRaw(rpc::WatchCluster::kName, std::move(body), NowUs() + kProbeTimeoutUs,
                        [this, link, pause_us](StatusOr<std::string_view> reply) {
                          CallbackScope scope;
                          if (stopping()) return;
                          if (reply.ok()) return link->OnReached();
                          ScheduleProbe(link, std::min(pause_us * 2, kLongestProbeUs));
                        });
}

void Engine::Measure(StoreLink* link) {
  const int64_t sent_us = NowUs();
  const StoreLink::Pick pick = link->PickChannel(sent_us);
  if (pick.channel == nullptr || stopping()) return;
  std::string body;
  rpc::EncodeRequest<rpc::Ping>({}, &body);
  // One that is not answered counts as far away as it was waited for.
  pick.channel->CallRaw(rpc::Ping::kName, std::move(body), sent_us + kProbeTimeoutUs,
                        [this, link, sent_us](const StatusOr<std::string_view>& reply) {
                          CallbackScope scope;
                          if (!stopping())
                            link->Measured(reply.ok() ? NowUs() - sent_us : kProbeTimeoutUs);
                        });
}

void Engine::Close(int64_t timeout_us) {
  MutexLock close_lock(&close_mu_);
  const int64_t deadline_us = NowUs() + timeout_us;
  {
    MutexLock lock(&mu_);
    if (stopped_) return;
    in_flight_.fetch_or(kClosedBit, std::memory_order_acq_rel);
    while (in_flight_.load(std::memory_order_acquire) != kClosedBit) {
      const int64_t left = deadline_us - NowUs();
      if (left <= 0) break;
      idle_.WaitFor(&mu_, left);
    }
    stopping_.store(true, std::memory_order_release);
  }
  for (ShardCall* call : TakeParked()) call->Wake();
  transport_->Stop();
  {
    MutexLock lock(&mu_);
    stopped_ = true;
  }
  RunDeferred();
}

}  // namespace vasto::client
