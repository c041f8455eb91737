// SPDX-License-Identifier: Apache-2.0
#include "core/store/master_link.h"

#include <utility>

#include "core/rpc/protocol_version.h"

namespace vasto::store {

MasterLink::MasterLink(rpc::Transport* transport, MapCache* maps, ThreadPool* background,
                       const Logger* logger, std::function<void(Event)> post)
    : transport_(transport),
      maps_(maps),
      background_(background),
      logger_(logger),
      post_(std::move(post)) {}

std::shared_ptr<rpc::Channel> MasterLink::ChannelOf(uint64_t attempt) {
  MutexLock lock(&mu_);
  return attempt == attempt_ ? channel_ : nullptr;
}

void MasterLink::Register(const RegisterAction& action) {
  auto channel = transport_->Connect(action.master);
  const uint64_t attempt = action.attempt;
  channel->OnDisconnect([this, attempt] { post_(MasterLostEvent{attempt}); });
  {
    MutexLock lock(&mu_);
    attempt_ = attempt;
    channel_ = channel;
  }
  channel->Call<rpc::RegisterStore>(
      action.request, transport_->clock()->MonotonicMicros() + Registration::kRegisterTimeoutUs,
      [this, attempt](StatusOr<rpc::RegisterStoreResponse> result) {
        post_(RegisterAnswerEvent{attempt, std::move(result)});
      });
}

void MasterLink::Heartbeat(uint64_t attempt, const rpc::HeartbeatRequest& request) {
  const auto channel = ChannelOf(attempt);
  if (!channel) return;
  channel->Call<rpc::Heartbeat>(
      request, transport_->clock()->MonotonicMicros() + Registration::kHeartbeatTimeoutUs,
      [this, attempt](const StatusOr<rpc::HeartbeatResponse>& result) {
        post_(HeartbeatAnswerEvent{attempt, result.status()});
      });
}

void MasterLink::Probe(const ProbeAction& action) {
  auto channel = transport_->Connect(action.master);
  rpc::WatchClusterRequest request = maps_->Known();
  request.protocol_version = rpc::kProtocolVersion;
  rpc::Channel* const raw = channel.get();
  // Kept until it has answered.
  raw->Call<rpc::WatchCluster>(
      request, transport_->clock()->MonotonicMicros() + kProbeUs,
      [this, attempt = action.attempt,
       channel = std::move(channel)](const StatusOr<rpc::WatchClusterResponse>& result) mutable {
        post_(ProbedEvent{attempt, result.ok()});
        transport_->RunAt(transport_->clock()->MonotonicMicros(),
                          [channel = std::move(channel)]() mutable { channel.reset(); });
      });
}

void MasterLink::HangUp(uint64_t attempt) {
  std::shared_ptr<rpc::Channel> channel;
  {
    MutexLock lock(&mu_);
    if (attempt != attempt_) return;
    channel = std::move(channel_);
    channel_ = nullptr;
  }
  if (channel) channel->Close();
}

void MasterLink::FollowMap(uint64_t attempt) {
  const auto channel = ChannelOf(attempt);
  if (!channel) return;
  rpc::WatchClusterRequest request = maps_->Known();
  request.wait_ms = kMapWaitMs;
  request.protocol_version = rpc::kProtocolVersion;
  const int64_t deadline_us =
      transport_->clock()->MonotonicMicros() + int64_t{kMapWaitMs} * 1000 + kMapSpareUs;
  channel->Call<rpc::WatchCluster>(
      request, deadline_us, [this, attempt](const StatusOr<rpc::WatchClusterResponse>& result) {
        if (!result.ok()) {
          VASTO_LOG(logger_, kDebug, "cluster_map_not_followed")
              .With("error", result.status().ToString());
          return FollowMapLater(attempt);
        }
        if (!result->changed) return FollowMap(attempt);
        const bool sent = background_->Submit([this, attempt, map = result->map] {
          // A map that is not newer comes from a master that has been replaced; asking it again at
          // once would give it again.
          maps_->Update(map) ? FollowMap(attempt) : FollowMapLater(attempt);
        });
        if (!sent) {
          VASTO_LOG(logger_, kDebug, "cluster_map_not_followed").With("error", "stopping");
        }
      });
}

void MasterLink::FollowMapLater(uint64_t attempt) {
  transport_->RunAt(transport_->clock()->MonotonicMicros() + kMapRetryUs,
                    [this, attempt] { FollowMap(attempt); });
}

}  // namespace vasto::store
