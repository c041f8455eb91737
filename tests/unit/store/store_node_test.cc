// SPDX-License-Identifier: Apache-2.0
#include "core/store/store_node.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "core/codec/limits.h"
#include "core/codec/record.h"
#include "core/codec/row_block.h"
#include "core/hash/partition.h"
#include "tests/unit/store/fake_master.h"

namespace vasto::store {
namespace {

namespace fs = std::filesystem;

// The system's clock, put ahead on demand.
class AdvancedClock final : public Clock {
 public:
  int64_t WallMicros() const override { return SystemClock()->WallMicros(); }
  int64_t MonotonicMicros() const override {
    return SystemClock()->MonotonicMicros() + ahead_us.load();
  }
  std::atomic<int64_t> ahead_us{0};
};

class StoreNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vasto-node-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    transport_ = rpc::NewSocketTransport({});
    master_ = std::make_unique<FakeMaster>();
    ASSERT_TRUE(master_->start().ok());
  }
  void TearDown() override {
    node_.reset();
    master_.reset();
    channel_.reset();
    transport_->Stop();
    fs::remove_all(root_);
  }

  StoreNodeOptions Options() {
    StoreNodeOptions options;
    options.dir = root_ + "/store";
    options.masters = {master_->address()};
    options.io_threads = 1;
    options.block_cache_bytes = 16 << 20;
    options.write_buffer_bytes = 16 << 20;
    return options;
  }
  Status Start(const StoreNodeOptions& options) {
    auto node = StoreNode::Start(options);
    if (!node.ok()) return node.status();
    node_ = std::move(node).value();
    channel_ = transport_->Connect(node_->address());
    return {};
  }
  void StartOrDie() {
    const Status status = Start(Options());
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Restart() {
    node_->Stop();
    node_.reset();
    StartOrDie();
  }

  KeyspaceDescriptor Descriptor(const std::string& name, int shards) {
    KeyspaceDescriptor d;
    d.uuid = Uuid::Generate(SystemRandom());
    d.name = name;
    d.epoch = 1;
    d.term = 1;
    d.created_at_us = 1;
    for (int i = 0; i < shards; ++i)
      d.shards.push_back({{Replica{node_->uuid(), 0, ReplicaRole::kReplica}}});
    return d;
  }
  Status Install(const KeyspaceDescriptor& d, uint64_t term = 1) {
    return Call<rpc::InstallKeyspace>(channel_.get(), {term, d}).status();
  }
  static rpc::ShardRef Ref(const KeyspaceDescriptor& d, const std::string& key) {
    return {d.uuid, d.epoch, ShardOf(key, std::nullopt, d.shard_count()), 0};
  }
  StatusOr<rpc::WriteResponse> Put(const KeyspaceDescriptor& d, const std::string& key,
                                   const std::string& value) {
    rpc::WriteRequest request;
    request.ref = Ref(d, key);
    request.entry.key = key;
    request.entry.payload = value;
    request.entry.content_checksum = ContentChecksum(key, value);
    return Call<rpc::Write>(channel_.get(), request);
  }
  StatusOr<rpc::GetResponse> Get(const KeyspaceDescriptor& d, const std::string& key) {
    rpc::GetRequest request;
    request.ref = Ref(d, key);
    request.key.key = key;
    return Call<rpc::Get>(channel_.get(), request);
  }
  std::string ShardDir(const KeyspaceDescriptor& d, int shard) const {
    return root_ + "/store/shards/" + d.uuid.ToString() + "/" + std::to_string(shard);
  }

  std::string root_;
  AdvancedClock clock_;  // of nodes that a test gives it to
  std::shared_ptr<rpc::Transport> transport_;
  std::unique_ptr<FakeMaster> master_;
  std::unique_ptr<StoreNode> node_;
  std::shared_ptr<rpc::Channel> channel_;
};

TEST_F(StoreNodeTest, RegistersAndKeepsItsIdentity) {
  StartOrDie();
  ASSERT_TRUE(node_->WaitRegistered(20'000'000).value_or(Status::Timeout("")).ok());
  const Uuid uuid = node_->uuid();
  const auto first = master_->WaitRegistration();
  EXPECT_EQ(first.store.uuid, uuid);
  EXPECT_EQ(first.store.address, node_->address());
  EXPECT_GT(first.store.free_bytes, 0u);
  EXPECT_TRUE(first.cluster.nil());
  Restart();
  EXPECT_EQ(node_->uuid(), uuid);
  const auto second = master_->WaitRegistration(2);
  EXPECT_FALSE(second.cluster.nil());
  EXPECT_EQ(second.max_term, 1u);
}

TEST_F(StoreNodeTest, ARestartedMasterHearsOfTheStoreAtOnce) {
  StartOrDie();
  master_->WaitRegistration();
  const std::string address = master_->address();
  master_.reset();
  master_ = std::make_unique<FakeMaster>(address, 2);
  ASSERT_TRUE(master_->start().ok()) << master_->start().ToString();
  const int64_t start_us = SystemClock()->MonotonicMicros();
  EXPECT_EQ(master_->WaitRegistration().store.uuid, node_->uuid());
  EXPECT_LT(SystemClock()->MonotonicMicros() - start_us, 1'000'000);
}

TEST_F(StoreNodeTest, SaysWhyAMasterRefusedIt) {
  master_->Refuse(Status::Permission("another cluster"));
  StartOrDie();
  const auto answer = node_->WaitRegistered(20'000'000);
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->Is(Code::kPermission));
}

