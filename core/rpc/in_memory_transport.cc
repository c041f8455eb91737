// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/in_memory_transport.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "core/base/mutex.h"

namespace vasto::rpc {

class InMemoryChannel;

// The network itself. Functions that take steps run handlers and callbacks without mu_.
class InMemoryNetwork::State : public std::enable_shared_from_this<InMemoryNetwork::State> {
 public:
  struct Call {
    std::string_view method;
    std::string body;
    int64_t deadline_us = 0;
    Channel::RawCallback done;
    std::shared_ptr<InMemoryChannel> channel;
    ConnectionId connection = 0;
    bool delivered = false;
  };
  using Task = UniqueFunction<void()>;

  explicit State(ManualClock* clock) : clock_(clock) {}

  ManualClock* clock() const { return clock_; }
  void Serve(const std::string& address, const Dispatcher* dispatcher);
  void Remove(const std::string& address);
  void SetFault(std::function<Verdict(const Message&)> fault) { fault_ = std::move(fault); }
  void Disconnect(const std::string& from, const std::string& to);
  void Start(Call call);
  void Fail(Channel::RawCallback done, Status status);
  void RunAt(int64_t at_us, Task task);
  void Reply(uint64_t id, std::string body);
  void Add(const std::shared_ptr<InMemoryChannel>& channel);
  // Cancels its calls at once; its peer is told in a step.
  void Closed(const std::shared_ptr<InMemoryChannel>& channel);
  // Forgets all that is outstanding.
  void Shut();
  bool Step();
  int64_t NextTimer();

 private:
  Verdict Judge(const Call& call, bool is_reply);
  void DeliverRequest(uint64_t id);
  void DeliverReply(uint64_t id, const std::string& body);
  void Expire(uint64_t id);
  void Lose(const std::shared_ptr<InMemoryChannel>& channel, const std::string& why);
  bool Take(uint64_t id, Call* call);
  std::vector<Call> TakeCallsOf(const InMemoryChannel* channel);

  ManualClock* const clock_;                         // borrowed; outlives *this
  std::function<Verdict(const Message&)> fault_;     // the stepping thread's
  std::map<std::string, const Dispatcher*> served_;  // the stepping thread's

  Mutex mu_;
  std::deque<Task> events_ GUARDED_BY(mu_);
  std::multimap<int64_t, Task> timers_ GUARDED_BY(mu_);
  std::map<uint64_t, Call> calls_ GUARDED_BY(mu_);
  std::vector<std::weak_ptr<InMemoryChannel>> channels_ GUARDED_BY(mu_);
  uint64_t next_call_ GUARDED_BY(mu_) = 1;
  ConnectionId next_connection_ = 1;  // the stepping thread's
};

class InMemoryChannel final : public Channel, public std::enable_shared_from_this<InMemoryChannel> {
 public:
  InMemoryChannel(std::shared_ptr<InMemoryNetwork::State> network, std::string from, std::string to)
      : network_(std::move(network)), from_(std::move(from)), to_(std::move(to)) {}

  void CallRaw(std::string_view method, std::string body, int64_t deadline_us,
               RawCallback done) override {
    if (closed_.load())
      return network_->Fail(std::move(done),
                            Status::Cancelled("not sent: the channel to " + to_ + " is closed"));
    network_->Start({method, std::move(body), deadline_us, std::move(done), shared_from_this()});
  }
  void Close() override {
    if (closed_.exchange(true)) return;
    network_->Closed(shared_from_this());
  }
  void OnDisconnect(std::function<void()> on_down) override { on_down_ = std::move(on_down); }

  const std::string& from() const { return from_; }
  const std::string& to() const { return to_; }
  // The rest is the stepping thread's.
  ConnectionId connection = 0;  // 0: not connected
  const Dispatcher* peer = nullptr;
  void Down() {
    if (on_down_ && !closed_.load()) on_down_();
  }

