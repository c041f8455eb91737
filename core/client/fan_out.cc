// SPDX-License-Identifier: Apache-2.0
#include "core/client/fan_out.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "core/client/hedge.h"
#include "core/client/shard_call.h"
#include "core/codec/limits.h"
#include "core/codec/record.h"
#include "core/hash/partition.h"

namespace vasto::client {
namespace {

// Payload and key bytes after which a request is full; one larger entry goes alone.
constexpr size_t kMaxPartBytes = 16 << 20;
// What an entry costs in a frame besides its key and payload.
constexpr size_t kEntryOverhead = 128;

// Positions of keys in the caller's list.
using Indexes = std::vector<uint32_t>;

size_t SizeOf(const rpc::ReadKey& key) { return key.key.size() + kEntryOverhead; }
size_t SizeOf(const rpc::WriteEntry& entry) {
  return entry.key.size() + entry.payload.size() + kEntryOverhead;
}

Status Check(const rpc::ReadKey& key) { return CheckReadKey(key.key); }
Status Check(const rpc::WriteEntry& entry) { return CheckWriteEntry(entry); }

template <typename Result>
void SetError(const Status& status, Result* result) {
  result->code = status.code();
  result->message = status.message();
}

struct ReadTraits {
  using Method = rpc::MultiGet;
  using Item = rpc::ReadKey;
  using Result = rpc::ReadResult;
  static constexpr bool kInOrder = false;
  static auto& Items(rpc::MultiGetRequest* request) { return request->keys; }
};

struct WriteTraits {
  using Method = rpc::WriteBatch;
  using Item = rpc::WriteEntry;
  using Result = rpc::WriteResult;
  static constexpr bool kInOrder = true;
  static auto& Items(rpc::WriteBatchRequest* request) { return request->entries; }
  static RouteKind Kind(const rpc::WriteBatchRequest& request) {
    return RouteKindOf(request.entries);
  }
};

// One operation on many keys. Frees itself with its last part.
template <typename Traits>
class FanOut {
 public:
  using Item = typename Traits::Item;
  using Result = typename Traits::Result;
  using Request = typename Traits::Method::Request;
  using Response = typename Traits::Method::Response;
  using Done = std::function<void(StatusOr<std::vector<Result>>)>;

  FanOut(Engine* engine, KeyspaceRoute* route, std::vector<Item> items, Request blank,
         const FanOutOptions& options, Done done)
      : engine_(engine),
        route_(route),
        options_(options),
        spread_(SpreadOf(engine, options.read)),
        blank_(std::move(blank)),
        items_(std::move(items)),
        results_(items_.size()),
        done_(std::move(done)) {}

  void Start() {
    Indexes valid;
    valid.reserve(items_.size());
    for (uint32_t i = 0; i < items_.size(); ++i) {
      const Status status = Check(items_[i]);
      if (status.ok()) {
        valid.push_back(i);
      } else {
        SetError(status, &results_[i]);
      }
    }
    if (!valid.empty()) Split(valid);
    // Never ends inside the call that started it.
    if (LastPart()) engine_->Defer([this] { Complete(); });
  }

 private:
  // The requests of one shard that are still to be sent, in order.
  struct ShardQueue {
    ShardTarget target;
    std::deque<Indexes> chunks;
  };

  // Groups by shard and starts the requests.
  void Split(const Indexes& indexes) {
    const int32_t shard_count = route_->view()->shard_count();
    std::vector<Indexes> by_shard(static_cast<size_t>(shard_count));
    for (const uint32_t i : indexes) {
      const int32_t shard = ShardOf(items_[i].key, items_[i].partition_hash, shard_count);
      by_shard[static_cast<size_t>(shard)].push_back(i);
    }
    for (int32_t shard = 0; shard < shard_count; ++shard) {
      const Indexes& mine = by_shard[static_cast<size_t>(shard)];
      if (mine.empty()) continue;
      auto queue = std::make_shared<ShardQueue>();
      queue->target.route = route_;
      queue->target.shard = shard;
      queue->target.shard_count = shard_count;
      queue->target.read = options_.read;
      queue->target.spread = spread_;
      queue->target.session = options_.session;
      Chop(mine, &queue->chunks);
      parts_.fetch_add(queue->chunks.size(), std::memory_order_relaxed);
      for (size_t n = Traits::kInOrder ? 1 : queue->chunks.size(); n > 0; --n) SendNext(queue);
    }
  }