TEST_F(StoreNodeTest, ServesWithoutAMaster) {
  StartOrDie();
  const auto d = Descriptor("ks", 2);
  ASSERT_TRUE(Install(d).ok());
  ASSERT_TRUE(Put(d, "k", "v").ok());
  node_->WaitRegistered(20'000'000);
  master_.reset();
  master_ = std::make_unique<FakeMaster>();
  auto options = Options();
  options.masters = {"127.0.0.1:1"};
  node_->Stop();
  node_.reset();
  ASSERT_TRUE(Start(options).ok());
  EXPECT_TRUE(node_->WaitRegistered(20'000'000).value_or(Status::Internal("")).retryable());
  EXPECT_EQ(Get(d, "k")->value.payload, "v");
  const auto map = Call<rpc::WatchCluster>(channel_.get(), {});
  ASSERT_TRUE(map.ok());
  ASSERT_TRUE(map->changed);
  EXPECT_EQ(map->map.keyspaces.at("ks").uuid, d.uuid);
  EXPECT_EQ(map->map.stores.at(node_->uuid()).address, node_->address());
}

TEST_F(StoreNodeTest, TellsClientsOfOtherStoresTheMasterSpokeOf) {
  ClusterMap map;
  map.cluster = {0xc1, 0xc2};
  map.term = 1;
  map.version = 4;
  map.stores[Uuid{9, 9}].uuid = {9, 9};
  map.stores[Uuid{9, 9}].address = "10.0.0.9:99";
  master_->SetMap(map);
  StartOrDie();
  while (!fs::exists(root_ + "/store/MAP")) std::this_thread::yield();
  Restart();
  const auto answer = Call<rpc::WatchCluster>(channel_.get(), {});
  ASSERT_TRUE(answer.ok() && answer->changed);
  EXPECT_EQ(answer->map.stores.at(Uuid{9, 9}).address, "10.0.0.9:99");
}

TEST_F(StoreNodeTest, ClientsOfANewerProtocolAreRefusedWithBothNumbers) {
  StartOrDie();
  const auto map = Call<rpc::WatchCluster>(channel_.get(), {.protocol_version = 1});
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->protocol_version, 1u);
  const auto refused = Call<rpc::WatchCluster>(channel_.get(), {.protocol_version = 2});
  EXPECT_EQ(refused.status().ToString(),
            "NOT_SUPPORTED: the client speaks protocol version 2, this program knows versions up "
            "to 1: update this program");
}

TEST_F(StoreNodeTest, AMapOfANewerFormatRefusesTheFolderAndStaysAsItIs) {
  StartOrDie();
  node_->Stop();
  node_.reset();
  const std::string path = root_ + "/store/MAP";
  const std::string newer = "VMAP\x07 something new";
  ASSERT_TRUE(PosixFileSystem()->WriteAtomically(path, newer).ok());
  const Status status = Start(Options());
  EXPECT_TRUE(status.Is(Code::kNotSupported)) << status.ToString();
  EXPECT_NE(status.message().find(path + ": map format 7"), std::string::npos);
  const auto left = PosixFileSystem()->Read(path);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(*left, newer);
}

