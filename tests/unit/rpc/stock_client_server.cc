// SPDX-License-Identifier: Apache-2.0
// The server of stock_client_test.py: answers every method with what it understood of the request,
// field by field, until its standard input ends. Prints "ready HOST:PORT".
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <string>

#include "core/base/bytes.h"
#include "core/rpc/server.h"
#include "tests/unit/rpc/echo_service.h"

namespace vasto::rpc {
namespace {

// "name=value " of each part.
class Text {
 public:
  Text& Add(const std::string& name, uint64_t value) { return Add(name, std::to_string(value)); }
  Text& Add(const std::string& name, const std::string& value) {
    text_ += name + "=" + value + " ";
    return *this;
  }
  Text& Add(const ShardRef& ref) {
    Add("keyspace", ref.keyspace.ToString()).Add("epoch", ref.epoch);
    return Add("shard", std::to_string(ref.shard)).Add("timeout_ms", ref.timeout_ms);
  }
  Text& Add(const WriteEntry& e) {
    Add("kind", static_cast<uint64_t>(e.kind)).Add("key", ToHex(e.key));
    if (e.partition_hash.has_value()) Add("partition_hash", *e.partition_hash);
    Add("payload", ToHex(e.payload)).Add("value_type", e.value_type);
    Add("content_checksum", e.content_checksum).Add("event_time", e.event_time);
    Add("ttl_seconds", e.ttl_seconds).Add("expires_at_us", e.expires_at_us);
    return Add("condition", static_cast<uint64_t>(e.condition)).Add("if_version", e.if_version);
  }
  std::string str() const { return text_.substr(0, text_.size() - 1); }

 private:
  std::string text_;
};

KeyspaceDescriptor Descriptor() {
  KeyspaceDescriptor d;
  d.uuid = {1, 2};
  d.name = "photos";
  d.epoch = 5;
  d.replica_count = 2;
  d.acks = AckLevel::kQuorum;
  d.sync = SyncMode::kInterval;
  d.tags = {"ssd", "eu"};
  d.shards.resize(2);
  d.shards[1].replicas.push_back({{3, 4}, 77, ReplicaRole::kLearner});
  return d;
}

void AddData(Dispatcher* dispatcher) {
  dispatcher->Handle<MultiGet>([](const MultiGetRequest& request, Responder<MultiGet> responder) {
    MultiGetResponse response;
    for (const ReadKey& key : request.keys) {
      auto& result = response.results.emplace_back();
      result.code = key.key.empty() ? Code::kNotFound : Code::kOk;
      result.value = {key.key, key.key.size(), 1, 2, 3, key.partition_hash.value_or(0)};
    }
    responder.Ok(response);
  });
  dispatcher->Handle<Write>([](const WriteRequest& request, Responder<Write> responder) {
    WriteResponse response;
    response.code = Code::kAlreadyExists;
    response.event_time = ~uint64_t{0};
    response.superseded = true;
    response.message = Text().Add(request.ref).Add(request.entry).str();
    responder.Ok(response);
  });
  dispatcher->Handle<WriteBatch>(
      [](const WriteBatchRequest& request, Responder<WriteBatch> responder) {
        WriteBatchResponse response;
        for (const WriteEntry& entry : request.entries) {
          response.results.push_back({Code::kOk, 9, false, Text().Add(entry).str()});
        }
        responder.Ok(response);
      });
  dispatcher->Handle<Scan>([](const ScanRequest& request, Responder<Scan> responder) {
    Text text;
    text.Add("start", request.start)
        .Add("start_exclusive", request.start_exclusive)
        .Add("end", request.end);
    text.Add("limit", request.limit)
        .Add("max_bytes", request.max_bytes)
        .Add("keys_only", request.keys_only);
    responder.Ok({text.str(), true});
  });
}

void AddCluster(Dispatcher* dispatcher) {
  dispatcher->Handle<WatchCluster>(
      [](const WatchClusterRequest& request, Responder<WatchCluster> responder) {
        WatchClusterResponse response;
        response.changed = true;
        response.map.term = request.known_term;
        response.map.version = request.known_version + request.wait_ms;
        StoreInfo store{{3, 4}, "10.0.0.1:1",        "/run/x", "host", "z1", {"ssd"}, 100,
                        60,     StoreState::kSuspect};
        response.map.stores.emplace(store.uuid, store);
        response.map.keyspaces.emplace("photos", Descriptor());
        responder.Ok(response);
      });
  dispatcher->Handle<RegisterStore>(
      [](const RegisterStoreRequest& request, Responder<RegisterStore> responder) {
        if (request.store.uuid.nil())
          return responder.Fail(Status::InvalidArgument("a store has no identity"));
        responder.Ok({request.cluster, request.max_term + request.descriptors.size()});
      });
  dispatcher->Handle<Heartbeat>(
      [](const HeartbeatRequest&, Responder<Heartbeat> responder) { responder.Ok({}); });
  dispatcher->Handle<InstallKeyspace>(
      [](const InstallKeyspaceRequest& request, Responder<InstallKeyspace> responder) {
        const bool same = request.descriptor == Descriptor();
        responder.Ok({{{{3, 4}, same ? request.term : 0, ReplicaRole::kReplica}}});
      });
  dispatcher->Handle<CompactKeyspace>(
      [](const CompactKeyspaceRequest&, Responder<CompactKeyspace> responder) {
        responder.Ok({});
      });
}

void AddAdmin(Dispatcher* dispatcher) {
  dispatcher->Handle<CreateKeyspace>(
      [](const CreateKeyspaceRequest& r, Responder<CreateKeyspace> responder) {
        const bool right = r.name == "ks" && r.shards == 4 && r.replicas == 3 &&
                           r.acks == AckLevel::kAll && r.sync == SyncMode::kAlways &&
                           r.ttl_seconds == 60 && r.tags == std::vector<std::string>{"a", "b"};
        responder.Ok({right ? 42u : 0u});
      });
  dispatcher->Handle<DeleteKeyspace>(
      [](const DeleteKeyspaceRequest& request, Responder<DeleteKeyspace> responder) {
        responder.Fail(Status::NotFound("no keyspace " + request.name));
      });
  dispatcher->Handle<StartCompaction>(
      [](const StartCompactionRequest& request, Responder<StartCompaction> responder) {
        responder.Ok({request.name.size()});
      });
  dispatcher->Handle<WaitOperation>(
      [](const WaitOperationRequest& request, Responder<WaitOperation> responder) {
        responder.Ok({true, request.operation, request.wait_ms, Code::kNoSpace, "disk full"});
      });
  dispatcher->Handle<ClusterStats>(
      [](const ClusterStatsRequest&, Responder<ClusterStats> responder) {
        responder.Ok({{{{3, 4}, {{{1, 2}, 1, 10, 20, 30, "slow"}}}}});
      });
}

int Run() {
  EchoService service;
  AddData(service.mutable_dispatcher());
  AddCluster(service.mutable_dispatcher());
  AddAdmin(service.mutable_dispatcher());
  Server server({}, service.dispatcher());
  if (const Status status = server.Start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("ready %s\n", server.address().c_str());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server.Stop();
  return 0;
}

}  // namespace
}  // namespace vasto::rpc

int main() { return vasto::rpc::Run(); }