  void Chop(const Indexes& indexes, std::deque<Indexes>* chunks) const {
    size_t bytes = kMaxPartBytes;
    for (const uint32_t i : indexes) {
      const size_t size = SizeOf(items_[i]);
      const bool full = chunks->empty() || chunks->back().size() == kMaxBatchEntries ||
                        bytes + size > kMaxPartBytes;
      if (full) {
        chunks->emplace_back();
        bytes = 0;
      }
      chunks->back().push_back(i);
      bytes += size;
    }
  }

  void SendNext(const std::shared_ptr<ShardQueue>& queue) {
    Indexes chunk = std::move(queue->chunks.front());
    queue->chunks.pop_front();
    Request request = blank_;
    auto& items = Traits::Items(&request);
    items.reserve(chunk.size());
    for (const uint32_t i : chunk) items.push_back(std::move(items_[i]));
    auto done = [this, queue, chunk = std::move(chunk)](Request& sent,
                                                        StatusOr<Response> response) {
      OnPart(queue, chunk, &sent, std::move(response));
    };
    if constexpr (Traits::kInOrder) {
      const RouteKind kind = Traits::Kind(request);
      StartShardCall<typename Traits::Method>(engine_, queue->target, kind, options_.deadline_us,
                                              std::move(request), std::move(done));
    } else {
      StartRead<typename Traits::Method>(engine_, queue->target, route_->multi_get_latency(),
                                         options_.deadline_us, std::move(request), std::move(done));
    }
  }

  void OnPart(const std::shared_ptr<ShardQueue>& queue, const Indexes& chunk, Request* sent,
              StatusOr<Response> response) {
    auto& items = Traits::Items(sent);
    for (size_t n = 0; n < chunk.size(); ++n) items_[chunk[n]] = std::move(items[n]);
    if (response.ok() && response->results.size() == chunk.size()) {
      TakeResults(queue, chunk, std::move(response->results));
      return PartEnded(queue);
    }
    Status status = response.ok()
                        ? Status::Internal("a store answered with a wrong number of results")
                        : std::move(response).status();
    if (Again(queue, chunk, status)) return;
    for (const uint32_t i : chunk) SetError(status, &results_[i]);
    PartEnded(queue);
  }

  void TakeResults(const std::shared_ptr<ShardQueue>& queue, const Indexes& chunk,
                   std::vector<Result> results) {
    Indexes left_out;  // values that did not fit the answer any more
    for (size_t n = 0; n < chunk.size(); ++n) {
      if (!Traits::kInOrder && results[n].code == Code::kBusy) left_out.push_back(chunk[n]);
      results_[chunk[n]] = std::move(results[n]);
    }
    // An answer with nothing but kBusy does not come here (InnerError): asking again gets on.
    if (left_out.empty()) return;
    auto rest = std::make_shared<ShardQueue>();
    rest->target = queue->target;
    rest->chunks.push_back(std::move(left_out));
    parts_.fetch_add(1, std::memory_order_relaxed);
    SendNext(rest);
  }

  // Whether the request goes on in another form.
  bool Again(const std::shared_ptr<ShardQueue>& queue, const Indexes& chunk, const Status& status) {
    if (status.Is(Code::kTooLarge) && chunk.size() > 1) {
      // The answer would not fit one frame.
      const auto middle = chunk.begin() + static_cast<ptrdiff_t>(chunk.size() / 2);
      parts_.fetch_add(1, std::memory_order_relaxed);
      auto halves = Traits::kInOrder ? queue : std::make_shared<ShardQueue>();
      halves->target = queue->target;
      halves->chunks.emplace_front(middle, chunk.end());
      halves->chunks.emplace_front(chunk.begin(), middle);
      SendNext(halves);
      if (!Traits::kInOrder) SendNext(halves);
      return true;
    }
    if (status.Is(Code::kResizing) && route_->view()->shard_count() != queue->target.shard_count) {
      // What waits behind this request goes with it, so that the order of one key is kept.
      Indexes all = chunk;
      for (const Indexes& waiting : queue->chunks) {
        all.insert(all.end(), waiting.begin(), waiting.end());
      }
      parts_.fetch_sub(queue->chunks.size(), std::memory_order_relaxed);
      queue->chunks.clear();
      Split(all);
      PartEnded(queue);
      return true;
    }
    return false;
  }