TEST_F(StoreNodeTest, AnswersReadsAndWrites) {
  StartOrDie();
  const auto d = Descriptor("ks", 3);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 100; ++i) {
    const auto written = Put(d, "key" + std::to_string(i), "value" + std::to_string(i));
    ASSERT_TRUE(written.ok()) << written.status().ToString();
    ASSERT_EQ(written->code, Code::kOk) << written->message;
  }
  for (int i = 0; i < 100; ++i) {
    const auto got = Get(d, "key" + std::to_string(i));
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(got->value.payload, "value" + std::to_string(i));
    EXPECT_EQ(got->value.content_checksum,
              ContentChecksum("key" + std::to_string(i), got->value.payload));
  }
  EXPECT_EQ(Get(d, "nothing")->code, Code::kNotFound);

  rpc::MultiGetRequest many;
  many.ref = {d.uuid, d.epoch, 1, 0};
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (ShardOf(key, std::nullopt, 3) == 1) many.keys.push_back({key, std::nullopt});
  }
  const auto results = Call<rpc::MultiGet>(channel_.get(), many);
  ASSERT_TRUE(results.ok()) << results.status().ToString();
  ASSERT_EQ(results->results.size(), many.keys.size());
  for (size_t i = 0; i < many.keys.size(); ++i) {
    const int number = std::stoi(many.keys[i].key.substr(3));
    EXPECT_EQ(results->results[i].code, number < 100 ? Code::kOk : Code::kNotFound);
  }
}

TEST_F(StoreNodeTest, EachEntryOfABatchHasItsOwnResult) {
  StartOrDie();
  const auto d = Descriptor("ks", 1);
  ASSERT_TRUE(Install(d).ok());
  ASSERT_TRUE(Put(d, "there", "1").ok());
  rpc::WriteBatchRequest batch;
  batch.ref = {d.uuid, 1, 0, 0};
  batch.entries.resize(4);
  batch.entries[0].key = "a";
  batch.entries[1].key = std::string(kMaxKeySize + 1, 'x');
  batch.entries[2].key = "there";
  batch.entries[2].condition = rpc::Condition::kIfAbsent;
  batch.entries[3].key = "ttl";
  batch.entries[3].ttl_seconds = kMaxTtlSeconds + 1;
  const auto answer = Call<rpc::WriteBatch>(channel_.get(), batch);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->results[0].code, Code::kOk);
  EXPECT_EQ(answer->results[1].code, Code::kTooLarge);
  EXPECT_EQ(answer->results[2].code, Code::kAlreadyExists);
  EXPECT_EQ(answer->results[3].code, Code::kInvalidArgument);
  batch.entries.clear();
  EXPECT_TRUE(Call<rpc::WriteBatch>(channel_.get(), batch).ok()) << "an empty batch is fine";
}

TEST_F(StoreNodeTest, ScansInPages) {
  StartOrDie();
  const auto d = Descriptor("ks", 1);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put(d, "k" + std::to_string(100 + i), "v").ok());
  rpc::ScanRequest request;
  request.ref = {d.uuid, 1, 0, 0};
  request.limit = 20;
  int rows = 0;
  for (bool more = true; more;) {
    const auto page = Call<rpc::Scan>(channel_.get(), request);
    ASSERT_TRUE(page.ok()) << page.status().ToString();
    RowBlockReader reader(page->rows);
    Row row;
    while (reader.Next(&row).ok()) EXPECT_EQ(row.key, "k" + std::to_string(100 + rows++));
    more = page->more;
    request.start = page->resume_key;
  }
  EXPECT_EQ(rows, 50);
}

TEST_F(StoreNodeTest, TellsClientsWithAnOldMap) {
  StartOrDie();
  const auto d = Descriptor("ks", 4);
  ASSERT_TRUE(Install(d).ok());
  rpc::GetRequest request;
  request.key.key = "k";
  request.ref = Ref(d, "k");
  request.ref.epoch = 0;
  EXPECT_TRUE(Call<rpc::Get>(channel_.get(), request).ok())
      << "an older epoch with the right shard is served";
  request.ref.shard = (request.ref.shard + 1) % 4;
  auto answer = Call<rpc::Get>(channel_.get(), request);
  EXPECT_TRUE(answer.status().Is(Code::kUnavailable));
  EXPECT_TRUE(answer.status().message().starts_with("moved: ")) << answer.status().ToString();
  request.ref = Ref(d, "k");
  request.ref.epoch = 2;
  EXPECT_TRUE(Call<rpc::Get>(channel_.get(), request).status().message().starts_with("moved: "));
  request.ref.keyspace = {1, 1};
  answer = Call<rpc::Get>(channel_.get(), request);
  EXPECT_TRUE(answer.status().Is(Code::kNotFound));
  EXPECT_TRUE(answer.status().message().starts_with("unknown keyspace "));
}

