// SPDX-License-Identifier: Apache-2.0
#include "core/client/watcher.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/client/shard_call.h"
#include "core/client/watch_token.h"
#include "core/codec/change.h"
#include "core/codec/limits.h"

namespace vasto::client {
namespace {

// How long a request may take with all that it meets; the store waits for changes for a part of
// that.
constexpr int64_t kAskUs = 10'000'000;
constexpr size_t kSmallestAnswerBytes = 16 << 10;
constexpr size_t kLargestAnswerBytes = 1 << 20;

// What one request brought. Constant once it is in the queue.
struct Answer {
  size_t shard = 0;
  std::vector<Position> at;
  std::string changes;
};

// Every record is verified, on the I/O thread.
Status CheckChanges(std::string_view changes) {
  ChangeReader reader(changes);
  Change change;
  while (reader.Next(&change)) {
  }
  return reader.status();
}

// What the callbacks of requests share with the watch, which may be gone.
class Watch final : public Watcher, public std::enable_shared_from_this<Watch> {
 public:
  Watch(std::shared_ptr<Engine> engine, KeyspaceRoute* route, std::string prefix, size_t shards)
      : engine_(std::move(engine)),
        route_(route),
        prefix_(std::move(prefix)),
        id_(engine_->options().random->Next()),
        answer_bytes_(std::clamp(kWatchBudget / shards, kSmallestAnswerBytes, kLargestAnswerBytes)),
        shards_(shards),
        taken_(shards) {}

  // One of these comes before all other calls.
  Status BeginNow(int64_t deadline_us) EXCLUDES(mu_);
  void BeginAt(WatchPlace place) EXCLUDES(mu_);

  Status Next(size_t max, int64_t timeout_us, std::vector<WatchedChange>* out) override
      EXCLUDES(mu_);
  void WhenReady(std::function<void()> ready) override EXCLUDES(mu_);
  std::string ResumeToken() const override { return EncodeWatchToken(route_->uuid(), taken_); }
  void Cancel() override EXCLUDES(mu_);

 private:
  struct Shard {
    std::optional<std::vector<Position>> at;  // behind what was asked for last; none: not known yet
    bool waits = false;                       // for an answer to be begun, or on its way
    Status trouble;                           // of the last request, when it may pass
  };

  // Asks every shard that is to be asked; until then at most.
  void AskAll(int64_t deadline_us) EXCLUDES(mu_);
  void Ask(size_t shard, rpc::WatchRequest request, int64_t deadline_us) EXCLUDES(mu_);
  void OnAnswer(size_t shard, StatusOr<rpc::WatchResponse> response) EXCLUDES(mu_);
  void Put(size_t shard, const Status& status, StatusOr<rpc::WatchResponse> response) REQUIRES(mu_);
  // The first trouble that a shard has; OK: none.
  Status Trouble() const REQUIRES(mu_);
  // The changes of the answer being taken, up to max together.
  void TakeFrom(size_t max, std::vector<WatchedChange>* out);
  // Makes the next answer the one being taken. False: there is none.
  bool BeginNext() EXCLUDES(mu_);
  // Waits for something to happen. False: the time came first.
  bool Await(int64_t deadline_us) EXCLUDES(mu_);

  const std::shared_ptr<Engine> engine_;
  KeyspaceRoute* const route_;  // borrowed from the engine
  const std::string prefix_;
  const uint64_t id_;
  const size_t answer_bytes_;

  mutable Mutex mu_;
  CondVar changed_;
  std::vector<Shard> shards_ GUARDED_BY(mu_);
  std::deque<std::shared_ptr<const Answer>> ready_ GUARDED_BY(mu_);
  Status failure_ GUARDED_BY(mu_);  // for good
  bool cancelled_ GUARDED_BY(mu_) = false;
  std::function<void()> when_ready_ GUARDED_BY(mu_);