  void PartEnded(const std::shared_ptr<ShardQueue>& queue) {
    if (Traits::kInOrder && !queue->chunks.empty()) SendNext(queue);
    if (LastPart()) Complete();
  }

  bool LastPart() { return parts_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  void Complete() {
    const std::unique_ptr<FanOut> self(this);
    if constexpr (!Traits::kInOrder) {
      if (!blank_.meta_only && engine_->options().verify_checksums) {
        for (size_t i = 0; i < items_.size(); ++i) VerifyResult(items_[i].key, &results_[i]);
      }
    }
    engine_->Leave();
    done_(std::move(results_));
  }

  Engine* const engine_;        // borrowed; outlives *this
  KeyspaceRoute* const route_;  // borrowed from the engine
  const FanOutOptions options_;
  const uint64_t spread_;
  const Request blank_;           // a request without items
  std::vector<Item> items_;       // each belongs to at most one part at a time
  std::vector<Result> results_;   // parallel to items_
  std::atomic<size_t> parts_{1};  // under way or queued, and one for Start
  const Done done_;
};

}  // namespace

Status CheckReadKey(std::string_view key) {
  if (key.size() <= kMaxKeySize) return Status::Ok();
  return Status::TooLarge("the key has " + std::to_string(key.size()) + " bytes; at most " +
                          std::to_string(kMaxKeySize) + " are allowed");
}

Status CheckWriteEntry(const rpc::WriteEntry& entry) {
  VASTO_RETURN_IF_ERROR(CheckReadKey(entry.key));
  if (entry.payload.size() <= kMaxValueSize) return Status::Ok();
  return Status::TooLarge("the value has " + std::to_string(entry.payload.size()) +
                          " bytes; at most " + std::to_string(kMaxValueSize) + " are allowed");
}

void AddChecksum(rpc::WriteEntry* entry) {
  const bool has_payload =
      entry->kind != rpc::WriteKind::kDelete && entry->kind != rpc::WriteKind::kTouch;
  if (!has_payload || entry->content_checksum != 0) return;
  entry->content_checksum = ContentChecksum(entry->key, entry->payload);
}

void VerifyResult(std::string_view key, rpc::ReadResult* result) {
  if (result->code != Code::kOk) return;
  if (ContentChecksum(key, result->value.payload) == result->value.content_checksum) return;
  result->code = Code::kCorruption;
  result->message = "the value was damaged on its way from the store: its checksum does not match";
  result->value = {};
}

void StartMultiGet(Engine* engine, KeyspaceRoute* route, std::vector<rpc::ReadKey> keys,
                   bool meta_only, const FanOutOptions& options,
                   std::function<void(StatusOr<std::vector<rpc::ReadResult>>)> done) {
  rpc::MultiGetRequest blank;
  blank.meta_only = meta_only;
  auto* fan_out = new FanOut<ReadTraits>(engine, route, std::move(keys), std::move(blank), options,
                                         std::move(done));
  fan_out->Start();
}

void StartWriteBatch(Engine* engine, KeyspaceRoute* route, std::vector<rpc::WriteEntry> entries,
                     const FanOutOptions& options,
                     std::function<void(StatusOr<std::vector<rpc::WriteResult>>)> done) {
  for (rpc::WriteEntry& entry : entries) AddChecksum(&entry);
  rpc::WriteBatchRequest blank;
  blank.acks = options.acks;
  auto* fan_out = new FanOut<WriteTraits>(engine, route, std::move(entries), std::move(blank),
                                          options, std::move(done));
  fan_out->Start();
}

}  // namespace vasto::client
