// SPDX-License-Identifier: Apache-2.0
#include "core/replication/copy_server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/codec/record.h"
#include "core/rpc/protocol_version.h"

namespace vasto::replication {
namespace {

Status Closing() { return Status::Unavailable("the replica is closing"); }

}  // namespace

void CopyServer::Begin(const Uuid& store, rpc::Responder<rpc::BeginCopy> responder) {
  if (!gate_.Enter()) return responder.Fail(Closing());
  auto shared = std::make_shared<rpc::Responder<rpc::BeginCopy>>(std::move(responder));
  const bool sent = pool_->Submit([this, store, shared] {
    shared->Finish(MakeCopy(store));
    gate_.Leave();
  });
  if (sent) return;
  shared->Fail(Closing());
  gate_.Leave();
}

StatusOr<rpc::BeginCopyResponse> CopyServer::MakeCopy(const Uuid& store) {
  rpc::BeginCopyResponse response;
  // Of before: what is written meanwhile may be in it or not.
  response.has = shard_->feed()->Positions().positions();
  VASTO_ASSIGN_OR_RETURN(auto checkpoint, shard_->MakeCheckpoint());
  for (const storage::CheckpointFile& file : checkpoint->files()) {
    response.files.push_back({file.name, file.size});
  }
  response.copy = random_->Next() | 1;
  response.protocol_version = rpc::kProtocolVersion;
  std::vector<std::shared_ptr<storage::Checkpoint>> former;
  MutexLock lock(&mu_);
  std::erase_if(copies_, [&](auto& entry) {
    if (entry.second.store != store) return false;
    former.push_back(entry.second.checkpoint);
    return true;
  });
  copies_[response.copy] = {store, std::move(checkpoint), clock_->MonotonicMicros()};
  return response;
}

std::shared_ptr<storage::Checkpoint> CopyServer::Find(uint64_t copy) {
  MutexLock lock(&mu_);
  const auto it = copies_.find(copy);
  if (it == copies_.end()) return nullptr;
  it->second.used_us = clock_->MonotonicMicros();
  return it->second.checkpoint;
}

void CopyServer::Read(rpc::ReadCopyRequest request, rpc::Responder<rpc::ReadCopy> responder) {
  auto checkpoint = Find(request.copy);
  if (checkpoint == nullptr) {
    return responder.Fail(Status::NotFound("this copy has ended; begin another one"));
  }
  if (!gate_.Enter()) return responder.Fail(Closing());
  auto shared = std::make_shared<rpc::Responder<rpc::ReadCopy>>(std::move(responder));
  const bool sent = pool_->Submit([this, checkpoint = std::move(checkpoint), request, shared] {
    rpc::ReadCopyResponse response;
    auto data = checkpoint->Read(request.file, request.offset,
                                 std::min<size_t>(request.bytes, kMaxReadBytes));
    if (data.ok()) {
      response.data = std::move(data).value();
      response.checksum = KeyHash(response.data);
      shared->Ok(response);
    } else {
      shared->Fail(data.status());
    }
    gate_.Leave();
  });
  if (sent) return;
  shared->Fail(Closing());
  gate_.Leave();
}

void CopyServer::End(const rpc::EndCopyRequest& request, rpc::Responder<rpc::EndCopy> responder) {
  std::shared_ptr<storage::Checkpoint> ended;
  {
    MutexLock lock(&mu_);
    const auto it = copies_.find(request.copy);
    if (it != copies_.end()) {
      ended = std::move(it->second.checkpoint);
      copies_.erase(it);
    }
  }
  // Its files go where waiting is allowed.
  if (ended != nullptr && gate_.Enter()) {
    const bool sent = pool_->Submit([this, ended = std::move(ended)]() mutable {
      ended.reset();
      gate_.Leave();
    });
    if (!sent) gate_.Leave();
  }
  responder.Ok({});
}

void CopyServer::Expire() {
  std::vector<std::shared_ptr<storage::Checkpoint>> ended;
  {
    MutexLock lock(&mu_);
    const int64_t horizon_us = clock_->MonotonicMicros() - kIdleUs;
    std::erase_if(copies_, [&](auto& entry) {
      if (entry.second.used_us > horizon_us) return false;
      ended.push_back(std::move(entry.second.checkpoint));
      return true;
    });
  }
}

void CopyServer::Close() {
  gate_.Close();
  std::map<uint64_t, Copy> copies;
  MutexLock lock(&mu_);
  copies.swap(copies_);
}

}  // namespace vasto::replication