 private:
  const std::shared_ptr<InMemoryNetwork::State> network_;
  const std::string from_;
  const std::string to_;
  std::function<void()> on_down_;
  std::atomic<bool> closed_{false};
};

namespace {

class InMemorySink final : public ReplySink {
 public:
  using Answer = UniqueFunction<void(std::string)>;

  explicit InMemorySink(Answer answer) : answer_(std::move(answer)) {}
  std::string* Buffer() override { return &body_; }
  void Send() override {
    answer_(std::move(body_));
    delete this;
  }
  void Drop() override {
    EncodeError(Status::Internal("the request was dropped without an answer"), &body_);
    Send();
  }

 private:
  ~InMemorySink() = default;
  Answer answer_;
  std::string body_;
};

// What callers hold: closes the channel when the last of them lets go.
class InMemoryHandle final : public Channel {
 public:
  explicit InMemoryHandle(std::shared_ptr<InMemoryChannel> channel)
      : channel_(std::move(channel)) {}
  ~InMemoryHandle() override { channel_->Close(); }
  void CallRaw(std::string_view method, std::string body, int64_t deadline_us,
               RawCallback done) override {
    channel_->CallRaw(method, std::move(body), deadline_us, std::move(done));
  }
  void Close() override { channel_->Close(); }
  void OnDisconnect(std::function<void()> on_down) override {
    channel_->OnDisconnect(std::move(on_down));
  }

