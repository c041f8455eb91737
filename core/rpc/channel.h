// SPDX-License-Identifier: Apache-2.0
// The calling side. A Channel carries calls to one peer over one multiplexed connection (Thrift
// sequence ids tell replies apart); it connects when first used and again after a loss. A Transport
// makes channels: sockets here, in_memory_transport.h in tests.
//
// Every call completes exactly once: with a response, with the peer's error, with kTimeout at its
// deadline, with kUnavailable when the connection is refused or lost (message starts "not sent: "
// when the request cannot have reached the peer), with kBusy ("not sent: " too) when too much waits
// to be sent, with kCancelled when the channel is closed.
//
// Threads: Call and Close from any thread. Callbacks run on the transport's I/O threads (or, for
// Close, on the caller's; or on a thread that waits, see waiter.h), never inside Call, and must not
// block. Only once the transport has stopped, when there is no other thread left, a call completes
// inside Call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/codec/limits.h"
#include "core/rpc/unique_function.h"
#include "core/rpc/waiter.h"
#include "core/rpc/wire.h"

namespace vasto::rpc {

// Dropping the last reference to a channel closes it.
// Whether a call failed because nobody listens at its address, as the host there says itself.
inline bool IsRefused(const Status& status) {
  return status.Is(Code::kUnavailable) && status.message().starts_with("not sent: ") &&
         status.message().ends_with("refused");
}

class Channel {
 public:
  // body: borrowed for the callback.
  using RawCallback = UniqueFunction<void(StatusOr<std::string_view> body)>;

  virtual ~Channel() = default;

  // done: callable with StatusOr<Method::Response>. deadline_us: monotonic clock of the transport.
  template <typename Method, typename Done>
  void Call(const typename Method::Request& request, int64_t deadline_us, Done&& done) {
    std::string body;
    EncodeRequest<Method>(request, &body);
    CallRaw(Method::kName, std::move(body), deadline_us,
            [done = std::forward<Done>(done)](StatusOr<std::string_view> reply) mutable {
              if (!reply.ok())
                return done(StatusOr<typename Method::Response>(std::move(reply).status()));
              done(DecodeResponse<Method>(*reply));
            });
  }
  // method: lives for ever (a method tag's kName). body: the encoded _args struct.
  virtual void CallRaw(std::string_view method, std::string body, int64_t deadline_us,
                       RawCallback done) = 0;
  // Whether calls are gathered right now, so that one more would be sent together with them. A hint
  // for callers that can choose between channels.
  virtual bool gathering() const { return false; }
  // Completes everything outstanding with kCancelled; later calls too. Idempotent.
  virtual void Close() = 0;
  // on_down runs on an I/O thread each time an established connection is lost. Set before the first
  // call.
  virtual void OnDisconnect(std::function<void()> on_down) = 0;
};

// Threads: any.
class Transport {
 public:
  virtual ~Transport() = default;
  // address: HOST:PORT or unix:/path. Never blocks; errors show up in the calls.
  virtual std::shared_ptr<Channel> Connect(const std::string& address) = 0;
  // Runs fn once on an I/O thread at the given monotonic time (or soon after); not at all once the
  // transport has stopped.
  virtual void RunAt(int64_t monotonic_us, std::function<void()> fn) = 0;
  virtual const Clock* clock() const = 0;
  // All of its I/O, for a thread that waits to do (waiter.h); nullptr when several threads do it.
  virtual std::shared_ptr<Drivable> drivable() { return nullptr; }
  // Closes all channels (their calls complete with kCancelled) and joins the I/O threads. Not from
  // an I/O thread. Idempotent.
  virtual void Stop() = 0;
};

struct SocketTransportOptions {
  int io_threads = 1;
  std::string thread_name = "vasto-io";  // at most 12 characters
  size_t max_frame_bytes = kMaxFrameSize;
  // Of requests waiting in one channel; a further one fails with kBusy.
  size_t max_buffered_bytes = 2 * kMaxFrameSize;
  int64_t connect_timeout_us = 3'000'000;
  int user_timeout_ms =
      5'000;  // how long a TCP peer may leave data unacknowledged; 0: the system's
  // How long a thread that waits (waiter.h) looks for its reply before it sleeps (spinner.h); 0:
  // not.
  int64_t spin_us = 50;
  const Logger* logger = Logger::Null();  // borrowed; outlives the transport
};
std::shared_ptr<Transport> NewSocketTransport(const SocketTransportOptions& options);

}  // namespace vasto::rpc