  // Those of the thread that calls Next.
  WatchPlace taken_;                                 // behind the last change returned
  std::vector<std::shared_ptr<const Answer>> kept_;  // what was returned last borrows from these
  std::shared_ptr<const Answer> current_;
  ChangeReader reader_{{}};
};

Status Watch::Trouble() const {
  for (const Shard& shard : shards_) {
    if (!shard.trouble.ok()) return shard.trouble;
  }
  return {};
}

void Watch::BeginAt(WatchPlace place) {
  MutexLock lock(&mu_);
  taken_ = place;
  for (size_t i = 0; i < shards_.size(); ++i) shards_[i].at = std::move(place[i]);
}

Status Watch::BeginNow(int64_t deadline_us) {
  AskAll(deadline_us);
  MutexLock lock(&mu_);
  const auto waits = [](const Shard& shard) { return shard.waits; };
  while (failure_.ok() && std::ranges::any_of(shards_, waits)) changed_.Wait(&mu_);
  VASTO_RETURN_IF_ERROR(failure_);
  VASTO_RETURN_IF_ERROR(Trouble());
  for (size_t i = 0; i < shards_.size(); ++i) taken_[i] = *shards_[i].at;
  return {};
}

void Watch::AskAll(int64_t deadline_us) {
  std::vector<std::pair<size_t, rpc::WatchRequest>> requests;
  {
    MutexLock lock(&mu_);
    if (cancelled_ || !failure_.ok()) return;
    for (size_t i = 0; i < shards_.size(); ++i) {
      Shard& shard = shards_[i];
      if (shard.waits) continue;
      shard.waits = true;
      rpc::WatchRequest request;
      request.watcher = id_;
      request.from_now = !shard.at.has_value();
      if (shard.at) request.have = *shard.at;
      request.prefix = prefix_;
      request.max_bytes = static_cast<uint32_t>(answer_bytes_);
      request.wait_ms = static_cast<uint32_t>(kAskUs / 1000);
      requests.emplace_back(i, std::move(request));
    }
  }
  deadline_us = std::min(deadline_us, engine_->NowUs() + kAskUs);
  for (auto& [shard, request] : requests) Ask(shard, std::move(request), deadline_us);
}

void Watch::Ask(size_t shard, rpc::WatchRequest request, int64_t deadline_us) {
  // A watch is nothing that the client's Close waits for.
  if (Status status = engine_->Admit(true); !status.ok()) return OnAnswer(shard, status);
  ShardTarget target;
  target.route = route_;
  target.shard = static_cast<int32_t>(shard);
  target.shard_count = static_cast<int32_t>(taken_.size());
  StartShardCall<rpc::Watch>(engine_.get(), target, RouteKind::kWatch, deadline_us,
                             std::move(request),
                             [self = shared_from_this(), shard](
                                 const rpc::WatchRequest&, StatusOr<rpc::WatchResponse> response) {
                               self->OnAnswer(shard, std::move(response));
                             });
  engine_->Leave();
}

void Watch::OnAnswer(size_t number, StatusOr<rpc::WatchResponse> response) {
  const Status status = response.ok() ? CheckChanges(response->changes) : response.status();
  std::function<void()> ready;
  {
    MutexLock lock(&mu_);
    Put(number, status, std::move(response));
    ready = std::exchange(when_ready_, nullptr);
    changed_.SignalAll();
  }
  if (ready) ready();
}

void Watch::Put(size_t number, const Status& status, StatusOr<rpc::WatchResponse> response) {
  Shard& shard = shards_[number];
  shard.trouble = {};
  if (status.ok() && !shard.at) {
    // It began now.
    shard.at = std::move(response->at);
    shard.waits = false;
  } else if (status.ok()) {
    shard.at = response->at;
    auto answer = std::make_shared<Answer>();
    answer->shard = number;
    answer->at = std::move(response->at);
    answer->changes = std::move(response->changes);
    ready_.push_back(std::move(answer));
  } else if (status.retryable() && !status.Is(Code::kResizing) && !engine_->stopping()) {
    shard.trouble = status;
    shard.waits = false;
  } else if (failure_.ok()) {
    failure_ = engine_->stopping() ? Status::Closed("the client was closed") : status;
  }
}

bool Watch::Await(int64_t deadline_us) {
  MutexLock lock(&mu_);
  while (ready_.empty() && failure_.ok() && !cancelled_) {
    if (std::ranges::any_of(shards_, [](const Shard& shard) { return !shard.waits; })) return true;
    const int64_t left_us = deadline_us - engine_->NowUs();
    if (left_us <= 0) return false;
    changed_.WaitFor(&mu_, left_us);
  }
  return true;
}

void Watch::TakeFrom(size_t max, std::vector<WatchedChange>* out) {
  Change change;
  while (out->size() < max && reader_.Next(&change)) {
    WatchedChange& next = out->emplace_back();
    next.key = change.key;
    next.partition_hash = change.record.partition_hash;
    next.deleted = change.record.tombstone;
    next.payload = change.record.payload;
    next.event_time = change.record.event_time;
    next.expires_at_us = change.record.tombstone ? 0 : change.record.expires_at_us;
    next.value_type = change.record.value_type;
  }
  if (!reader_.at_end()) return;
  taken_[current_->shard] = current_->at;
  current_ = nullptr;
}

bool Watch::BeginNext() {
  MutexLock lock(&mu_);
  if (ready_.empty()) return false;
  current_ = std::move(ready_.front());
  ready_.pop_front();
  shards_[current_->shard].waits = false;
  kept_.push_back(current_);
  reader_ = ChangeReader(current_->changes);
  return true;
}

Status Watch::Next(size_t max, int64_t timeout_us, std::vector<WatchedChange>* out) {
  out->clear();
  if (timeout_us != 0 && CallbackScope::active()) {
    return Status(Code::kWrongThread, "a callback of the client must not wait for a watch");
  }
  constexpr int64_t kForEver = INT64_MAX / 2;
  const int64_t deadline_us =
      timeout_us < 0 ? kForEver : engine_->NowUs() + std::min(timeout_us, kForEver);
  kept_.clear();
  if (current_ != nullptr) kept_.push_back(current_);
  for (;;) {
    {
      MutexLock lock(&mu_);
      if (cancelled_) return Status::Cancelled("the watch was ended");
    }
    if (current_ != nullptr) TakeFrom(max, out);
    if (out->size() >= max) return {};
    const bool more = BeginNext();
    AskAll(INT64_MAX);
    if (more) continue;
    if (!out->empty()) return {};
    {
      MutexLock lock(&mu_);
      if (ready_.empty() && !failure_.ok()) return failure_;
    }
    if (Await(deadline_us)) continue;
    MutexLock lock(&mu_);
    return Trouble();
  }
}

void Watch::WhenReady(std::function<void()> ready) {
  std::function<void()> former;
  {
    MutexLock lock(&mu_);
    former = std::exchange(when_ready_, nullptr);
    if (current_ == nullptr && ready_.empty() && failure_.ok() && !cancelled_) {
      when_ready_ = std::exchange(ready, nullptr);
    }
  }
  if (former) former();
  if (ready) return ready();
  AskAll(INT64_MAX);
}

void Watch::Cancel() {
  std::function<void()> ready;
  {
    MutexLock lock(&mu_);
    cancelled_ = true;
    ready = std::exchange(when_ready_, nullptr);
    changed_.SignalAll();
  }
  if (ready) ready();
}

// What a caller has: the end of it ends the watch.
class Handle final : public Watcher {
 public:
  explicit Handle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~Handle() override { watch_->Cancel(); }
  Status Next(size_t max, int64_t timeout_us, std::vector<WatchedChange>* out) override {
    return watch_->Next(max, timeout_us, out);
  }
  void WhenReady(std::function<void()> ready) override { watch_->WhenReady(std::move(ready)); }
  std::string ResumeToken() const override { return watch_->ResumeToken(); }
  void Cancel() override { watch_->Cancel(); }