 private:
  const std::shared_ptr<InMemoryChannel> channel_;
};

}  // namespace

void InMemoryNetwork::State::Serve(const std::string& address, const Dispatcher* dispatcher) {
  served_[address] = dispatcher;
}

void InMemoryNetwork::State::Remove(const std::string& address) {
  served_.erase(address);
  Disconnect("", address);
}

void InMemoryNetwork::State::Shut() {
  std::deque<Task> events;
  std::multimap<int64_t, Task> timers;
  std::map<uint64_t, Call> calls;
  MutexLock lock(&mu_);
  events.swap(events_);
  timers.swap(timers_);
  calls.swap(calls_);
}

void InMemoryNetwork::State::Start(Call call) {
  MutexLock lock(&mu_);
  const uint64_t id = next_call_++;
  timers_.emplace(call.deadline_us, [this, id] { Expire(id); });
  calls_.emplace(id, std::move(call));
  events_.emplace_back([this, id] { DeliverRequest(id); });
}

void InMemoryNetwork::State::Fail(Channel::RawCallback done, Status status) {
  struct Failure {
    Channel::RawCallback done;
    Status status;
    void operator()() { done(std::move(status)); }
  };
  MutexLock lock(&mu_);
  events_.emplace_back(Failure{std::move(done), std::move(status)});
}

void InMemoryNetwork::State::RunAt(int64_t at_us, Task task) {
  MutexLock lock(&mu_);
  timers_.emplace(at_us, std::move(task));
}

void InMemoryNetwork::State::Reply(uint64_t id, std::string body) {
  MutexLock lock(&mu_);
  events_.emplace_back([this, id, body = std::move(body)] { DeliverReply(id, body); });
}

InMemoryNetwork::Verdict InMemoryNetwork::State::Judge(const Call& call, bool is_reply) {
  if (!fault_) return Verdict::kDeliver;
  return fault_({call.channel->from(), call.channel->to(), call.method, is_reply});
}

bool InMemoryNetwork::State::Take(uint64_t id, Call* call) {
  MutexLock lock(&mu_);
  const auto it = calls_.find(id);
  if (it == calls_.end()) return false;
  *call = std::move(it->second);
  calls_.erase(it);
  return true;
}

void InMemoryNetwork::State::DeliverRequest(uint64_t id) {
  Call call;
  if (!Take(id, &call)) return;
  const auto channel = call.channel;
  const auto put_back = [&] {
    MutexLock lock(&mu_);
    calls_.emplace(id, std::move(call));
  };
  const Verdict verdict = Judge(call, false);
  if (verdict == Verdict::kDrop) return put_back();
  if (verdict == Verdict::kDisconnect) {
    put_back();
    return Lose(channel, "connection to " + channel->to() + " lost");
  }
  const auto it = served_.find(channel->to());
  if (it == served_.end())
    return call.done(Status::Unavailable("not sent: connect to " + channel->to() + ": refused"));
  if (channel->connection == 0) {
    channel->connection = next_connection_++;
    channel->peer = it->second;
  }
  call.connection = channel->connection;
  call.delivered = true;
  const std::string_view method = call.method;
  const std::string body = std::move(call.body);
  const CallContext context{call.connection, clock_->MonotonicMicros()};
  const Dispatcher* const peer = channel->peer;
  put_back();
  const Dispatcher::Entry* const entry = peer->Find(method);
  if (entry == nullptr) {
    Call unknown;
    if (Take(id, &unknown))
      unknown.done(Status::NotSupported("unknown method '" + std::string(method) + "'"));
    return;
  }
  const std::weak_ptr<State> weak = weak_from_this();
  entry->serve(body, context, ReplySinkPtr(new InMemorySink([weak, id](std::string reply) {
                 if (auto self = weak.lock()) self->Reply(id, std::move(reply));
               })));
  peer->EndBatch();
}

void InMemoryNetwork::State::DeliverReply(uint64_t id, const std::string& body) {
  Call call;
  if (!Take(id, &call)) return;  // timed out or lost meanwhile
  const Verdict verdict = Judge(call, true);
  if (verdict == Verdict::kDeliver) return call.done(std::string_view(body));
  const auto channel = call.channel;
  {
    MutexLock lock(&mu_);
    calls_.emplace(id, std::move(call));
  }
  if (verdict == Verdict::kDisconnect) Lose(channel, "connection to " + channel->to() + " lost");
}

void InMemoryNetwork::State::Expire(uint64_t id) {
  Call call;
  if (!Take(id, &call)) return;
  call.done(Status::Timeout(std::string(call.method) + " to " + call.channel->to() +
                            ": no answer in time"));
}

std::vector<InMemoryNetwork::State::Call> InMemoryNetwork::State::TakeCallsOf(
    const InMemoryChannel* channel) {
  std::vector<Call> calls;
  MutexLock lock(&mu_);
  for (auto it = calls_.begin(); it != calls_.end();) {
    if (it->second.channel.get() != channel) {
      ++it;
      continue;
    }
    calls.push_back(std::move(it->second));
    it = calls_.erase(it);
  }
  return calls;
}

void InMemoryNetwork::State::Lose(const std::shared_ptr<InMemoryChannel>& channel,
                                  const std::string& why) {
  const ConnectionId connection = std::exchange(channel->connection, 0);
  const Dispatcher* const peer = std::exchange(channel->peer, nullptr);
  for (Call& call : TakeCallsOf(channel.get())) {
    call.done(Status::Unavailable(call.delivered ? why : "not sent: " + why));
  }
  if (connection == 0) return;
  peer->Disconnected(connection);
  channel->Down();
}

void InMemoryNetwork::State::Add(const std::shared_ptr<InMemoryChannel>& channel) {
  MutexLock lock(&mu_);
  std::erase_if(channels_, [](const auto& weak) { return weak.expired(); });
  channels_.push_back(channel);
}

void InMemoryNetwork::State::Disconnect(const std::string& from, const std::string& to) {
  std::vector<std::shared_ptr<InMemoryChannel>> lost;
  {
    MutexLock lock(&mu_);
    for (const auto& weak : channels_) {
      auto channel = weak.lock();
      if (channel == nullptr) continue;
      if ((from.empty() || channel->from() == from) && (to.empty() || channel->to() == to))
        lost.push_back(std::move(channel));
    }
  }
  for (const auto& channel : lost) Lose(channel, "connection to " + channel->to() + " lost");
}

void InMemoryNetwork::State::Closed(const std::shared_ptr<InMemoryChannel>& channel) {
  for (Call& call : TakeCallsOf(channel.get()))
    call.done(Status::Cancelled("the channel to " + channel->to() + " was closed"));
  MutexLock lock(&mu_);
  events_.emplace_back([this, channel] { Lose(channel, "closed"); });
}

bool InMemoryNetwork::State::Step() {
  Task task;
  {
    MutexLock lock(&mu_);
    if (!events_.empty()) {
      task = std::move(events_.front());
      events_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first <= clock_->MonotonicMicros()) {
      task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else {
      return false;
    }
  }
  task();
  return true;
}

int64_t InMemoryNetwork::State::NextTimer() {
  MutexLock lock(&mu_);
  return timers_.empty() ? std::numeric_limits<int64_t>::max() : timers_.begin()->first;
}

namespace {

class InMemoryTransport final : public Transport {
 public:
  InMemoryTransport(std::shared_ptr<InMemoryNetwork::State> network, std::string name)
      : network_(std::move(network)), name_(std::move(name)) {}
  ~InMemoryTransport() override { Stop(); }

  std::shared_ptr<Channel> Connect(const std::string& address) override {
    auto channel = std::make_shared<InMemoryChannel>(network_, name_, address);
    network_->Add(channel);
    if (stopped_->load()) channel->Close();
    MutexLock lock(&mu_);
    std::erase_if(channels_, [](const auto& weak) { return weak.expired(); });
    channels_.push_back(channel);
    return std::make_shared<InMemoryHandle>(std::move(channel));
  }
  void RunAt(int64_t monotonic_us, std::function<void()> fn) override {
    network_->RunAt(monotonic_us, [stopped = stopped_, fn = std::move(fn)] {
      if (!stopped->load()) fn();
    });
  }
  const Clock* clock() const override { return network_->clock(); }
  void Stop() override {
    stopped_->store(true);
    std::vector<std::weak_ptr<InMemoryChannel>> channels;
    {
      MutexLock lock(&mu_);
      channels.swap(channels_);
    }
    for (const auto& weak : channels) {
      if (auto channel = weak.lock()) channel->Close();
    }
  }

 private:
  const std::shared_ptr<InMemoryNetwork::State> network_;
  const std::string name_;
  const std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
  Mutex mu_;
  std::vector<std::weak_ptr<InMemoryChannel>> channels_ GUARDED_BY(mu_);
};

}  // namespace

InMemoryNetwork::InMemoryNetwork(ManualClock* clock) : state_(std::make_shared<State>(clock)) {}
InMemoryNetwork::~InMemoryNetwork() { state_->Shut(); }

void InMemoryNetwork::Serve(const std::string& address, const Dispatcher* dispatcher) {
  state_->Serve(address, dispatcher);
}
void InMemoryNetwork::Remove(const std::string& address) { state_->Remove(address); }
std::shared_ptr<Transport> InMemoryNetwork::NewTransport(const std::string& name) {
  return std::make_shared<InMemoryTransport>(state_, name);
}
void InMemoryNetwork::SetFault(std::function<Verdict(const Message&)> fault) {
  state_->SetFault(std::move(fault));
}
void InMemoryNetwork::Disconnect(const std::string& from, const std::string& to) {
  state_->Disconnect(from, to);
}
bool InMemoryNetwork::Step() { return state_->Step(); }

size_t InMemoryNetwork::RunUntilIdle() {
  size_t steps = 0;
  while (Step()) ++steps;
  return steps;
}

void InMemoryNetwork::Advance(int64_t us) {
  ManualClock* const clock = state_->clock();
  const int64_t end_us = clock->MonotonicMicros() + us;
  RunUntilIdle();
  for (int64_t next_us = state_->NextTimer(); next_us <= end_us; next_us = state_->NextTimer()) {
    clock->Advance(std::max<int64_t>(next_us - clock->MonotonicMicros(), 0));
    RunUntilIdle();
  }
  clock->Advance(end_us - clock->MonotonicMicros());
}

}  // namespace vasto::rpc
