// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread_pool.h"
#include "core/rpc/channel.h"
#include "core/rpc/io_loop.h"
#include "core/rpc/socket_channel.h"

namespace vasto::rpc {
namespace {

using internal::ChannelShared;
using internal::IoLoop;
using internal::SocketChannel;

// What callers hold: closes the channel when the last of them lets go.
class ChannelHandle final : public Channel {
 public:
  explicit ChannelHandle(std::shared_ptr<SocketChannel> channel) : channel_(std::move(channel)) {}
  ~ChannelHandle() override { channel_->Close(); }
  void CallRaw(std::string_view method, std::string body, int64_t deadline_us,
               RawCallback done) override {
    channel_->Call(method, std::move(body), deadline_us, std::move(done));
  }
  bool gathering() const override { return channel_->gathering(); }
  void Close() override { channel_->Close(); }
  void OnDisconnect(std::function<void()> on_down) override {
    channel_->OnDisconnect(std::move(on_down));
  }

 private:
  const std::shared_ptr<SocketChannel> channel_;
};

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(const SocketTransportOptions& options)
      : shared_(std::make_shared<ChannelShared>()) {
    shared_->options = options;
    shared_->clock = SystemClock();
    shared_->run_blocking = [resolver = resolver_](std::function<void()> task) {
      return resolver->Run(std::move(task));
    };
    for (int i = 0; i < std::max(options.io_threads, 1); ++i) {
      loops_.push_back(std::make_shared<IoLoop>(options.spin_us));
      const std::string name = options.thread_name + (i == 0 ? "" : "-" + std::to_string(i));
      if (Status status = loops_.back()->Start(name); !status.ok()) {
        VASTO_LOG(options.logger, kError, "rpc_io_loop_failed").With("why", status.message());
      }
    }
  }
  ~SocketTransport() override { Stop(); }

  std::shared_ptr<Channel> Connect(const std::string& address) override {
    MutexLock lock(&mu_);
    auto channel = std::make_shared<SocketChannel>(address, shared_, loops_[next_loop_]);
    next_loop_ = (next_loop_ + 1) % loops_.size();
    std::erase_if(channels_, [](const auto& weak) { return weak.expired(); });
    channels_.push_back(channel);
    if (stopped_) channel->Close();
    return std::make_shared<ChannelHandle>(std::move(channel));
  }

  void RunAt(int64_t monotonic_us, std::function<void()> fn) override {
    loops_[0]->RunAt(monotonic_us, std::move(fn));
  }
  const Clock* clock() const override { return shared_->clock; }
  std::shared_ptr<Drivable> drivable() override { return loops_.size() == 1 ? loops_[0] : nullptr; }

  void Stop() override {
    std::vector<std::weak_ptr<SocketChannel>> channels;
    {
      MutexLock lock(&mu_);
      stopped_ = true;
      channels.swap(channels_);
    }
    for (const auto& weak : channels) {
      if (auto channel = weak.lock()) channel->Close();
    }
    resolver_->Stop();
    for (const auto& loop : loops_) loop->Stop();
  }

 private:
  // A thread for name look-ups, made when the first name comes along. Threads: any.
  class Resolver {
   public:
    bool Run(std::function<void()> task) {
      MutexLock lock(&mu_);
      if (stopped_) return false;
      if (pool_ == nullptr) pool_ = std::make_unique<ThreadPool>("vasto-dns", 1);
      return pool_->Submit(std::move(task));
    }
    void Stop() {
      std::unique_ptr<ThreadPool> pool;
      {
        MutexLock lock(&mu_);
        stopped_ = true;
        pool.swap(pool_);
      }
    }

   private:
    Mutex mu_;
    std::unique_ptr<ThreadPool> pool_ GUARDED_BY(mu_);
    bool stopped_ GUARDED_BY(mu_) = false;
  };

  const std::shared_ptr<Resolver> resolver_ = std::make_shared<Resolver>();
  const std::shared_ptr<ChannelShared> shared_;
  std::vector<std::shared_ptr<IoLoop>> loops_;  // constant after construction

  Mutex mu_;
  std::vector<std::weak_ptr<SocketChannel>> channels_ GUARDED_BY(mu_);
  size_t next_loop_ GUARDED_BY(mu_) = 0;
  bool stopped_ GUARDED_BY(mu_) = false;
};

}  // namespace

std::shared_ptr<Transport> NewSocketTransport(const SocketTransportOptions& options) {
  return std::make_shared<SocketTransport>(options);
}

}  // namespace vasto::rpc