 private:
  const std::shared_ptr<Watch> watch_;
};

}  // namespace

StatusOr<std::unique_ptr<Watcher>> OpenWatcher(std::shared_ptr<Engine> engine, KeyspaceRoute* route,
                                               const WatchOptions& options, int64_t deadline_us) {
  if (CallbackScope::active()) {
    return Status(Code::kWrongThread, "a callback of the client must not wait for a watch");
  }
  if (options.prefix.size() > kMaxKeySize) {
    return Status::TooLarge("the prefix is longer than any key");
  }
  const auto shards = static_cast<size_t>(route->view()->shard_count());
  auto watch = std::make_shared<Watch>(std::move(engine), route, options.prefix, shards);
  if (options.resume_token.empty()) {
    VASTO_RETURN_IF_ERROR(watch->BeginNow(deadline_us));
  } else {
    VASTO_ASSIGN_OR_RETURN(WatchPlace place, DecodeWatchToken(route->uuid(), options.resume_token));
    if (place.size() != shards) {
      return Status::TooOld("the keyspace had " + std::to_string(place.size()) +
                            " shards when the token was made and has " + std::to_string(shards) +
                            " now; read it by a scan and watch it from now on");
    }
    watch->BeginAt(std::move(place));
  }
  return std::unique_ptr<Watcher>(std::make_unique<Handle>(std::move(watch)));
}

}  // namespace vasto::client
