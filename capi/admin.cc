// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/admin.h"

#include <algorithm>
#include <utility>

#include "capi/internal/core.h"
#include "capi/internal/guard.h"
#include "capi/internal/options.h"
#include "capi/internal/value.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"

struct vasto_keyspace_options_t {
  uint32_t shards = 1;
  uint32_t replicas = 1;
  int32_t acks = VASTO_ACKS_ONE;
  int32_t sync = VASTO_SYNC_NONE;
  uint64_t ttl_seconds = 0;
  std::string tags;
  bool out_of_memory = false;  // while the tags were copied
};

struct vasto_admin_op_t {
  // Constant after creation.
  vasto::capi::CorePtr core;
  uint64_t number = 0;
  std::string id;

  vasto::Mutex mu;
  bool done GUARDED_BY(mu) = false;
  vasto::client::OperationProgress last GUARDED_BY(mu);
};

namespace vasto::capi {
namespace {

// The longest wait at a master in one request; a longer wait asks again.
constexpr int64_t kWaitSliceUs = 5'000'000;

StatusOr<SyncMode> ToSyncMode(int32_t sync) {
  switch (sync) {
    case VASTO_SYNC_NONE:
      return SyncMode::kNone;
    case VASTO_SYNC_INTERVAL:
      return SyncMode::kInterval;
    case VASTO_SYNC_ALWAYS:
      return SyncMode::kAlways;
    default:
      return Status::InvalidArgument("unknown sync mode " + std::to_string(sync));
  }
}

std::vector<std::string> SplitTags(const std::string& tags) {
  std::vector<std::string> result;
  size_t start = 0;
  while (start < tags.size()) {
    const size_t comma = std::min(tags.find(',', start), tags.size());
    if (comma > start) result.push_back(tags.substr(start, comma - start));
    start = comma + 1;
  }
  return result;
}

StatusOr<rpc::CreateKeyspaceRequest> ToRequest(const char* name,
                                               const vasto_keyspace_options_t& options) {
  if (options.out_of_memory) return Status::NoSpace("out of memory");
  VASTO_RETURN_IF_ERROR(CheckKeyspaceName(name));
  if (options.shards < 1 || options.shards > kMaxShards) {
    return Status::InvalidArgument("a keyspace has 1 to " + std::to_string(kMaxShards) +
                                   " shards, not " + std::to_string(options.shards));
  }
  if (options.replicas < 1 || options.replicas > kMaxReplicas) {
    return Status::InvalidArgument("a keyspace has 1 to " + std::to_string(kMaxReplicas) +
                                   " replicas, not " + std::to_string(options.replicas));
  }
  rpc::CreateKeyspaceRequest request;
  request.name = name;
  request.shards = static_cast<int32_t>(options.shards);
  request.replicas = static_cast<int32_t>(options.replicas);
  VASTO_ASSIGN_OR_RETURN(request.acks, ToAckLevel(options.acks));
  VASTO_ASSIGN_OR_RETURN(request.sync, ToSyncMode(options.sync));
  request.ttl_seconds = options.ttl_seconds;
  request.tags = SplitTags(options.tags);
  return request;
}

// Starts an operation with start(client) and makes its handle.
template <typename Start>
vasto_status_t StartOperation(vasto_client_t* client, const char* name, vasto_admin_op_t** out_op,
                              vasto_error_t** err, Start start) {
  return Guard(err, [&]() -> Answer {
    if (out_op == nullptr) return Status::InvalidArgument("out_op is NULL");
    *out_op = nullptr;
    if (client == nullptr || name == nullptr) {
      return Status::InvalidArgument("client and name must not be NULL");
    }
    if (Status usable = client->core->CheckMayWait(); !usable.ok()) return usable;
    auto op = std::make_unique<vasto_admin_op_t>();
    const StatusOr<uint64_t> number = start(client->core->client());
    if (!number.ok()) return Answer::FromCluster(number.status());
    op->core = client->core;
    op->number = *number;
    op->id = std::to_string(*number);
    *out_op = op.release();
    return Answer::Ok();
  });
}

// Asks for the operation and waits up to wait_us for its end; remembers the answer. OK: *progress
// is valid.
Answer Ask(vasto_admin_op_t* op, int64_t wait_us, client::OperationProgress* progress) {
  {
    MutexLock lock(&op->mu);
    *progress = op->last;
    if (op->done) return Answer::Ok();
  }
  if (Status usable = op->core->CheckMayWait(); !usable.ok()) return usable;
  auto asked = op->core->client().WaitOperation(op->number, wait_us);
  if (!asked.ok()) return Answer::FromCluster(std::move(asked).status());
  MutexLock lock(&op->mu);
  op->last = *asked;
  op->done = asked->done;
  *progress = *std::move(asked);
  return Answer::Ok();
}

Status CheckOperation(const vasto_admin_op_t* op) {
  if (op == nullptr) return Status::InvalidArgument("op is NULL");
  if (op->core->forked()) {
    return {Code::kForked, "the operation belongs to the parent of this process"};
  }
  return Status::Ok();
}

// What a master says about the cluster now.
StatusOr<ClusterView> FetchView(client::Client& client, int64_t timeout_us) {
  ClusterView view;
  VASTO_ASSIGN_OR_RETURN(view.map, client.FetchClusterMap(timeout_us));
  VASTO_ASSIGN_OR_RETURN(view.stats, client.FetchClusterStats(timeout_us));
  return view;
}

StatusOr<std::string> Describe(const ClusterView& view, int32_t what, const char* name) {
  switch (what) {
    case VASTO_DESCRIBE_STATUS:
      return StatusJson(view);
    case VASTO_DESCRIBE_STORES:
      return StoresJson(view);
    case VASTO_DESCRIBE_KEYSPACES:
      return KeyspacesJson(view);
    case VASTO_DESCRIBE_KEYSPACE:
      return KeyspaceJson(view, name);
    default:
      break;
  }
  VASTO_ASSIGN_OR_RETURN(const Usage usage, UsageOf(view, name != nullptr ? name : ""));
  return UsageJson(usage);
}

Status CheckDescribe(const vasto_client_t* client, int32_t what, const char* name) {
  if (client == nullptr) return Status::InvalidArgument("client is NULL");
  if (what < VASTO_DESCRIBE_STATUS || what > VASTO_DESCRIBE_USAGE) {
    return Status::InvalidArgument("cannot describe " + std::to_string(what));
  }
  if (what == VASTO_DESCRIBE_KEYSPACE && name == nullptr) {
    return Status::InvalidArgument("name is NULL");
  }
  return client->core->CheckMayWait();
}

}  // namespace
}  // namespace vasto::capi

