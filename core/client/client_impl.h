// SPDX-License-Identifier: Apache-2.0
// The Client: checks arguments, admits operations, and hands them to the parts that do the work
// (shard_call.h, fan_out.h, scanner.h, master_caller.h).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/client/client.h"
#include "core/client/engine.h"

namespace vasto::client {

// Client::Open over a given transport: what tests with an in-memory transport call.
StatusOr<std::shared_ptr<Client>> OpenOver(std::shared_ptr<rpc::Transport> transport,
                                           const ClientOptions& options, int64_t timeout_us);

// Threads: any. Owns nothing but the engine; the handles and scans it gives out share it.
class ClientImpl final : public Client, public std::enable_shared_from_this<ClientImpl> {
 public:
  ClientImpl(std::shared_ptr<rpc::Transport> transport, const ClientOptions& options);
  // Closes without waiting for operations. May run on an I/O thread, in the last callback that held
  // the client; another thread then does the closing.
  ~ClientImpl() override;

  // Waits for the first map.
  Status Start(int64_t timeout_us);

  // See client.h.
  StatusOr<KeyspacePtr> OpenKeyspace(const std::string& name, int64_t timeout_us) override;
  void Get(const KeyspacePtr& ks, const KeyRef& key, bool meta_only, const CallOptions& options,
           std::function<void(StatusOr<ReadResult>)> done) override;
  void MultiGet(const KeyspacePtr& ks, const std::vector<KeyRef>& keys, bool meta_only,
                const CallOptions& options,
                std::function<void(StatusOr<std::vector<ReadResult>>)> done) override;
  void Write(const KeyspacePtr& ks, WriteEntry entry, const CallOptions& options,
             std::function<void(StatusOr<WriteResult>)> done) override;
  void WriteBatch(const KeyspacePtr& ks, std::vector<WriteEntry> entries,
                  const CallOptions& options,
                  std::function<void(StatusOr<std::vector<WriteResult>>)> done) override;
  std::unique_ptr<Scanner> Scan(const KeyspacePtr& ks, std::string start, std::string end,
                                const ScanOptions& options) override;
  StatusOr<std::unique_ptr<Watcher>> Watch(const KeyspacePtr& ks,
                                           const WatchOptions& options) override;
  StatusOr<uint64_t> CreateKeyspace(const rpc::CreateKeyspaceRequest& request,
                                    int64_t timeout_us) override;
  StatusOr<uint64_t> DeleteKeyspace(const std::string& name, int64_t timeout_us) override;
  StatusOr<uint64_t> CompactKeyspace(const std::string& name, int64_t timeout_us) override;
  StatusOr<OperationProgress> WaitOperation(uint64_t operation, int64_t wait_us) override;
  StatusOr<ClusterMap> FetchClusterMap(int64_t timeout_us) override;
  StatusOr<rpc::ClusterStatsResponse> FetchClusterStats(int64_t timeout_us) override;
  std::shared_ptr<const ClusterMap> cluster_map() const override;
  std::shared_ptr<Drivable> drivable() const override { return engine_->transport()->drivable(); }
  void RunAt(int64_t monotonic_us, std::function<void()> fn) override;
  void Close(int64_t timeout_us) override;

 private:
  // 0 takes the default timeout.
  int64_t DeadlineAfter(int64_t timeout_us) const;
  // The keyspace's route, once the operation is admitted. session: that it belongs to, or nullptr.
  StatusOr<KeyspaceRoute*> Admit(const KeyspacePtr& ks, const Session* session);

  const std::shared_ptr<Engine> engine_;
  std::atomic<bool> map_is_old_{false};  // this client has changed the cluster since its last map
};

}  // namespace vasto::client
