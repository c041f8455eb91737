// SPDX-License-Identifier: Apache-2.0
// Scans against a std::map as the model, over a fake cluster with real sockets.
#include "core/client/scanner.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "tests/unit/client/fake_cluster.h"

namespace vasto::client {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Model = std::map<std::string, std::string>;

class ScannerTest : public testing::Test {
 protected:
  void Begin(int32_t shards) {
    master_.Start();
    std::vector<const FakeStore*> stores;
    for (uint64_t n = 1; n <= 2; ++n) {
      stores_.push_back(std::make_unique<FakeStore>(n));
      stores_.back()->Start();
      stores.push_back(stores_.back().get());
    }
    master_.Publish(MakeMap(stores, shards, 1));
    ClientOptions options;
    options.masters = {master_.address()};
    auto client = Client::Open(options, 5 * kSecond);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = *client;
    ks_ = *client_->OpenKeyspace("ks", 0);
  }
  void TearDown() override {
    ks_.reset();
    if (client_ != nullptr) client_->Close(0);
  }

  std::string RandomKey() {
    static constexpr char kLetters[] = {'a', 'b', '\0', '\xff'};
    std::string key(random_->Below(6), '\0');
    for (char& c : key) c = kLetters[random_->Below(4)];
    return key;
  }
  void Fill(size_t rows) {
    std::vector<WriteEntry> entries;
    for (size_t i = 0; i < rows; ++i) {
      WriteEntry entry;
      entry.key = RandomKey();
      entry.payload = std::string(random_->Below(200), 'v') + std::to_string(i);
      model_[entry.key] = entry.payload;
      entries.push_back(std::move(entry));
    }
    std::promise<void> done;
    client_->WriteBatch(ks_, std::move(entries), {}, [&](const auto& results) {
      for (const WriteResult& result : *results) EXPECT_EQ(result.code, Code::kOk);
      done.set_value();
    });
    done.get_future().wait();
  }
  Model Expected(const std::string& start, const std::string& end) const {
    Model rows;
    for (const auto& [key, value] : model_) {
      if (key >= start && (end.empty() || key < end)) rows[key] = value;
    }
    return rows;
  }
  // Reads at most `limit` rows into *rows; the status that ended it.
  static Status Read(Scanner* scanner, size_t limit,
                     std::vector<std::pair<std::string, std::string>>* rows) {
    Row row;
    for (size_t i = 0; i < limit; ++i) {
      VASTO_RETURN_IF_ERROR(scanner->Next(&row));
      rows->emplace_back(std::string(row.key), std::string(row.payload));
    }
    return Status::Ok();
  }