TEST_F(StoreNodeTest, AReplicaThatCannotReachTheOthersServesAfterAWhile) {
  StartOrDie();
  auto d = Descriptor("ks", 1);
  d.replica_count = 2;
  d.shards[0].replicas.insert(d.shards[0].replicas.begin(),
                              Replica{Uuid{5, 5}, 0, ReplicaRole::kReplica});
  ASSERT_TRUE(Install(d).ok());
  EXPECT_TRUE(Get(d, "k").status().message().starts_with("moved: ")) << "its copy may be old";
  const int64_t end_us = SystemClock()->MonotonicMicros() + 20'000'000;
  while (Get(d, "k").status().Is(Code::kUnavailable)) {
    ASSERT_LT(SystemClock()->MonotonicMicros(), end_us);
  }
  EXPECT_EQ(Put(d, "k", "v")->code, Code::kOk);
  // More than one replica cannot have it now: nothing is written.
  d.acks = AckLevel::kAll;
  d.epoch = 2;
  ASSERT_TRUE(Install(d).ok());
  EXPECT_TRUE(Put(d, "other", "v").status().Is(Code::kUnavailable));
  EXPECT_EQ(Get(d, "other")->code, Code::kNotFound);
}

class SessionTest : public StoreNodeTest {
 protected:
  // A replica whose peer never was there, and that serves.
  KeyspaceDescriptor Replicated() {
    auto d = Descriptor("ks", 1);
    d.replica_count = 2;
    d.shards[0].replicas.push_back(Replica{Uuid{5, 5}, 0, ReplicaRole::kReplica});
    EXPECT_TRUE(Install(d).ok());
    const int64_t end_us = SystemClock()->MonotonicMicros() + 20'000'000;
    while (Get(d, "k").status().Is(Code::kUnavailable)) {
      if (SystemClock()->MonotonicMicros() > end_us) return d;
    }
    return d;
  }
  std::vector<Position> Written(const KeyspaceDescriptor& d, const std::string& key,
                                rpc::Condition condition = rpc::Condition::kNone,
                                EventTime event_time = 0) {
    rpc::WriteRequest request;
    request.ref = Ref(d, key);
    request.entry.key = key;
    request.entry.condition = condition;
    request.entry.event_time = event_time;
    request.tell_seen = true;
    const auto written = Call<rpc::Write>(channel_.get(), request);
    EXPECT_TRUE(written.ok() && written->seen) << written.status().ToString();
    return written.ok() && written->seen ? *written->seen : std::vector<Position>();
  }
  // What each kind of read says with this bound: that nobody has it, or what was seen.
  std::vector<StatusOr<rpc::Seen>> Reads(const KeyspaceDescriptor& d, const rpc::ReadBound& bound) {
    rpc::GetRequest get{Ref(d, "k"), {"k", {}}, false, bound};
    rpc::MultiGetRequest many{Ref(d, "k"), {{"k", {}}}, false, bound};
    rpc::ScanRequest scan;
    scan.ref = Ref(d, "k");
    scan.bound = bound;
    const auto seen = [](const auto& response) {
      return response.ok() ? StatusOr<rpc::Seen>(response->seen) : response.status();
    };
    return {seen(Call<rpc::Get>(channel_.get(), get)),
            seen(Call<rpc::MultiGet>(channel_.get(), many)),
            seen(Call<rpc::Scan>(channel_.get(), scan))};
  }
};

