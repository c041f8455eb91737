// SPDX-License-Identifier: Apache-2.0
// What one shard does without a network: writes through the sequencer, reads, scans. To be compared
// with db_bench on the same machine; see core/storage/README.md.
//
// Values are 100 bytes that compress to about half, keys 16 bytes, as in db_bench.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

constexpr size_t kValueSize = 100;
constexpr uint64_t kStoredKeys = 2'000'000;

std::string KeyOf(uint64_t number) {
  char key[17];
  std::snprintf(key, sizeof(key), "%016llu", static_cast<unsigned long long>(number));
  return key;
}

// Slices of random bytes, each followed by a repetition of itself.
class Values {
 public:
  Values() {
    auto random = SeededRandom(301);
    while (bytes_.size() < 1 << 20) {
      std::string piece(kValueSize / 2, '\0');
      for (char& c : piece) c = static_cast<char>(' ' + random->Below(95));
      bytes_ += piece + piece;
    }
  }
  std::string_view Next() {
    if (position_ + kValueSize > bytes_.size()) position_ = 0;
    position_ += kValueSize;
    return std::string_view(bytes_).substr(position_ - kValueSize, kValueSize);
  }

 private:
  std::string bytes_;
  size_t position_ = 0;
};

// An engine and a shard on the machine's own clock.
struct Bench {
  explicit Bench(Durability durability = Durability::kNone) : hlc(SystemClock()), pool("bench", 2) {
    EngineOptions engine_options;
    engine_options.block_cache_bytes = 1 << 30;
    ShardOptions options;
    options.dir = folder.path() + "/shard";
    options.hlc = &hlc;
    options.pool = &pool;
    options.durability = durability;
    auto engine = NewEngine(engine_options);
    auto opened = Shard::Open(*engine, options);
    if (!opened.ok()) {
      std::fprintf(stderr, "%s\n", opened.status().ToString().c_str());
      std::abort();
    }
    shard = std::move(*opened);
  }

  TempFolder folder;
  HybridClock hlc;
  ThreadPool pool;
  std::unique_ptr<Shard> shard;
};

// A request of a client: made anew each time, as a server does from the bytes of the wire.
void PutBatch(Shard* shard, std::vector<TestWrite>* writes, Values* values, Random* random,
              uint64_t key_space) {
  for (TestWrite& w : *writes) {
    w.key = KeyOf(random->Below(key_space));
    w.payload = values->Next();
    w.event_time = 0;
  }
  Apply(shard, writes);
}

void BM_BatchPut(benchmark::State& state) {
  static Bench* bench = nullptr;
  if (state.thread_index() == 0) bench = new Bench();
  auto random = SeededRandom(static_cast<uint64_t>(state.thread_index()) + 1);
  Values values;
  std::vector<TestWrite> writes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) PutBatch(bench->shard.get(), &writes, &values, random.get(), 5'000'000);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  if (state.thread_index() == 0) delete bench;
}
BENCHMARK(BM_BatchPut)->Arg(100)->Iterations(50'000)->UseRealTime();
BENCHMARK(BM_BatchPut)->Arg(1)->Iterations(500'000)->UseRealTime();
BENCHMARK(BM_BatchPut)->Arg(1)->Iterations(200'000)->Threads(4)->UseRealTime();

// The sequencer's own work: what it takes more than RocksDB does for the same batch.
void BM_RewriteSameKeys(benchmark::State& state) {
  Bench bench;
  auto random = SeededRandom(1);
  Values values;
  std::vector<TestWrite> writes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) PutBatch(bench.shard.get(), &writes, &values, random.get(), 1000);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_RewriteSameKeys)->Arg(100)->Iterations(10'000)->UseRealTime();

// kStoredKeys keys, compacted; made once.
Shard* StoredShard() {
  static const std::unique_ptr<Bench> bench = [] {
    auto made = std::make_unique<Bench>();
    Values values;
    std::vector<TestWrite> writes(1000);
    for (uint64_t i = 0; i < kStoredKeys; i += writes.size()) {
      for (size_t j = 0; j < writes.size(); ++j) {
        writes[j].key = KeyOf(i + j);
        writes[j].payload = values.Next();
        writes[j].event_time = 0;
      }
      Apply(made->shard.get(), &writes);
    }
    if (!made->shard->Flush().ok() || !made->shard->Compact().ok()) std::abort();
    return made;
  }();
  return bench->shard.get();
}

void BM_MultiGet(benchmark::State& state) {
  Shard* const shard = StoredShard();
  const auto count = static_cast<size_t>(state.range(0));
  // All of it into the block cache first.
  auto random = SeededRandom(7);
  std::vector<std::string> keys(count);
  std::vector<std::string_view> views(count);
  std::vector<ReadValue> out(count);
  const bool may_wait = state.range(1) != 0;
  const auto read = [&](bool wait) {
    for (size_t i = 0; i < count; ++i) {
      keys[i] = KeyOf(random->Below(kStoredKeys));
      views[i] = keys[i];
    }
    shard->MultiGet(views.data(), count, wait, out.data());
    for (ReadValue& value : out) {
      if (!value.status.ok()) state.SkipWithError(value.status.ToString().c_str());
      benchmark::DoNotOptimize(value.record.payload.data());
    }
  };
  static bool warm = false;
  for (uint64_t i = 0; !warm && i < 3 * kStoredKeys / count; ++i) read(true);
  warm = true;
  for (auto _ : state) read(may_wait);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_MultiGet)->Args({100, 0})->Args({1, 0})->Args({100, 1})->UseRealTime();

void BM_Scan(benchmark::State& state) {
  Shard* const shard = StoredShard();
  int64_t rows = 0;
  std::string resume;
  for (auto _ : state) {
    ScanRange range;
    range.start = resume;
    range.keys_only = state.range(0) != 0;
    auto page = shard->Scan(range);
    if (!page.ok()) state.SkipWithError(page.status().ToString().c_str());
    rows += static_cast<int64_t>(page->row_count);
    resume = page->more ? page->resume_key : "";
  }
  state.SetItemsProcessed(rows);
}
BENCHMARK(BM_Scan)->Arg(0)->Arg(1)->UseRealTime();

}  // namespace
}  // namespace vasto::storage

BENCHMARK_MAIN();
