// SPDX-License-Identifier: Apache-2.0
// A cluster for the client's tests: masters and stores that speak the real protocol over real
// sockets and keep their data in maps, with faults on request.
//
// Threads: any, except Start and Stop of one process, which its owner calls.
#pragma once

#include <any>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/hlc.h"
#include "core/base/mutex.h"
#include "core/client/client.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/server.h"

namespace vasto::client {

// What a store does with one request.
enum class Fault {
  kNone,
  kMoved,          // refuses with "moved: …"
  kUnknown,        // refuses with "unknown keyspace …"
  kBusy,           // refuses with kBusy
  kSilent,         // does nothing and never answers
  kApplySilently,  // carries it out and never answers
  kDamage,         // answers reads with a flipped byte
  kBehind,         // refuses reads with a bound
  kUntold,         // does not say what it has
  kUnconfirmed,    // of a batch: carries it out, but only the first entry is confirmed
};

// One process with a port. Stopped and started again it keeps its port. The destructor of a derived
// class stops it.
class FakeProcess {
 public:
  virtual ~FakeProcess() = default;
  void Start();
  void Stop();  // drops unanswered calls; idempotent
  const std::string& address() const { return address_; }

 protected:
  rpc::Dispatcher dispatcher_;
  // Unanswered calls, kept so that they stay unanswered; dropped by Stop.
  template <typename Method>
  void Keep(rpc::Responder<Method> responder) {
    MutexLock lock(&kept_mu_);
    kept_.push_back(std::make_shared<rpc::Responder<Method>>(std::move(responder)));
  }

  std::string unix_path_;

 private:
  std::string address_ = "127.0.0.1:0";
  std::unique_ptr<rpc::Server> server_;
  Mutex kept_mu_;
  std::vector<std::any> kept_ GUARDED_BY(kept_mu_);
};

class FakeStore : public FakeProcess {
 public:
  // number: 1, 2, …; becomes part of the store's uuid.
  explicit FakeStore(uint64_t number, std::string unix_path = "");
  ~FakeStore() override { Stop(); }

  // Called with the method's name for each request to a shard.
  void SetFault(std::function<Fault(std::string_view method)> fault);
  void ClearFault() { SetFault(nullptr); }
  // What this store answers to watch_cluster.
  void SetView(ClusterMap map);
  StoreInfo info() const;
  const Uuid& uuid() const { return uuid_; }

  // Scans pass over these keys, and end a page after so many of them in a row, as after rows that
  // were deleted.
  void SetDeleted(std::function<bool(std::string_view key)> deleted, size_t most_in_a_page);

  // A change for those who watch the shard.
  void AddChange(int32_t shard, const std::string& key, const std::string& value);
  // Those made so far are not remembered any more.
  void ForgetChanges();

  // Values of each answer's multi_get until it says that it is full.
  std::atomic<size_t> answer_keys{SIZE_MAX};
  // How far it has come in log 1, of every shard: what it tells sessions, and holds their reads to.
  std::atomic<uint64_t> position{0};
  // How long an answer to a ping takes.
  std::atomic<int> ping_ms{0};
  // Requests seen, by method, refused ones included.
  int64_t requests(const std::string& method) const;
  // How often a key was written.
  int64_t writes(const std::string& key) const;
  size_t size() const;
  // Sets its clock ahead.
  void AdvanceClock(int64_t us);
  // Up to when the last write could be done.
  EventTime last_not_after() const;
  // What the last request of writes said of earlier attempts.
  EventTime last_clock_floor() const;
  // The last event time that it gave itself.
  EventTime last_given() const;

 private:
  struct Stored {
    std::string payload;
    EventTime event_time = 0;
    uint64_t checksum = 0;
    std::optional<uint64_t> partition_hash;
  };
  // The shards, and what was done to them.
  struct Data {
    rpc::ReadResult Read(int32_t shard, const std::string& key, bool meta_only) const;
    rpc::WriteResult Apply(int32_t shard, const rpc::WriteEntry& entry, EventTime not_after);
    rpc::ScanResponse Scan(const rpc::ScanRequest& request) const;

    std::map<int32_t, std::map<std::string, Stored>> shards;
    std::map<std::string, int64_t> writes;
    std::map<int32_t, std::vector<std::string>> changes;
    std::map<int32_t, size_t> forgotten;  // of these, from the first on
    std::function<bool(std::string_view)> deleted;
    size_t most_deleted = 0;
    HybridClock clock{SystemClock()};
    EventTime last_not_after = 0;
    EventTime last_clock_floor = 0;
    EventTime last_given = 0;
  };
  template <typename Method>
  using Work = std::function<typename Method::Response(Data*, const typename Method::Request&)>;
  template <typename Method>
  void Serve(Work<Method> work);
  static Status Refusal(Fault fault);
  StatusOr<rpc::WatchResponse> Watch(const rpc::WatchRequest& request);
  // Of a read: why it is refused.
  template <typename Request>
  Status CheckBound(const Request& request, Fault fault) const;
  // Answers a session.
  template <typename Request, typename Response>
  void Tell(const Request& request, Response* response);

  const Uuid uuid_;
  mutable Mutex mu_;
  std::function<Fault(std::string_view)> fault_ GUARDED_BY(mu_);
  Data data_ GUARDED_BY(mu_);
  std::map<std::string, int64_t> requests_ GUARDED_BY(mu_);
  ClusterMap view_ GUARDED_BY(mu_);
};

class FakeMaster : public FakeProcess {
 public:
  FakeMaster();
  ~FakeMaster() override { Stop(); }

  // Becomes the map; long polls are answered.
  void Publish(ClusterMap map);
  // Answers to create and delete: the code, or the operation number 7.
  std::atomic<Code> admin_code{Code::kOk};
  // Admin requests are carried out (counted) and never answered.
  std::atomic<bool> silent{false};
  std::atomic<int> admin_calls{0};
  // What it says it speaks, and whether it refuses to be watched.
  std::atomic<uint32_t> protocol_version{0};
  std::atomic<Code> watch_code{Code::kOk};

 private:
  template <typename Method>
  void ServeAdmin();

  Mutex mu_;
  ClusterMap map_ GUARDED_BY(mu_);
  std::vector<rpc::Responder<rpc::WatchCluster>> polls_ GUARDED_BY(mu_);
};

// A map with one keyspace "ks" of `shards` shards, shard i on stores i, i+1, … (replicas of them).
ClusterMap MakeMap(const std::vector<const FakeStore*>& stores, int32_t shards, int32_t replicas,
                   uint64_t version = 1);

}  // namespace vasto::client
