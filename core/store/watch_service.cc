// SPDX-License-Identifier: Apache-2.0
#include "core/store/watch_service.h"

#include <utility>

#include "core/store/route.h"

namespace vasto::store {
namespace {

Status RouteWatch(const RoutingTable& table, const rpc::WatchRequest& request, int64_t received_us,
                  ShardHandle** shard) {
  const KeyspaceView* view = nullptr;
  VASTO_RETURN_IF_ERROR(FindKeyspace(table, request.ref, &view));
  if (request.ref.shard < 0) return Status::InvalidArgument("a watch names its shard");
  VASTO_RETURN_IF_ERROR(CheckKey(request.prefix));
  return FindShard(*view, request.ref.shard, received_us, shard);
}

}  // namespace

void WatchService::Register(rpc::Dispatcher* dispatcher) {
  dispatcher->Handle<rpc::Watch>(
      [this](rpc::WatchRequest request, rpc::Responder<rpc::Watch> responder) {
        Watch(std::move(request), std::move(responder));
      });
}

void WatchService::Watch(rpc::WatchRequest request, rpc::Responder<rpc::Watch> responder) {
  TableHolder::Section section(table_);
  ShardHandle* shard = nullptr;
  const Status status =
      RouteWatch(section.table(), request, responder.context().received_us, &shard);
  if (!status.ok()) return responder.Fail(status);
  shard->watches->Watch(std::move(request), std::move(responder));
}

}  // namespace vasto::store