TEST_F(SessionTest, AReadIsAnsweredOnlyWithWhatItNeeds) {
  StartOrDie();
  const auto d = Replicated();
  const std::vector<Position> written = Written(d, "k");
  ASSERT_EQ(written.size(), 1u);
  for (const auto& seen : Reads(d, {0, {}, true})) {
    ASSERT_TRUE(seen.ok()) << seen.status().ToString();
    EXPECT_EQ(**seen, written);
  }
  for (const auto& seen : Reads(d, {0, written, true})) {
    ASSERT_TRUE(seen.ok()) << seen.status().ToString();
    EXPECT_EQ(**seen, std::vector<Position>()) << "the caller knows that";
  }
  const std::vector<Position> lacking[] = {{{written[0].log, written[0].sequence + 1}},
                                           {written[0], {written[0].log + 1, 1}}};
  for (const auto& needs : lacking) {
    for (const auto& seen : Reads(d, {0, needs, true})) {
      EXPECT_TRUE(seen.status().Is(Code::kUnavailable));
      EXPECT_TRUE(seen.status().message().starts_with(rpc::kBehindPrefix));
    }
  }
  for (const auto& seen : Reads(d, {0, std::vector<Position>(kMaxNeeds + 1, written[0]), true})) {
    EXPECT_TRUE(seen.status().Is(Code::kInvalidArgument));
  }
}

TEST_F(SessionTest, ItSurvivesARestart) {
  StartOrDie();
  const auto d = Replicated();
  const std::vector<Position> written = Written(d, "k");
  Restart();
  const int64_t end_us = SystemClock()->MonotonicMicros() + 20'000'000;
  while (Get(d, "k").status().Is(Code::kUnavailable)) {
    ASSERT_LT(SystemClock()->MonotonicMicros(), end_us);
  }
  for (const auto& seen : Reads(d, {0, written, true})) EXPECT_TRUE(seen.ok());
}

TEST_F(SessionTest, AWriteThatChangesNothingSaysWhatItSaw) {
  StartOrDie();
  const auto d = Replicated();
  const std::vector<Position> written = Written(d, "k");
  EXPECT_EQ(Written(d, "k", rpc::Condition::kIfAbsent), written);
  // One that lost is to be where the winner is: that is logged once more.
  const EventTime older = Get(d, "k")->value.event_time - 1;
  const std::vector<Position> lost = Written(d, "k", rpc::Condition::kNone, older);
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_GT(lost[0].sequence, written[0].sequence);
  rpc::WriteBatchRequest batch;
  batch.ref = Ref(d, "k");
  batch.entries.resize(2);
  batch.entries[0].key = "k";
  batch.entries[0].condition = rpc::Condition::kIfAbsent;
  batch.entries[1].key = "other";
  batch.tell_seen = true;
  const auto answer = Call<rpc::WriteBatch>(channel_.get(), batch);
  ASSERT_TRUE(answer.ok() && answer->seen);
  ASSERT_EQ(answer->seen->size(), 1u);
  EXPECT_EQ(answer->seen->front().log, written[0].log);
  EXPECT_GT(answer->seen->front().sequence, written[0].sequence);
}

