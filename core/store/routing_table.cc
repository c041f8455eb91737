// SPDX-License-Identifier: Apache-2.0
#include "core/store/routing_table.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace vasto::store {
namespace {

KeyspaceMetrics::Operation MakeOperation(Metrics* metrics, const std::string& keyspace,
                                         const std::string& op) {
  const std::string labels = "keyspace=\"" + keyspace + "\",op=\"" + op + "\"";
  return {metrics->GetCounter("vasto_store_requests_total", labels),
          metrics->GetCounter("vasto_store_request_errors_total", labels),
          metrics->GetHistogram("vasto_store_request_microseconds", labels)};
}

}  // namespace

KeyspaceMetrics::KeyspaceMetrics(Metrics* metrics, const std::string& keyspace)
    : get(MakeOperation(metrics, keyspace, "get")),
      multi_get(MakeOperation(metrics, keyspace, "multi_get")),
      write(MakeOperation(metrics, keyspace, "write")),
      write_batch(MakeOperation(metrics, keyspace, "write_batch")),
      scan(MakeOperation(metrics, keyspace, "scan")),
      keys_read(
          metrics->GetCounter("vasto_store_keys_read_total", "keyspace=\"" + keyspace + "\"")),
      keys_written(
          metrics->GetCounter("vasto_store_keys_written_total", "keyspace=\"" + keyspace + "\"")) {}

void KeyspaceMetrics::Operation::Count(int64_t received_us, const Clock* clock,
                                       uint64_t calls) const {
  const int64_t took_us = std::max<int64_t>(0, clock->MonotonicMicros() - received_us);
  requests->Add(calls);
  latency->Record(static_cast<uint64_t>(took_us), calls);
}

TableHolder::TableHolder() : table_(new RoutingTable) {}

TableHolder::~TableHolder() {
  WaitForReaders();
  delete table_.load();
}

TableHolder::Section::Section(TableHolder* holder) : slot_(holder->slots_.Get()) {
  // Sequentially consistent on both sides: either this load sees the new table, or the publisher
  // sees the odd sequence.
  if (slot_->depth++ == 0) slot_->sequence.fetch_add(1, std::memory_order_seq_cst);
  table_ = holder->table_.load(std::memory_order_seq_cst);
}

TableHolder::Section::~Section() {
  if (--slot_->depth == 0) slot_->sequence.fetch_add(1, std::memory_order_release);
}

void TableHolder::Publish(std::unique_ptr<const RoutingTable> table) {
  const RoutingTable* old = table_.exchange(table.release(), std::memory_order_seq_cst);
  WaitForReaders();
  delete old;
}

void TableHolder::WaitForReaders() {
  slots_.ForEach([](Slot* slot) {
    const uint64_t seen = slot->sequence.load(std::memory_order_seq_cst);
    if (seen % 2 == 0) return;
    while (slot->sequence.load(std::memory_order_acquire) == seen) std::this_thread::yield();
  });
}

}  // namespace vasto::store