  const std::unique_ptr<Random> random_ = SeededRandom(42);
  FakeMaster master_;
  std::vector<std::unique_ptr<FakeStore>> stores_;
  std::shared_ptr<Client> client_;
  KeyspacePtr ks_;
  Model model_;
};

TEST_F(ScannerTest, MergesLikeAMap) {
  for (const int32_t shards : {1, 2, 13}) {
    TearDown();
    stores_.clear();
    master_.Stop();
    model_.clear();
    Begin(shards);
    Fill(2000);
    for (int round = 0; round < 60; ++round) {
      const std::string start = round % 4 == 0 ? "" : RandomKey();
      const std::string end = round % 3 == 0 ? "" : RandomKey();
      ScanOptions options;
      options.page_bytes = round % 2 == 0 ? 0 : 1 + static_cast<uint32_t>(random_->Below(2000));
      options.keys_only = round % 5 == 0;
      options.limit = round % 7 == 0 ? 1 + random_->Below(100) : 0;
      Model expected = Expected(start, end);
      while (options.limit != 0 && expected.size() > options.limit) {
        expected.erase(std::prev(expected.end()));
      }
      const auto scanner = client_->Scan(ks_, start, end, options);
      std::vector<std::pair<std::string, std::string>> rows;
      const Status status = Read(scanner.get(), SIZE_MAX, &rows);
      ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString();
      ASSERT_EQ(rows.size(), expected.size());
      auto it = expected.begin();
      for (const auto& [key, value] : rows) {
        EXPECT_EQ(key, it->first);
        EXPECT_EQ(value, options.keys_only ? "" : it->second);
        ++it;
      }
      Row row;
      EXPECT_TRUE(scanner->Next(&row).Is(Code::kEnd));
    }
  }
}

TEST_F(ScannerTest, ResumesAnywhere) {
  Begin(5);
  Fill(1000);
  for (int round = 0; round < 20; ++round) {
    const std::string start = RandomKey();
    const std::string end = round % 2 == 0 ? "" : RandomKey();
    ScanOptions options;
    options.page_bytes = 500;
    std::vector<std::pair<std::string, std::string>> rows;
    Status status;
    while (status.ok()) {
      const auto scanner = client_->Scan(ks_, start, end, options);
      status = Read(scanner.get(), 1 + random_->Below(200), &rows);
      options.resume_token = scanner->ResumeToken();
      ASSERT_FALSE(options.resume_token.empty());
    }
    ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString();
    const Model expected = Expected(start, end);
    EXPECT_EQ(Model(rows.begin(), rows.end()), expected);
    EXPECT_EQ(rows.size(), expected.size());
  }
}

TEST_F(ScannerTest, RefusesAForeignToken) {
  Begin(2);
  ScanOptions options;
  options.resume_token = client_->Scan(ks_, "a", "", {})->ResumeToken();
  Row row;
  EXPECT_TRUE(client_->Scan(ks_, "b", "", options)->Next(&row).Is(Code::kInvalidArgument));
  options.resume_token = "garbage";
  EXPECT_TRUE(client_->Scan(ks_, "a", "", options)->Next(&row).Is(Code::kInvalidArgument));
}

TEST_F(ScannerTest, FailedPagesAreRepeated) {
  Begin(4);
  Fill(1000);
  std::atomic<int> count = 0;
  for (const auto& store : stores_) {
    store->SetFault(
        [&](std::string_view) { return ++count % 2 == 0 ? Fault::kMoved : Fault::kNone; });
  }
  ScanOptions options;
  options.page_bytes = 2000;
  const auto scanner = client_->Scan(ks_, "", "", options);
  std::vector<std::pair<std::string, std::string>> rows;
  EXPECT_TRUE(Read(scanner.get(), SIZE_MAX, &rows).Is(Code::kEnd));
  EXPECT_EQ(Model(rows.begin(), rows.end()), model_);
  EXPECT_EQ(rows.size(), model_.size());
}

TEST_F(ScannerTest, GoesOnAfterAnError) {
  Begin(4);
  Fill(1000);
  ScanOptions options;
  options.page_bytes = 2000;
  options.timeout_us = kSecond / 10;
  const auto scanner = client_->Scan(ks_, "", "", options);
  std::vector<std::pair<std::string, std::string>> rows;
  ASSERT_TRUE(Read(scanner.get(), 100, &rows).ok());
  stores_[0]->SetFault([](std::string_view) { return Fault::kSilent; });
  Status status;
  while (status.ok()) status = Read(scanner.get(), 1, &rows);
  EXPECT_TRUE(status.Is(Code::kTimeout)) << status.ToString();
  stores_[0]->ClearFault();
  while (status.Is(Code::kTimeout)) status = Read(scanner.get(), SIZE_MAX, &rows);
  EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
  EXPECT_EQ(Model(rows.begin(), rows.end()), model_);
  EXPECT_EQ(rows.size(), model_.size());
}

TEST_F(ScannerTest, ALimitReadsLittle) {
  Begin(4);
  Fill(3000);
  ScanOptions options;
  options.limit = 10;
  const auto scanner = client_->Scan(ks_, "", "", options);
  std::vector<std::pair<std::string, std::string>> rows;
  EXPECT_TRUE(Read(scanner.get(), SIZE_MAX, &rows).Is(Code::kEnd));
  EXPECT_EQ(rows.size(), 10u);
  EXPECT_EQ(stores_[0]->requests("scan") + stores_[1]->requests("scan"), 4);
}

// A store ends a page without a row after many deleted ones; the next begins further on.
TEST_F(ScannerTest, PassesOverStretchesOfDeletedRows) {
  for (const bool keys_only : {false, true}) {
    for (const uint64_t limit : {0, 1, 5}) {
      TearDown();
      stores_.clear();
      master_.Stop();
      model_.clear();
      Begin(3);
      Fill(1000);
      const std::string last = model_.rbegin()->first;
      const auto deleted = [&](std::string_view key) { return key != last; };
      for (const auto& store : stores_) store->SetDeleted(deleted, 7);
      ScanOptions options;
      options.keys_only = keys_only;
      options.limit = limit;
      const auto scanner = client_->Scan(ks_, "", "", options);
      std::vector<std::pair<std::string, std::string>> rows;
      const Status status = Read(scanner.get(), SIZE_MAX, &rows);
      EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
      ASSERT_EQ(rows.size(), 1u);
      EXPECT_EQ(rows[0].first, last);
      EXPECT_GT(stores_[0]->requests("scan") + stores_[1]->requests("scan"), 10);
    }
  }
}

// With nothing but deleted rows until the deadline a call ends, and the next one goes on from
// there.
TEST_F(ScannerTest, DeletedRowsUntilTheDeadlineAreATimeout) {
  Begin(1);
  Fill(1000);
  const std::string last = model_.rbegin()->first;
  stores_[0]->SetDeleted([&](std::string_view key) { return key != last; }, 5);
  // The second page never comes, so that the deadline of the first call does.
  std::atomic<int> pages = 0;
  stores_[0]->SetFault(
      [&](std::string_view) { return ++pages == 2 ? Fault::kSilent : Fault::kNone; });
  ScanOptions options;
  options.timeout_us = kSecond / 20;
  const auto scanner = client_->Scan(ks_, "", "", options);
  Row row;
  const Status late = scanner->Next(&row);
  EXPECT_TRUE(late.Is(Code::kTimeout)) << late.ToString();
  Status status;
  for (status = scanner->Next(&row); status.Is(Code::kTimeout);) status = scanner->Next(&row);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(row.key, last);
  EXPECT_TRUE(scanner->Next(&row).Is(Code::kEnd));
}

// One key, a row in each of several partitions: each comes once, also from a token between them.
TEST_F(ScannerTest, ResumesBetweenRowsOfOneKey) {
  Begin(5);
  std::vector<WriteEntry> entries;
  for (const char* key : {"a", "b", "c"}) {
    for (int partition = 0; partition < 40; ++partition) {
      WriteEntry entry;
      entry.key = key;
      entry.partition_hash = PartitionHash("p" + std::to_string(partition));
      entry.payload = "v";
      entries.push_back(std::move(entry));
    }
  }
  std::promise<void> written;
  client_->WriteBatch(ks_, std::move(entries), {}, [&](const auto&) { written.set_value(); });
  written.get_future().wait();
  for (const size_t step : {1, 2, 3, 4, 7}) {
    ScanOptions options;
    std::vector<std::pair<std::string, std::string>> rows;
    Status status;
    while (status.ok()) {
      const auto scanner = client_->Scan(ks_, "", "", options);
      status = Read(scanner.get(), step, &rows);
      options.resume_token = scanner->ResumeToken();
    }
    ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString();
    ASSERT_EQ(rows.size(), 15u) << "five shards, one row of each key in each";
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].first, std::string(1, 'a' + i / 5));
  }
}

