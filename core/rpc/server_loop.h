// SPDX-License-Identifier: Apache-2.0
// One epoll thread of a server, with the connections that live on it. A turn: wait; read and
// dispatch what is there; take calls answered elsewhere; EndBatch; send.
//
// Threads: Start, Adopt, Stop and Join from any; all else on the loop's own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/rpc/dispatcher.h"
#include "core/rpc/server.h"
#include "core/rpc/server_call.h"
#include "core/rpc/server_connection.h"
#include "core/rpc/socket.h"
#include "core/rpc/spinner.h"

namespace vasto::rpc::internal {

// What the loops of a server share.
struct ServerShared {
  ServerOptions options;
  const Dispatcher* dispatcher;  // borrowed
  std::atomic<uint64_t> next_connection{1};
  std::atomic<int> connections{0};
  Counter* requests = nullptr;  // of options.metrics; nullptr: not counted
};

class ServerLoop {
 public:
  // What a connection's output has room for at first.
  static constexpr size_t kBufferBytes = 4096;

  // A new connection was accepted; called on the loop that listens.
  using AcceptHandler = std::function<void(Fd)>;

  // shared: borrowed; outlives *this.
  explicit ServerLoop(ServerShared* shared);
  ~ServerLoop();
  ServerLoop(const ServerLoop&) = delete;
  ServerLoop& operator=(const ServerLoop&) = delete;

  Status Start(const std::string& name);
  // Accepts from a listening socket. Before Start.
  void Listen(Fd fd, bool unix_socket, AcceptHandler on_accept);
  // Gives the loop a connection.
  void Adopt(Fd fd);
  // Begins to stop: no further connection or request; the thread ends once every reply is sent or
  // the time came.
  void Stop(int64_t deadline_us);
  void Join();

  // For its connections.
  const ServerShared& shared() const { return *shared_; }
  const Dispatcher& dispatcher() const { return *shared_->dispatcher; }
  int64_t now_us() const { return now_us_; }
  std::span<char> scratch() { return {scratch_.get(), kScratchBytes}; }
  ServerCall* TakeCall();
  void GiveBack(ServerCall* call);
  std::string TakeBuffer();
  void GiveBackBuffer(std::string buffer);
  void Dirty(ServerConnection* connection) { dirty_.push_back(connection); }
  void ResumeLater(ServerConnection* connection) { resume_.push_back(connection); }
  void Stalled(ServerConnection* connection) { stalled_.push_back(connection); }
  void Dispatched() { ++dispatched_; }
  void Watch(ServerConnection* connection, uint32_t events, bool add);
  // The connection is closed; it is deleted once it is dead.
  void Closed(ServerConnection* connection);
  // A closed connection's last call came back.
  void Dead(ServerConnection* connection) { dead_.push_back(connection); }

 private:
  static constexpr size_t kScratchBytes = 256 << 10;

  struct Listener {
    Fd fd;
    AcceptHandler on_accept;
    bool unix_socket;
  };

  void Run();
  void Turn();
  // Waits for events; returns how many.
  int Await();
  int TimeoutMs();
  bool HasWork();
  void HandleEvents(int count);
  void Accept(Listener* listener);
  void RefuseOne(Listener* listener);
  void AddConnection(Fd fd);
  void TakePosts();
  void TakeAnswers();
  void ResumeAll();
  void FlushAll();
  void CheckStalls();
  void Bury();
  void BeginStop();
  void CloseAll();

  ServerShared* const shared_;  // borrowed; outlives *this
  const std::shared_ptr<MailboxAndWaker> home_;
  Fd epoll_;
  std::thread thread_;

  Mutex mu_;
  std::vector<Fd> adopted_ GUARDED_BY(mu_);
  bool ended_ GUARDED_BY(mu_) = false;
  std::atomic<bool> posted_{false};  // adopted_ or stop_ changed
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> stop_deadline_us_{0};

  // The rest belongs to the loop's thread.
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<char[]> scratch_;
  std::vector<epoll_event> events_;
  Spinner spinner_;
  const void* last_peer_ = nullptr;  // whose event came last; only compared
  std::vector<std::unique_ptr<ServerConnection>> connections_;
  std::vector<ServerConnection*> dirty_, resume_, stalled_, dead_;
  std::vector<ServerConnection*> work_;  // a list being worked on
  std::vector<std::string> buffers_;     // free ones
  size_t free_buffer_bytes_ = 0;         // in them
  ServerCall* free_calls_ = nullptr;
  size_t free_call_count_ = 0;
  Fd spare_;  // given up to refuse a connection when there are no descriptors left
  int64_t now_us_ = 0;
  size_t open_ = 0;          // connections not closed
  uint64_t dispatched_ = 0;  // in this turn
  bool stopping_ = false;
};

}  // namespace vasto::rpc::internal
