// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/bench/worker.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "daemons/cli/outcome.h"

namespace vasto::tool {
namespace {

uint64_t NowNs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

}  // namespace

Worker::Worker(vasto_keyspace_t* keyspace, const BenchArgs& args, uint64_t index,
               uint64_t operations, uint64_t in_flight, double rate)
    : keyspace_(keyspace),
      args_(args),
      operations_(operations),
      in_flight_(in_flight),
      rate_(rate),
      workload_(args.keys, index, args.threads),
      read_options_(args.from.Options()),
      queue_(cli::Make<cli::Queue>(vasto_queue_create)),
      batch_(cli::Make<cli::Batch>(vasto_batch_create)),
      slots_(in_flight),
      key_bytes_(args.batch),
      keys_(args.batch),
      values_(args.batch),
      codes_(args.batch) {
  for (size_t i = 0; i < in_flight; ++i) free_.push_back(i);
}

BenchReport Worker::Run() {
  const uint64_t begin = NowNs();
  const bool single_keys =
      args_.workload == "get" || args_.workload == "put" || args_.workload == "mixed";
  if (args_.workload == "scan") {
    RunScan();
  } else if (in_flight_ == 1 && rate_ == 0 && single_keys) {
    RunBlocking();
  } else {
    RunQueued();
  }
  report_.seconds = static_cast<double>(NowNs() - begin) / 1e9;
  return std::move(report_);
}

void Worker::RunBlocking() {
  for (uint64_t i = 0; i < operations_; ++i) {
    const std::string_view bytes = workload_.NextKey();
    const vasto_key_t key = vasto_make_key(bytes.data(), bytes.size());
    const uint64_t start = NowNs();
    vasto_status_t code;
    if (workload_.NextIsRead()) {
      cli::Value value;
      code = vasto_get(keyspace_, &key, read_options_.get(), cli::Out(value), nullptr);
    } else {
      const std::string_view value = workload_.NextValue();
      code = vasto_put(keyspace_, &key, value.data(), value.size(), nullptr, nullptr, nullptr);
    }
    Count(code, start);
    ++report_.rows;
  }
}

void Worker::RunQueued() {
  std::vector<vasto_future_t*> futures(std::max<uint64_t>(in_flight_, 1));
  std::vector<uint64_t> tags(futures.size());
  const uint64_t begin = NowNs();
  uint64_t started = 0;
  uint64_t finished = 0;
  while (finished < operations_) {
    int64_t wait_ms = -1;
    while (started < operations_ && !free_.empty()) {
      uint64_t intended = NowNs();
      if (rate_ > 0) {
        const auto due = begin + static_cast<uint64_t>(static_cast<double>(started) / rate_ * 1e9);
        if (due > intended) {
          wait_ms = static_cast<int64_t>((due - intended) / 1'000'000);
          break;
        }
        intended = due;
      }
      const size_t slot = free_.back();
      free_.pop_back();
      Start(slot, intended);
      ++started;
    }
    size_t count = 0;
    const vasto_status_t code = vasto_queue_next_block(
        queue_.get(), wait_ms, futures.data(), tags.data(), futures.size(), &count, nullptr);
    if (code != VASTO_OK && code != VASTO_TIMEOUT) throw cli::Failure(code, "wait for operations");
    for (size_t i = 0; i < count; ++i) Finish(futures[i], tags[i]);
    finished += count;
  }
}

void Worker::RunScan() {
  auto options = cli::Make<cli::ScanOptions>(vasto_scan_options_create);
  vasto_scan_options_set_limit(options.get(), operations_);
  args_.from.Apply(options.get());
  const uint64_t start = NowNs();
  cli::Iter iter;
  cli::Error error;
  cli::Check("scan", vasto_scan_prefix(keyspace_, "", 0, options.get(), cli::Out(iter), error),
             error);
  vasto_kv_t rows[1024];
  vasto_status_t code;
  size_t count = 0;
  while ((code = vasto_iter_next_block(iter.get(), rows, std::size(rows), &count, nullptr)) ==
         VASTO_OK)
    report_.rows += count;
  Count(code == VASTO_END ? VASTO_OK : code, start);
}

void Worker::FillKeys() {
  for (size_t i = 0; i < args_.batch; ++i) {
    key_bytes_[i] = workload_.NextKey();
    keys_[i] = vasto_make_key(key_bytes_[i].data(), key_bytes_[i].size());
  }
}

vasto_future_t* Worker::StartBatch(Slot* slot) {
  vasto_future_t* future = nullptr;
  cli::Error error;
  FillKeys();
  slot->read = args_.workload == "multi_get";
  if (slot->read) {
    cli::Check("multi_get",
               vasto_multi_get_async(keyspace_, keys_.data(), keys_.size(), read_options_.get(),
                                     &future, error),
               error);
    return future;
  }
  vasto_batch_clear(batch_.get());
  for (const vasto_key_t& key : keys_) {
    const std::string_view value = workload_.NextValue();
    cli::Check("batch",
               vasto_batch_put(batch_.get(), &key, value.data(), value.size(), nullptr, error),
               error);
  }
  cli::Check("batch write",
             vasto_batch_write_async(keyspace_, batch_.get(), nullptr, &future, error), error);
  return future;
}

vasto_future_t* Worker::StartOperation(Slot* slot) {
  vasto_future_t* future = nullptr;
  cli::Error error;
  const std::string_view bytes = workload_.NextKey();
  const vasto_key_t key = vasto_make_key(bytes.data(), bytes.size());
  slot->read = workload_.NextIsRead();
  if (slot->read) {
    cli::Check("get", vasto_get_async(keyspace_, &key, read_options_.get(), &future, error), error);
  } else {
    const std::string_view value = workload_.NextValue();
    cli::Check(
        "put",
        vasto_put_async(keyspace_, &key, value.data(), value.size(), nullptr, &future, error),
        error);
  }
  return future;
}

void Worker::Start(size_t slot, uint64_t start_ns) {
  slots_[slot].start_ns = start_ns;
  const bool batched = args_.workload == "multi_get" || args_.workload == "batch_put";
  vasto_future_t* future = batched ? StartBatch(&slots_[slot]) : StartOperation(&slots_[slot]);
  cli::Error error;
  cli::Check("attach", vasto_queue_attach(queue_.get(), future, slot, error), error);
}

vasto_status_t Worker::TakeResult(vasto_future_t* future, const Slot& slot) {
  if (args_.workload == "multi_get") {
    const vasto_status_t code =
        vasto_future_take_values(future, values_.data(), codes_.data(), codes_.size(), nullptr);
    for (size_t i = 0; i < codes_.size(); ++i) {
      report_.misses += codes_[i] == VASTO_NOT_FOUND;
      vasto_value_destroy(values_[i]);
    }
    return code;
  }
  if (!slot.read) return vasto_future_status(future, nullptr);
  cli::Value value;
  return vasto_future_take_value(future, cli::Out(value), nullptr);
}

void Worker::Finish(vasto_future_t* future, size_t slot) {
  const vasto_status_t code = TakeResult(future, slots_[slot]);
  vasto_future_destroy(future);
  const bool batched = args_.workload == "multi_get" || args_.workload == "batch_put";
  report_.rows += batched ? args_.batch : 1;
  Count(code, slots_[slot].start_ns);
  free_.push_back(slot);
}

void Worker::Count(vasto_status_t code, uint64_t start_ns) {
  ++report_.operations;
  report_.latency.Record(NowNs() - start_ns);
  if (code == VASTO_NOT_FOUND) {
    ++report_.misses;
  } else if (code != VASTO_OK) {
    ++report_.errors[vasto_status_name(code)];
  }
}

}  // namespace vasto::tool
