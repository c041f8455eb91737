// SPDX-License-Identifier: Apache-2.0
// The client of a cluster: keeps the cluster map, routes each key to its shard's primary, retries
// inside the caller's deadline, merges scans, talks to the master for admin work. The C ABI
// translates to exactly this.
//
// Routing is a state machine without I/O (router.h); this class is the thin runtime that drives it
// over an rpc::Transport.
//
// Every operation completes exactly once, at the latest shortly after its deadline; after Close()
// with kClosed. What a caller has to know about failures:
//   - kTimeout, kUnavailable, kBusy: retried inside until the deadline; the code says what the last
//     attempt met. A master that is away causes none of them.
//   - A failed write whose request may have reached a store is in doubt: IsInDoubt(message).
//   - A put, delete or touch without a condition is repeated after a lost answer; each repetition
//   is
//     stamped by the store that takes it unless the caller gave an event time, then all carry that.
//     A write with a condition is not repeated then: it could only meet its own effect.
//   - kNotFound as the Status of an operation: the keyspace is gone. An absent key is a result.
//   - kWrongThread: a blocking method was called in a callback.
//
// Threads: all methods from any thread. Callbacks run on the client's I/O threads or on a thread
// that waits with a Waiter, never inside the call that started the operation (after Close they do:
// no other thread is left), hold no lock, may start operations, and must not block or wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/client/read_choice.h"
#include "core/client/session.h"
#include "core/codec/row_block.h"
#include "core/hash/partition.h"  // for callers that show where a key lives
#include "core/rpc/call_run.h"
#include "core/rpc/channel.h"
#include "core/rpc/messages.h"
#include "core/rpc/polling_visitor.h"
#include "core/rpc/waiter.h"
#include "core/topology/cluster_map.h"

namespace vasto::client {

// Set once, before the client is opened.
struct ClientOptions {
  std::vector<std::string> masters;  // HOST:PORT, at least one
  int64_t default_timeout_us = 10'000'000;
  int64_t connect_timeout_us = 3'000'000;
  int io_threads = 1;
  int connections_per_store = 1;  // calls are spread over them round-robin
  bool use_unix_sockets = true;   // for stores on this host
  bool verify_checksums = true;
  size_t max_in_flight = 65'536;  // operations; a further one fails with kBusy
  // Borrowed; outlive the client. Time is the transport's.
  const Logger* logger = Logger::Null();
  Random* random = SystemRandom();  // of pauses and choices; asked by many threads
  FileSystem* files = PosixFileSystem();
};

// A keyspace of an open client: resolved by name, follows its topology changes by itself. Keeps the
// client's core alive.
class Keyspace;
using KeyspacePtr = std::shared_ptr<Keyspace>;

// Per-operation settings.
struct CallOptions {
  int64_t timeout_us = 0;  // 0: the client's default
  ReadChoice read = {};    // of a read
  // Of a write; none: what the keyspace says.
  std::optional<AckLevel> acks = {};
  // That the operation belongs to; nullptr: none. kInvalidArgument for one of another keyspace.
  std::shared_ptr<Session> session = {};
};

// A key, and the hash that decides its shard when it is not the key's own.
struct KeyRef {
  std::string_view key;  // borrowed for the call that starts the operation
  std::optional<uint64_t> partition_hash;
};

using rpc::ReadResult;
// How a thread waits for one operation that it is about to start: it does the connection's I/O
// itself instead of waiting for an I/O thread. Made before the operation is started.
using rpc::Waiter;
// All I/O of a client, for a Waiter to do.
using rpc::Drivable;
// Operations that one thread starts one after the other: their requests go out together at its end.
using rpc::CallRun;
using rpc::PollingVisitor;
using rpc::WriteEntry;
using rpc::WriteResult;

// A failed page does not end a scan: Next may be called again and goes on where it stood.
struct ScanOptions {
  int64_t timeout_us = 0;   // of each page, not of the whole scan
  uint64_t limit = 0;       // rows; 0: all
  uint32_t page_bytes = 0;  // 0: 1 MiB
  bool keys_only = false;
  ReadChoice read = {};                   // of every page
  std::shared_ptr<Session> session = {};  // as in CallOptions; every page is a read of it
  std::string resume_token;               // of Scanner::ResumeToken; empty: from the start
};

// Rows of one keyspace in key order, merged across shards; pages are fetched ahead. One thread at a
// time. Each shard is read page by page without a snapshot: a key present throughout appears
// exactly once, one that comes or goes at most once. All pages of a shard are asked of the same
// replica as long as it answers; another one that goes on for it may be further or, unless it is
// the primary, less far.
class Scanner {
 public:
  virtual ~Scanner() = default;
  // Blocks until a row is there. kEnd after the last or at the limit. The row's views are valid
  // until the next call.
  virtual Status Next(Row* row) = 0;
  // A position after the last row returned, valid on any client of the cluster, also after topology
  // changes.
  virtual std::string ResumeToken() const = 0;
};

struct WatchOptions {
  int64_t timeout_us = 0;    // of the opening
  std::string prefix;        // of the keys to be told of; empty: all
  std::string resume_token;  // of Watcher::ResumeToken; empty: from now on
};

// A change that was made to a key. Views are valid until the next Watcher::Next.
struct WatchedChange {
  std::string_view key;
  std::optional<uint64_t> partition_hash;
  bool deleted = false;
  std::string_view payload;
  EventTime event_time = 0;
  uint64_t expires_at_us = 0;
  uint32_t value_type = 0;
};

// The changes of one keyspace as they happen: those of one key in order, each once, or again, from
// an earlier one on, after a replica or this watch began anew somewhere else; the last one is what
// the replica keeps. What loses against a newer event time that was there first is not given, nor
// that a value expires. Between keys there is no order. One thread at a time, but for Cancel.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Blocks until there are changes and gives up to max (> 0) of them; none when timeout_us passed
  // (0: what is here; < 0: no limit). When then some shard cannot be reached, the error says why
  // (kUnavailable, kTimeout, kBusy); the next call goes on all the same. For good: kTooOld when the
  // stores do not remember what came after the place that was reached, kResizing when the keyspace
  // has another number of shards, kNotFound when it is gone, kClosed, kCancelled.
  virtual Status Next(size_t max, int64_t timeout_us, std::vector<WatchedChange>* out) = 0;
  // Has `ready` called once Next would not wait: there are changes, or an error, or now and then
  // nothing after all. Called exactly once, on any thread, maybe inside; also by Cancel, by the
  // next WhenReady and at the end of the client. It must not use the watcher. Not during a Next.
  virtual void WhenReady(std::function<void()> ready) = 0;
  // The place behind the changes given so far, or a little before it. Valid on any client of the
  // cluster, with any prefix, as long as the stores remember what comes next.
  virtual std::string ResumeToken() const = 0;
  // Ends it: Next gives kCancelled. Any thread.
  virtual void Cancel() = 0;
};

