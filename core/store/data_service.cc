// SPDX-License-Identifier: Apache-2.0
#include "core/store/data_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/codec/limits.h"
#include "core/store/route.h"
#include "core/store/seen.h"

namespace vasto::store {

// A scan on its way to the pool; the shard's gate is held.
struct DataService::ScanTask {
  ScanTask(rpc::ScanRequest q, rpc::Responder<rpc::Scan> r)
      : request(std::move(q)), responder(std::move(r)) {}

  rpc::ScanRequest request;
  rpc::Responder<rpc::Scan> responder;
  ShardHandle* shard = nullptr;
  KeyspaceMetrics* metrics = nullptr;
  size_t max_bytes = 0;

  void Run(const Clock* clock);
  StatusOr<rpc::ScanResponse> Read(const Clock* clock) const;
};

DataService::DataService(const DataServiceOptions& options) : options_(options) {}

void DataService::Register(rpc::Dispatcher* dispatcher) {
  dispatcher->Handle<rpc::Get>([this](rpc::GetRequest request, rpc::Responder<rpc::Get> responder) {
    Use()->reads.Add(std::move(request), std::move(responder));
  });
  dispatcher->Handle<rpc::MultiGet>(
      [this](rpc::MultiGetRequest request, rpc::Responder<rpc::MultiGet> responder) {
        Use()->reads.Add(std::move(request), std::move(responder));
      });
  dispatcher->Handle<rpc::Write>(
      [this](rpc::WriteRequest request, rpc::Responder<rpc::Write> responder) {
        Use()->writes.Add(std::move(request), std::move(responder));
      });
  dispatcher->Handle<rpc::WriteBatch>(
      [this](rpc::WriteBatchRequest request, rpc::Responder<rpc::WriteBatch> responder) {
        Use()->writes.Add(std::move(request), std::move(responder));
      });
  dispatcher->Handle<rpc::Scan>(
      [this](rpc::ScanRequest request, rpc::Responder<rpc::Scan> responder) {
        Scan(std::move(request), std::move(responder));
      });
  dispatcher->OnEndBatch([this] { Flush(); });
}

DataService::Queues* DataService::Use() {
  Queues* queues = queues_.Get();
  queues->used = true;
  return queues;
}

void DataService::Flush() {
  Queues* queues = queues_.Get();
  if (!queues->used) return;
  queues->used = false;
  TableHolder::Section section(options_.table);
  // A client that pipelines a write and a read of the same key most likely means this order.
  queues->writes.Flush(section.table(), options_.clock);
  queues->reads.Flush(section.table(), options_.data_pool, options_.clock);
}

// ---- Scans

namespace {

// A bound may be the successor of the longest key.
Status CheckRangeEnd(std::string_view bound) {
  return CheckKey(bound.substr(0, std::max<size_t>(bound.size(), 1) - 1));
}

Status RouteScan(const RoutingTable& table, const rpc::ScanRequest& request, int64_t received_us,
                 const KeyspaceView** view, ShardHandle** shard) {
  VASTO_RETURN_IF_ERROR(FindKeyspace(table, request.ref, view));
  if (request.ref.shard < 0) return Status::InvalidArgument("a scan names its shard");
  VASTO_RETURN_IF_ERROR(CheckRangeEnd(request.start));
  VASTO_RETURN_IF_ERROR(CheckRangeEnd(request.end));
  VASTO_RETURN_IF_ERROR(FindShard(**view, request.ref.shard, received_us, shard));
  return CheckBound(**shard, request.bound, received_us);
}

}  // namespace

void DataService::Scan(rpc::ScanRequest request, rpc::Responder<rpc::Scan> responder) {
  TableHolder::Section section(options_.table);
  const KeyspaceView* view = nullptr;
  auto task = std::make_shared<ScanTask>(std::move(request), std::move(responder));
  Status status = RouteScan(section.table(), task->request, task->responder.context().received_us,
                            &view, &task->shard);
  if (status.ok() && options_.scan_pool->queued() >= options_.max_waiting_scans) {
    status = Status::Busy(std::to_string(options_.max_waiting_scans) + " scans wait already");
  }
  if (status.ok() && !task->shard->slow_work.Enter()) status = StoppingStatus();
  if (!status.ok()) {
    if (view != nullptr) view->metrics->scan.errors->Add();
    return task->responder.Fail(status);
  }
  task->metrics = view->metrics;
  const size_t wanted =
      task->request.max_bytes != 0 ? task->request.max_bytes : options_.default_page_bytes;
  task->max_bytes = std::min(wanted, kMaxScanPageBytes);
  if (options_.scan_pool->Submit([task, clock = options_.clock] { task->Run(clock); })) return;
  task->shard->slow_work.Leave();
  task->responder.Fail(StoppingStatus());
}

StatusOr<rpc::ScanResponse> DataService::ScanTask::Read(const Clock* clock) const {
  storage::ScanRange range;
  range.start = request.start;
  range.start_exclusive = request.start_exclusive;
  range.end = request.end;
  range.limit = request.limit;
  range.max_bytes = max_bytes;
  range.keys_only = request.keys_only;
  range.deadline_us = DeadlineOf(request.ref, responder.context());
  if (range.deadline_us != 0 && clock->MonotonicMicros() > range.deadline_us) {
    return Status::Timeout("the deadline passed before the scan began");
  }
  VASTO_ASSIGN_OR_RETURN(storage::ScanPage page, shard->shard->Scan(range));
  rpc::ScanResponse response;
  response.rows = std::move(page.rows);
  response.more = page.more;
  response.resume_key = std::move(page.resume_key);
  response.seen = SeenByRead(*shard, request.bound);
  return response;
}

void DataService::ScanTask::Run(const Clock* clock) {
  const auto result = Read(clock);
  const int64_t received_us = responder.context().received_us;
  responder.Finish(result);
  if (!result.ok()) metrics->scan.errors->Add();
  metrics->scan.requests->Add();
  metrics->scan.latency->Record(
      static_cast<uint64_t>(std::max<int64_t>(0, clock->MonotonicMicros() - received_us)));
  shard->slow_work.Leave();
}

}  // namespace vasto::store
