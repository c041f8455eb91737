// SPDX-License-Identifier: Apache-2.0
#include "core/replication/copier.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "core/codec/record.h"
#include "core/replication/awaited.h"
#include "core/rpc/protocol_version.h"
#include "core/storage/feed.h"

namespace vasto::replication {
namespace {

constexpr int64_t kRetryPauseUs = 200'000;

using AwaitedRead = std::shared_ptr<Awaited<rpc::ReadCopyResponse>>;

StatusOr<std::string> Checked(StatusOr<rpc::ReadCopyResponse> response,
                              const rpc::ReadCopyRequest& request) {
  if (!response.ok()) return std::move(response).status();
  if (KeyHash(response->data) != response->checksum) {
    return Status::Corruption("a part of a copy was damaged on its way");
  }
  if (response->data.size() != request.bytes) {
    return Status::Corruption("a part of a copy is cut off");
  }
  return std::move(response->data);
}

// Asking again brings nothing.
bool IsFinal(const Status& status) {
  return status.Is(Code::kNotFound) || status.Is(Code::kCancelled);
}

AwaitedRead StartRead(CopySource* source, const rpc::ReadCopyRequest& request,
                      int64_t deadline_us) {
  auto awaited = std::make_shared<Awaited<rpc::ReadCopyResponse>>();
  source->Read(request, deadline_us, [awaited](StatusOr<rpc::ReadCopyResponse> response) {
    awaited->Set(std::move(response));
  });
  return awaited;
}

}  // namespace

Status Copier::Run() {
  rpc::BeginCopyRequest request;
  request.keyspace = options_.keyspace;
  request.shard = options_.number;
  request.store = options_.store;
  request.protocol_version = rpc::kProtocolVersion;
  auto awaited = std::make_shared<Awaited<rpc::BeginCopyResponse>>();
  const int64_t begin_us = options_.clock->MonotonicMicros();
  options_.source->Begin(
      request, begin_us + kBeginTimeoutUs,
      [awaited](StatusOr<rpc::BeginCopyResponse> response) { awaited->Set(std::move(response)); });
  VASTO_ASSIGN_OR_RETURN(const rpc::BeginCopyResponse begun, awaited->Wait(options_.cancelled));
  Status result;
  if (!options_.join && !VersionVector(begun.has).Covers(options_.shard->feed()->Positions())) {
    result = Status::Busy("this replica has changes that the other one has not taken yet");
  }
  if (result.ok()) {
    auto copy = options_.shard->NewCopy(options_.join);
    result = copy.ok() ? CopyFiles(begun, copy->get()) : copy.status();
  }
  rpc::EndCopyRequest end;
  end.keyspace = options_.keyspace;
  end.shard = options_.number;
  end.copy = begun.copy;
  options_.source->End(end, options_.clock->MonotonicMicros() + kReadTimeoutUs);
  return result;
}

Status Copier::CopyFiles(const rpc::BeginCopyResponse& begun, storage::CheckpointCopy* copy) {
  std::vector<storage::CheckpointFile> files;
  uint64_t bytes = 0;
  for (const rpc::CopyFile& file : begun.files) {
    files.push_back({file.name, file.size});
    bytes += file.size;
  }
  VASTO_RETURN_IF_ERROR(storage::CheckpointCopy::Check(files));
  VASTO_RETURN_IF_ERROR(copy->CheckSpace(files));
  VASTO_LOG(options_.logger, kInfo, "copy_begins")
      .With("keyspace", options_.keyspace.ToString())
      .With("shard", options_.number)
      .With("files", files.size())
      .With("bytes", bytes)
      .With("joined", options_.join ? "yes" : "no");
  const int64_t begin_us = options_.clock->MonotonicMicros();
  VASTO_RETURN_IF_ERROR(CopyParts(begun.copy, files, copy));
  VASTO_RETURN_IF_ERROR(copy->Finish(VersionVector(begun.has), options_.cancelled));
  VASTO_LOG(options_.logger, kInfo, "copy_done")
      .With("keyspace", options_.keyspace.ToString())
      .With("shard", options_.number)
      .With("took_ms", (options_.clock->MonotonicMicros() - begin_us) / 1000);
  return {};
}

Status Copier::CopyParts(uint64_t id, const std::vector<storage::CheckpointFile>& files,
                         storage::CheckpointCopy* copy) {
  struct Ahead {
    rpc::ReadCopyRequest request;
    AwaitedRead read;
  };
  std::deque<Ahead> ahead;
  size_t file = 0;
  uint64_t offset = 0;
  // Beyond the end of a file, so that its way to the disk holds nothing up.
  const auto ask = [&] {
    while (file < files.size() && ahead.size() < kReadsAhead) {
      if (offset == files[file].size) {
        ++file;
        offset = 0;
        continue;
      }
      const rpc::ReadCopyRequest request = PartOf(id, file, offset, files[file].size);
      const int64_t deadline_us = options_.clock->MonotonicMicros() + kReadTimeoutUs;
      ahead.push_back({request, StartRead(options_.source, request, deadline_us)});
      offset += request.bytes;
    }
  };
  size_t begun = 0;
  const auto begin_files = [&](size_t end) -> Status {
    while (begun < end) {
      VASTO_RETURN_IF_ERROR(copy->NextFile(files[begun++].name));
    }
    return {};
  };
  for (ask(); !ahead.empty();) {
    const Ahead next = std::move(ahead.front());
    ahead.pop_front();
    ask();
    auto bytes = Checked(next.read->Wait(options_.cancelled), next.request);
    // Where it stopped it goes on, when the connection is back.
    if (!bytes.ok() && !IsFinal(bytes.status())) bytes = ReadAgain(next.request);
    if (!bytes.ok()) return bytes.status();
    VASTO_RETURN_IF_ERROR(begin_files(next.request.file + 1));
    VASTO_RETURN_IF_ERROR(copy->Append(*bytes));
  }
  return begin_files(files.size());
}

rpc::ReadCopyRequest Copier::PartOf(uint64_t id, size_t file, uint64_t offset,
                                    uint64_t size) const {
  rpc::ReadCopyRequest request;
  request.keyspace = options_.keyspace;
  request.shard = options_.number;
  request.copy = id;
  request.file = static_cast<uint32_t>(file);
  request.offset = offset;
  request.bytes = static_cast<uint32_t>(std::min<uint64_t>(kReadBytes, size - offset));
  return request;
}

StatusOr<std::string> Copier::ReadAgain(const rpc::ReadCopyRequest& request) {
  const int64_t end_us = options_.clock->MonotonicMicros() + kRetryUs;
  Awaited<rpc::ReadCopyResponse> never;
  for (;;) {
    never.Pause(kRetryPauseUs);
    const int64_t now_us = options_.clock->MonotonicMicros();
    const AwaitedRead read = StartRead(options_.source, request, now_us + kReadTimeoutUs);
    auto bytes = Checked(read->Wait(options_.cancelled), request);
    if (bytes.ok() || IsFinal(bytes.status()) || now_us >= end_us) return bytes;
  }
}

}  // namespace vasto::replication