using vasto::Code;
using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_keyspace_options_create(vasto_keyspace_options_t** out_options,
                                           vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_options == nullptr) return Status::InvalidArgument("out_options is NULL");
    *out_options = nullptr;
    *out_options = new vasto_keyspace_options_t();
    return Answer::Ok();
  });
}

VASTO_API void vasto_keyspace_options_set_shards(vasto_keyspace_options_t* options,
                                                 uint32_t shards) {
  if (options != nullptr) options->shards = shards;
}

VASTO_API void vasto_keyspace_options_set_replicas(vasto_keyspace_options_t* options,
                                                   uint32_t replicas) {
  if (options != nullptr) options->replicas = replicas;
}

VASTO_API void vasto_keyspace_options_set_acks(vasto_keyspace_options_t* options, int32_t acks) {
  if (options != nullptr) options->acks = acks;
}

VASTO_API void vasto_keyspace_options_set_sync(vasto_keyspace_options_t* options, int32_t sync) {
  if (options != nullptr) options->sync = sync;
}

VASTO_API void vasto_keyspace_options_set_ttl_seconds(vasto_keyspace_options_t* options,
                                                      uint64_t ttl_seconds) {
  if (options != nullptr) options->ttl_seconds = ttl_seconds;
}

VASTO_API void vasto_keyspace_options_set_tags(vasto_keyspace_options_t* options,
                                               const char* tags) {
  if (options == nullptr) return;
  options->out_of_memory =
      !vasto::capi::GuardVoid([&] { options->tags = std::string(tags != nullptr ? tags : ""); });
}

VASTO_API void vasto_keyspace_options_destroy(vasto_keyspace_options_t* options) { delete options; }

VASTO_STATUS vasto_admin_create_keyspace(vasto_client_t* client, const char* name,
                                         const vasto_keyspace_options_t* options,
                                         vasto_admin_op_t** out_op, vasto_error_t** err) {
  const vasto_keyspace_options_t defaults;
  return vasto::capi::StartOperation(
      client, name, out_op, err, [&](vasto::client::Client& core) -> vasto::StatusOr<uint64_t> {
        VASTO_ASSIGN_OR_RETURN(
            const auto request,
            vasto::capi::ToRequest(name, options != nullptr ? *options : defaults));
        return core.CreateKeyspace(request, 0);
      });
}

VASTO_STATUS vasto_admin_delete_keyspace(vasto_client_t* client, const char* name,
                                         vasto_admin_op_t** out_op, vasto_error_t** err) {
  return vasto::capi::StartOperation(client, name, out_op, err, [&](vasto::client::Client& core) {
    return core.DeleteKeyspace(name, 0);
  });
}