TEST_F(SessionTest, OnlyWhoAsksIsTold) {
  StartOrDie();
  const auto d = Replicated();
  EXPECT_FALSE(Put(d, "k", "v")->seen);
  EXPECT_FALSE(Get(d, "k")->seen);
  for (const auto& seen : Reads(d, {10'000, {}, false})) EXPECT_FALSE(seen.ok() && *seen);
}

TEST_F(SessionTest, WithoutOtherReplicasThereIsNothingToTell) {
  StartOrDie();
  const auto d = Descriptor("alone", 1);
  ASSERT_TRUE(Install(d).ok());
  EXPECT_EQ(Written(d, "k"), std::vector<Position>());
  for (const auto& seen : Reads(d, {0, {}, true})) {
    ASSERT_TRUE(seen.ok() && *seen);
    EXPECT_EQ(**seen, std::vector<Position>());
  }
}

TEST_F(StoreNodeTest, EverythingAcknowledgedIsThereAfterARestart) {
  StartOrDie();
  const auto d = Descriptor("ks", 5);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 200; ++i) ASSERT_EQ(Put(d, std::to_string(i), "v")->code, Code::kOk);
  Restart();
  for (int i = 0; i < 200; ++i) EXPECT_EQ(Get(d, std::to_string(i))->value.payload, "v");
  EXPECT_TRUE(Install(d).ok()) << "still the same descriptor";
}

TEST_F(StoreNodeTest, ADeletedKeyspaceGivesItsDiskBack) {
  StartOrDie();
  auto d = Descriptor("ks", 2);
  ASSERT_TRUE(Install(d).ok());
  ASSERT_TRUE(Put(d, "k", "v").ok());
  auto tombstone = d;
  tombstone.deleted_at_us = SystemClock()->WallMicros();
  tombstone.epoch = 2;
  tombstone.shards.clear();
  ASSERT_TRUE(Install(tombstone).ok());
  EXPECT_TRUE(Get(d, "k").status().Is(Code::kNotFound));
  d.epoch = 9;
  EXPECT_TRUE(Install(d).Is(Code::kStaleWrite));
  while (fs::exists(ShardDir(d, 0)) || fs::exists(ShardDir(d, 1))) std::this_thread::yield();
  Restart();
  EXPECT_TRUE(Install(d).Is(Code::kStaleWrite));
  while (!fs::is_empty(root_ + "/store/removed")) std::this_thread::yield();
}

TEST_F(StoreNodeTest, ADamagedShardHarmsOnlyItself) {
  StartOrDie();
  const auto d = Descriptor("ks", 3);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(d, std::to_string(i), "v").ok());
  node_->Stop();
  node_.reset();
  fs::remove_all(ShardDir(d, 0));
  for (const auto& file : fs::recursive_directory_iterator(ShardDir(d, 1))) {
    if (file.path().filename().string().starts_with("MANIFEST"))
      std::ofstream(file.path()) << "rotten";
  }
  StartOrDie();
  std::set<int> healthy;
  for (int i = 0; i < 60; ++i) {
    const std::string key = std::to_string(i);
    const auto got = Get(d, key);
    if (got.ok()) {
      EXPECT_EQ(got->value.payload, "v");
      healthy.insert(ShardOf(key, std::nullopt, 3));
    } else {
      EXPECT_TRUE(got.status().Is(Code::kCorruption)) << got.status().ToString();
      EXPECT_TRUE(Put(d, key, "w").status().Is(Code::kCorruption));
    }
  }
  EXPECT_EQ(healthy, std::set<int>{2});
  const Status compacted = Call<rpc::CompactKeyspace>(channel_.get(), {1, d.uuid}).status();
  EXPECT_TRUE(compacted.Is(Code::kCorruption)) << compacted.ToString();
  EXPECT_NE(compacted.message().find("shard 0"), std::string::npos) << compacted.ToString();
  EXPECT_TRUE(master_->WaitHeartbeat([](const rpc::HeartbeatRequest& heartbeat) {
    std::set<int> ill;
    for (const auto& replica : heartbeat.replicas) {
      if (!replica.health.empty()) ill.insert(replica.shard);
    }
    return ill == std::set<int>{0, 1};
  }));
}

TEST_F(StoreNodeTest, AReplicaThatCannotBeOpenedSendsClientsToTheOthers) {
  StartOrDie();
  const auto alone = Descriptor("alone", 1);
  auto two = Descriptor("two", 1);
  two.replica_count = 2;
  two.shards[0].replicas.push_back(Replica{Uuid{5, 5}, 0, ReplicaRole::kReplica});
  ASSERT_TRUE(Install(alone).ok());
  ASSERT_TRUE(Install(two).ok());
  node_->Stop();
  node_.reset();
  for (const auto& d : {alone, two}) {
    // Not lost, which would make it anew, but not to be read either.
    fs::path current;
    for (const auto& file : fs::recursive_directory_iterator(ShardDir(d, 0))) {
      if (file.path().filename() == "CURRENT") current = file.path();
    }
    fs::remove(current);
    fs::create_directory(current);
  }
  StartOrDie();
  EXPECT_TRUE(Get(alone, "k").status().Is(Code::kIoError)) << Get(alone, "k").status().ToString();
  for (const Status& status : {Get(two, "k").status(), Put(two, "k", "v").status()}) {
    EXPECT_TRUE(status.Is(Code::kUnavailable)) << status.ToString();
    EXPECT_TRUE(status.message().starts_with("moved: ")) << status.ToString();
    EXPECT_NE(status.message().find("cannot be opened"), std::string::npos) << status.ToString();
  }
}

TEST_F(StoreNodeTest, DropsWorkThatIsTooLate) {
  StoreNodeOptions options = Options();
  options.clock = &clock_;
  ASSERT_TRUE(Start(options).ok());
  const auto d = Descriptor("ks", 1);
  ASSERT_TRUE(Install(d).ok());
  ASSERT_TRUE(Put(d, "k", "v").ok());
  constexpr int kTimeoutMs = 60'000;
  rpc::ScanRequest scan;
  scan.ref = {d.uuid, 1, 0, kTimeoutMs};
  rpc::WriteRequest write;
  write.ref = {d.uuid, 1, 0, kTimeoutMs};
  write.entry.key = "late";
  for (const bool late : {true, false}) {
    // When the work's turn comes the deadline is a minute ago, counted from the arrival.
    clock_.ahead_us = late ? int64_t{2} * kTimeoutMs * 1000 : 0;
    const auto want = late ? Code::kTimeout : Code::kOk;
    const Status scanned = Call<rpc::Scan>(channel_.get(), scan).status();
    EXPECT_EQ(scanned.code(), want) << scanned.ToString();
    const auto written = Call<rpc::Write>(channel_.get(), write);
    EXPECT_EQ(written.ok() ? written->code : written.status().code(), want);
    EXPECT_EQ(Get(d, "late")->code, late ? Code::kNotFound : Code::kOk);
  }
}

TEST_F(StoreNodeTest, CompactsOnCommand) {
  StartOrDie();
  const auto d = Descriptor("ks", 2);
  ASSERT_TRUE(Install(d).ok());
  ASSERT_TRUE(Put(d, "k", "v").ok());
  EXPECT_TRUE(Call<rpc::CompactKeyspace>(channel_.get(), {1, d.uuid}).ok());
  EXPECT_TRUE(Call<rpc::CompactKeyspace>(channel_.get(), {1, {1, 1}}).status().Is(Code::kNotFound));
  EXPECT_EQ(Get(d, "k")->value.payload, "v");
  EXPECT_TRUE(
      Call<rpc::CompactKeyspace>(channel_.get(), {0, d.uuid}).status().Is(Code::kPermission));
}

TEST_F(StoreNodeTest, StopsInTheMiddleOfACompaction) {
  StartOrDie();
  const auto d = Descriptor("ks", 1);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(Put(d, std::to_string(i % 30), std::string(1 << 20, 'x')).ok());
  std::promise<Status> compacted;
  channel_->Call<rpc::CompactKeyspace>({1, d.uuid}, SystemClock()->MonotonicMicros() + 60'000'000,
                                       [&](const StatusOr<rpc::CompactKeyspaceResponse>& answer) {
                                         compacted.set_value(answer.status());
                                       });
  const int64_t start_us = SystemClock()->MonotonicMicros();
  node_->Stop();
  EXPECT_LT(SystemClock()->MonotonicMicros() - start_us, 1'500'000);
  compacted.get_future().wait();
  node_.reset();
  StartOrDie();
  EXPECT_EQ(Get(d, "7")->value.payload.size(), 1u << 20);
}

TEST_F(StoreNodeTest, RefusesAFolderInUseAndAPortInUse) {
  StartOrDie();
  const auto twice = StoreNode::Start(Options());
  ASSERT_FALSE(twice.ok());
  EXPECT_TRUE(twice.status().Is(Code::kBusy)) << twice.status().ToString();
  auto options = Options();
  options.dir = root_ + "/other";
  options.listen = node_->address();
  const auto port = StoreNode::Start(options);
  ASSERT_FALSE(port.ok());
  EXPECT_TRUE(port.status().Is(Code::kAlreadyExists)) << port.status().ToString();
}

TEST_F(StoreNodeTest, ValuesOnDiskAreReadWithoutHoldingUpTheOthers) {
  StartOrDie();
  const auto d = Descriptor("ks", 1);
  ASSERT_TRUE(Install(d).ok());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Put(d, std::to_string(i), std::string(1000, 'x')).ok());
  ASSERT_TRUE(Call<rpc::CompactKeyspace>(channel_.get(), {1, d.uuid}).ok());
  Restart();
  std::atomic<int> left{300};
  std::promise<void> all;
  for (int i = 0; i < 300; ++i) {
    rpc::GetRequest request;
    request.key.key = std::to_string(i);
    request.ref = Ref(d, request.key.key);
    channel_->Call<rpc::Get>(request, SystemClock()->MonotonicMicros() + 20'000'000,
                             [&](const StatusOr<rpc::GetResponse>& answer) {
                               EXPECT_TRUE(answer.ok() && answer->value.payload.size() == 1000);
                               if (--left == 0) all.set_value();
                             });
  }
  all.get_future().wait();
}

}  // namespace
}  // namespace vasto::store