TEST_F(ScannerTest, MayBeDroppedWhilePagesAreUnderWay) {
  Begin(8);
  Fill(1000);
  ScanOptions options;
  options.page_bytes = 100;
  for (int i = 0; i < 50; ++i) {
    const auto scanner = client_->Scan(ks_, "", "", options);
    Row row;
    EXPECT_TRUE(i % 2 == 0 || scanner->Next(&row).ok());
  }
}

TEST_F(ScannerTest, FollowsAKeyspaceThatGrows) {
  Begin(2);
  Fill(1000);
  ScanOptions options;
  options.page_bytes = 1000;
  const auto scanner = client_->Scan(ks_, "", "", options);
  std::vector<std::pair<std::string, std::string>> rows;
  ASSERT_TRUE(Read(scanner.get(), 100, &rows).ok());
  // The same rows again, spread over more shards of other stores.
  std::vector<std::unique_ptr<FakeStore>> old = std::move(stores_);
  stores_.clear();
  stores_.push_back(std::make_unique<FakeStore>(8));
  stores_[0]->Start();
  master_.Publish(MakeMap({stores_[0].get()}, 5, 1, 2));
  while (ks_->shard_count() != 5) std::this_thread::yield();
  std::vector<WriteEntry> entries;
  for (const auto& [key, value] : model_) {
    entries.emplace_back();
    entries.back().key = key;
    entries.back().payload = value;
  }
  std::promise<void> done;
  client_->WriteBatch(ks_, std::move(entries), {}, [&](const auto&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_TRUE(Read(scanner.get(), SIZE_MAX, &rows).Is(Code::kEnd));
  EXPECT_EQ(Model(rows.begin(), rows.end()), model_);
  EXPECT_EQ(rows.size(), model_.size());
}

}  // namespace
}  // namespace vasto::client
