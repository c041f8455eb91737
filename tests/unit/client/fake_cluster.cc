// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/fake_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/client/routing_table.h"
#include "core/codec/change.h"
#include "core/codec/record.h"
#include "core/codec/row_block.h"

namespace vasto::client {
namespace {

void Unconfirm(std::vector<rpc::WriteResult>* results) {
  for (size_t i = 1; i < results->size(); ++i) {
    (*results)[i].code = Code::kTimeout;
    (*results)[i].message = "not confirmed";
  }
}

}  // namespace

void FakeProcess::Start() {
  rpc::ServerOptions options;
  options.listen = address_;
  options.unix_path = unix_path_;
  options.io_threads = 1;
  server_ = std::make_unique<rpc::Server>(options, &dispatcher_);
  const Status status = server_->Start();
  ASSERT_TRUE(status.ok()) << status.ToString();
  address_ = server_->address();
}

void FakeProcess::Stop() {
  if (server_ == nullptr) return;
  server_->Stop(0);
  server_.reset();
  MutexLock lock(&kept_mu_);
  kept_.clear();
}

FakeStore::FakeStore(uint64_t number, std::string unix_path) : uuid_{number, number} {
  unix_path_ = std::move(unix_path);
  Serve<rpc::Get>([](Data* data, const rpc::GetRequest& request) {
    return rpc::GetResponse{data->Read(request.ref.shard, request.key.key, request.meta_only), {}};
  });
  Serve<rpc::MultiGet>([this](Data* data, const rpc::MultiGetRequest& request) {
    rpc::MultiGetResponse response;
    for (const rpc::ReadKey& key : request.keys) {
      rpc::ReadResult result = data->Read(request.ref.shard, key.key, request.meta_only);
      if (response.results.size() >= answer_keys) result = {Code::kBusy, {}, "the answer is full"};
      response.results.push_back(std::move(result));
    }
    return response;
  });
  Serve<rpc::Write>([](Data* data, const rpc::WriteRequest& request) {
    data->last_clock_floor = request.clock_floor;
    return rpc::WriteResponse{data->Apply(request.ref.shard, request.entry, request.not_after), {}};
  });
  Serve<rpc::WriteBatch>([](Data* data, const rpc::WriteBatchRequest& request) {
    rpc::WriteBatchResponse response;
    data->last_clock_floor = request.clock_floor;
    for (const rpc::WriteEntry& entry : request.entries) {
      response.results.push_back(data->Apply(request.ref.shard, entry, request.not_after));
    }
    return response;
  });
  dispatcher_.Handle<rpc::Watch>(
      [this](const rpc::WatchRequest& request, rpc::Responder<rpc::Watch> responder) {
        responder.Finish(Watch(request));
      });
  Serve<rpc::Scan>([](Data* data, const rpc::ScanRequest& request) { return data->Scan(request); });
  dispatcher_.Handle<rpc::Ping>(
      [this](const rpc::PingRequest&, rpc::Responder<rpc::Ping> responder) {
        std::this_thread::sleep_for(std::chrono::milliseconds(ping_ms.load()));
        responder.Ok({});
      });
  dispatcher_.Handle<rpc::WatchCluster>(
      [this](const rpc::WatchClusterRequest&, rpc::Responder<rpc::WatchCluster> responder) {
        rpc::WatchClusterResponse response;
        MutexLock lock(&mu_);
        ++requests_["watch_cluster"];
        response.changed = true;
        response.map = view_;
        responder.Ok(response);
      });
}

// Flips a bit of a value.
template <typename Response>
static void Damage(Response* response) {
  if constexpr (requires { response->value.payload; }) {
    response->value.payload[0] ^= 1;
  } else if constexpr (requires { response->results[0].value.payload; }) {
    response->results[0].value.payload[0] ^= 1;
  } else if constexpr (requires { response->rows; }) {
    response->rows.back() ^= 1;
  }
}

template <typename Method>
void FakeStore::Serve(Work<Method> work) {
  dispatcher_.Handle<Method>([this, work = std::move(work)](const typename Method::Request& request,
                                                            rpc::Responder<Method> responder) {
    MutexLock lock(&mu_);
    ++requests_[std::string(Method::kName)];
    const Fault fault = fault_ ? fault_(Method::kName) : Fault::kNone;
    const Status refusal = Refusal(fault);
    if (!refusal.ok()) return responder.Fail(refusal);
    const Status behind = CheckBound(request, fault);
    if (!behind.ok()) return responder.Fail(behind);
    if (fault == Fault::kSilent) return Keep(std::move(responder));
    typename Method::Response response = work(&data_, request);
    if (fault != Fault::kUntold) Tell(request, &response);
    if (fault == Fault::kApplySilently) return Keep(std::move(responder));
    if constexpr (requires { response.results[0].superseded; }) {
      if (fault == Fault::kUnconfirmed) Unconfirm(&response.results);
    }
    if (fault == Fault::kDamage) Damage(&response);
    responder.Ok(response);
  });
}

void FakeStore::AddChange(int32_t shard, const std::string& key, const std::string& value) {
  Record record;
  record.event_time = 1;
  record.tombstone = value.empty();
  record.payload = value;
  std::string bytes;
  EncodeRecord(record, ContentChecksum(key, value), &bytes);
  std::string change;
  AppendChange(key, bytes, &change);
  MutexLock lock(&mu_);
  data_.changes[shard].push_back(change);
}

void FakeStore::ForgetChanges() {
  MutexLock lock(&mu_);
  for (const auto& [shard, changes] : data_.changes) data_.forgotten[shard] = changes.size();
}

StatusOr<rpc::WatchResponse> FakeStore::Watch(const rpc::WatchRequest& request) {
  // It does not wait for changes, but some time.
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  MutexLock lock(&mu_);
  ++requests_["watch"];
  const Status refusal = Refusal(fault_ ? fault_("watch") : Fault::kNone);
  if (!refusal.ok()) return refusal;
  const std::vector<std::string>& changes = data_.changes[request.ref.shard];
  size_t at = request.from_now ? changes.size() : VersionVector(request.have).Of(1);
  if (at < data_.forgotten[request.ref.shard]) return Status::TooOld("gone; scan");
  rpc::WatchResponse response;
  for (; at < changes.size() && response.changes.size() < request.max_bytes; ++at) {
    response.changes += changes[at];
  }
  response.at = {{1, at}};
  return response;
}

template <typename Request>
Status FakeStore::CheckBound(const Request& request, Fault fault) const {
  if constexpr (requires { request.bound; }) {
    if (!request.bound) return {};
    const bool has = std::ranges::all_of(request.bound->needs, [this](const Position& needed) {
      return needed.log == 1 && needed.sequence <= position;
    });
    if (has && fault != Fault::kBehind) return {};
    return Status::Unavailable(std::string(rpc::kBehindPrefix) + "by far");
  }
  return {};
}

template <typename Request, typename Response>
void FakeStore::Tell(const Request& request, Response* response) {
  if constexpr (requires { request.bound->tell_seen; }) {
    if (request.bound && request.bound->tell_seen) response->seen = {{1, position}};
  } else if constexpr (requires { request.tell_seen; }) {
    if (request.tell_seen) response->seen = {{1, ++position}};
  }
}

Status FakeStore::Refusal(Fault fault) {
  switch (fault) {
    case Fault::kMoved:
      return Status::Unavailable("moved: elsewhere");
    case Fault::kUnknown:
      return Status::NotFound("unknown keyspace");
    case Fault::kBusy:
      return Status::Busy("full");
    default:
      return Status::Ok();
  }
}

rpc::ReadResult FakeStore::Data::Read(int32_t shard_number, const std::string& key,
                                      bool meta_only) const {
  rpc::ReadResult result;
  const auto shard = shards.find(shard_number);
  if (shard == shards.end()) return result;
  const auto it = shard->second.find(key);
  if (it == shard->second.end()) return result;
  result.code = Code::kOk;
  if (!meta_only) result.value.payload = it->second.payload;
  result.value.payload_size = it->second.payload.size();
  result.value.event_time = it->second.event_time;
  result.value.content_checksum = it->second.checksum;
  return result;
}

rpc::WriteResult FakeStore::Data::Apply(int32_t shard_number, const rpc::WriteEntry& entry,
                                        EventTime not_after) {
  last_not_after = not_after;
  const EventTime now = clock.Now();
  if (entry.event_time == 0 && now > not_after) return {Code::kUnavailable, now, false, "too late"};
  auto& shard = shards[shard_number];
  const auto it = shard.find(entry.key);
  rpc::WriteResult result;
  if (entry.condition == rpc::Condition::kIfAbsent && it != shard.end()) {
    return {Code::kAlreadyExists, it->second.event_time, false, "exists"};
  }
  ++writes[entry.key];
  clock.Observe(entry.event_time);
  if (entry.event_time == 0) last_given = now;
  result.event_time = entry.event_time != 0 ? entry.event_time : now;
  if (it != shard.end() && it->second.event_time > result.event_time) {
    return {Code::kOk, it->second.event_time, true, ""};
  }
  if (entry.kind == rpc::WriteKind::kDelete) {
    shard.erase(entry.key);
  } else {
    EXPECT_EQ(entry.content_checksum, ContentChecksum(entry.key, entry.payload));
    shard[entry.key] = {entry.payload, result.event_time, entry.content_checksum,
                        entry.partition_hash};
  }
  return result;
}

rpc::ScanResponse FakeStore::Data::Scan(const rpc::ScanRequest& request) const {
  rpc::ScanResponse response;
  RowBlockWriter writer;
  size_t passed_over = 0;
  const auto shard = shards.find(request.ref.shard);
  if (shard != shards.end()) {
    auto it = request.start_exclusive ? shard->second.upper_bound(request.start)
                                      : shard->second.lower_bound(request.start);
    for (; it != shard->second.end() && (request.end.empty() || it->first < request.end); ++it) {
      const bool full = (request.limit != 0 && writer.rows() >= request.limit) ||
                        (writer.rows() > 0 && writer.size_bytes() >= request.max_bytes) ||
                        (deleted && passed_over >= most_deleted);
      if (full) {
        response.more = true;
        response.resume_key = it->first;
        break;
      }
      if (deleted && deleted(it->first)) {
        ++passed_over;
        continue;
      }
      Row row;
      row.key = it->first;
      row.has_payload = !request.keys_only;
      if (row.has_payload) row.payload = it->second.payload;
      row.payload_size = it->second.payload.size();
      row.event_time = it->second.event_time;
      row.content_checksum = it->second.checksum;
      row.partition_hash = it->second.partition_hash;
      writer.Add(row);
    }
  }
  response.rows = writer.Finish();
  return response;
}

void FakeStore::SetFault(std::function<Fault(std::string_view)> fault) {
  MutexLock lock(&mu_);
  fault_ = std::move(fault);
}

void FakeStore::SetDeleted(std::function<bool(std::string_view key)> deleted,
                           size_t most_in_a_page) {
  MutexLock lock(&mu_);
  data_.deleted = std::move(deleted);
  data_.most_deleted = most_in_a_page;
}

void FakeStore::SetView(ClusterMap map) {
  MutexLock lock(&mu_);
  view_ = std::move(map);
}

StoreInfo FakeStore::info() const {
  StoreInfo info;
  info.uuid = uuid_;
  info.address = address();
  info.unix_path = unix_path_;
  info.host_id = LocalHostId(PosixFileSystem());
  return info;
}

int64_t FakeStore::requests(const std::string& method) const {
  MutexLock lock(&mu_);
  const auto it = requests_.find(method);
  return it == requests_.end() ? 0 : it->second;
}

int64_t FakeStore::writes(const std::string& key) const {
  MutexLock lock(&mu_);
  const auto it = data_.writes.find(key);
  return it == data_.writes.end() ? 0 : it->second;
}

size_t FakeStore::size() const {
  MutexLock lock(&mu_);
  size_t size = 0;
  for (const auto& [number, shard] : data_.shards) size += shard.size();
  return size;
}

void FakeStore::AdvanceClock(int64_t us) {
  MutexLock lock(&mu_);
  data_.clock.Observe(data_.clock.Now() + MakeEventTime(us));
}

EventTime FakeStore::last_not_after() const {
  MutexLock lock(&mu_);
  return data_.last_not_after;
}

EventTime FakeStore::last_clock_floor() const {
  MutexLock lock(&mu_);
  return data_.last_clock_floor;
}

EventTime FakeStore::last_given() const {
  MutexLock lock(&mu_);
  return data_.last_given;
}

FakeMaster::FakeMaster() {
  dispatcher_.Handle<rpc::WatchCluster>(
      [this](const rpc::WatchClusterRequest& request, rpc::Responder<rpc::WatchCluster> responder) {
        MutexLock lock(&mu_);
        const Code code = watch_code;
        if (code != Code::kOk) return responder.Fail(Status(code, "refused"));
        rpc::WatchClusterResponse response;
        response.protocol_version = protocol_version;
        response.changed = request.known_term != map_.term || request.known_version != map_.version;
        if (!response.changed && request.wait_ms > 0) return polls_.push_back(std::move(responder));
        if (response.changed) response.map = map_;
        responder.Ok(response);
      });
  ServeAdmin<rpc::CreateKeyspace>();
  ServeAdmin<rpc::DeleteKeyspace>();
  ServeAdmin<rpc::StartCompaction>();
  dispatcher_.Handle<rpc::WaitOperation>(
      [](const rpc::WaitOperationRequest& request, rpc::Responder<rpc::WaitOperation> responder) {
        if (request.operation != 7) return responder.Fail(Status::NotFound("no such operation"));
        rpc::WaitOperationResponse response;
        response.done = true;
        response.steps_done = response.steps_total = 3;
        response.code = Code::kNoSpace;
        response.message = "no store has room";
        responder.Ok(response);
      });
}

template <typename Method>
void FakeMaster::ServeAdmin() {
  dispatcher_.Handle<Method>(
      [this](const typename Method::Request&, rpc::Responder<Method> responder) {
        ++admin_calls;
        if (silent) return Keep(std::move(responder));
        const Code code = admin_code;  // read once: a test may change it meanwhile
        if (code != Code::kOk) return responder.Fail(Status(code, "refused"));
        responder.Ok({7});
      });
}

void FakeMaster::Publish(ClusterMap map) {
  MutexLock lock(&mu_);
  map_ = std::move(map);
  rpc::WatchClusterResponse response;
  response.changed = true;
  response.map = map_;
  for (auto& poll : polls_) poll.Ok(response);
  polls_.clear();
}

ClusterMap MakeMap(const std::vector<const FakeStore*>& stores, int32_t shards, int32_t replicas,
                   uint64_t version) {
  ClusterMap map;
  map.cluster = Uuid{77, 77};
  map.term = 1;
  map.version = version;
  for (const FakeStore* store : stores) map.stores[store->uuid()] = store->info();
  KeyspaceDescriptor ks;
  ks.uuid = Uuid{5, 5};
  ks.name = "ks";
  ks.epoch = version;
  ks.replica_count = replicas;
  for (size_t shard = 0; shard < static_cast<size_t>(shards); ++shard) {
    ShardReplicas list;
    for (size_t n = 0; n < static_cast<size_t>(replicas); ++n) {
      list.replicas.push_back({stores[(shard + n) % stores.size()]->uuid(), 1});
    }
    ks.shards.push_back(std::move(list));
  }
  map.keyspaces["ks"] = std::move(ks);
  return map;
}

}  // namespace vasto::client