VASTO_STATUS vasto_admin_compact_keyspace(vasto_client_t* client, const char* name,
                                          vasto_admin_op_t** out_op, vasto_error_t** err) {
  return vasto::capi::StartOperation(client, name, out_op, err, [&](vasto::client::Client& core) {
    return core.CompactKeyspace(name, 0);
  });
}

VASTO_STATUS vasto_admin_describe(vasto_client_t* client, int32_t what, const char* name,
                                  const vasto_read_options_t* options, vasto_value_t** out_value,
                                  vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_value == nullptr) return Status::InvalidArgument("out_value is NULL");
    *out_value = nullptr;
    if (Status usable = vasto::capi::CheckDescribe(client, what, name); !usable.ok()) {
      return usable;
    }
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    const auto view = vasto::capi::FetchView(client->core->client(), call->timeout_us);
    if (!view.ok()) return Answer::FromCluster(view.status());
    auto json = vasto::capi::Describe(*view, what, name);
    if (!json.ok()) return Answer::FromCluster(json.status());
    vasto::client::ReadResult result;
    result.value.payload = std::move(*json);
    *out_value = vasto::capi::MakeValue(std::move(result), /*has_bytes=*/true);
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_admin_usage(vasto_client_t* client, const char* name,
                               const vasto_read_options_t* options, uint64_t* out_capacity_bytes,
                               uint64_t* out_free_bytes, uint64_t* out_used_bytes,
                               uint64_t* out_keys, vasto_error_t** err) {
  vasto::capi::Usage usage;
  const vasto_status_t status = Guard(err, [&]() -> Answer {
    Status usable = vasto::capi::CheckDescribe(client, VASTO_DESCRIBE_USAGE, name);
    if (!usable.ok()) return usable;
    const auto call = vasto::capi::ToCallOptions(options);
    if (!call.ok()) return call.status();
    const auto view = vasto::capi::FetchView(client->core->client(), call->timeout_us);
    if (!view.ok()) return Answer::FromCluster(view.status());
    const auto found = vasto::capi::UsageOf(*view, name != nullptr ? name : "");
    if (!found.ok()) return Answer::FromCluster(found.status());
    usage = *found;
    return Answer::Ok();
  });
  if (out_capacity_bytes != nullptr) *out_capacity_bytes = usage.capacity_bytes;
  if (out_free_bytes != nullptr) *out_free_bytes = usage.free_bytes;
  if (out_used_bytes != nullptr) *out_used_bytes = usage.used_bytes;
  if (out_keys != nullptr) *out_keys = usage.keys;
  return status;
}

VASTO_API const char* vasto_admin_op_id(const vasto_admin_op_t* op) {
  return op != nullptr ? op->id.c_str() : "";
}

VASTO_STATUS vasto_admin_op_progress(vasto_admin_op_t* op, uint64_t* out_done, uint64_t* out_total,
                                     vasto_error_t** err) {
  vasto::client::OperationProgress progress;
  const vasto_status_t status = Guard(err, [&]() -> Answer {
    if (Status usable = vasto::capi::CheckOperation(op); !usable.ok()) return usable;
    Answer asked = vasto::capi::Ask(op, 0, &progress);
    if (!asked.status.ok()) return asked;
    if (!progress.done) return Answer::Plain(Code::kBusy);
    return Answer::FromCluster(progress.result);
  });
  if (out_done != nullptr) *out_done = progress.steps_done;
  if (out_total != nullptr) *out_total = progress.steps_total;
  return status;
}

VASTO_STATUS vasto_admin_op_wait(vasto_admin_op_t* op, int64_t timeout_ms, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = vasto::capi::CheckOperation(op); !usable.ok()) return usable;
    const auto* clock = vasto::SystemClock();
    const int64_t deadline = clock->MonotonicMicros() + vasto::capi::TimeoutMicros(timeout_ms);
    for (;;) {
      const int64_t left = std::max<int64_t>(deadline - clock->MonotonicMicros(), 0);
      vasto::client::OperationProgress progress;
      Answer asked = vasto::capi::Ask(op, std::min(left, vasto::capi::kWaitSliceUs), &progress);
      if (!asked.status.ok()) return asked;
      if (progress.done) return Answer::FromCluster(progress.result);
      if (left == 0) return Answer::Plain(Code::kTimeout);
    }
  });
}

VASTO_API void vasto_admin_op_destroy(vasto_admin_op_t* op) {
  if (op == nullptr || op->core->forked()) return;
  delete op;
}