// Long admin work that a master does.
struct OperationProgress {
  bool done = false;
  uint64_t steps_done = 0;
  uint64_t steps_total = 0;
  Status result;  // when done
};

class Client {
 public:
  // Blocks until the first cluster map came from a master or timeout_us passed (kUnavailable names
  // the masters tried). kNotSupported when masters are newer than this client can talk to.
  static StatusOr<std::shared_ptr<Client>> Open(const ClientOptions& options, int64_t timeout_us);
  virtual ~Client() = default;

  // kNotFound for an unknown keyspace (the map is refreshed first).
  virtual StatusOr<KeyspacePtr> OpenKeyspace(const std::string& name, int64_t timeout_us) = 0;

  virtual void Get(const KeyspacePtr& ks, const KeyRef& key, bool meta_only,
                   const CallOptions& options, std::function<void(StatusOr<ReadResult>)> done) = 0;
  // results are parallel to keys; a shard that cannot be reached fails only its own keys.
  virtual void MultiGet(const KeyspacePtr& ks, const std::vector<KeyRef>& keys, bool meta_only,
                        const CallOptions& options,
                        std::function<void(StatusOr<std::vector<ReadResult>>)> done) = 0;
  virtual void Write(const KeyspacePtr& ks, WriteEntry entry, const CallOptions& options,
                     std::function<void(StatusOr<WriteResult>)> done) = 0;
  // Spans shards, so not atomic; results are parallel to entries.
  virtual void WriteBatch(const KeyspacePtr& ks, std::vector<WriteEntry> entries,
                          const CallOptions& options,
                          std::function<void(StatusOr<std::vector<WriteResult>>)> done) = 0;
  // [start, end) in key order; an empty end means to the last key.
  virtual std::unique_ptr<Scanner> Scan(const KeyspacePtr& ks, std::string start, std::string end,
                                        const ScanOptions& options) = 0;

  // Blocks, without a token, until each shard has said where it stands: what is acknowledged after
  // this is given.
  virtual StatusOr<std::unique_ptr<Watcher>> Watch(const KeyspacePtr& ks,
                                                   const WatchOptions& options) = 0;

  // Admin work; each blocks until the master answered or timeout_us passed (0: the client's
  // default).
  virtual StatusOr<uint64_t> CreateKeyspace(const rpc::CreateKeyspaceRequest& request,
                                            int64_t timeout_us) = 0;
  virtual StatusOr<uint64_t> DeleteKeyspace(const std::string& name, int64_t timeout_us) = 0;
  virtual StatusOr<uint64_t> CompactKeyspace(const std::string& name, int64_t timeout_us) = 0;
  // Waits up to wait_us for the operation to end.
  virtual StatusOr<OperationProgress> WaitOperation(uint64_t operation, int64_t wait_us) = 0;
  // The master's own fresh answer, not the cached map.
  virtual StatusOr<ClusterMap> FetchClusterMap(int64_t timeout_us) = 0;
  virtual StatusOr<rpc::ClusterStatsResponse> FetchClusterStats(int64_t timeout_us) = 0;
  // The cached map that operations are routed by; never blocks.
  virtual std::shared_ptr<const ClusterMap> cluster_map() const = 0;
  // Where the results of its operations come from (Waiter::ExpectFrom); nullptr with several
  // io_threads.
  virtual std::shared_ptr<Drivable> drivable() const = 0;

  // Runs fn on an I/O thread at the monotonic time; not at all once the client is closed.
  virtual void RunAt(int64_t monotonic_us, std::function<void()> fn) = 0;

  // Refuses new work with kClosed, waits up to timeout_us for what is outstanding, completes the
  // rest with kClosed, stops the threads. Not from a callback. Idempotent.
  virtual void Close(int64_t timeout_us) = 0;
};

// What the newest map says. Threads: any.
class Keyspace {
 public:
  virtual ~Keyspace() = default;
  virtual const std::string& name() const = 0;
  virtual const Uuid& uuid() const = 0;
  virtual int32_t shard_count() const = 0;
  virtual int32_t replica_count() const = 0;
};

// Whether the failed write with this message (of a Status or a WriteResult) may nevertheless have
// been carried out.
bool IsInDoubt(std::string_view message);

// The address of the store that the failure with this message is about; empty when it is about
// none.
std::string_view StoreOf(std::string_view message);

// The smallest byte string greater than every string with this prefix; empty when there is none
// (prefix empty or all 0xff).
std::string PrefixEnd(std::string_view prefix);

}  // namespace vasto::client
